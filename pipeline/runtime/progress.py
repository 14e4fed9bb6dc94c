"""Progress bars of one width, so that bars below each other line up."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pipeline.runtime.screen import harmless

LABEL_WIDTH = 43


def progress_bar(
    label: str, iterable: Iterable | None = None, total: int | None = None, position: int = 0, shown: bool = True
):
    """A tqdm bar on standard error with `label` padded to a common width; `position` is its line, 0 the topmost.

    In a log file, where a bar cannot overwrite itself, it writes a line at most every ten seconds.
    """
    from tqdm import tqdm

    interactive = sys.stderr.isatty()
    return tqdm(
        iterable,
        desc=f"{label:<{LABEL_WIDTH}}",
        total=total,
        position=position if interactive else 0,
        mininterval=0.1 if interactive else 10,
        dynamic_ncols=interactive,
        disable=not shown,
    )


def print_above_bars(text: str) -> None:
    """Print `text` on standard error, above the bars that are shown there."""
    from tqdm import tqdm

    tqdm.write(harmless(text), file=sys.stderr)
