"""Script 1: clean the raw catalogue.

    python process_data.py                              trn.json -> trn_processed.json
    python process_data.py --data.cleaning original     as the first version of this pipeline cleaned

Reads `title` and `content` of every record, drops those whose content is empty or short, cleans the texts and writes
one `{"product", "description"}` a line. The file is streamed: memory does not grow with it.
"""

from __future__ import annotations

import gzip
import html
import re
import reprlib
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from config import DataSettings, Settings
from pipeline.artifacts import new_file, write_meta
from pipeline.errors import UserError
from pipeline.messages import N_, _
from pipeline.progress import progress_bar
from pipeline.script import run, show_settings

DESCRIPTION = N_("Script 1: clean the raw catalogue (trn.json) and write the products worth training on.")

PROGRESS_STEP = 1000  # records between two updates of the bars
SHOWN_REJECTIONS = 5
RECORDS_BEFORE_GIVING_UP = 1000  # after so many, a file in which most records cannot be read is given up
KEPT_OF_REJECTED = 1000  # characters of a rejected record that are written down


def main(settings: Settings) -> None:
    data = settings.data
    raw = open_raw(data.raw_file)
    show_settings(settings, "data")
    print(flush=True)
    counts = process(raw, data)
    write_meta(data.processed_file, settings.data.model_dump(mode="json"), [data.raw_file], **counts.as_dict())
    report(counts, data)


class RawRecord(NamedTuple):
    """A record as it was read: where it stood, its value, or the reason why it could not be read."""

    place: int  # line of JSON lines, element of an array; counted from 1
    source: Any
    value: Any
    fault: str | None


@dataclass
class RawCatalogue:
    """An open raw catalogue."""

    path: Path
    disk_file: BinaryIO
    text: BinaryIO  # `disk_file`, decompressed where need be, at its first JSON character
    first_line: int  # the line that this character stands on, counted from 1
    is_array: bool

    @property
    def share_read(self) -> float:
        """0 to 1."""
        return self.disk_file.tell() / max(1, self.path.stat().st_size)


@dataclass
class Counts:
    """What became of the records."""

    read: int = 0
    kept: int = 0
    rejected: int = 0
    first_rejections: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, int]:
        return {"records_read": self.read, "records": self.kept, "records_rejected": self.rejected}


# ---------------------------------------------------------------------------------------------------------- reading


def open_raw(path: Path) -> RawCatalogue:
    """Open a raw catalogue: JSON lines or one JSON array, plain or gzip, which its first bytes tell, not its name."""
    if not path.is_file():
        raise UserError(
            _(
                "{path} is not there. Put the raw catalogue there, name another one with --data.raw_file, "
                "or try the bundled one with --profile demo."
            ).format(path=path)
        )
    disk_file = path.open("rb")
    is_gzip = disk_file.read(2) == b"\x1f\x8b"
    disk_file.seek(0)
    text = gzip.GzipFile(fileobj=disk_file) if is_gzip else disk_file
    with readable(path):
        start = text.peek(4)[:4]
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UserError(_("{path} is UTF-16. Save it as UTF-8.").format(path=path))
        if start[:3] == b"\xef\xbb\xbf":
            text.read(3)
        first_line = 1
        while text.peek(1)[:1].isspace():
            first_line += text.read(1) == b"\n"
        return RawCatalogue(path, disk_file, text, first_line, is_array=text.peek(1)[:1] == b"[")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a damaged gzip file raises into a UserError."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            _("{path} is damaged or only half there ({reason}). Download it again.").format(path=path, reason=error)
        ) from None


def read_lines(raw: RawCatalogue) -> Iterator[RawRecord]:
    """The records of a file of JSON lines; a line that is no JSON is a record with a fault."""
    import orjson

    for number, line in enumerate(raw.text, start=raw.first_line):
        if not line.strip():
            continue
        try:
            yield RawRecord(number, line, orjson.loads(line), None)
        except orjson.JSONDecodeError as error:
            yield RawRecord(number, line, None, f"{error.msg} ({_('column {n}').format(n=error.colno)})")


