"""Script 1: clean the raw catalogue.

    python process_data.py                              trn.json -> trn_processed.json
    python process_data.py --data.cleaning original     as the first version of this pipeline cleaned

    python process_data.py --data.raw_file shop.csv     CSV, Excel, Parquet, JSON with names of its own

Reads the title and the content of every record, drops those whose content is empty or short, cleans the texts and
writes one `{"product", "description"}` a line. All cores clean the file block by block, so that it may be of any size.
"""

from __future__ import annotations

import hashlib
import textwrap
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from config import DataSettings, Settings
from pipeline.catalogue.cleaning import CLEANERS
from pipeline.catalogue.counts import Counts
from pipeline.catalogue.delimited import Splitless
from pipeline.catalogue.json_lines import carried
from pipeline.catalogue.raw_file import RawCatalogue, open_raw
from pipeline.catalogue.records import ORIGINAL, Block, Edges, Unreadable, value_at
from pipeline.command.script import run, show_settings
from pipeline.runtime.artifacts import meta_path, new_file, sole_writer, write_meta
from pipeline.runtime.cluster import workers_for
from pipeline.runtime.errors import UserError
from pipeline.runtime.json_lines_array import SEPARATOR, writing_records
from pipeline.runtime.messages import N_, _, localised
from pipeline.runtime.progress import LABEL_WIDTH, progress_bar
from pipeline.runtime.worker_processes import MOST_PROCESSES, number_of_processes

if TYPE_CHECKING:
    from pipeline.catalogue.duplicates import Seen

DESCRIPTION = N_("Script 1: clean the raw catalogue (trn.json) and write the products worth training on.")

SHOWN_OF_EXAMPLE = 60  # characters


def main(settings: Settings) -> None:
    data = settings.data
    raw = open_raw(data)
    show_settings(settings, "data")
    show_fields(raw)
    print(flush=True)
    require_own(data)
    with sole_writer(data.processed_file):
        counts = process(raw, data, settings.cluster)
    report(counts, data)


def require_own(data: DataSettings) -> None:
    """Raise UserError where a file that would be replaced is none of this script's."""
    outputs = {"processed_file": (data.processed_file, b"["), "rejected_file": (data.rejected_file, b"{")}
    for name, (file, beginning) in outputs.items():
        if not file.is_file() or meta_path(file).is_file():
            continue
        with file.open("rb") as text:
            first = text.read(1)
        if first not in (b"", beginning):
            raise UserError(
                _("{file} was not written by this script and would be lost. Choose another name: --data.{name}").format(
                    file=file, name=name
                )
            )


# --------------------------------------------------------------------------------------------------------- cleaning


class Cleaned(NamedTuple):
    """What became of a block."""

    file: int  # which one of the catalogue's files
    records: bytes  # those kept, as JSON, with SEPARATOR between them
    hashes: bytes  # of each of them, 8 bytes
    empty: int
    short: int
    unreadable: list[tuple[int, Unreadable]]  # with their place in the block, from 0
    places: int  # lines, elements or rows of the block, empty lines among them
    read: int
    no_title: int  # once cleaned
    variants: int
    edges: Edges | None

    @property
    def kept(self) -> int:
        return len(self.hashes) // 8


def clean_block(block: Block, cleaning: str, min_content_chars: int) -> Cleaned | None:
    """Read a block and clean its records: what the worker processes do. None where it cannot be read alone."""
    from orjson import dumps
    from xxhash import xxh3_64_intdigest

    clean = CLEANERS[cleaning]
    try:
        readings = block.read(block.data)
    except Splitless:
        return None
    kept, hashes = [], array("Q")
    empty = short = no_title = 0
    for record in readings.records:
        if not record.content:
            empty += 1
        elif len(record.content) < min_content_chars:
            short += 1
        else:
            product, description = clean(record.title), clean(record.content)
            if product and description:
                line = b'{"product": %b, "description": %b}' % (dumps(product), dumps(description))
                kept.append(line)
                hashes.append(xxh3_64_intdigest(line))
            elif product:
                empty += 1
            else:
                no_title += 1
    read = len(readings.records) + len(readings.unreadable) + readings.variants
    return Cleaned(
        *(block.file, SEPARATOR.join(kept), hashes.tobytes(), empty, short, readings.unreadable, readings.places),
        *(read, no_title, readings.variants, readings.edges),
    )


# ------------------------------------------------------------------------------------------------------- processing


def process(raw: RawCatalogue, data: DataSettings, cluster: str | None = None) -> Counts:
    """Write the processed and the rejected file; both appear only when the raw file was read to its end.

    The blocks are cleaned on `cluster`, or without one by worker processes.

    Raises UserError where most records cannot be read, or none is kept.
    """
    try:
        return process_once(raw, data, cluster)
    except Splitless:
        return process_once(open_raw(data, row_by_row=True), data, cluster)


