"""Does a system notice that what the search found is not the product it was asked about?

    python benchmarks/missing_products.py --work_dir findings/products --model.name smollm2 --rag.top_k 3

Takes the adapter and the index that scripts 3 and 5 left in the folder, and the flags of script 8. Every held-out title
of the index is searched as if its product were not there. The search itself mostly says so; for the other titles, where
similar products reach its floor, retrieval alone and retrieval with the fine-tuned model are asked. Then the same
titles are asked with their products in the index, since a system that always says "not in the catalogue" would be right
each time. `--titles 100` asks about so many titles at most, `--without_floor` about titles below the floor as well.

Prints how many answers say "not in the catalogue", with 95 % intervals.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

if TYPE_CHECKING:
    from comparison.systems import System
    from config import Settings
    from pipeline.model.loading import LanguageModel
    from pipeline.search.retriever import Retrieved

Found = dict[str, "list[Retrieved]"]


def main() -> None:
    from comparison.systems import RAG, RAG_FINE_TUNED
    from pipeline.command.command_line import read_settings
    from pipeline.model.loading import choose_backend, load_fine_tuned_model, prepare_for_inference

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--titles", type=int, default=200)
    parser.add_argument("--without_floor", action="store_true")
    options, flags = parser.parse_known_args()
    settings = read_settings("", flags)
    choose_backend(settings)  # Unsloth comes before transformers
    missing, present = search(options, settings)
    language_model = prepare_for_inference(load_fine_tuned_model(settings), settings)
    for system in (RAG, RAG_FINE_TUNED):
        for case, found in (("missing, similar ones found", missing), ("in the index", present)):
            print(f"{system.noun}, {case}: {abstentions(system, found, language_model, settings)}", flush=True)


def search(options: argparse.Namespace, settings: Settings) -> tuple[Found, Found]:
    """What is found for held-out titles: without their products, where that is anything; and with their products."""
    from comparison.cases import held_out_percent
    from pipeline.catalogue.products import is_held_out, read_products
    from pipeline.runtime.progress import progress_bar
    from pipeline.search.retriever import open_search

    percent = held_out_percent(settings)
    products = read_products(settings.data.processed_file, settings.rag.max_records)
    titles = dict.fromkeys(product.product for product in products if is_held_out(product.product, percent))
    retriever = open_search(settings)
    if options.without_floor:
        retriever.floor = 0.0
    missing: Found = {}
    searched = 0
    for title in progress_bar("Searching", titles):
        searched += 1
        if found := retriever.search(title, without=[title]):
            missing[title] = found
        if len(missing) == options.titles:
            break
    print(f"{len(missing)} titles of {searched}: similar products found")
    if not missing:
        sys.exit("For no held-out title, similar products reach the floor of the search: add --without_floor.")
    return missing, {title: retriever.search(title) for title in missing}


def abstentions(system: System, found: Found, language_model: LanguageModel, settings: Settings) -> str:
    """How many of the system's answers say that the product is not in the catalogue, with the 95 % interval."""
    from comparison.intervals import share_interval
    from comparison.questions import answering_as, question_for
    from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
    from pipeline.model.answers import answers_in_order

    questions = [question_for(system, *item, language_model, settings) for item in found.items()]
    with answering_as(system, language_model):
        answers = answers_in_order(language_model, questions, settings)
    count = sum(answer.answer == NOT_IN_CATALOGUE for answer in answers)
    low, high = share_interval(count, len(answers))
    return f"{count} of {len(answers)} say so, {count / len(answers):.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
