"""Script 6."""

from __future__ import annotations

import ast
import re
import sqlite3
from contextlib import closing

import pytest

from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from tests.pipeline_run import RECORDS
from tests.running import DEMO, assert_refused, run_here, run_well_here


def found_for(screen: str) -> dict[str, list[dict]]:
    """Query -> what was found for it, best first: text, product and score."""
    results = {}
    for section in screen.split("\nQuery: ")[1:]:
        query, _, rest = section.partition("\n")
        entries = re.findall(r"^\* (Product: .*) \[(\{'product': .*, 'score': .*\})\]$", rest, re.MULTILINE)
        results[query] = [{"text": text, **ast.literal_eval(facts)} for text, facts in entries]
        assert (NOT_IN_CATALOGUE in rest) == (not entries)
    return results


def test_products_for_each_query_best_first(pipeline_run):
    done = pipeline_run.done["rag_search_vs.py"]
    assert done.code == 0, done.errors
    for line in ("Creating the embedding model...", "vector_store created!", "Querying the vector_store"):
        assert line in done.screen
    results = found_for(done.screen)
    assert list(results) == [*pipeline_run.asked, *(product.product for product in pipeline_run.products[10:15])]
    indexed = {product.product: product.description for product in pipeline_run.products[:24]}
    for found in results.values():
        assert len(found) == len({entry["text"] for entry in found})
        assert len(found) in (0, 3)
        scores = [entry["score"] for entry in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        for entry in found:
            whole = f"Product: {entry['product']} - Description: {indexed[entry['product']]}"
            assert entry["text"] == whole


def test_exact_titles_are_found_first_and_others_not_at_all(pipeline_run):
    results = found_for(pipeline_run.done["rag_search_vs.py"].screen)
    assert results.pop("A Title That Is Nowhere") == []
    assert [found[0]["product"] for found in results.values()] == list(results)
    assert {found[0]["score"] for found in results.values()} == {1.0}


@pytest.mark.parametrize("method", ["dense", "keyword"])
def test_other_methods(pipeline_run, tmp_path, method):
    title = pipeline_run.asked[0]
    flags = (*DEMO, *RECORDS, "--rag.method", method, "--products", title.lower(), "--rag.top_k", "1")
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db*")
    done = run_well_here("rag_search_vs.py", folder, *flags)
    [found] = found_for(done.screen)[title.lower()]
    assert found["product"] == title
    assert ("Creating the embedding model..." in done.screen) == (method == "dense")


def table_of(screen: str) -> dict[str, list[str]]:
    """Label -> the figures in its line of the table of a check."""
    lines = [re.split(r"\s{2,}", line) for line in screen.splitlines()]
    return {line[0]: line[1:] for line in lines if len(line) == 8}


def test_check_examines_the_index(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db*")
    done = run_well_here("rag_search_vs.py", folder, *DEMO, *RECORDS, "--check")
    assert "Products in the processed file: 24\nDifferent products in the keyword index: 24\n" in done.screen
    documents = re.search(r"Documents in Chroma: (\d+) of (\d+)\n", done.screen)
    assert documents[1] == documents[2]
    table = table_of(done.screen)
    for way in ("title as it is", "title in lower case"):
        assert table[way][:5] == ["24", "1.000", "1.000", "1.000", "1.000"]
    assert float(table["title with a typing error"][1]) >= 0.8
    assert all(float(table[way][0]) == 24 for way in table if way != "asked by")
    wrong = re.search(r"False acceptances: (\d+) of 24 titles", done.screen)
    assert int(wrong[1]) <= 3


def test_check_finds_what_is_missing(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db*")
    with closing(sqlite3.connect(folder / "chroma_db.products.keywords.sqlite3")) as database:
        database.execute("DELETE FROM document WHERE number = 3")
        database.commit()
    done = run_here("rag_search_vs.py", folder, *DEMO, *RECORDS, "--check", "--rag.method", "keyword")
    assert_refused(done, "not complete", "python rag_indexing.py")


def test_index_without_its_keywords_or_floor_is_refused(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db", "chroma_db.meta.json")
    done = run_here("rag_search_vs.py", folder, *DEMO, *RECORDS, "--rag.method", "keyword")
    assert_refused(done, "chroma_db.products.keywords.sqlite3", "python rag_indexing.py")
    meta = folder / "chroma_db.meta.json"
    meta.write_text(meta.read_text(encoding="utf-8").replace('"floors"', '"walls"'), encoding="utf-8")
    done = run_here("rag_search_vs.py", folder, *DEMO, *RECORDS, "--rag.method", "keyword")
    assert_refused(done, "earlier version", "python rag_indexing.py")
