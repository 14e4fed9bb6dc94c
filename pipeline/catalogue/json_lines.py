"""JSON lines: cut into blocks of lines, which worker processes read on their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pipeline.catalogue.packed import BLOCK_BYTES, HashedFile, ReadFromDisk
from pipeline.catalogue.records import (
    KEPT_OF_SOURCE,
    Block,
    Fields,
    Readings,
    Unreadable,
    reading_of,
    sorted_out,
)
from pipeline.runtime.messages import N_

LONGEST_LINE = 32 << 20  # bytes; a longer one is no record of a product, and would fill the memory


class Stretch(NamedTuple):
    """A block of lines in a plain file: whoever needs it reads it there."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class JsonLines(ReadFromDisk):
    """An open file of JSON lines, at its first one."""

    fields: Fields
    disk_file: HashedFile
    text: BinaryIO
    start: int  # the place of the first line in the text, in bytes
    first_place: int  # its number
    is_packed: bool

    place_name = "line"
    workers_help = True

    @property
    def hands_on_places(self) -> bool:
        return not self.is_packed

    @property
    def read(self):
        return partial(read_lines, fields=self.fields)

    def blocks(self) -> Iterator[Stretch | bytes]:
        """Whole lines, about BLOCK_BYTES of them at a time; of a line beyond LONGEST_LINE, only its beginning."""

        def block(last: memoryview | bytes = b"") -> Stretch | bytes:
            if self.is_packed:
                return b"".join([*begun, last])
            return Stretch(self.disk_file.path, start, length + len(last))

        start = position = self.start
        begun, length = [], 0  # the line that the last chunk ended in: its pieces, and their bytes
        while chunk := self.text.read(BLOCK_BYTES):
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


def read_lines(block: Stretch | bytes, fields: Fields) -> Readings:
    """Read the records of a block.

    msgspec decodes nothing but title and content, which takes a fifth of the time of decoding all. Where it finds a
    fault, or not one record a line, the block is read again line by line; orjson says what is wrong and where.
    """
    import msgspec

    text = text_of(block)  # msgspec does not look whether what it passes over is UTF-8
    decoder = _decoder(fields) if len(text) <= LONGEST_LINE and _is_utf8(text) else None
    if decoder:
        try:
            records = decoder.decode_lines(text)
            places = text.count(b"\n") + (not text.endswith(b"\n"))
            if len(records) == places and all(record.title for record in records):
                return Readings(records, [], places)
        except (msgspec.MsgspecError, RecursionError):
            pass
    lines = text.removesuffix(b"\n").split(b"\n")
    readings = ((place, _read_line(line, fields, decoder)) for place, line in enumerate(lines) if line.strip())
    return sorted_out(readings, len(lines))


def text_of(block: Stretch | bytes) -> bytes:
    """The bytes of a block."""
    if isinstance(block, bytes):
        return block
    with block.path.open("rb") as file:
        file.seek(block.start)
        return file.read(block.length)


def carried(block: Block) -> Block:
    """The block with its text, for a machine that cannot open the file."""
    return block._replace(data=text_of(block.data)) if isinstance(block.data, Stretch) else block


def _is_utf8(text: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return text.isascii() or bool(text.decode("utf-8"))
    return False


@cache
def _decoder(fields: Fields):
    """A decoder of two texts; None for nested fields, for several, and for a field that is both."""
    import msgspec

    if len(fields.contents) > 1 or any("." in name for name in fields.names) or fields.title in fields.contents:
        return None
    record = msgspec.defstruct(
        "Record",
        [("title", str), ("content", str | None, None)],
        rename={"title": fields.title, "content": fields.contents[0]},
        gc=False,
    )
    return msgspec.json.Decoder(record)


def _read_line(line: bytes, fields: Fields, decoder) -> Any:
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
        return reading_of(orjson.loads(line), fields, source)
    except orjson.JSONDecodeError as error:
        return Unreadable(error.msg, error.colno, source)
