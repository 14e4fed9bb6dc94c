"""Script 4: ask the fine-tuned model the same questions as the foundation model.

python ft_test_trained_model.py
python ft_test_trained_model.py --products "The Prophet" "Mog's Kittens"
"""

from __future__ import annotations

from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.command.script import run, show_settings
from pipeline.model.answers import Question, answers_in_order, save_answers
from pipeline.model.loading import announce_settings, load_fine_tuned_model, prepare_for_inference
from pipeline.runtime.messages import N_, _
from pipeline.runtime.screen import banner

DESCRIPTION = N_("Script 4: ask the fine-tuned model to describe the products.")


def main(settings: Settings) -> None:
    announce_settings(settings)
    show_settings(settings, "model", "generation", "products")
    banner(_("Asking the trained model: {folder}").format(folder=settings.model.lora_dir))
    language_model = prepare_for_inference(load_fine_tuned_model(settings), settings)
    questions = [Question(product, product_prompt(product, language_model.form)) for product in settings.products]
    answers = answers_in_order(language_model, questions, settings)
    for answer in answers:
        print("\n" + _("Query: {product}").format(product=answer.product))
        print("\n" + _("The model's answer:") + f"\n{answer.answer}")
    save_answers(
        settings.answers.fine_tuned_file, answers, settings, [settings.model.lora_dir / "adapter_model.safetensors"]
    )


if __name__ == "__main__":
    run(main, DESCRIPTION)
