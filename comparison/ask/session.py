"""What is loaded once for all questions: model, adapter and index; and one question to the four systems."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from comparison.questions import answering_as, question_for
from comparison.systems import SYSTEMS, System
from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.model.adapter import require_adapter
from pipeline.model.answers import Answer, ask, ask_aloud, not_in_catalogue
from pipeline.model.loading import (
    LanguageModel,
    choose_backend,
    load_fine_tuned_model,
    load_foundation_model,
    prepare_for_inference,
)
from pipeline.runtime.artifacts import read_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.screen import banner
from pipeline.search.embedding import model_of
from pipeline.search.store import chroma_faults, require_index

if TYPE_CHECKING:
    from pipeline.search.retriever import ProductRetriever, Retrieved


class Session(NamedTuple):
    """What was loaded with `settings`; `missing` says, by system, why it cannot answer and which script to run."""

    language_model: LanguageModel
    search: ProductRetriever | None
    missing: dict[str, str]
    settings: Settings

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of search that a question can choose: without an embedding model, only the one by words."""
        from pipeline.search.retriever import METHODS

        return METHODS if self.search and self.search.embeddings else ("keyword",)


class Said(NamedTuple):
    """An answer, and the seconds until its first token; None where no model was asked."""

    answer: Answer
    first_token: float | None


def open_session(settings: Settings) -> Session:
    """Load everything once, the search first. Raises UserError where the foundation model cannot be loaded.

    The embedding model stays on the CPU, as script 8 has it: the card is the language model's.
    """
    choose_backend(settings)  # before the embedding model, since Unsloth must be the first to import transformers
    missing: dict[str, str] = {}
    search = _open_search(settings, missing)
    try:
        require_adapter(settings)
        load = load_fine_tuned_model
    except UserError as error:
        missing |= {system.name: str(error) for system in SYSTEMS if system.adapter}
        load = load_foundation_model
    for reason in dict.fromkeys(missing.values()):
        print("\n" + reason, flush=True)
    banner(_("Loading the model and the tokenizer..."))
    language_model = prepare_for_inference(load(settings), settings)
    _warm_up(language_model, settings)
    return Session(language_model, search, missing, settings)


def _warm_up(language_model: LanguageModel, settings: Settings) -> None:
    """Generate one token for nobody: a card loads its kernels with the first one, which took 1.4 s on an H200."""
    one_token = settings.generation.model_copy(update={"max_new_tokens": 1})
    ask(language_model, "", product_prompt("", language_model.form), one_token)


def _open_search(settings: Settings, missing: dict[str, str]) -> ProductRetriever | None:
    """The search in the index; where there is none, the reason goes to `missing`."""
    from pipeline.search.retriever import open_search

    try:
        require_index(settings)
        with chroma_faults(settings):
            search = open_search(settings)
    except UserError as error:
        missing |= {system.name: str(error) for system in SYSTEMS if system.retrieval}
        return None
    if search.embeddings:
        model_of(search.embeddings).to("cpu")
    return search


def look_up(session: Session, title: str, settings: Settings) -> list[Retrieved]:
    """What the search finds with the method and the number of `settings`; nothing where there is no index."""
    if session.search is None:
        return []
    method = settings.rag.method
    floors = (read_meta(settings.rag.chroma_dir) or {})["floors"]
    search = session.search.model_copy(update={"method": method, "floor": floors[method]})
    with chroma_faults(settings):
        return search.search(title, settings.rag.top_k)


def answer(
    session: Session,
    system: System,
    title: str,
    found: list[Retrieved],
    settings: Settings,
    show: Callable[[str], None],
) -> Said:
    """What `system` says of `title`, word for word as its script does with these settings.

    `show` gets the answer piece by piece; what it raises ends the generation. Raises UserError where the prompt is too
    long for the model.
    """
    start, first = time.perf_counter(), []

    def show_and_time(text: str) -> None:
        first.append(time.perf_counter() - start)
        show(text)

    question = question_for(system, title, found, session.language_model, settings)
    if question is None:
        return Said(not_in_catalogue(title, settings.generation), None)
    with answering_as(system, session.language_model):
        said = ask_aloud(session.language_model, question, settings.generation, show_and_time)
    return Said(said, first[0] if first else None)


def figures(said: Said) -> str:
    """How fast an answer came."""
    if said.first_token is None:
        return _("No model was asked.")
    tokens, seconds = said.answer.tokens, said.answer.seconds
    return _("{n:,} tokens in {seconds:.1f} s ({speed:.1f} tokens/s), the first after {first:.2f} s").format(
        n=tokens, seconds=seconds, speed=tokens / max(seconds, 1e-4), first=said.first_token
    )


def as_text(title: str) -> str:
    """A title as it was typed, without blanks around it and without halves of characters, which no file can hold."""
    return title.encode("utf-8", "replace").decode("utf-8").strip()
