"""The raw catalogue: JSON lines or one JSON array, plain or gzip, of any size.

The file is cut into blocks of records, which worker processes read on their own; its hash is taken on the way.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import reprlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _

BLOCK_BYTES = 1 << 18  # small enough for a processor's cache
BLOCK_ELEMENTS = 1000
LONGEST_LINE = 32 << 20  # bytes; a longer one is no record of a product, and would fill the memory
KEPT_OF_SOURCE = 1000  # characters of a record that cannot be read


class Stretch(NamedTuple):
    """A block of lines in a plain file: whoever needs it reads it there."""

    path: Path
    start: int
    length: int


Block = Stretch | bytes | list  # list: elements of an array


class Unreadable(NamedTuple):
    """Instead of a record: why there is none (a message id), in which column of its line, and how it starts."""

    fault: str
    column: int | None
    source: str


@dataclass
class RawCatalogue:
    """An open raw catalogue."""

    path: Path
    disk_file: HashedFile
    text: BinaryIO  # `disk_file`, decompressed where need be, at its first JSON character
    start: int  # this character's place in the text, in bytes
    first_line: int  # the line that this character stands on, counted from 1
    is_gzip: bool
    is_array: bool
    size_and_time: tuple[int, int]  # of the file when it was opened

    @property
    def share_read(self) -> float:
        """0 to 1."""
        return self.disk_file.bytes_read / max(1, self.size_and_time[0])

    def content_hash(self) -> str:
        """SHA-256 of the file, once it has been read. Raises UserError where the file has changed meanwhile."""
        while self.disk_file.read(BLOCK_BYTES):
            pass
        if _size_and_time(self.path) != self.size_and_time:
            raise UserError(
                _("{path} was changed while it was read. Run again when it is complete.").format(path=self.path)
            )
        return self.disk_file.digest.hexdigest()


class HashedFile(io.RawIOBase):
    """A file on disk that takes the SHA-256 of what is read from it."""

    def __init__(self, path: Path):
        self.file = path.open("rb", buffering=0)
        self.digest = hashlib.sha256()
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self.file.readinto(buffer)
        self.digest.update(memoryview(buffer)[:count])
        self.bytes_read += count
        return count


def open_raw(path: Path) -> RawCatalogue:
    """Open a raw catalogue; its first bytes tell its format, not its name."""
    if path.exists() and not path.is_file():
        raise UserError(_("{path} is not a file.").format(path=path))
    if not path.is_file():
        raise UserError(
            _(
                "{path} is not there. Put the raw catalogue there, name another one with --data.raw_file, "
                "or try the bundled one with --profile demo."
            ).format(path=path)
        )
    size_and_time = _size_and_time(path)
    disk_file = HashedFile(path)
    text = buffered = io.BufferedReader(disk_file, BLOCK_BYTES)
    is_gzip = buffered.peek(2)[:2] == b"\x1f\x8b"
    if is_gzip:
        from isal import igzip

        text = igzip.GzipFile(fileobj=buffered)
    with readable(path):
        beginning = text.peek(4)[:4]
        if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UserError(_("{path} is UTF-16. Save it as UTF-8.").format(path=path))
        start = len(text.read(3)) if beginning[:3] == b"\xef\xbb\xbf" else 0
        first_line, first = 1, b""
        while not first and (ahead := text.peek(1)):
            first = ahead.lstrip()[:1]
            blank = text.read(len(ahead) - len(ahead.lstrip()))
            start += len(blank)
            first_line += blank.count(b"\n")
    return RawCatalogue(
        path, disk_file, text, start, first_line, is_gzip, is_array=first == b"[", size_and_time=size_and_time
    )


def _size_and_time(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a damaged gzip file raises into a UserError."""
    from isal import isal_zlib

    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, isal_zlib.error) as error:
        raise UserError(
            _("{path} is damaged or incomplete ({reason}). Download it again.").format(path=path, reason=error)
        ) from None


# ----------------------------------------------------------------------------------------------------------- blocks


def blocks(raw: RawCatalogue) -> Iterator[Block]:
    """The records of the file in blocks, one after the other."""
    with readable(raw.path):
        yield from _blocks_of_elements(raw) if raw.is_array else _blocks_of_lines(raw)


def _blocks_of_lines(raw: RawCatalogue) -> Iterator[Block]:
    """Whole lines, about BLOCK_BYTES of them at a time; of a line beyond LONGEST_LINE, only its beginning."""

    def block(last: memoryview | bytes = b"") -> Block:
        return b"".join([*begun, last]) if raw.is_gzip else Stretch(raw.path, start, length + len(last))

    start = position = raw.start
    begun, length = [], 0  # the line that the last chunk ended in: its pieces, and their bytes
    while chunk := raw.text.read(BLOCK_BYTES):
        position += len(chunk)
        if length > LONGEST_LINE:
            _rest, newline, chunk = chunk.partition(b"\n")
            if not newline:
                continue
            yield block()
            begun, length, start = [], 0, position - len(chunk)
        end = chunk.rfind(b"\n") + 1
        view = memoryview(chunk)  # slices of it are no copies
        if end:
            yield block(view[:end])
            begun, length, start = [], 0, position - len(chunk) + end
        begun.append(view[end:])
        length += len(chunk) - end
    if length:
        yield block()


