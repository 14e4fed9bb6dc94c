"""Training examples that are asked as script 7 asks: with documents, so that the model learns to read them.

A model that was trained on titles alone writes without reading. So a share of the examples has the product's own text
among others, at a random place, and teaches to find it; in some the own text is missing, and they teach to say so.
(RAFT keeps the answer where the document is missing; here that would teach to invent, so the answer is the one that
script 7 gives where nothing is found.)

RAFT: Zhang et al. 2024, «Adapting Language Model to Domain Specific RAG», https://arxiv.org/abs/2403.10131
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from config import Settings
from pipeline.catalogue.products import Product, normalised_title
from pipeline.catalogue.prompts import (
    INSTRUCTION,
    NOT_IN_CATALOGUE,
    document_text,
    in_its_place,
    retrieval_input,
    retrieval_instruction,
)
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar
from pipeline.search.keyword_index import KeywordIndex, new_index

Example = dict[str, str]  # `instruction`, `input` and `output`


@contextmanager
def examples_of(products: Sequence[Product], index_file: Path, settings: Settings) -> Iterator[Iterator[Example]]:
    """The example of each product; `training.retrieval_share` of them with `rag.top_k` documents.

    Which ones, and at which place the own document stands, follows from `training.seed` and the title alone. The other
    documents are the nearest by the keyword side of the search, among `products`; for the time of this they are indexed
    in `index_file`.
    """
    if not settings.training.retrieval_share:
        yield map(of_title, products)
        return
    try:
        index_products(products, index_file)
        with closing(Neighbours(products, index_file)) as neighbours:
            yield (example_of(product, neighbours, settings) for product in products)
    finally:
        index_file.unlink(missing_ok=True)


def example_of(product: Product, neighbours: Neighbours, settings: Settings) -> Example:
    chosen, without_own, place = draws(product.product, settings.training.seed)
    if chosen >= settings.training.retrieval_share:
        return of_title(product)
    missing = without_own < settings.training.missing_share
    return of_documents(product, neighbours.nearest(product, settings.rag.top_k - (not missing)), missing, place)


def draws(title: str, seed: int) -> tuple[float, float, float]:
    """Three numbers from 0 to 1, the same on every machine."""
    drawn = random.Random(f"{seed} {normalised_title(title)}")
    return drawn.random(), drawn.random(), drawn.random()


def of_title(product: Product) -> Example:
    """The question of scripts 2 and 4."""
    return {"instruction": INSTRUCTION, "input": product.product, "output": product.description}


def of_documents(product: Product, near: list[Product], missing: bool, place: float) -> Example:
    """The question of script 7 with the products `near`; `place`, 0 to 1, says where among them the own one stands.

    Where there is no other product to show, the own one is never missing.
    """
    missing = missing and bool(near)
    shown = [*near]
    if not missing:
        shown.insert(int(place * (len(shown) + 1)), product)
    return {
        "instruction": retrieval_instruction(product.product),
        "input": retrieval_input([document_text(*document) for document in shown]),
        "output": NOT_IN_CATALOGUE if missing else product.description,
    }


def title_of(instruction: str, input: str) -> str:
    """The title that an example of either form asks about, on one line."""
    start = retrieval_instruction("")
    return instruction.removeprefix(start) if instruction.startswith(start) else in_its_place(input)


def index_products(products: Sequence[Product], index_file: Path) -> None:
    with new_index(index_file) as writer:
        for number, product in enumerate(progress_bar(_("Indexing the training products"), products)):
            writer.add(product, [str(number)])


class Neighbours:
    """The products near to another, by a keyword index whose document ids are their numbers in `products`."""

    def __init__(self, products: Sequence[Product], index_file: Path):
        self._products, self._index = products, KeywordIndex(index_file)

    def close(self) -> None:
        self._index.close()

    def nearest(self, product: Product, count: int) -> list[Product]:
        """The best `count` for its title, in the order of the catalogue; none that has the same title.

        The product itself is looked up too, and left out afterwards: without it, each word that it alone has would be
        taken for a misspelt one.
        """
        if not count:
            return []
        same = self._index.with_title(product.product)
        found = self._index.query(product.product).best(count + len(same)).tolist()
        documents = self._index.documents_of(sorted(set(found) - set(same))[:count])
        return [self._products[int(ids[0])] for _number, ids in sorted(documents.items())]
