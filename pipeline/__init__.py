"""What two or more scripts share, in rooms: `runtime`, then `catalogue`, then `search` and `model`, then `training`.

A module imports from its own room and from those before it; `command` is for the scripts alone. None imports a script.
"""

import sys


def _without_traceback(kind, error, traceback) -> None:
    """Ctrl-C while a script still imports its modules: it has done nothing yet."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _without_traceback
