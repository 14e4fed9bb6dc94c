"""The question for a language model from what the search has found."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from config import Settings
from pipeline.catalogue.prompts import document_text, retrieval_prompt
from pipeline.model.answers import Question, room_for_answer
from pipeline.model.loading import LanguageModel

if TYPE_CHECKING:
    from pipeline.search.retriever import Retrieved

SENTENCE_END = re.compile(r"(?<=[.!?]) ")


def retrieval_question(
    language_model: LanguageModel, product: str, found: list[Retrieved], settings: Settings
) -> Question:
    """What to ask about `product`: of the texts found, best first, as much as the model can read.

    The one that does not fit as a whole is cut at the end of a sentence, and the rest is left out; the instruction
    is never cut. Of the best, some words are kept even where no sentence fits.
    """

    def fits(texts: list[str]) -> bool:
        room = room_for_answer(language_model, retrieval_prompt(product, texts, language_model.form))
        return room >= settings.generation.max_new_tokens

    used: list[Retrieved] = []
    for document in found:
        texts = [earlier.text for earlier in used]
        text = longest_start(document, lambda start, texts=texts: fits([*texts, start]), by_word=not used)
        if text:
            used.append(document._replace(text=text))
        if text != document.text:
            break
    prompt = retrieval_prompt(product, [document.text for document in used], language_model.form)
    return Question(product, prompt, [document._asdict() for document in used])


def longest_start(document: Retrieved, fits: Callable[[str], bool], by_word: bool) -> str:
    """The text of `document`, or as many of its first sentences as fit, at least one; none is ''.

    `by_word`: where not one fits, as many words.
    """
    if fits(document.text):
        return document.text
    title = document_text(document.product, "")
    description = document.text.removeprefix(title)
    for separator in (SENTENCE_END, re.compile(" ")) if by_word else (SENTENCE_END,):
        ends = [match.start() for match in separator.finditer(description)]
        starts = [title + description[:end] for end in ends]
        count = bisect_right(starts, False, key=lambda start: not fits(start))
        if count:
            return starts[count - 1]
    return ""
