"""The one exception that a user is meant to see, and what it quotes of others."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.runtime.messages import _


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


@contextmanager
def on_a_machine_of(cluster: str) -> Iterator[None]:
    """Says in a UserError on which machine it arose: the user would look for the fault on their own."""
    try:
        yield
    except UserError as error:
        raise UserError(
            _("On the machine {machine} of the cluster {cluster}: {reason}").format(
                machine=platform.node(), cluster=cluster, reason=error
            )
        ) from None
