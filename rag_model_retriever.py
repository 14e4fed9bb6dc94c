"""Script 7: retrieve the most relevant products for each title and have the language model answer from them.

    python rag_model_retriever.py
    python rag_model_retriever.py --products "The Prophet" "Mog's Kittens"

If the index holds no similar product, the answer is one fixed sentence, and the model is not asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import Settings
from pipeline.command.script import run, show_settings
from pipeline.model.answers import Answer, answers_in_order, not_in_catalogue, save_answers
from pipeline.model.loading import (
    LanguageModel,
    announce_settings,
    choose_backend,
    load_foundation_model,
    prepare_for_inference,
)
from pipeline.model.retrieval_question import retrieval_question
from pipeline.runtime.artifacts import meta_path
from pipeline.runtime.messages import N_, _
from pipeline.runtime.screen import banner
from pipeline.search.store import chroma_faults, require_index

if TYPE_CHECKING:
    from pipeline.search.retriever import Retrieved

DESCRIPTION = N_("Script 7: have the language model answer with the products that the index finds.")


def main(settings: Settings) -> None:
    require_index(settings)
    report_settings(settings)
    found = retrieve(settings)
    answers = answers_from(found, settings)
    for answer in answers:
        show(answer)
    save_answers(settings.answers.rag_file, answers, settings, [meta_path(settings.rag.chroma_dir)])


def report_settings(settings: Settings) -> None:
    announce_settings(settings)
    show_settings(settings, "model", "generation", "rag", "products")


def retrieve(settings: Settings) -> dict[str, list[Retrieved]]:
    """What the index finds for each product; the embedding model leaves the card before the language model comes."""
    choose_backend(settings)  # before the embedding model, since Unsloth must be the first to import transformers
    from pipeline.search.retriever import open_search

    retriever = open_search(settings)
    with chroma_faults(settings):
        return {product: retriever.search(product) for product in settings.products}


def answers_from(found: dict[str, list[Retrieved]], settings: Settings) -> list[Answer]:
    """The answers in the order of the products; the model is loaded only where something was found."""
    answers = {product: not_in_catalogue(product, settings.generation) for product in found}
    to_ask = {product: documents for product, documents in found.items() if documents}
    if to_ask:
        language_model = load_model(settings)
        questions = [retrieval_question(language_model, *item, settings) for item in to_ask.items()]
        for question in questions:
            report_what_was_left_out(len(question.retrieved), len(to_ask[question.product]))
        answers |= {answer.product: answer for answer in answers_in_order(language_model, questions, settings)}
    return list(answers.values())


def load_model(settings: Settings) -> LanguageModel:
    banner(_("Loading the model and the tokenizer..."))
    language_model = load_foundation_model(settings)
    print("\n" + _("Model {name} and its tokenizer loaded!").format(name=settings.model.name))
    banner(_("Preparing the model for inference (predictions)..."))
    language_model = prepare_for_inference(language_model, settings)
    print(_("Model prepared for inference!"))
    return language_model


def report_what_was_left_out(used: int, found: int) -> None:
    if used < found:
        print("\n" + _("{n} of {all} documents fit into the prompt.").format(n=used, all=found))


def show(answer: Answer) -> None:
    if answer.retrieved:
        print("\n" + _("Generated answer:") + f"\n\n{answer.prompt}\n{answer.answer}", flush=True)
    else:
        print("\n" + _("Product: {product}").format(product=answer.product))
        print(_(answer.answer), flush=True)


if __name__ == "__main__":
    run(main, DESCRIPTION)
