"""The products that the systems are compared on: those that scripts 2, 4 and 7 were asked about, and a sample."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from config import Settings
from pipeline.catalogue.products import TITLES_COMPARED_SO_SINCE, is_held_out, normalised_title, read_products
from pipeline.model.answers import Answer
from pipeline.runtime.artifacts import read_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command


@dataclass
class Case:
    """One product with the answers of the systems.

    `reference` is its description in the catalogue, None if it has none. `indexed` says whether the index held it when
    the systems with retrieval were asked. `stale` holds the names of the systems whose answer is outdated.
    """

    product: str
    reference: str | None
    indexed: bool
    trained_on: bool = False
    sampled: bool = False
    answers: dict[str, Answer] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, bool]:
        return self.product, self.indexed


class Found(NamedTuple):
    """A product of the catalogue: its description, and whether it is among those that are indexed."""

    product: str
    description: str
    indexed: bool


def sample_cases(settings: Settings) -> list[Case]:
    """`comparison.sample` held-out products; for half of them the search leaves out the product's own documents.

    A hash of the title chooses them, so every run chooses the same ones and a larger sample contains the smaller ones.
    The sample is smaller where the catalogue has too few held-out products.
    """
    wanted = settings.comparison.sample
    if not wanted:
        return []
    chosen = heapq.nsmallest(wanted - wanted // 2, _held_out(settings, absent=False), key=_order)
    absent = heapq.nsmallest(wanted // 2, _held_out(settings, absent=True), key=_order)
    return [
        *(Case(found.product, found.description, indexed=True, sampled=True) for found in chosen),
        *(Case(found.product, found.description, indexed=False, sampled=True) for found in absent),
    ]


def _held_out(settings: Settings, absent: bool) -> Iterator[Found]:
    """The held-out products of one half, each title once; those of the half that is not `absent` are in the index."""
    percent, seen = held_out_percent(settings), set()
    for found in _catalogue(settings):
        title = normalised_title(found.product)
        if (
            title not in seen
            and is_held_out(found.product, percent)
            and _order(found)[-1] % 2 == absent
            and (found.indexed or absent)
        ):
            seen.add(title)
            yield found


def _order(found: Found) -> bytes:
    """A hash of the title. It must differ from that of `is_held_out`: the held-out titles share the values of that."""
    return hashlib.sha256(b"sample " + normalised_title(found.product).encode("utf-8")).digest()


def held_out_percent(settings: Settings) -> int:
    """The share that was held out when the present adapter was trained; without an adapter, that of the settings.

    Raises UserError for an adapter of an earlier version, which held out other products.
    """
    meta = read_meta(settings.model.lora_dir)
    if meta and meta["format"] < TITLES_COMPARED_SO_SINCE:
        raise UserError(
            _(
                "The adapter in {folder} was trained by an earlier version, which held out other products. "
                "Train it again: {command}"
            ).format(folder=settings.model.lora_dir, command=command("fine_tuning.py"))
        )
    made_with = (meta or {}).get("settings", {}).get("training", {})
    return made_with.get("held_out_percent", settings.training.held_out_percent)


def find_products(titles: set[str], settings: Settings) -> dict[str, Found]:
    """Those of `titles` that the catalogue holds, each with the first record that has the same title."""
    wanted = {normalised_title(title) for title in titles}
    found: dict[str, Found] = {}
    if settings.data.processed_file.is_file():
        for product in _catalogue(settings):
            title = normalised_title(product.product)
            if title in wanted:
                found[title] = product
                wanted.remove(title)
                if not wanted:
                    break
    return {title: found[same] for title in titles if (same := normalised_title(title)) in found}


def _catalogue(settings: Settings) -> Iterator[Found]:
    index = read_meta(settings.rag.chroma_dir) or {}
    indexed = index.get("settings", {}).get("max_records", settings.rag.max_records)
    for position, (product, description) in enumerate(read_products(settings.data.processed_file)):
        yield Found(product, description, not indexed or position < indexed)
