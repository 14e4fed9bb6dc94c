"""Script 4: ask the fine-tuned model the same as the foundation model; the answers appear as they are generated.

    python ft_test_trained_model.py
    python ft_test_trained_model.py --products "The Prophet" "Mog's Kittens"
"""

from __future__ import annotations

from config import Settings
from pipeline.answers import Answer, ask, save_answers
from pipeline.language_model import LanguageModel, load_fine_tuned_model, prepare_for_inference
from pipeline.messages import N_, _
from pipeline.prompts import product_prompt
from pipeline.script import banner, run, show_settings

DESCRIPTION = N_("Script 4: ask the fine-tuned model to describe the products.")


def main(settings: Settings) -> None:
    banner(_("Creating the Unsloth settings"))
    show_settings(settings, "model", "generation", "products")
    banner(_("Asking the trained model: {folder}").format(folder=settings.model.lora_dir))
    language_model = prepare_for_inference(load_fine_tuned_model(settings), settings)
    answers = [describe(language_model, product, settings) for product in settings.products]
    save_answers(
        settings.answers.fine_tuned_file, answers, settings, [settings.model.lora_dir / "adapter_model.safetensors"]
    )


def describe(language_model: LanguageModel, product: str, settings: Settings) -> Answer:
    """Ask for one product and print the answer while it is generated."""
    print("\n" + _("Query: {product}").format(product=product))
    print("\n" + _("The model's answer:"), flush=True)
    return ask(language_model, product, product_prompt(product), settings.generation, stream=True)


if __name__ == "__main__":
    run(main, DESCRIPTION)
