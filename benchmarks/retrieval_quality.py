"""How often the right product comes first: every method on the same queries, beside what is commonly used.

    python benchmarks/retrieval_quality.py FOLDER

FOLDER holds corpus.jsonl (_id, title, text), queries.jsonl (_id, text) and qrels.tsv (query, product, 1), as BEIR lays
them out. The weights of the hybrid search are also tuned anew on two thirds of the queries and tried on the third that
was held out, three times over.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import tempfile
from itertools import product as combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import document_text
from pipeline.command.command_line import read_settings
from pipeline.search.embedding import embed_queries, load_embedding_model
from pipeline.search.keyword_index import KeywordIndex, new_index
from pipeline.search.retriever import WEIGHTS, ProductRetriever, fuse

DEPTH = 10
FOLDS = 3
GRID = list(combinations((1,), (0.5, 1, 1.5, 2), (0, 0.25, 0.5, 1)))  # title, coverage, cosine


class Task(NamedTuple):
    """Products, queries, and which product (a column) is right for which query (a row).

    Where a text stands in the corpus several times, all of them are right when one is: a search cannot tell them apart.
    """

    products: list[Product]
    queries: list[str]
    right: np.ndarray


def main(folder: Path) -> None:
    task = read_task(folder)
    print(f"{len(task.products):,} products, {len(task.queries):,} queries, {int(task.right.sum()):,} right answers")
    embeddings = load_embedding_model(read_settings("", ["--profile", "demo"]))
    vectors = np.array(embeddings.embed_documents([document_text(*product) for product in task.products]))
    query_vectors = embed_queries(embeddings, task.queries).tolist()
    baselines = {
        "BM25 on words (SQLite FTS5)": fts5_scores(task),
        "TF-IDF, 3- and 4-letter parts of titles": tfidf_scores(task),
        "cosine of all-MiniLM-L6-v2": np.array(query_vectors) @ vectors.T,
    }
    baselines["the three, equal weights"] = sum(of_each_query(scores) for scores in baselines.values())
    baselines["the three, reciprocal ranks"] = sum(reciprocal_ranks(scores) for scores in baselines.values())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        retriever = make_index(task, vectors, Path(name))
        ours = {method: ranked_by(retriever, method, task, query_vectors) for method in WEIGHTS}
        features = features_of(retriever, task, query_vectors)
        retriever.keywords.close()
    rankings = {
        name: np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH].tolist() for name, scores in baselines.items()
    }
    report(task, rankings | {f"rag.method {method}": ranking for method, ranking in ours.items()})
    report_held_out(task, features)


def read_task(folder: Path) -> Task:
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    rows = {query["_id"]: number for number, query in enumerate(queries)}
    columns = {entry["_id"]: number for number, entry in enumerate(corpus)}
    right = np.zeros((len(queries), len(corpus)), bool)
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, entry, score = line.split("\t")
        right[rows[query], columns[entry]] = int(score) > 0
    products = [Product(entry["title"], entry["text"]) for entry in corpus]
    same: dict[Product, list[int]] = {}
    for column, product in enumerate(products):
        same.setdefault(product, []).append(column)
    for alike in same.values():
        right[:, alike] = right[:, alike].any(axis=1, keepdims=True)
    return Task(products, [query["text"] for query in queries], right)


# --------------------------------------------------------------------------------------------------- what is compared


def fts5_scores(task: Task) -> np.ndarray:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(title, description)")
    rows = [(number, *product) for number, product in enumerate(task.products)]
    database.executemany("INSERT INTO words (rowid, title, description) VALUES (?, ?, ?)", rows)
    scores = np.zeros(task.right.shape)
    for row, query in enumerate(task.queries):
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        for number, score in database.execute("SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?", (words,)):
            scores[row, number] = score
    return scores


def tfidf_scores(task: Task) -> np.ndarray:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True)
    titles = vectorizer.fit_transform([product.product for product in task.products])
    return (vectorizer.transform(task.queries) @ titles.T).toarray()


def of_each_query(scores: np.ndarray) -> np.ndarray:
    """Scores from 0 to 1 for each query."""
    least, most = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return (scores - least) / np.maximum(most - least, 1e-9)


def reciprocal_ranks(scores: np.ndarray) -> np.ndarray:
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    return 1 / (60 + ranks)


def make_index(task: Task, vectors: np.ndarray, folder: Path) -> ProductRetriever:
    import chromadb

    ids = [str(number) for number in range(len(task.products))]
    collection = chromadb.EphemeralClient().create_collection("products", configuration={"hnsw": {"space": "cosine"}})
    collection.add(ids=ids, embeddings=vectors)
    with new_index(folder / "keywords.sqlite3") as keywords:
        for id_, product in zip(ids, task.products, strict=True):
            keywords.add(product, [id_])
    return ProductRetriever(collection=collection, keywords=KeywordIndex(folder / "keywords.sqlite3"))


def ranked_by(retriever: ProductRetriever, method: str, task: Task, vectors: list) -> list[list[int]]:
    """The columns of the products that each query finds, best first."""
    retriever.method = method
    columns = columns_of(retriever)
    asked = zip(task.queries, vectors, strict=True)
    return [[columns[number] for number, _score in retriever.rank(*query)][:DEPTH] for query in asked]


def features_of(retriever: ProductRetriever, task: Task, vectors: list) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each query the columns of the candidates, and a row of features for each."""
    retriever.method = "hybrid"
    columns = columns_of(retriever)
    found = [retriever.features(*query) for query in zip(task.queries, vectors, strict=True)]
    return [(columns[numbers], rows) for numbers, rows in found]


