"""The adapter that a training makes: its folder, and the meta file that says what made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import Settings
from pipeline.model.loading import LanguageModel
from pipeline.runtime.artifacts import new_folder, write_meta
from pipeline.training.model_card import write_model_card

if TYPE_CHECKING:
    from torch import Tensor


def save_adapter(
    language_model: LanguageModel, weights: dict[str, Tensor] | None, losses: dict[str, float], settings: Settings
) -> None:
    """Save the adapter with its tokenizer, its model card and the meta file that says what made it.

    `weights` are the adapter's; None: those that the model has.
    """
    lora_dir = settings.model.lora_dir
    with new_folder(lora_dir) as folder:
        # No embedding has an adapter: peft need not look the foundation model up on the hub to find out.
        language_model.model.save_pretrained(folder, state_dict=weights, save_embedding_layers=False)
        language_model.tokenizer.save_pretrained(folder)
        write_model_card(folder, settings, language_model.form, losses)
    write_meta(
        lora_dir,
        settings_of_the_adapter(settings),
        [settings.data.processed_file],
        foundation=language_model.fingerprint,
    )


def settings_of_the_adapter(settings: Settings) -> dict:
    """What the adapter has learned from; of retrieval, how many documents its examples had, where some had any."""
    groups = dict.fromkeys(("profile", "model", "lora", "training"), True)
    documents = {"rag": {"top_k"}} if settings.training.retrieval_share else {}
    return settings.model_dump(mode="json", include=groups | documents)
