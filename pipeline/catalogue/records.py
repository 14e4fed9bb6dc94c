"""A record of a raw catalogue, whatever its format: its title and its content, or why it cannot be read."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pipeline.runtime.messages import N_

KEPT_OF_SOURCE = 1000  # characters of a record that cannot be read


class Fields(NamedTuple):
    """The names of the fields that hold the title and the content; dots lead into nested ones."""

    title: str
    contents: tuple[str, ...]  # joined in this order

    @property
    def names(self) -> tuple[str, ...]:
        return (self.title, *self.contents)


ORIGINAL = Fields("title", ("content",))  # those of the first version of this pipeline


class Record(NamedTuple):
    """What is read of a record. In a table, both are empty where the row belongs to the product above it."""

    title: str
    content: str | None


class Unreadable(NamedTuple):
    """Instead of a record: why there is none (a message id), in which column of its line, and how it starts."""

    fault: str
    column: int | None
    source: str


class Edges(NamedTuple):
    """How a block of a table begins and ends: its first row may belong to the last product of the block before."""

    repeats: str | None  # the title of the first row, where that has no content
    last_title: str | None  # None where no row has a title


class Readings(NamedTuple):
    """What a block holds."""

    records: list  # each with a `title`, which is not empty, and a `content`, which may be, or may be None
    unreadable: list[tuple[int, Unreadable]]  # with their place in the block, from 0
    places: int  # lines, elements or rows of the block, empty lines among them
    variants: int = 0  # rows of a table that belong to the product above them
    edges: Edges | None = None  # of a table


class Block(NamedTuple):
    """A part of a file that a worker process reads: `read(data)` gives its Readings."""

    file: int  # which one of the catalogue's files
    read: Callable[[Any], Readings]
    data: Any


NO_TITLE = N_("no title")


def value_at(record: dict, name: str) -> Any:
    """The value of a field; None where there is none. A name with dots may also be that of a field itself."""
    if name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    inner = record.get(head)
    return value_at(inner, rest) if dot and isinstance(inner, dict) else None


def reading_of(value: Any, fields: Fields, source: str | None = None) -> Record | Unreadable:
    """A JSON value as a record."""
    if not isinstance(value, dict):
        return Unreadable(N_("not an object"), None, brief(value) if source is None else source)
    contents = [value_at(value, name) for name in fields.contents]
    reading = reading_of_values(value_at(value, fields.title), contents)
    if isinstance(reading, str):
        return Unreadable(reading, None, brief(value) if source is None else source)
    return reading


def reading_of_values(title: Any, contents: list) -> Record | str:
    """A record of these values, or what is wrong with them (a message id)."""
    if title is None or title == "":
        return NO_TITLE
    if not isinstance(title, str):
        return N_("title is not a text")
    texts = []
    for content in contents:
        parts = content if isinstance(content, list) else [content]
        if not all(part is None or isinstance(part, str) for part in parts):
            return N_("content is not a text")
        texts += [part for part in parts if part]
    return Record(title, " ".join(texts) or None)


def row_reading(title: Any, contents: list) -> Record | Unreadable:
    """A row of a table as a record; without title and content, it belongs to the product above it."""
    reading = reading_of_values(title, contents)
    if reading == NO_TITLE and not any(contents):
        return Record("", None)
    return Unreadable(reading, None, brief([title, *contents])) if isinstance(reading, str) else reading


def sorted_out(readings: Iterable[tuple[int, Any]], places: int) -> Readings:
    """Records and faults apart; `readings` come with their place."""
    records, unreadable = [], []
    for place, reading in readings:
        if isinstance(reading, Unreadable):
            unreadable.append((place, reading))
        else:
            records.append(reading)
    return Readings(records, unreadable, places)


def sorted_out_rows(readings: list[Record | Unreadable | None]) -> Readings:
    """The same of the rows of a table, with the variants apart; None stands for an empty line."""
    found = sorted_out(((place, one) for place, one in enumerate(readings) if one is not None), len(readings))
    return without_variants(found)


def without_variants(rows: Readings) -> Readings:
    """The rows of a table but for those that only repeat the title above them, or have neither title nor content."""
    products, before = [], None
    for record in rows.records:
        if record.content or (record.title and record.title != before):
            products.append(record)
            before = record.title
    repeats = products[0].title if products and not products[0].content else None
    variants = len(rows.records) - len(products)
    return rows._replace(records=products, variants=variants, edges=Edges(repeats, before))


def brief(value: Any) -> str:
    """A value as text, cut short in its depth too: repr() fails on a list in a list in a list ..."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = KEPT_OF_SOURCE
    return shortener.repr(value).strip()[:KEPT_OF_SOURCE]
