"""Script 6: check the index: the documents most relevant to each product, without a language model.

    python rag_search_vs.py
    python rag_search_vs.py --products "ballet tutu" --rag.top_k 5
"""

from __future__ import annotations

from config import Settings
from pipeline.messages import N_, _
from pipeline.script import run, show_settings
from pipeline.vector_store import load_embedding_model, open_vector_store, require_index, search

DESCRIPTION = N_("Script 6: check the index: the documents most relevant to each product.")


def main(settings: Settings) -> None:
    require_index(settings)
    show_settings(settings, "rag", "products")
    store = open_vector_store(load_embedding_model(settings), settings)
    print("\n" + _("Querying the vector_store"))
    for product in settings.products:
        print("\n" + _("Query: {product}").format(product=product))
        for found in search(store, product, settings.rag.top_k):
            print(f"\n* {found.text} [{{'product': {found.product!r}, 'score': {found.score:.3f}}}]")


if __name__ == "__main__":
    run(main, DESCRIPTION)