def read_array(raw: RawCatalogue) -> Iterator[RawRecord]:
    """The elements of one JSON array, one in memory at a time.

    Raises UserError where the JSON is broken: nothing tells where the next element would start.
    """
    import ijson

    number = 0
    try:
        for number, value in enumerate(ijson.items(raw.text, "item"), start=1):
            yield RawRecord(number, value, value, None)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise UserError(
            _(
                "{path}: the JSON array is broken after record {number} ({reason}). Correct it or download it again."
            ).format(path=raw.path, number=number, reason=str(error).splitlines()[0].strip())
        ) from None


# --------------------------------------------------------------------------------------------------------- cleaning

SCRIPTS = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
INLINE_TAGS = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|code|em|font|i|mark|s|small|span|strike|strong|sub|sup|tt|u)\b[^<>]*>", re.IGNORECASE
)
TAGS = re.compile(r"<[/!?]?[a-zA-Z][^<>]*>")
ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z0-9]{1,32});?")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
SPACES = re.compile(r"  +")
PUNCTUATION = re.compile(r"[^\w\s]")


def clean_readable(text: str) -> str:
    """Text as a browser would show it, on one line: entities decoded, also doubly encoded ones, tags dropped.

    Tags that stand inside a word's line (`<b>`) leave nothing, all others (`<br>`, `<li>`) a space.
    """
    if "&" in text or "<" in text:
        text = without_markup(text)
    if not is_printable(text):
        text = " ".join(CONTROL_CHARACTERS.sub("", text).split())
    elif "  " in text:
        text = SPACES.sub(" ", text)
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def without_markup(text: str) -> str:
    """Decode entities and drop tags until none is left.

    More than one round is needed where decoding brings markup to light (&amp;lt;b&amp;gt;), or dropping a control
    character does.
    """
    before = None
    while before != text and ("&" in text or "<" in text):
        before = text
        text = ENTITY.sub(lambda entity: decode_entity(entity[0]), text)
        if "<" in text:
            text = TAGS.sub(" ", INLINE_TAGS.sub("", SCRIPTS.sub(" ", text)))
        if not is_printable(text):
            text = CONTROL_CHARACTERS.sub("", text)
        text = unicodedata.normalize("NFC", text)  # makes a semicolon of U+037E
    return text


@lru_cache(maxsize=1000)  # the same few stand in all texts
def decode_entity(entity: str) -> str:
    try:
        return html.unescape(entity)
    except ValueError:  # a number of more than 4,300 digits, which Python does not convert
        return "\N{REPLACEMENT CHARACTER}"


def is_printable(text: str) -> bool:
    """Whether `text` has no control characters, and no white space but spaces."""
    if text.isascii():  # most texts: three times as fast as isprintable
        return not text.encode("ascii").translate(None, PRINTABLE_ASCII)
    return text.isprintable()


def clean_original(text: str) -> str:
    """Text as the first version of this pipeline left it: everything but letters, digits and white space deleted."""
    return PUNCTUATION.sub("", text)


CLEANERS: dict[str, Callable[[str], str]] = {"readable": clean_readable, "original": clean_original}


# ------------------------------------------------------------------------------------------------------- processing


def process(raw: RawCatalogue, data: DataSettings) -> Counts:
    """Write the processed and the rejected file; both appear only when the raw file was read to its end.

    Raises UserError where most records cannot be read, or none is kept.
    """
    import orjson

    clean = CLEANERS[data.cleaning]
    counts = Counts()
    with ExitStack() as stack:
        processed = stack.enter_context(new_file(data.processed_file))
        rejected = stack.enter_context(new_file(data.rejected_file))
        show_progress = stack.enter_context(live_bars(raw, counts))
        stack.enter_context(readable(raw.path))
        for record in read_array(raw) if raw.is_array else read_lines(raw):
            counts.read += 1
            fault = record.fault or fault_of(record.value)
            if fault:
                reject(record, fault, rejected, counts, raw)
            elif len(record.value.get("content") or "") >= data.min_content_chars:
                product, description = clean(record.value["title"]), clean(record.value["content"])
                if product and description:
                    processed.write(b",\n" if counts.kept else b"[\n")
                    processed.write(
                        b'{"product": %b, "description": %b}' % (orjson.dumps(product), orjson.dumps(description))
                    )
                    counts.kept += 1
            if counts.read % PROGRESS_STEP == 0:
                show_progress()
        processed.write(b"\n]\n")
        refuse_hopeless(counts, raw, data)
    if not counts.rejected:
        data.rejected_file.unlink()
    return counts


