"""The one exception that a user is meant to see, and what it quotes of others."""


class UserError(Exception):
    """An error that the user can correct: the text says what is wrong, where, and what to do; exit code 2."""


def first_line(error: BaseException) -> str:
    """The first line of what a library says in `error`; the kind of the error where it says nothing."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """The last line of what a library says in `error`: of a traceback, the one that names the error."""
    return _lines(error)[-1].strip()


def _lines(error: BaseException) -> list[str]:
    return str(error).strip().splitlines() or [type(error).__name__]
