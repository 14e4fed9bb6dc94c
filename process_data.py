"""Script 1: clean the raw catalogue.

    python process_data.py                              trn.json -> trn_processed.json
    python process_data.py --data.cleaning original     as the first version of this pipeline cleaned

Reads `title` and `content` of every record, drops those whose content is empty or short, cleans the texts and writes
one `{"product", "description"}` a line. All cores clean the file block by block, so that it may be of any size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, NamedTuple

from config import DataSettings, Settings
from pipeline.catalogue.cleaning import CLEANERS
from pipeline.catalogue.raw_file import Block, RawCatalogue, Unreadable, blocks, carried, open_raw, read_block
from pipeline.command.script import run, show_settings
from pipeline.runtime.artifacts import new_file, sole_writer, write_meta
from pipeline.runtime.cluster import workers_for
from pipeline.runtime.errors import UserError
from pipeline.runtime.json_lines_array import SEPARATOR, writing_records
from pipeline.runtime.messages import N_, _, localised
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.worker_processes import MOST_PROCESSES, number_of_processes

DESCRIPTION = N_("Script 1: clean the raw catalogue (trn.json) and write the products worth training on.")

SMALL_FILE = 4 << 20  # bytes; for smaller files, starting processes takes longer than the time they save
SHOWN_REJECTIONS = 5
RECORDS_BEFORE_GIVING_UP = 1000  # after so many records, the script stops if it cannot read most of them


def main(settings: Settings) -> None:
    data = settings.data
    raw = open_raw(data.raw_file)
    show_settings(settings, "data")
    print(flush=True)
    with sole_writer(data.processed_file):
        counts = process(raw, data, settings.cluster)
    report(counts, data)


@dataclass
class Counts:
    """How many records were kept, dropped and rejected."""

    read: int = 0
    kept: int = 0
    rejected: int = 0
    first_rejections: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, int]:
        return {"records_read": self.read, "records": self.kept, "records_rejected": self.rejected}


# --------------------------------------------------------------------------------------------------------- cleaning


class Cleaned(NamedTuple):
    """What became of a block."""

    records: bytes  # those kept, as JSON, with SEPARATOR between them
    kept: int
    read: int
    unreadable: list[tuple[int, Unreadable]]  # with their place in the block, from 0
    places: int  # lines or elements of the block, empty lines among them


def clean_block(block: Block, cleaning: str, min_content_chars: int) -> Cleaned:
    """Read a block and clean its records: what the worker processes do."""
    from orjson import dumps

    clean = CLEANERS[cleaning]
    records, unreadable, places = read_block(block)
    kept = []
    for record in records:
        if record.content and len(record.content) >= min_content_chars:
            product, description = clean(record.title), clean(record.content)
            if product and description:
                kept.append(b'{"product": %b, "description": %b}' % (dumps(product), dumps(description)))
    return Cleaned(SEPARATOR.join(kept), len(kept), len(records) + len(unreadable), unreadable, places)


# ------------------------------------------------------------------------------------------------------- processing


def process(raw: RawCatalogue, data: DataSettings, cluster: str | None = None) -> Counts:
    """Write the processed and the rejected file; both appear only when the raw file was read to its end.

    The blocks are cleaned on `cluster`, or without one by worker processes.

    Raises UserError where most records cannot be read, or none is kept.
    """
    counts = Counts()
    clean = partial(clean_block, cleaning=data.cleaning, min_content_chars=data.min_content_chars)
    with ExitStack() as stack:
        most = data.num_proc or MOST_PROCESSES
        workers = stack.enter_context(workers_for(clean, cluster, processes_for(raw, data), most))
        processed = Hashed(stack.enter_context(new_file(data.processed_file)))
        rejected = stack.enter_context(new_file(data.rejected_file))
        with live_bars(raw, counts) as show_progress, writing_records(processed) as write:
            place = raw.first_line if not raw.is_array else 1
            for cleaned in workers.in_order(
                map(carried, blocks(raw)) if cluster else blocks(raw), tasks_ahead=1 if raw.is_gzip else 2
            ):
                if cleaned.kept:
                    write(cleaned.records)
                count(cleaned, place, rejected, counts, raw)
                place += cleaned.places
                show_progress()
            refuse_hopeless(counts, raw, data)
        hashes = {data.raw_file: raw.content_hash(), data.processed_file: processed.digest.hexdigest()}
    if not counts.rejected:
        data.rejected_file.unlink()
    write_meta(data.processed_file, data.model_dump(mode="json"), [data.raw_file], hashes, **counts.as_dict())
    return counts


def processes_for(raw: RawCatalogue, data: DataSettings) -> int:
    """0 if worker processes would not help: the main process reads an array itself, which takes most of the time."""
    small = raw.size_and_time[0] <= SMALL_FILE and not data.num_proc
    processes = 1 if small or raw.is_array else number_of_processes(data.num_proc)
    return processes if processes > 1 else 0


class Hashed:
    """A file that takes the SHA-256 of what is written to it."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.file.write(data)


def count(cleaned: Cleaned, first_place: int, rejected: BinaryIO, counts: Counts, raw: RawCatalogue) -> None:
    """Add a block's counts, write its rejected records, and stop if most records of the file are rejected."""
    import orjson

    for place, record in cleaned.unreadable:
        place += first_place
        reason = _(record.fault)
        if record.column:
            reason += " (" + _("column {n}").format(n=record.column) + ")"
        entry = {"record" if raw.is_array else "line": place, "reason": reason, "source": record.source}
        rejected.write(orjson.dumps(entry) + b"\n")
        if len(counts.first_rejections) < SHOWN_REJECTIONS:
            shown = _("record {number}") if raw.is_array else _("line {number}")
            counts.first_rejections.append(f"{shown.format(number=place)}: {reason}")
    early = counts.read < RECORDS_BEFORE_GIVING_UP
    counts.read += cleaned.read
    counts.kept += cleaned.kept
    counts.rejected += len(cleaned.unreadable)
    if early and counts.read >= RECORDS_BEFORE_GIVING_UP:
        refuse_unreadable(counts, raw)


def refuse_unreadable(counts: Counts, raw: RawCatalogue) -> None:
    if counts.rejected * 2 > counts.read:
        raise UserError(
            _(
                "{path}: {rejected:,} of {read:,} records cannot be read ({first}). "
                "Expected are JSON lines or one JSON array of objects with title and content."
            ).format(path=raw.path, rejected=counts.rejected, read=counts.read, first=counts.first_rejections[0])
        )


def refuse_hopeless(counts: Counts, raw: RawCatalogue, data: DataSettings) -> None:
    """Raise UserError if no record of the file was kept."""
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


def report(counts: Counts, data: DataSettings) -> None:
    """The closing lines."""
    lines = {
        _("Total records in the original file"): localised(counts.read, ","),
        _("Total records processed (not empty)"): localised(counts.kept, ","),
        _("Processed file saved to"): str(data.processed_file),
    }
    if counts.rejected:
        lines[_("Records that could not be read")] = f"{localised(counts.rejected, ',')} ({data.rejected_file})"
    for label, value in lines.items():
        print(f"{label:<43}: {value}")
    for rejection in counts.first_rejections:
        print(f"  {rejection}")


if __name__ == "__main__":
    run(main, DESCRIPTION)