def _blocks_of_elements(raw: RawCatalogue) -> Iterator[Block]:
    """Raises UserError where the JSON is broken: nothing tells where the next element would start."""
    import ijson

    number = 0
    block: list = []
    try:
        for value in _elements(ijson.basic_parse(raw.text)):
            number += 1
            block.append(value)
            if len(block) == BLOCK_ELEMENTS:
                yield block
                block = []
        yield block
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = error.args[0] if isinstance(error.args[0], bytes) else str(error).encode()  # what ijson gives varies
        raise UserError(
            _(
                "{path}: the JSON array is broken after record {number} ({reason}). Correct it or download it again."
            ).format(path=raw.path, number=number, reason=reason.splitlines()[0].decode("utf-8", "replace").strip())
        ) from None


def _elements(events: Iterator[tuple[str, Any]]) -> Iterator[Any]:
    """The elements of an array, as far as they are needed: of an object, `title` and `content`; of what these hold,
    and of an array, only that it is an array.

    ijson could build them whole, which takes memory by the square of their depth.
    """
    depth = 0  # 1 inside the array, 2 inside an element
    element, key = None, None
    for event, value in events:
        if event in ("start_map", "start_array"):
            if depth == 1:
                element, key = {} if event == "start_map" else [], None
            elif depth == 2 and key in ("title", "content"):
                element[key] = []
            depth += 1
        elif event in ("end_map", "end_array"):
            depth -= 1
            if depth == 1:
                yield element
        elif depth == 2:
            if event == "map_key":
                key = value
            elif key in ("title", "content"):
                element[key] = value
        elif depth == 1:
            yield value


# ---------------------------------------------------------------------------------------------------------- records


class Readings(NamedTuple):
    """What a block holds."""

    records: list  # each with a `title`, which is not empty, and a `content`, which may be, or may be None
    unreadable: list[tuple[int, Unreadable]]  # with their place in the block, from 0
    places: int  # lines or elements of the block, empty lines among them


def read_block(block: Block) -> Readings:
    """Read the records of a block.

    msgspec decodes nothing but title and content, which takes a fifth of the time of decoding all. Where it finds a
    fault, or not one record a line, the block is read again line by line; orjson says what is wrong and where.
    """
    import msgspec

    if isinstance(block, list):
        return _sorted_out(enumerate(map(_record, block)), len(block))
    text = _text(block)  # msgspec does not look whether what it passes over is UTF-8
    decoder = _decoder() if len(text) <= LONGEST_LINE and _is_utf8(text) else None
    if decoder:
        try:
            records = decoder.decode_lines(text)
            places = text.count(b"\n") + (not text.endswith(b"\n"))
            if len(records) == places and all(record.title for record in records):
                return Readings(records, [], places)
        except (msgspec.MsgspecError, RecursionError):
            pass
    lines = text.removesuffix(b"\n").split(b"\n")
    readings = ((place, _read_line(line, decoder)) for place, line in enumerate(lines) if line.strip())
    return _sorted_out(readings, len(lines))


def _sorted_out(readings: Iterable[tuple[int, Any]], places: int) -> Readings:
    records, unreadable = [], []
    for place, reading in readings:
        if isinstance(reading, Unreadable):
            unreadable.append((place, reading))
        else:
            records.append(reading)
    return Readings(records, unreadable, places)


def _text(block: Stretch | bytes) -> bytes:
    if isinstance(block, bytes):
        return block
    with block.path.open("rb") as file:
        file.seek(block.start)
        return file.read(block.length)


def carried(block: Block) -> Block:
    """The block with its text, for whoever cannot open the file."""
    return _text(block) if isinstance(block, Stretch) else block


def _is_utf8(text: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return text.isascii() or bool(text.decode("utf-8"))
    return False


@cache
def _decoder():
    import msgspec

    return msgspec.json.Decoder(msgspec.defstruct("Record", [("title", str), ("content", str | None, None)], gc=False))


def _read_line(line: bytes, decoder) -> Any:
    """The record of a line, or why there is none; without `decoder`, all of it is left to orjson."""
    import msgspec
    import orjson

    if decoder:
        try:
            record = decoder.decode(line)
            if record.title:
                return record
        except (msgspec.MsgspecError, RecursionError):
            pass
    source = line.strip()[: 4 * KEPT_OF_SOURCE].decode("utf-8", "replace").strip()[:KEPT_OF_SOURCE]
    if len(line) > LONGEST_LINE:
        return Unreadable(N_("longer than 32 MB"), None, source)
    try:
        return _record(orjson.loads(line), source)
    except orjson.JSONDecodeError as error:
        return Unreadable(error.msg, error.colno, source)


def _record(value: Any, source: str | None = None) -> Any:
    """A JSON value as a record."""
    fault = _fault(value)
    if fault:
        return Unreadable(fault, None, _brief(value) if source is None else source)
    return _decoder().type(value["title"], value.get("content"))


def _fault(value: Any) -> str | None:
    """Why a JSON value is no record with a title and, where it has one, a content; None when it is."""
    if not isinstance(value, dict):
        return N_("not an object")
    title, content = value.get("title"), value.get("content")
    if title is None or title == "":
        return N_("no title")
    if not isinstance(title, str):
        return N_("title is not a text")
    if content is not None and not isinstance(content, str):
        return N_("content is not a text")
    return None


def _brief(value: Any) -> str:
    """A JSON value as text, cut short in its depth too: repr() fails on a list in a list in a list ..."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = KEPT_OF_SOURCE
    return shortener.repr(value).strip()[:KEPT_OF_SOURCE]
