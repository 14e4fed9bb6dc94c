"""What two or more scripts share, in rooms: `runtime`, then `catalogue`, then `search` and `model`, then `training`.

A module imports from its own room and from those before it; `command` is for the scripts alone. None imports a script.
"""

from pipeline.runtime.interrupts import end_imports_quietly

end_imports_quietly()
