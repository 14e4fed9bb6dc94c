"""Quotation marks in a table as text that are opened and never closed: they swallow the rows behind them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from pipeline.catalogue.json_lines import LONGEST_LINE
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

LINE_END = re.compile(r"\r\n?|\n")


def may_have_swallowed(text: bytes, delimiter: str) -> bool:
    """Whether, of whole rows, a quotation mark that should close a cell stands where one is opened.

    Arrow and Python's csv would read on, with all since the last opened one in one cell. Every second quotation mark
    closes a cell, or is the first of two that stand for one; so a delimiter, a line break or a quotation mark follows
    it. Where a quotation mark in a cell that is not quoted shifts the count, this may be a false alarm.
    """
    import numpy as np

    ends = np.zeros(256, bool)
    ends[[ord(end) for end in delimiter + "\r\n"]] = True
    characters = np.frombuffer(text, np.uint8)
    closing = np.flatnonzero(characters == ord('"'))[1::2]
    closing = closing[closing < len(characters) - 1]
    behind = characters[closing + 1]
    return bool(np.any(ends[characters[closing - 1]] & ~ends[behind] & (behind != ord('"'))))


def never_closed(path: Path, line: int) -> UserError:
    """What to raise where the quotation mark that `line` of a file opens is never closed."""
    return UserError(
        _(
            "{path}, line {n}: a quotation mark is opened there and never closed. Close it at the end of its cell."
        ).format(path=path, n=line)
    )


def first_unclosed_line(lines: Iterable[str], delimiter: str, rows_looked_at: int, is_whole: bool) -> int | None:
    """The line, counted from 0, on which one of the first rows opens a quotation mark and does not close it.

    Where more than `lines` follow (not `is_whole`), the last row may be cut off, and only the header is judged by it.
    """
    rows = Rows(lines, delimiter)
    found = [rows.unclosed_line for _row in islice(rows, rows_looked_at)]
    if not is_whole:
        del found[max(1, len(found) - 1) :]
    return next((line for line in found if line is not None), None)


class Rows:
    """The rows of a table in text, and the lines that the row just read was made of."""

    def __init__(self, lines: Iterable[str], delimiter: str):
        self.delimiter = delimiter
        self.lines: list[str] = []
        self.rows = csv_reader(self._kept(lines), delimiter)

    def _kept(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self.lines.append(line.replace("\0", ""))
            yield self.lines[-1]

    def __iter__(self) -> Iterator[list[str]]:
        for row in self.rows:
            yield row
            self.lines.clear()

    @property
    def line(self) -> int:
        """The first line of the row, counted from 0."""
        return self.rows.line_num - len(self.lines)

    @property
    def unclosed_line(self) -> int | None:
        """The line, counted from 0, on which the row opens a quotation mark that it does not close."""
        if len(self.lines) < 2:
            return None
        text = "".join(self.lines)
        place = _unclosed(text, self.delimiter)
        return None if place is None else self.line + len(LINE_END.findall(text, 0, place))


def csv_reader(lines: Iterable[str], delimiter: str):
    csv.field_size_limit(LONGEST_LINE)
    return csv.reader(lines, delimiter=delimiter)


def _unclosed(row: str, delimiter: str) -> int | None:
    """The place in the text of a row of a quotation mark that is opened and not closed; None where all are.

    Such a cell goes on to the end of the file, or to a quotation mark on a later line that opens another cell: that one
    stands behind a delimiter or a line break, and before a text. Where programs forget to write a quotation mark within
    a text twice, it stands behind a text.
    """
    ends = delimiter + "\r\n"
    end_of_cell = re.compile(f"[{re.escape(ends)}]")
    cell = 0
    while cell < len(row):
        closing = cell
        if row[cell] == '"':
            closing = row.find('"', cell + 1)
            while closing >= 0 and row.startswith('""', closing):
                closing = row.find('"', closing + 2)
            if closing < 0:
                return cell
            behind = row[closing + 1 : closing + 2]
            if row[closing - 1] in ends and behind not in ends and LINE_END.search(row, cell, closing):
                return cell
        end = end_of_cell.search(row, closing)
        cell = end.end() if end else len(row)
    return None
