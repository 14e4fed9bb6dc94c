"""The raw catalogue: its files, each opened by what its first bytes and its name tell of its format."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.catalogue import delimited
from pipeline.catalogue.columns import PARQUET, WORKBOOK, Excel, HubDataset, Parquet, Sheet, not_as_named
from pipeline.catalogue.delimited import Delimited, Dialect
from pipeline.catalogue.field_names import find_fields, known_names
from pipeline.catalogue.json_array import JsonArray, elements, keys_of_array
from pipeline.catalogue.json_lines import JsonLines
from pipeline.catalogue.packed import ZIP, HashedFile, readable, unpacked
from pipeline.catalogue.quotation_marks import never_closed
from pipeline.catalogue.records import ORIGINAL, Block, Fields
from pipeline.catalogue.sources import HUB, PACKINGS, files_of, hub_dataset, suffix_of
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

SAMPLE_BYTES = 1 << 20
RECORDS_LOOKED_AT = 200
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
LOOKED_AT_FOR_UTF_16 = 64  # bytes, of a file without a mark
UTF_8_MARK = b"\xef\xbb\xbf"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass
class RawCatalogue:
    """The open files of a catalogue, and the first record of each."""

    names: list[Path | str]
    files: list[Any]  # JsonLines, JsonArray, Delimited, Parquet, Excel or HubDataset
    examples: list[dict]  # empty where there is no record
    finished: int = 0  # files

    @property
    def shown(self) -> str:
        """The name, or the number of files."""
        return str(self.names[0]) if len(self.names) == 1 else _("{n} files").format(n=len(self.names))

    @property
    def share_read(self) -> float:
        """0 to 1."""
        current = self.files[self.finished].share_read if self.finished < len(self.files) else 0
        return (self.finished + current) / len(self.files)

    @property
    def workers_help(self) -> bool:
        return any(file.workers_help for file in self.files)

    @property
    def hands_on_places(self) -> bool:
        """Whether workers read what they need themselves, and are only told where."""
        return all(file.hands_on_places for file in self.files)

    @property
    def is_small(self) -> bool:
        return not any(isinstance(name, str) for name in self.names) and sum(n.stat().st_size for n in self.names) < (
            4 << 20
        )

    def hashes(self) -> dict[Path, str]:
        """SHA-256 of each file, once it has been read."""
        return {Path(name): file.content_hash for name, file in zip(self.names, self.files, strict=True)}

    def blocks(self) -> Iterator[Block]:
        """The records of all files in blocks, one after the other."""
        for number, (name, file) in enumerate(zip(self.names, self.files, strict=True)):
            read = file.read
            with readable(Path(name)):
                for data in file.blocks():
                    yield Block(number, read, data)
            self.finished = number + 1


def open_raw(data, row_by_row: bool = False) -> RawCatalogue:
    """Open the catalogue that the settings `data` name; `row_by_row` reads tables in text without cutting them.

    Raises UserError where a file is missing or damaged, and where the fields are not clear.
    """
    names = data.raw_files
    dataset = hub_dataset(names, data.split)
    if dataset:
        rows = HubDataset.first_rows(*dataset)
        fields = find_fields(rows, data.title_field, data.content_field, dataset[0])
        return RawCatalogue([HUB + dataset[0]], [HubDataset(*dataset, fields)], rows[:1] or [{}])
    paths = files_of(names, (data.processed_file, data.rejected_file))
    opened = [_open_file(path, data, row_by_row) for path in paths]
    return RawCatalogue(paths, [file for file, _example in opened], [example for _file, example in opened])


def _open_file(path: Path, data, row_by_row: bool) -> tuple[Any, dict]:
    """An open file, and its first record."""
    _require_file(path)
    with path.open("rb") as file:
        beginning = file.read(4)

    def fields_of(records: list[dict]) -> Fields:
        return find_fields(records, data.title_field, data.content_field, path)

    if beginning == b"PAR1":
        rows = Parquet.first_rows(path)
        return Parquet(path, fields_of(rows or [dict.fromkeys(Parquet.names(path))])), (rows or [{}])[0]
    _require_format_of_ending(path, beginning)
    if beginning == OLD_EXCEL or suffix_of(path) == ".xlsx":
        sheet = Sheet(path)
        rows = sheet.first_rows()
        return Excel(sheet, fields_of(rows or [dict.fromkeys(sheet.header)])), (rows or [{}])[0]
    with readable(path):
        disk_file = HashedFile(path)
        text, is_packed = unpacked(disk_file)
        start, first_line = _skip_blanks(text, path)
        sample = _sample(path, start)
        kind, records = _recognised(sample, path)
        if isinstance(kind, delimited.Beginning):
            if kind.unclosed_line is not None:
                raise never_closed(path, first_line + kind.unclosed_line)
            fields = fields_of(records or [dict.fromkeys(kind.header)])
            dialect = Dialect(kind.delimiter, kind.encoding, kind.header, fields)
            start += kind.header_bytes
            first_line += len(delimited.LINE_END.findall(text.read(kind.header_bytes)))
            file = Delimited(dialect, disk_file, text, start, first_line, 2, is_packed, row_by_row)
            return file, (records or [{}])[0]
        fields = fields_of(records)
        if kind == "lines":
            file = JsonLines(fields, disk_file, text, start, first_line, is_packed)
        else:
            file = JsonArray(fields, disk_file, text, kind)
        return file, (records or [{}])[0]


def _require_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise UserError(_("{path} is not a file.").format(path=path))
    if not path.is_file():
        raise UserError(
            _(
                "{path} is not there. Put the raw catalogue there, name another one with --data.raw_file, "
                "or try the bundled one with --profile demo."
            ).format(path=path)
        )


def _require_format_of_ending(path: Path, beginning: bytes) -> None:
    """Raise UserError where a file that begins so is named as a workbook or as Parquet, and is none.

    It is read as nothing else: what is said of its lines would not help.
    """
    kind, right = {".xlsx": (WORKBOOK, ZIP), ".parquet": (PARQUET, b"PAR1")}.get(suffix_of(path), (None, None))
    if kind and path.suffix.lower() in PACKINGS:
        raise UserError(
            _("{path} is packed, and {kind} is only read unpacked. Unpack it first.").format(path=path, kind=_(kind))
        )
    if kind == WORKBOOK and beginning == OLD_EXCEL:  # what Excel locks with a password is one of these too
        raise UserError(
            _(
                "{path} is not an Excel workbook that can be read: it has a password, or it is of the old format .xls. "
                "Open it in Excel and save it as .xlsx without a password."
            ).format(path=path)
        )
    if kind and beginning != right:
        raise not_as_named(path, kind)


def _skip_blanks(text: BinaryIO, path: Path) -> tuple[int, int]:
    """Go to the first character that is not blank: its place in bytes, and the line that it stands on, from 1."""
    beginning = text.peek(LOOKED_AT_FOR_UTF_16)[:LOOKED_AT_FOR_UTF_16]
    if _is_utf_16(beginning):
        raise UserError(_("{path} is UTF-16. Save it as UTF-8.").format(path=path))
    start = len(text.read(3)) if beginning[:3] == UTF_8_MARK else 0
    first_line, first = 1, b""
    while not first and (ahead := text.peek(1)):
        first = ahead.lstrip()[:1]
        blank = text.read(len(ahead) - len(ahead.lstrip()))
        start += len(blank)
        first_line += blank.count(b"\n")
    return start, first_line


def _is_utf_16(beginning: bytes) -> bool:
    """Whether a text that begins so is UTF-16: it has a mark, or nearly every second byte of it is 0, and no other.

    The second is what Latin letters, digits and signs look like in UTF-16. A text in UTF-8 has no such bytes.
    """
    if beginning[:2] in UTF_16_MARKS:
        return True
    evens, odds = beginning[::2], beginning[1::2]
    return len(odds) >= 4 and any(
        zeros.count(0) * 4 >= len(zeros) * 3 and 0 not in others for zeros, others in ((evens, odds), (odds, evens))
    )


def _sample(path: Path, start: int) -> bytes:
    """The first bytes of what is in a file from `start` on."""
    text, _is_packed = unpacked(HashedFile(path))
    with text:
        while start > 0 and (passed := text.read(min(start, SAMPLE_BYTES))):
            start -= len(passed)
        parts, missing = [], SAMPLE_BYTES
        while missing and (part := text.read(missing)):
            parts.append(part)
            missing -= len(part)
    return b"".join(parts)


def _recognised(sample: bytes, path: Path) -> tuple[Any, list[dict]]:
    """The format of a text, and its first records: "lines", the keys of an array, or the beginning of a table."""
    is_whole = len(sample) < SAMPLE_BYTES
    if sample[:1] == b"[":
        return (), _first_elements(sample, ())
    if sample[:1] != b"{":
        suffix = suffix_of(path)
        table = delimited.beginning_of(sample, is_whole)
        if table and (suffix in delimited.SUFFIXES or known_names(table.header)):
            return table, table.rows
        if suffix in delimited.SUFFIXES and sample:
            raise UserError(
                _(
                    "{path} is no table: no line with the names of at least two columns, and , ; | or a tab between."
                ).format(path=path)
            )
        if suffix == ".xls" and sample:
            raise not_as_named(path, WORKBOOK)
        return "lines", _first_lines(sample, is_whole)
    lines = _first_lines(sample, is_whole)
    if len(lines) < 2 and not (lines and ORIGINAL.title in lines[0]):
        keys = _keys(sample)
        if keys:
            return keys, _first_elements(sample, keys)
    return "lines", lines


def _first_lines(sample: bytes, is_whole: bool) -> list[dict]:
    """The records of the first lines, no more than it takes to see the original's fields."""
    import orjson

    records: list[dict] = []
    names: set[str] = set()
    lines = sample.split(b"\n") if is_whole else sample.split(b"\n")[:-1]
    for line in lines:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            records.append(record)
            names.update(record)
            if len(records) == RECORDS_LOOKED_AT or (len(records) > 1 and names.issuperset(ORIGINAL.names)):
                break
    return records


def _first_elements(sample: bytes, keys: tuple[str, ...]) -> list[dict]:
    import ijson

    records = []
    try:
        for element in islice(elements(ijson.basic_parse(io.BytesIO(sample)), keys), RECORDS_LOOKED_AT):
            if isinstance(element, dict):
                records.append(element)
    except (ijson.JSONError, UnicodeDecodeError):  # the sample ends within an element
        pass
    return records


def _keys(sample: bytes) -> tuple[str, ...] | None:
    import ijson

    try:
        return keys_of_array(ijson.basic_parse(io.BytesIO(sample)))
    except (ijson.JSONError, UnicodeDecodeError):
        return None