def process_once(raw: RawCatalogue, data: DataSettings, cluster: str | None) -> Counts:
    """Raises Splitless where a table in text has to be read row by row."""
    counts = Counts(raw)
    clean = partial(clean_block, cleaning=data.cleaning, min_content_chars=data.min_content_chars)
    seen = None
    if data.duplicates == "drop":
        from pipeline.catalogue.duplicates import Seen  # numpy is slow to import

        seen = Seen()
    with ExitStack() as stack:
        most = data.num_proc or MOST_PROCESSES
        workers = stack.enter_context(workers_for(clean, cluster, processes_for(raw, data), most))
        processed = Hashed(stack.enter_context(new_file(data.processed_file)))
        rejected = stack.enter_context(new_file(data.rejected_file))
        with live_bars(raw, counts) as show_progress, writing_records(processed) as write:
            blocks = map(carried, raw.blocks()) if cluster else raw.blocks()
            for cleaned in workers.in_order(blocks, tasks_ahead=2 if raw.hands_on_places else 1):
                if cleaned is None:
                    raise Splitless
                records, kept = without_duplicates(cleaned, seen) if seen else (cleaned.records, cleaned.kept)
                if kept:
                    write(records)
                counts.add(cleaned, kept, rejected)
                show_progress()
            refuse_hopeless(counts, data)
        hashes = raw.hashes() | {data.processed_file: processed.digest.hexdigest()}
    if not counts.rejections:
        data.rejected_file.unlink()
    inputs = [file for file in hashes if file != data.processed_file]
    write_meta(data.processed_file, data.model_dump(mode="json"), inputs, hashes, **counts.as_dict())
    return counts


def without_duplicates(cleaned: Cleaned, seen: Seen) -> tuple[bytes, int]:
    """The records of a block that were not seen before, and their number."""
    import numpy as np

    is_new = seen.new(np.frombuffer(cleaned.hashes, np.uint64))
    if is_new.all():
        return cleaned.records, cleaned.kept
    new = [line for line, keep in zip(cleaned.records.split(SEPARATOR), is_new, strict=True) if keep]
    return SEPARATOR.join(new), len(new)


def processes_for(raw: RawCatalogue, data: DataSettings) -> int:
    """0 if worker processes would not help: where the main process reads the file itself, that takes most time."""
    small = raw.is_small and not data.num_proc
    processes = 1 if small or not raw.workers_help else number_of_processes(data.num_proc)
    return processes if processes > 1 else 0


class Hashed:
    """A file that takes the SHA-256 of what is written to it."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.file.write(data)


def refuse_hopeless(counts: Counts, data: DataSettings) -> None:
    """Raise UserError if no record of the file was kept."""
    counts.refuse_unreadable()
    if not counts.read:
        raise UserError(_("{path} holds no records. Name another file: --data.raw_file").format(path=counts.raw.shown))
    if not counts.kept:
        message = _("{path}: none of its {read:,} records has a content of at least {n} characters.")
        raise UserError(
            message.format(path=counts.raw.shown, read=counts.read, n=data.min_content_chars)
            + (" " + _("Lower it with --data.min_content_chars.") if counts.short else "")
        )


# -------------------------------------------------------------------------------------------------------- reporting


@contextmanager
def live_bars(raw: RawCatalogue, counts: Counts) -> Iterator[Callable[[], None]]:
    """Three bars that move together, since each record is read, processed and saved before the next one.

    Yields a function that shows the counts. The total is estimated from the share of the file that has been read.
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


def show_fields(raw: RawCatalogue) -> None:
    """Print the fields that were chosen, with an example; nothing where they are the original's."""
    shown = set()
    for name, file, example in zip(raw.names, raw.files, raw.examples, strict=True):
        if file.fields == ORIGINAL or file.fields in shown:
            continue
        shown.add(file.fields)
        title, *contents = (str(value_at(example, field) or "") for field in file.fields.names)
        print("\n" + _("Fields of {path}:").format(path=name))
        lines = {
            _("Title"): file.fields.title,
            _("Content"): ", ".join(file.fields.contents),
            _("Example"): f"{shortened(title)} | {shortened(' '.join(contents))}",
        }
        for label, value in lines.items():
            print(f"{label:<{LABEL_WIDTH}}: {value}")


def shortened(text: str) -> str:
    return textwrap.shorten(text, SHOWN_OF_EXAMPLE, placeholder=" ...")


def report(counts: Counts, data: DataSettings) -> None:
    """The closing lines: what became of every record."""
    lines = {
        _("Total records in the original file"): localised(counts.read, ","),
        _("Total records processed (not empty)"): localised(counts.kept, ","),
        _("Processed file saved to"): str(data.processed_file),
    }
    rejected_file = f" ({data.rejected_file})" if counts.rejections else ""
    dropped = {
        _("Records without a title"): (counts.no_title, rejected_file),
        _("Records without a content"): (counts.empty, ""),
        _("Records with a content that is too short"): (counts.short, ""),
        _("Records that repeat another one"): (counts.duplicates, ""),
        _("Rows that are variants of the one above"): (counts.variants, ""),
        _("Records that could not be read"): (counts.unreadable, rejected_file),
    }
    lines |= {label: localised(number, ",") + note for label, (number, note) in dropped.items() if number}
    for label, value in lines.items():
        print(f"{label:<{LABEL_WIDTH}}: {value}")
    for rejection in counts.first_rejections:
        print(f"  {rejection}")
    if counts.short * 10 > counts.read * 9:
        print(
            _(
                "More than nine in ten contents are shorter than {n} characters; --data.min_content_chars lowers that."
            ).format(n=data.min_content_chars)
        )


if __name__ == "__main__":
    run(main, DESCRIPTION)
