"""Ctrl-C and SIGTERM: how a run is ended from outside, wherever it is at that moment.

Python raises KeyboardInterrupt in the main thread. This module adds what is missing: SIGTERM counts as Ctrl-C, an
interrupt that a library or Python itself swallows is raised again, workers start without being interrupted, and a
training finishes its step first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_UNTIL_AGAIN = 0.01  # time for the code that swallowed the interrupt to end
SECONDS_OF_ONE_PRESS = 1  # torchrun sends Ctrl-C again to processes that already got it from the keyboard


def end_imports_quietly() -> None:
    """Show no traceback for a Ctrl-C while a script still imports its modules: it has done nothing yet."""

    def report(kind: type, error: BaseException, traceback) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)

    sys.excepthook = report


def end_at_sigterm_as_at_ctrl_c() -> None:
    """Clean up at SIGTERM too; forked processes just end, as they would without this."""
    script = os.getpid()

    def interrupt(number: int, frame) -> None:
        if os.getpid() != script:
            os._exit(128 + number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGTERM, interrupt)


def is_interrupt(error: BaseException) -> bool:
    """Whether `error` is a Ctrl-C. Pydantic hides one that comes while it writes out the settings in its own error."""
    hidden = type(error).__name__ == "PydanticSerializationError" and "KeyboardInterrupt" in str(error)
    return hidden or isinstance(error, KeyboardInterrupt)


@contextmanager
def swallowed_interrupts_coming_again() -> Iterator[None]:
    """Within the block, an interrupt that occurs in a destructor or a weak reference's callback is raised again.

    Python only prints such an exception and continues: the run would not end, and the screen would show a traceback.
    """
    report, within = sys.unraisablehook, True

    def interrupt() -> None:  # so that it also wakes a main thread that waits
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGINT)
        else:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def report_or_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            report(unraisable)
        elif within:  # Python starts no threads while it ends
            again = threading.Timer(SECONDS_UNTIL_AGAIN, interrupt)
            again.daemon = True
            again.start()

    sys.unraisablehook = report_or_interrupt
    try:
        yield
    finally:
        within = False


class InterruptsHeldBack:
    """Within the block, Ctrl-C is ignored, also by the processes that start there (not on Windows)."""

    def __enter__(self) -> None:
        self._handler = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *_exception) -> None:
        signal.signal(signal.SIGINT, self._handler)


def leave_interrupts_to_the_main_process() -> None:
    """In a worker: Ctrl-C goes to all processes of a terminal, and the main process ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class FirstInterruptNoted:
    """Between `hold` and `release`, the first Ctrl-C only sets `requested` and calls `say`; a second one interrupts."""

    def __init__(self, say: Callable[[], None]):
        self.requested = False
        self._say, self._pressed_at, self._handler_before = say, 0.0, None

    def hold(self) -> None:
        # Where Ctrl-C is ignored, as in a shell's background job, it stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._handler_before = signal.signal(signal.SIGINT, self._press)

    def release(self) -> None:
        """Restore the previous meaning of Ctrl-C."""
        if self._handler_before is not None:
            signal.signal(signal.SIGINT, self._handler_before)
            self._handler_before = None

    def _press(self, _number: int, _frame) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested, self._pressed_at = True, now
            self._say()
        elif now - self._pressed_at > SECONDS_OF_ONE_PRESS:
            raise KeyboardInterrupt
