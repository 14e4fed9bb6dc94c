"""The measurement of the search, on a corpus in which texts stand several times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.retrieval_quality import features_of, hits, make_index, ranked_by, read_task

COLOURS = ["red", "green", "blue", "black", "white", "brown"]
PRODUCTS = [(f"{colour} lamp", f"A lamp in {colour}.") for colour in COLOURS]
CORPUS = [PRODUCTS[0], PRODUCTS[0], *PRODUCTS[1:3], PRODUCTS[1], *PRODUCTS[3:]]


@pytest.fixture
def task(tmp_path):
    """Each colour is asked for; what is right is the last of the records with the same text."""
    write_lines(
        tmp_path / "corpus.jsonl",
        [{"_id": f"p{n}", "title": title, "text": text} for n, (title, text) in enumerate(CORPUS)],
    )
    write_lines(tmp_path / "queries.jsonl", [{"_id": f"q{n}", "text": colour} for n, colour in enumerate(COLOURS)])
    last = {product: number for number, product in enumerate(CORPUS)}
    rows = [f"q{n}\tp{last[product]}\t1" for n, product in enumerate(PRODUCTS)]
    (tmp_path / "qrels.tsv").write_text("query\tproduct\tscore\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return read_task(tmp_path)


def write_lines(path: Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_records_with_the_same_text_do_not_shift_the_others(task, tmp_path):
    vectors = np.eye(len(CORPUS), len(COLOURS))
    for column, product in enumerate(CORPUS):
        vectors[column] = np.eye(len(COLOURS))[PRODUCTS.index(product)]
    queries = np.eye(len(COLOURS)).tolist()
    retriever = make_index(task, vectors, tmp_path)
    try:
        for method in ("dense", "keyword", "hybrid"):
            rankings = ranked_by(retriever, method, task, queries)
            assert hits(task, rankings, 1).all(), method
        for query, (columns, rows) in enumerate(features_of(retriever, task, queries)):
            assert task.right[query, columns[rows.sum(axis=1).argmax()]]
    finally:
        retriever.keywords.close()