def fault_of(value: Any) -> str | None:
    """Why a JSON value is no record with a title and, where it has one, a content; None when it is."""
    if not isinstance(value, dict):
        return _("not an object")
    title, content = value.get("title"), value.get("content")
    if title is None or title == "":
        return _("no title")
    if not isinstance(title, str):
        return _("title is not a text")
    if content is not None and not isinstance(content, str):
        return _("content is not a text")
    return None


def reject(record: RawRecord, fault: str, rejected: BinaryIO, counts: Counts, raw: RawCatalogue) -> None:
    """Write a record that cannot be read down, and give a file up that consists of such."""
    import orjson

    counts.rejected += 1
    place = _("record {number}") if raw.is_array else _("line {number}")
    if len(counts.first_rejections) < SHOWN_REJECTIONS:
        counts.first_rejections.append(f"{place.format(number=record.place)}: {fault}")
    source = record.source.decode("utf-8", "replace") if isinstance(record.source, bytes) else brief(record.source)
    entry = {"record" if raw.is_array else "line": record.place, "reason": fault}
    rejected.write(orjson.dumps(entry | {"source": source.strip()[:KEPT_OF_REJECTED]}) + b"\n")
    if counts.read == RECORDS_BEFORE_GIVING_UP:
        refuse_unreadable(counts, raw)


def brief(value: Any) -> str:
    """A JSON value as text, cut short in its depth too: repr() fails on a list in a list in a list ..."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = KEPT_OF_REJECTED
    return shortener.repr(value)


def refuse_unreadable(counts: Counts, raw: RawCatalogue) -> None:
    if counts.rejected * 2 > counts.read:
        raise UserError(
            _(
                "{path}: {rejected:,} of {read:,} records cannot be read ({first}). "
                "Expected are JSON lines or one JSON array of objects with title and content."
            ).format(path=raw.path, rejected=counts.rejected, read=counts.read, first=counts.first_rejections[0])
        )


def refuse_hopeless(counts: Counts, raw: RawCatalogue, data: DataSettings) -> None:
    """Raise UserError for a file of which nothing useful remains."""
    refuse_unreadable(counts, raw)
    if not counts.kept:
        raise UserError(
            _("{path}: none of its {read:,} records has a content of at least {n} characters.").format(
                path=raw.path, read=counts.read, n=data.min_content_chars
            )
        )


# -------------------------------------------------------------------------------------------------------- reporting


@contextmanager
def live_bars(raw: RawCatalogue, counts: Counts) -> Iterator[Callable[[], None]]:
    """Three bars that move together, since each record is read, processed and saved before the next one.

    The function that it gives shows the counts. How many there will be is estimated from the share of the file read.
    """
    reading = progress_bar(_("Reading the records of the file"), total=0, position=0)
    processing = progress_bar(_("Processing the records read"), total=0, position=1)
    saving = progress_bar(_("Saving the processed records to the file"), total=0, position=2)

    def update(share: float | None = None) -> None:
        for bar, count in ((reading, counts.read), (processing, counts.read), (saving, counts.kept)):
            bar.total = round(count / (share or raw.share_read))
            bar.update(count - bar.n)

    try:
        yield update
        update(share=1.0)
    finally:
        for bar in (reading, processing, saving):
            bar.close()


def report(counts: Counts, data: DataSettings) -> None:
    """The closing lines."""
    lines = {
        _("Total records in the original file"): f"{counts.read:,}",
        _("Total records processed (not empty)"): f"{counts.kept:,}",
        _("Processed file saved to"): str(data.processed_file),
    }
    if counts.rejected:
        lines[_("Records that could not be read")] = f"{counts.rejected:,} ({data.rejected_file})"
    for label, value in lines.items():
        print(f"{label:<43}: {value}")
    for rejection in counts.first_rejections:
        print(f"  {rejection}")


if __name__ == "__main__":
    run(main, DESCRIPTION)
