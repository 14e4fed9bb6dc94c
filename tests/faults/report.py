"""docs/reliability.md: `python -m pytest tests --faults all --reliability docs/reliability.md`."""

from __future__ import annotations

import platform
import textwrap
from datetime import date
from pathlib import Path

ROWS: list[tuple[str, str, str]] = []  # script, what was tried, how it ended

LONGEST_ENDING = 200

HEAD = """\
# Reliability

What was tried on the scripts, each a process of its own, and how it ended. This file is written by the tests:

    python -m pytest tests --faults all --reliability docs/reliability.md

{date}, {platform}, Python {python}: {n} rows, with `--faults {mode}`. «Refused» is exit code 2 and one sentence, with
nothing lost that was there before. None of these runs showed a traceback (a script that Ctrl-C meets before its first
line may: Python itself is still starting then). What `--faults all` adds, since it takes minutes, is marked with *.
"""


def write(file: Path, mode: str) -> None:
    """Write the rows of this run, script by script in the order of the pipeline."""
    text = HEAD.format(
        date=date.today().isoformat(),
        platform=platform.system(),
        python=platform.python_version(),
        n=len(ROWS),
        mode=mode,
    )
    for script in dict.fromkeys(script for script, _tried, _ending in ROWS):
        text += f"\n## {script}\n\n| tried | ended |\n|---|---|\n"
        for tried, ending in [row[1:] for row in ROWS if row[0] == script]:
            text += f"| {cell(tried)} | {cell(ending)} |\n"
    Path(file).write_text(text, encoding="utf-8", newline="\n")


def cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return textwrap.shorten(text, LONGEST_ENDING, placeholder=" ...")
