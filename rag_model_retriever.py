"""Script 7: retrieve the most relevant documents for each product and have the language model answer from them.

    python rag_model_retriever.py
    python rag_model_retriever.py --products "The Prophet" "Mog's Kittens"
"""

from __future__ import annotations

from config import Settings
from pipeline.answers import Question, answers_in_order, room_for_answer, save_answers
from pipeline.artifacts import meta_path
from pipeline.language_model import LanguageModel, choose_backend, load_foundation_model, prepare_for_inference
from pipeline.messages import N_, _
from pipeline.prompts import retrieval_prompt
from pipeline.script import banner, run, show_settings
from pipeline.vector_store import Retrieved, load_embedding_model, open_vector_store, require_index, search

DESCRIPTION = N_("Script 7: have the language model answer from what the index finds.")


def main(settings: Settings) -> None:
    require_index(settings)
    report_settings(settings)
    found = retrieve(settings)
    language_model = load_model(settings)
    questions = [question_from(language_model, *item, settings) for item in found.items()]
    answers = answers_in_order(language_model, questions, settings)
    for answer in answers:
        print("\n" + _("Generated answer:") + f"\n\n{answer.prompt}\n{answer.answer}", flush=True)
    save_answers(settings.answers.rag_file, answers, settings, [meta_path(settings.rag.chroma_dir)])


def report_settings(settings: Settings) -> None:
    banner(_("Creating the Unsloth settings"))
    show_settings(settings, "model", "generation", "rag", "products")


def retrieve(settings: Settings) -> dict[str, list[Retrieved]]:
    """What the index finds for each product; the embedding model leaves the card before the language model comes."""
    choose_backend(settings)  # before the embedding model, since Unsloth must be the first to import transformers
    store = open_vector_store(load_embedding_model(settings), settings)
    return {product: search(store, product, settings.rag.top_k) for product in settings.products}


def load_model(settings: Settings) -> LanguageModel:
    banner(_("Loading the model and the tokenizer..."))
    language_model = load_foundation_model(settings)
    print("\n" + _("Model {name} and its tokenizer loaded!").format(name=settings.model.name))
    banner(_("Preparing the model for inference (predictions)..."))
    language_model = prepare_for_inference(language_model, settings)
    print(_("Model prepared for inference!"))
    return language_model


def question_from(
    language_model: LanguageModel, product: str, documents: list[Retrieved], settings: Settings
) -> Question:
    """What to ask about one product; where not all documents fit, the best are kept."""
    used, wanted = documents, settings.generation.max_new_tokens
    while len(used) > 1 and room_for_answer(language_model, prompt_of(product, used)) < wanted:
        used = used[:-1]
    if len(used) < len(documents):
        print("\n" + _("{n} of {all} documents fit into the prompt.").format(n=len(used), all=len(documents)))
    return Question(product, prompt_of(product, used), [document._asdict() for document in used])


def prompt_of(product: str, documents: list[Retrieved]) -> str:
    return retrieval_prompt(product, [document.text for document in documents])


if __name__ == "__main__":
    run(main, DESCRIPTION)
