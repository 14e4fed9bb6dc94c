"""Script 2: ask the foundation model to describe the products, before it has learned anything about them.

    python foundation_model.py
    python foundation_model.py --products "The Prophet" "Mog's Kittens"
"""

from __future__ import annotations

from config import Settings
from pipeline.answers import Answer, ask, save_answers
from pipeline.language_model import LanguageModel, load_foundation_model, prepare_for_inference
from pipeline.messages import N_, _
from pipeline.prompts import product_prompt
from pipeline.script import banner, run, show_settings

DESCRIPTION = N_("Script 2: ask the foundation model to describe the products.")


def main(settings: Settings) -> None:
    banner(_("Creating the Unsloth settings"))
    show_settings(settings, "model", "generation", "products")
    language_model = prepare_for_inference(load_foundation_model(settings), settings)
    answers = [describe(language_model, product, settings) for product in settings.products]
    save_answers(settings.answers.foundation_file, answers, settings)


def describe(language_model: LanguageModel, product: str, settings: Settings) -> Answer:
    """Ask for one product and print the answer."""
    answer = ask(language_model, product, product_prompt(product), settings.generation)
    print("\n" + _("Product: {product}").format(product=product))
    print(_("Description: {description}").format(description=answer.answer), flush=True)
    return answer


if __name__ == "__main__":
    run(main, DESCRIPTION)
