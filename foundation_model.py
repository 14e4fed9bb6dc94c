"""Script 2: ask the foundation model to describe the products, before it has learned anything about them.

python foundation_model.py
python foundation_model.py --products "The Prophet" "Mog's Kittens"
"""

from __future__ import annotations

from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.command.script import run, show_settings
from pipeline.model.answers import Question, answers_in_order, save_answers
from pipeline.model.loading import announce_settings, load_foundation_model, prepare_for_inference
from pipeline.runtime.messages import N_, _

DESCRIPTION = N_("Script 2: ask the foundation model to describe the products.")


def main(settings: Settings) -> None:
    announce_settings(settings)
    show_settings(settings, "model", "generation", "products")
    language_model = prepare_for_inference(load_foundation_model(settings), settings)
    questions = [Question(product, product_prompt(product, language_model.form)) for product in settings.products]
    answers = answers_in_order(language_model, questions, settings)
    for answer in answers:
        print("\n" + _("Product: {product}").format(product=answer.product))
        print(_("Description: {description}").format(description=answer.answer))
    save_answers(settings.answers.foundation_file, answers, settings)


if __name__ == "__main__":
    run(main, DESCRIPTION)
