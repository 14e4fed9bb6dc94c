"""CSV and its like: tables as text, with any delimiter, and line breaks in quoted cells.

A line break ends a row only where the number of quotation marks before it is even, so that the file can be cut into
blocks of rows without reading the cells; worker processes read them. That fails where a quotation mark stands within
a cell that is not quoted (`5" tube`), or is never closed. A worker notices: the block's last row, which it adds itself,
is not read as a row, or a quotation mark stands where it cannot close a cell. Then the file is read once more, row by
row in the main process (`Splitless`).
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, NamedTuple

from pipeline.catalogue.json_lines import LONGEST_LINE, Stretch, text_of
from pipeline.catalogue.packed import BLOCK_BYTES, HashedFile, ReadFromDisk
from pipeline.catalogue.quotation_marks import Rows, csv_reader, first_unclosed_line, may_have_swallowed, never_closed
from pipeline.catalogue.records import (
    Fields,
    Readings,
    Record,
    Unreadable,
    brief,
    row_reading,
    sorted_out_rows,
    without_variants,
)
from pipeline.runtime.messages import N_

DELIMITERS = ",;\t|"
SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
ROWS_LOOKED_AT = 200
BLOCK_ROWS = 500
LINE_END = re.compile(rb"\r\n?|\n")
END_OF_ROWS = '"end"\n'  # closes a quotation mark that is still open
UNDECODED = re.compile("[\udc80-\udcff]")


class Splitless(Exception):
    """The file cannot be cut into blocks: it has to be read row by row."""


class Dialect(NamedTuple):
    """How the cells of a file are told apart, and which of them are wanted."""

    delimiter: str
    encoding: str  # utf-8 or cp1252
    header: tuple[str, ...]
    fields: Fields

    @property
    def columns(self) -> list[int]:
        return [self.header.index(name) for name in self.fields.names]


@dataclass(frozen=True)
class Delimited(ReadFromDisk):
    """An open file, behind its header."""

    dialect: Dialect
    disk_file: HashedFile
    text: BinaryIO
    start: int  # the place of the first row in the text, in bytes
    first_line: int  # the line that it stands on
    first_place: int  # its number: the header is row 1
    is_packed: bool
    row_by_row: bool

    place_name = "row"

    @property
    def workers_help(self) -> bool:
        return not self.row_by_row

    @property
    def hands_on_places(self) -> bool:
        return not (self.is_packed or self.row_by_row)

    @property
    def fields(self) -> Fields:
        return self.dialect.fields

    @property
    def read(self):
        return sorted_out_rows if self.row_by_row else partial(read_rows, dialect=self.dialect)

    def blocks(self) -> Iterator[Stretch | bytes | list]:
        """Whole rows, about BLOCK_BYTES of them at a time."""
        return self._readings() if self.row_by_row else self._stretches()

    def _stretches(self) -> Iterator[Stretch | bytes]:
        start = self.start
        pending = b""  # what follows the last end of a row
        quotes = 0  # in it
        while chunk := self.text.read(BLOCK_BYTES):
            pending += chunk
            quotes += chunk.count(b'"')
            end = _end_of_rows(pending, quotes, len(pending) - len(chunk))
            if end:
                block, pending = pending[:end], pending[end:]
                yield block if self.is_packed else Stretch(self.disk_file.path, start, end)
                start += end
                quotes = pending.count(b'"')
            elif len(pending) > LONGEST_LINE:
                raise Splitless
        if pending:
            yield pending if self.is_packed else Stretch(self.disk_file.path, start, len(pending))

    def _readings(self) -> Iterator[list]:
        """Raises UserError where a quotation mark is never closed: nothing tells where the next row would start."""
        decoded = io.TextIOWrapper(self.text, self.dialect.encoding, errors="surrogateescape", newline="")
        rows = Rows(itertools.chain(decoded, ["\n", END_OF_ROWS]), self.dialect.delimiter)
        block = []
        try:
            for row in rows:
                if rows.unclosed_line is not None:
                    raise never_closed(self.disk_file.path, self.first_line + rows.unclosed_line)
                block.append(_reading(row, self.dialect))
                if len(block) == BLOCK_ROWS:
                    yield block[:-2]  # the last two may be those added
                    block = block[-2:]
        except csv.Error:  # a cell beyond LONGEST_LINE
            raise never_closed(self.disk_file.path, self.first_line + (rows.unclosed_line or rows.line)) from None
        yield block[:-2]


def _end_of_rows(text: bytes, quotes: int, start: int = 0) -> int:
    """The place behind the last line break with an even number of quotation marks before it; 0 for none from `start`.

    `quotes` is the number of quotation marks in `text`.
    """
    end = len(text)
    while (newline := text.rfind(b"\n", start, end)) >= 0:
        quotes -= text.count(b'"', newline, end)
        if quotes % 2 == 0:
            return newline + 1
        end = newline
    return 0


def _row_of(cells: tuple[str, ...], delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()


# ---------------------------------------------------------------------------------------------------------- reading


def read_rows(block: Stretch | bytes, dialect: Dialect) -> Readings:
    """Read the rows of a block. Arrow does it, and Python's csv where a row is not as the header says.

    Raises Splitless where the block does not end with the end of a row, and where a cell may have swallowed others.
    """
    text = text_of(block)
    if b'"' in text and may_have_swallowed(text, dialect.delimiter):
        raise Splitless
    if dialect.encoding != "utf-8":
        text = text.decode(dialect.encoding, "replace").encode("utf-8")
    last_row = _row_of(dialect.header, dialect.delimiter)
    ended = text if text.endswith(b"\n") else text + b"\n"
    columns = _columns_by_arrow(ended + last_row.encode("utf-8"), dialect)
    if columns and [column.pop() for column in columns] == list(dialect.fields.names):
        return _records(columns)
    lines = io.StringIO(ended.decode("utf-8", "surrogateescape").replace("\0", "") + last_row, newline="")
    try:
        rows = list(csv_reader(lines, dialect.delimiter))
    except csv.Error:
        raise Splitless from None
    if rows.pop() != list(dialect.header):
        raise Splitless
    return sorted_out_rows([_reading(row, dialect) for row in rows])


def _columns_by_arrow(text: bytes, dialect: Dialect) -> list[list[str]] | None:
    """The wanted cells, a list for each field; None where Arrow finds a fault."""
    import pyarrow
    from pyarrow import csv as arrow

    names = [str(number) for number in range(len(dialect.header))]
    wanted = [names[column] for column in dialect.columns]
    try:
        table = arrow.read_csv(
            pyarrow.BufferReader(text),
            arrow.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            arrow.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True, ignore_empty_lines=False),
            arrow.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pyarrow.string())),
        )
    except pyarrow.ArrowInvalid:
        return None
    return [table.column(name).to_pylist() for name in wanted]


def _records(columns: list[list[str]]) -> Readings:
    """The records of rows without a fault."""
    titles, *contents = columns
    texts = (
        contents[0] if len(contents) == 1 else [" ".join(filter(None, cells)) for cells in zip(*contents, strict=True)]
    )
    if all(titles):
        return without_variants(Readings(list(map(Record, titles, texts)), [], len(titles)))
    return sorted_out_rows([row_reading(title, [text]) for title, text in zip(titles, texts, strict=True)])


def _reading(row: list[str], dialect: Dialect) -> Record | Unreadable | None:
    """The record of a row; None for an empty line."""
    if not row:
        return None
    if any(row[len(dialect.header) :]):
        return Unreadable(N_("more cells than the header has"), None, brief(row))
    title, *contents = (row[column] if column < len(row) else "" for column in dialect.columns)
    if any(UNDECODED.search(text) for text in (title, *contents)):
        return Unreadable(N_("not UTF-8"), None, brief(row))
    return row_reading(title, contents)


# ------------------------------------------------------------------------------------------------------ recognising


class Beginning(NamedTuple):
    """What the first bytes of a file tell."""

    delimiter: str
    encoding: str
    header: tuple[str, ...]
    header_bytes: int
    rows: list[dict[str, str]]  # the first ones
    unclosed_line: int | None  # where they open a quotation mark that is never closed, counted from 0


def beginning_of(sample: bytes, is_whole: bool) -> Beginning | None:
    """How the table that starts with `sample` is written; None where it is none. `is_whole`: nothing follows."""
    if not is_whole:
        quotes = sample.count(b'"')
        end = _end_of_rows(sample, quotes) or sample.rfind(b"\r") + 1
        if not end and quotes % 2:  # the header opens a quotation mark and swallows the rest
            end = len(sample)
        sample = sample[:end]
    encoding = "utf-8"
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = sample.decode(encoding, "replace")
    if "\0" in text or not text.strip():
        return None
    by_delimiter = {delimiter: _first_rows(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(by_delimiter, key=lambda one: _regularity(by_delimiter[one]))
    header, *rows = by_delimiter[delimiter] or [[]]
    if len(header) < 2:
        return None
    named = [dict(zip(header, row, strict=False)) for row in rows if row]
    unclosed_line = first_unclosed_line(io.StringIO(text, newline=""), delimiter, ROWS_LOOKED_AT, is_whole)
    return Beginning(delimiter, encoding, tuple(header), _bytes_of_header(sample), named, unclosed_line)


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(itertools.islice(csv_reader(io.StringIO(text, newline=""), delimiter), ROWS_LOOKED_AT + 1))
    except csv.Error:
        return []


def _regularity(rows: list[list[str]]) -> float:
    """How well a delimiter fits: the cells of the header, times the share of the rows that have as many."""
    width = len(rows[0]) if rows else 0
    return width * sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0


def _bytes_of_header(sample: bytes) -> int:
    for ending in LINE_END.finditer(sample):
        if sample.count(b'"', 0, ending.end()) % 2 == 0:
            return ending.end()
    return len(sample)