def columns_of(retriever: ProductRetriever) -> np.ndarray:
    """The column of each product of the keyword index, which numbers products with the same text once."""
    count, _documents = retriever.keywords.counts()
    documents = [retriever.keywords.documents_of([number])[number] for number in range(count)]
    return np.array([int(ids[0]) for ids in documents])


# ---------------------------------------------------------------------------------------------------------- figures


def hits(task: Task, rankings: list[list[int]], depth: int) -> np.ndarray:
    """Whether each query has a right product among its first `depth`."""
    return np.array([task.right[row, ranking[:depth]].any() for row, ranking in enumerate(rankings)])


def mean_reciprocal_rank(task: Task, rankings: list[list[int]]) -> float:
    places = [np.flatnonzero(task.right[row, ranking]) for row, ranking in enumerate(rankings)]
    return float(np.mean([1 / (1 + place[0]) if len(place) else 0 for place in places]))


def report(task: Task, rankings: dict[str, list[list[int]]]) -> None:
    fold = np.arange(len(task.queries)) % FOLDS
    heads = ["success@1", "success@3", f"MRR@{DEPTH}", *(f"@1 fold {n + 1}" for n in range(FOLDS))]
    print("\n" + f"{'':<42}" + "".join(f"{head:>12}" for head in heads))
    for name, ranking in rankings.items():
        first = hits(task, ranking, 1)
        figures = [first.mean(), hits(task, ranking, 3).mean(), mean_reciprocal_rank(task, ranking)]
        figures += [first[fold == n].mean() for n in range(FOLDS)]
        print(f"{name:<42}" + "".join(f"{figure:>12.3f}" for figure in figures))


def report_held_out(task: Task, features: list[tuple[np.ndarray, np.ndarray]]) -> None:
    fold = np.arange(len(task.queries)) % FOLDS
    first, third = {}, {}
    for weights in GRID:
        scored = [(numbers, fuse(rows, np.array(weights) / sum(weights))) for numbers, rows in features]
        ranking = [numbers[np.argsort(-scores, kind="stable")][:3].tolist() for numbers, scores in scored]
        first[weights], third[weights] = hits(task, ranking, 1), hits(task, ranking, 3)
    print("\nWeights tuned on the other folds (title, coverage, cosine), success on the fold held out:")
    for n in range(FOLDS):
        best = max(GRID, key=lambda weights, n=n: first[weights][fold != n].sum() + third[weights][fold != n].sum())
        print(f"  fold {n + 1}: {best}: @1 {first[best][fold == n].mean():.3f}, @3 {third[best][fold == n].mean():.3f}")
    print("\nSuccess@1 and @3 over all queries for other weights:")
    for weights in GRID:
        print(f"  {weights}: {first[weights].mean():.3f} {third[weights].mean():.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
