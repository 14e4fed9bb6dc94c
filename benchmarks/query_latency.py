"""How long a search takes in 200,000 products, beside BM25 as commonly used: python benchmarks/query_latency.py FILE

FILE holds products as JSON lines (title, content; also .gz). As many as wanted are made of them: the first half of the
words of one title and text with the second half of another's. Vectors are random, so the times are without the
embedding model. Each engine gets the same titles: as they are, and with a typing error.

    --products N     200,000 if not named
    --queries N      500 if not named
    --bm25s          compare with bm25s too (pip install bm25s), which needs all texts in memory to make its index
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import document_text
from pipeline.search.calibration import with_typing_error
from pipeline.search.keyword_index import KeywordIndex, new_index
from pipeline.search.retriever import METHODS, ProductRetriever

DIMENSION = 384
BATCH = 5000
TOP = 3


def main(arguments: argparse.Namespace) -> None:
    products = list(variations(read_products(arguments.file), arguments.products))
    chance = random.Random(1)
    titles = [product.product for product in chance.sample(products, arguments.queries)]
    queries = [*titles, *(with_typing_error(title, chance) for title in titles)]
    print(f"{len(products):,} products, {len(queries):,} queries")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        retriever = make_index(products, Path(name))
        vectors = unit_vectors(len(queries), np.random.default_rng(2)).tolist()
        searches: dict[str, Callable[[str, list[float]], object]] = {}
        for method in METHODS:
            searches[f"rag.method {method}"] = search_by(retriever, method)
        searches["BM25, SQLite FTS5"] = fts5(products, Path(name))
        if arguments.bm25s:
            searches["BM25, bm25s memory-mapped"] = bm25s(products, Path(name))
        print(f"\n{'':<28}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}")
        for label, search in searches.items():
            print(f"{label:<28}" + "".join(f"{figure:>10.1f}" for figure in times(search, queries, vectors)))
        retriever.keywords.close()


def read_products(file: Path) -> list[Product]:
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [Product(record["title"], " ".join(record["content"].split())) for record in records]


def variations(products: list[Product], count: int) -> Iterator[Product]:
    chance = random.Random(0)
    for number in range(count):
        product = products[number % len(products)]
        if number >= len(products):
            other = chance.choice(products)
            product = Product(*(spliced(*texts) for texts in zip(product, other, strict=True)))
        yield product


def spliced(first: str, second: str) -> str:
    first_words, second_words = first.split(), second.split()
    return " ".join([*first_words[: (len(first_words) + 1) // 2], *second_words[len(second_words) // 2 :]])


def unit_vectors(count: int, random_numbers: np.random.Generator) -> np.ndarray:
    vectors = random_numbers.standard_normal((count, DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_index(products: list[Product], folder: Path) -> ProductRetriever:
    import chromadb

    client = chromadb.PersistentClient(str(folder / "chroma"), chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection(
        "products", configuration={"hnsw": {"space": "cosine", "sync_threshold": 50_000}}, embedding_function=None
    )
    random_numbers = np.random.default_rng(0)
    start = time.perf_counter()
    with new_index(folder / "keywords.sqlite3") as keywords:
        for number, product in enumerate(products):
            keywords.add(product, [str(number)])
    size = (folder / "keywords.sqlite3").stat().st_size
    print(f"keyword index: {time.perf_counter() - start:.0f} s, {size / 1e6:.0f} MB")
    start = time.perf_counter()
    for first in range(0, len(products), BATCH):
        part = products[first : first + BATCH]
        collection.add(
            ids=[str(first + number) for number in range(len(part))],
            embeddings=unit_vectors(len(part), random_numbers),
            documents=[document_text(*product) for product in part],
            metadatas=[{"product": product.product} for product in part],
        )
    print(f"Chroma: {time.perf_counter() - start:.0f} s", flush=True)
    return ProductRetriever(collection=collection, keywords=KeywordIndex(folder / "keywords.sqlite3"))


class Given:
    """Stands where the embedding model is: the vector of the next query."""

    def __init__(self) -> None:
        self.vector: list[float] = []

    def embed_query(self, _text: str) -> list[float]:
        return self.vector


def search_by(retriever: ProductRetriever, method: str) -> Callable[[str, list[float]], object]:
    given = Given()
    retriever = retriever.model_copy(update={"method": method, "embeddings": given})

    def search(query: str, vector: list[float]) -> object:
        given.vector = vector
        return retriever.search(query, TOP)

    return search


def fts5(products: list[Product], folder: Path) -> Callable[[str, list[float]], object]:
    start = time.perf_counter()
    database = sqlite3.connect(folder / "fts5.sqlite3")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(title, description, content='')")
    database.executemany("INSERT INTO words (title, description) VALUES (?, ?)", products)
    database.commit()
    size = (folder / "fts5.sqlite3").stat().st_size
    print(f"FTS5: {time.perf_counter() - start:.0f} s, {size / 1e6:.0f} MB", flush=True)
    best = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT {TOP}"

    def search(query: str, _vector: list[float]) -> object:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        return database.execute(best, (words,)).fetchall()

    return search


def bm25s(products: list[Product], folder: Path) -> Callable[[str, list[float]], object]:
    import bm25s

    start = time.perf_counter()
    texts = [f"{product.product} {product.description}" for product in products]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords=None, show_progress=False), show_progress=False)
    index.save(folder / "bm25s")
    size = sum(file.stat().st_size for file in (folder / "bm25s").iterdir())
    print(f"bm25s: {time.perf_counter() - start:.0f} s, {size / 1e6:.0f} MB", flush=True)
    mapped = bm25s.BM25.load(folder / "bm25s", mmap=True)

    def search(query: str, _vector: list[float]) -> object:
        tokens = bm25s.tokenize(query, stopwords=None, show_progress=False)
        return mapped.retrieve(tokens, k=TOP, show_progress=False)

    return search


def times(search: Callable, queries: list[str], vectors: list[list[float]]) -> tuple[float, float, float]:
    """Median, 95th percentile and longest time of a search, in milliseconds; the first ten do not count."""
    taken = []
    for query, vector in zip(queries, vectors, strict=True):
        start = time.perf_counter()
        search(query, vector)
        taken.append(1000 * (time.perf_counter() - start))
    return (*np.quantile(taken[10:], [0.5, 0.95]), max(taken[10:]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--products", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--bm25s", action="store_true")
    main(parser.parse_args())
