"""Titles of the catalogue that fit what somebody has typed so far."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from comparison.cases import held_out_percent
from config import Settings
from pipeline.catalogue.products import is_held_out, normalised_title, read_products

MOST_TITLES = 200_000  # kept in memory, some 40 MB; of a larger catalogue the first ones are suggested
SUGGESTIONS = 8


class Suggestion(NamedTuple):
    """A title, and whether it is one of those that are never trained on."""

    title: str
    held_out: bool


class Titles:
    """The titles of the catalogue, each once; none where there is no catalogue."""

    def __init__(self, settings: Settings) -> None:
        file = settings.data.processed_file
        products = read_products(file, MOST_TITLES) if file.is_file() else ()
        self._titles: dict[str, str] = {}
        for product in products:
            self._titles.setdefault(normalised_title(product.product), product.product)
        self._percent = held_out_percent(settings)

    def suggest(self, typed: str) -> list[Suggestion]:
        """The titles that begin with what was typed, then those that contain it."""
        wanted = normalised_title(typed)
        if not wanted:
            return []
        beginning = islice((same for same in self._titles if same.startswith(wanted)), SUGGESTIONS)
        within = islice((same for same in self._titles if wanted in same[1:]), SUGGESTIONS)
        found = list(dict.fromkeys([*beginning, *within]))[:SUGGESTIONS]
        return [Suggestion(self._titles[same], self.held_out(self._titles[same])) for same in found]

    def held_out(self, title: str) -> bool:
        return is_held_out(title, self._percent)
