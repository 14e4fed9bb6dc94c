"""What two or more of the scripts share, one subject per module. Nothing in here imports a script."""

import sys


def _without_traceback(kind, error, traceback) -> None:
    """Ctrl-C while a script still imports its modules: it has done nothing yet."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _without_traceback
