"""«Keep»: answers from the page join those of scripts 2, 4, 7 and 8, in the same files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from comparison.answering import kept_answers, sample_file
from comparison.cases import find_products
from comparison.provenance import rests_on
from comparison.systems import BY_NAME, RAG_FINE_TUNED
from config import Settings
from pipeline.model.answers import Answer, save_answers
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _


def keep(answers: dict[str, Answer], settings: Settings) -> list[Path]:
    """Add answers, by the system's name, that were made with `settings`; returns the files.

    An earlier answer about the same title is replaced. Raises UserError, before anything is written, where a file holds
    answers of other settings, or of another adapter or index: one file has one meta file.
    """
    earlier = {}
    for name in answers:
        system = BY_NAME[name]
        file = system.answers_file(settings)
        kept, wrong = kept_answers(system, settings)
        if kept and wrong:
            raise UserError(
                _(
                    "Not kept: {file} was made with {what}. Ask with the settings of that file, or choose another "
                    "folder: --work_dir."
                ).format(file=file.name, what="; ".join(wrong))
            )
        earlier[name] = kept
    for name, answer in answers.items():
        others = [kept for kept in earlier[name] if kept.product != answer.product]
        file = BY_NAME[name].answers_file(settings)
        save_answers(file, [*others, answer], settings, rests_on(BY_NAME[name], settings))
    if RAG_FINE_TUNED.name in answers:
        _give_to_the_comparison(answers[RAG_FINE_TUNED.name], settings)
    return [BY_NAME[name].answers_file(settings) for name in answers]


def _give_to_the_comparison(answer: Answer, settings: Settings) -> None:
    """Script 8 looks for the fourth system's answers among those that it generated itself."""
    product = find_products({answer.product}, settings).get(answer.product)
    with sample_file(RAG_FINE_TUNED, settings) as write:
        write({"indexed": product is not None and product.indexed, "answer": asdict(answer)})
