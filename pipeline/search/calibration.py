"""The score below which a search finds nothing, measured on the catalogue itself when it is indexed."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar
from pipeline.search.embedding import embed_queries

if TYPE_CHECKING:
    from pathlib import Path

    from chromadb.api.models.Collection import Collection
    from langchain_huggingface import HuggingFaceEmbeddings

    from pipeline.search.retriever import ProductRetriever

SAMPLE = 300  # titles
SEED = 3407
ACCEPTED_WRONGLY = 0.04  # share of the titles left out that may pass, so that some other sample keeps below 0.05
LOST = 0.03  # share of the misspelt titles that the floor may cost, where it has the choice


def calibrate(collection: Collection, keywords: Path, embeddings: HuggingFaceEmbeddings) -> dict[str, float]:
    """Method -> floor of its scores, from titles asked with a typing error against titles whose product is left out.

    Of the titles left out, 4 % at most reach the floor. Where the misspelt ones score higher than those, it stands
    between the two. The same title needs no floor: it scores 1. `keywords` is the file of the keyword index.
    """
    from pipeline.search.keyword_index import KeywordIndex
    from pipeline.search.retriever import METHODS, ProductRetriever

    retriever = ProductRetriever(collection=collection, keywords=KeywordIndex(keywords))
    numbers = sample_numbers(retriever, SAMPLE, SEED)
    titles = retriever.titles(numbers)
    errors = [with_typing_error(title, random.Random(f"{SEED} {title}")) for title in titles]
    vectors = embed_queries(embeddings, [*titles, *errors]).tolist()
    absent: dict[str, list[float]] = {method: [] for method in METHODS}
    present: dict[str, list[float]] = {method: [] for method in METHODS}
    asked = list(zip(titles, errors, vectors, vectors[len(titles) :], strict=False))
    for title, error, vector, error_vector in progress_bar(_("Calibrating the search"), asked):
        own = set(retriever.keywords.with_title(title))
        for method in METHODS:
            retriever.method = method
            absent[method].append(best_score(retriever.rank(title, vector, own)))
            present[method].append(best_score(retriever.rank(error, error_vector)))
    retriever.keywords.close()
    return {method: floor_between(absent[method], present[method]) for method in METHODS}


def floor_between(absent: list[float], present: list[float]) -> float:
    """The floor for scores of products that are not there and of some that are."""
    import numpy as np

    least = float(np.quantile(absent, 1 - ACCEPTED_WRONGLY)) + 1e-4  # scores are compared after rounding
    return round(max(least, (least + float(np.quantile(present, LOST))) / 2), 4)


def best_score(ranking: list[tuple[int, float]]) -> float:
    return ranking[0][1] if ranking else 0.0


def sample_numbers(retriever: ProductRetriever, count: int, seed: int) -> list[int]:
    """Numbers of at most `count` products, drawn without replacement."""
    products = len(retriever.keywords.norms)
    return random.Random(seed).sample(range(products), min(count, products))


def with_typing_error(title: str, chance: random.Random) -> str:
    """`title` with one letter or digit replaced, left out, doubled by another, or changed with the next one."""
    places = [place for place, letter in enumerate(title) if letter.isalnum()]
    if not places:
        return title
    place = chance.choice(places)
    before, letter, after = title[:place], title[place], title[place + 1 :]
    other = chance.choice([one for one in string.ascii_lowercase if one != letter.lower()])
    swapped = after[:1] + letter + after[1:]
    return before + chance.choice([other + after, after, letter + other + after, swapped])
