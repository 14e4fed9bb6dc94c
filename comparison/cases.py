"""What the systems are compared on: the products that scripts 2, 4 and 7 were asked about, and a held-out sample."""

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
    """One product as the systems met it.

    `reference` is its description in the catalogue, None where it has none. `indexed` says whether the index held it
    when the systems with retrieval were asked. `stale` names the systems whose answer does not fit what is there now.
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
    """`comparison.sample` products that were never trained on; for half of them the index is asked as if it had none.

    They are chosen by a hash of the title, so a larger sample holds the smaller ones, and every run agrees. There are
    fewer where the catalogue does not hold as many.
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
    """The held-out products of one half, each title once; those that have to be in the index are."""
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
    """32 bytes that stand for the title; another hash than that of `is_held_out`, which has already chosen."""
    return hashlib.sha256(b"sample " + normalised_title(found.product).encode("utf-8")).digest()


def held_out_percent(settings: Settings) -> int:
    """The share that was held out when the present adapter was trained, the configured one where there is none.

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
