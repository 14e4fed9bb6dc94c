"""Script 6: check the index: the products most relevant to each title, without a language model.

    python rag_search_vs.py
    python rag_search_vs.py --products "ballet tutu" --rag.top_k 5
    python rag_search_vs.py --check          the index examines itself

The check counts what is indexed, then searches for up to 1,000 of its products in five ways, and for 200 titles
with their own products hidden.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config import Settings
from pipeline.catalogue.products import normalised_title, read_products
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE, document_text
from pipeline.command.script import run, show_settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _, localised
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.rerun import command
from pipeline.search.calibration import sample_numbers, with_typing_error
from pipeline.search.store import chroma_faults, require_index

if TYPE_CHECKING:
    from pipeline.search.retriever import ProductRetriever, Retrieved

DESCRIPTION = N_("Script 6: check the index: the products most relevant to each title.")

CHECKED_PRODUCTS = 1000
CHECKED_ABSENT = 200
CHECK_SEED = 20  # not that of the calibration
DEPTH = 10  # results looked at
SHORTEST_SENTENCE = 40  # characters


def main(settings: Settings) -> None:
    from pipeline.search.retriever import open_search

    require_index(settings)
    show_settings(settings, "rag", "products")
    retriever = open_search(settings)
    with chroma_faults(settings):
        if settings.check:
            check(retriever, settings)
        else:
            answer_queries(retriever, settings)


def answer_queries(retriever: ProductRetriever, settings: Settings) -> None:
    print("\n" + _("Querying the vector_store"))
    for product in settings.products:
        print("\n" + _("Query: {product}").format(product=product))
        found = retriever.search(product)
        for result in found:
            print(f"\n* {result.text} [{{'product': {result.product!r}, 'score': {result.score:.3f}}}]")
        if not found:
            print("\n" + _(NOT_IN_CATALOGUE))


# -------------------------------------------------------------------------------------------------------- the check


@dataclass
class Row:
    """One line of the table: for each question the place of the right product, 1 is best, 0 is not among the first."""

    label: str
    places: list[int] = field(default_factory=list)
    answered: int = 0
    seconds: list[float] = field(default_factory=list)

    def ask(self, retriever: ProductRetriever, query: str, title: str, without: Iterable[str] = ()) -> None:
        start = time.perf_counter()
        found = retriever.search(query, DEPTH, without)
        self.seconds.append(time.perf_counter() - start)
        wanted = normalised_title(title)
        places = [place for place, result in enumerate(found, start=1) if normalised_title(result.product) == wanted]
        self.places.append(places[0] if places else 0)
        self.answered += bool(found)

    def success(self, depth: int) -> float:
        return sum(1 <= place <= depth for place in self.places) / len(self.places)

    def mean_reciprocal_rank(self) -> float:
        return sum(1 / place for place in self.places if place) / len(self.places)


def check(retriever: ProductRetriever, settings: Settings) -> None:
    """Count what is indexed, search for a sample of it, and print a table. Raises UserError if something is missing."""
    compare_counts(retriever, settings)
    sample = retriever.texts([(n, 1.0) for n in sample_numbers(retriever, CHECKED_PRODUCTS, CHECK_SEED)])
    ways: dict[str, Callable[[Retrieved], str]] = {
        _("title as it is"): lambda found: found.product,
        _("title in lower case"): lambda found: found.product.lower(),
        _("title with a typing error"): lambda found: with_typing_error(found.product, random.Random(found.id)),
        _("first half of the title"): first_half,
        _("sentence of the description"): sentence,
    }
    rows = [Row(label) for label in ways]
    absent = Row(_("title not in the catalogue"))
    left_out = sample[:CHECKED_ABSENT]
    with progress_bar(_("Asking the index"), total=len(sample) * len(rows) + len(left_out)) as bar:
        for row, way in zip(rows, ways.values(), strict=True):
            for found in sample:
                row.ask(retriever, way(found), found.product)
                bar.update()
        for found in left_out:
            absent.ask(retriever, found.product, found.product, without=[found.product])
            bar.update()
    print_table(rows, absent)


def compare_counts(retriever: ProductRetriever, settings: Settings) -> None:
    catalogue = sum(1 for _product in read_products(settings.data.processed_file, settings.rag.max_records))
    products, documents = retriever.keywords.counts()
    in_chroma = retriever.collection.count()
    print("\n" + _("Products in the processed file: {n:,}").format(n=catalogue))
    print(_("Different products in the keyword index: {n:,}").format(n=products))
    print(_("Documents in Chroma: {n:,} of {all:,}").format(n=in_chroma, all=documents) + "\n", flush=True)
    if in_chroma != documents or not 0 < products <= catalogue:
        raise UserError(
            _("The index in {folder} is not complete. Run again: {command}").format(
                folder=settings.rag.chroma_dir, command=command("rag_indexing.py")
            )
        )


def first_half(found: Retrieved) -> str:
    """The first half of the words of the title, at least two."""
    words = found.product.split()
    return " ".join(words[: max(2, (len(words) + 1) // 2)])


def sentence(found: Retrieved) -> str:
    """A sentence of the description, not too short."""
    description = found.text.removeprefix(document_text(found.product, ""))
    sentences = [part for part in re.split(r"(?<=[.!?]) ", description) if len(part) >= SHORTEST_SENTENCE]
    return random.Random(found.id).choice(sentences) if sentences else description


def print_table(rows: list[Row], absent: Row) -> None:
    heads = [_("asked by"), _("questions"), "success@1", "success@3", f"MRR@{DEPTH}", _("answered"), "p50 ms", "p95 ms"]
    print("\n" + line_of(*heads))
    for row in rows:
        figures = [localised(figure, ".3f") for figure in (row.success(1), row.success(3), row.mean_reciprocal_rank())]
        print(line_of(row.label, localised(len(row.places), ","), *figures, *ending(row)))
    print(line_of(absent.label, localised(len(absent.places), ","), "-", "-", "-", *ending(absent)))
    print(
        "\n"
        + _("False acceptances: {n:,} of {all:,} titles that are not in the catalogue ({share:.1%})").format(
            n=absent.answered, all=len(absent.places), share=absent.answered / len(absent.places)
        )
    )


def ending(row: Row) -> list[str]:
    """The share of the questions that were answered, median and 95th percentile of the time for one."""
    import numpy as np

    times = [localised(1000 * time, ".1f") for time in np.quantile(row.seconds, [0.5, 0.95])]
    return [localised(row.answered / len(row.places), ".3f"), *times]


def line_of(label: str, *figures: str) -> str:
    return f"{label:<30}" + "".join(f"{figure:>11}" for figure in figures)


if __name__ == "__main__":
    run(main, DESCRIPTION)
