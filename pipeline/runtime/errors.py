"""The one exception that a user is meant to see."""


class UserError(Exception):
    """Something the user can put right: the text says what is wrong, where, and what to do; exit code 2."""
