"""Script 6."""

from __future__ import annotations

import ast
import re


def found_for(screen: str) -> dict[str, list[dict]]:
    """Query -> what was found for it, best first: text, product and score."""
    results = {}
    for section in screen.split("\nQuery: ")[1:]:
        query, _, rest = section.partition("\n")
        entries = re.findall(r"^\* (Product: .*) \[(\{'product': .*, 'score': .*\})\]$", rest, re.MULTILINE)
        results[query] = [{"text": text, **ast.literal_eval(facts)} for text, facts in entries]
    return results


def test_three_documents_for_each_query_best_first(pipeline_run):
    done = pipeline_run.done["rag_search_vs.py"]
    assert done.code == 0, done.errors
    for line in ("Creating the embedding model...", "vector_store created!", "Querying the vector_store"):
        assert line in done.screen
    results = found_for(done.screen)
    assert list(results) == [*pipeline_run.asked, *(product.product for product in pipeline_run.products[10:15])]
    indexed = {product.product for product in pipeline_run.products[:24]}
    for found in results.values():
        assert len(found) == len({entry["text"] for entry in found}) == 3
        scores = [entry["score"] for entry in found]
        assert scores == sorted(scores, reverse=True)
        assert all(-1 <= score <= 1 for score in scores)
        for entry in found:
            assert entry["product"] in indexed
            assert entry["text"].startswith(f"Product: {entry['product']} - Description: ")


def test_exact_titles_are_found_first(pipeline_run):
    results = found_for(pipeline_run.done["rag_search_vs.py"].screen)
    titles = [title for title in results if title != "A Title That Is Nowhere"]
    assert [results[title][0]["product"] for title in titles] == titles


def test_score_tells_a_hit_from_a_miss(pipeline_run):
    results = found_for(pipeline_run.done["rag_search_vs.py"].screen)
    nowhere = results.pop("A Title That Is Nowhere")
    assert nowhere[0]["score"] < min(found[0]["score"] for found in results.values())
