"""One loaded model as each of the four systems: which question it gets, and with or without its adapter."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from comparison.systems import System
from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.model.answers import Question
from pipeline.model.loading import LanguageModel

if TYPE_CHECKING:
    from pipeline.search.retriever import Retrieved


def question_for(
    system: System, product: str, found: list[Retrieved], language_model: LanguageModel, settings: Settings
) -> Question | None:
    """What `system` is asked about `product`; None where it retrieves and nothing was found, so that none is asked."""
    from pipeline.model.retrieval_question import retrieval_question

    if not system.retrieval:
        return Question(product, product_prompt(product, language_model.form))
    return retrieval_question(language_model, product, found, settings) if found else None


def answering_as(system: System, language_model: LanguageModel) -> AbstractContextManager:
    """Within the block, the model answers as `system`: with its adapter switched off it is the foundation model."""
    model = language_model.model
    return model.disable_adapter() if hasattr(model, "disable_adapter") and not system.adapter else nullcontext()
