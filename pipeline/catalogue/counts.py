"""What became of the records of a catalogue: the counts add up to the number read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pipeline.catalogue.raw_file import RawCatalogue
from pipeline.catalogue.records import NO_TITLE, Unreadable
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _

SHOWN_REJECTIONS = 5
RECORDS_BEFORE_GIVING_UP = 1000  # after so many records, the script stops if it cannot read most of them

PLACES = {"line": N_("line {number}"), "record": N_("record {number}"), "row": N_("row {number}")}


@dataclass
class Counts:
    """How many records were kept, and why the others were not."""

    raw: RawCatalogue
    read: int = 0
    kept: int = 0
    no_title: int = 0
    empty: int = 0
    short: int = 0
    duplicates: int = 0
    variants: int = 0
    unreadable: int = 0
    rejections: int = 0  # entries of the rejected file: without a title, or unreadable
    first_rejections: list[str] = field(default_factory=list)
    file: int = -1  # whose blocks are being counted
    place: int = 0  # of the next block's first record in it
    last_title: str | None = None

    def as_dict(self) -> dict[str, int]:
        dropped = {name: getattr(self, name) for name in ("no_title", "empty", "short", "duplicates", "variants")}
        counts = {"records_read": self.read, "records": self.kept, "records_rejected": self.rejections}
        return counts | {f"records_{name}": number for name, number in dropped.items()}

    def add(self, cleaned: Any, kept: int, rejected: BinaryIO) -> None:
        """Add a cleaned block, write its rejected records, and stop if most records of the file are rejected."""
        if cleaned.file != self.file:
            self.file, self.place, self.last_title = cleaned.file, self.raw.files[cleaned.file].first_place, None
        for place, record in cleaned.unreadable:
            self._reject(self.place + place, record, rejected)
        early = self.read < RECORDS_BEFORE_GIVING_UP
        repeats = 0
        if cleaned.edges:
            repeats = int(cleaned.edges.repeats is not None and cleaned.edges.repeats == self.last_title)
            self.last_title = cleaned.edges.last_title or self.last_title
        without_title = sum(record.fault == NO_TITLE for _place, record in cleaned.unreadable)
        self.place += cleaned.places
        self.read += cleaned.read
        self.kept += kept
        self.duplicates += cleaned.kept - kept
        self.no_title += cleaned.no_title + without_title
        self.empty += cleaned.empty - repeats
        self.short += cleaned.short
        self.variants += cleaned.variants + repeats
        self.unreadable += len(cleaned.unreadable) - without_title
        self.rejections += len(cleaned.unreadable)
        if early and self.read >= RECORDS_BEFORE_GIVING_UP:
            self.refuse_unreadable()

    def _reject(self, place: int, record: Unreadable, rejected: BinaryIO) -> None:
        import orjson

        kind = self.raw.files[self.file].place_name
        reason = _(record.fault)
        if record.column:
            reason += " (" + _("column {n}").format(n=record.column) + ")"
        several = len(self.raw.files) > 1
        name = {"file": str(self.raw.names[self.file])} if several else {}
        entry = name | {kind: place, "reason": reason, "source": record.source}
        rejected.write(orjson.dumps(entry) + b"\n")
        if len(self.first_rejections) < SHOWN_REJECTIONS:
            where = _(PLACES[kind]).format(number=place)
            self.first_rejections.append(f"{name['file']}, {where}: {reason}" if several else f"{where}: {reason}")

    def refuse_unreadable(self) -> None:
        """Raise UserError if most records cannot be read."""
        if self.rejections * 2 > self.read:
            message = _("{path}: {rejected:,} of {read:,} records cannot be read ({first}).").format(
                path=self.raw.shown, rejected=self.rejections, read=self.read, first=self.first_rejections[0]
            )
            if self.raw.files[self.file].place_name != "row":
                message += " " + _("Expected are JSON lines or one JSON array of objects with title and content.")
            raise UserError(message)
