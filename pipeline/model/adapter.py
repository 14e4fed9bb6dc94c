"""The trained LoRA adapter: whether it is whole and belongs to the foundation model, and loading it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings
from pipeline.model.prompt_format import require_trained_with
from pipeline.model.weight_files import require_safetensors, weights_fingerprint
from pipeline.runtime.artifacts import read_meta, require, require_made_from
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command, word

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


def require_adapter(settings: Settings) -> None:
    """Raise UserError unless `model.lora_dir` holds a whole adapter for the configured foundation model."""
    lora_dir = require(settings.model.lora_dir, made_by="fine_tuning.py")
    try:
        base = json.loads((lora_dir / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        if not isinstance(base, str):
            raise TypeError("base_model_name_or_path")
        require_safetensors(lora_dir)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            _("{folder} holds no whole LoRA adapter ({reason}). Train it again: {command}").format(
                folder=lora_dir, reason=error, command=command("fine_tuning.py")
            )
        ) from None
    fingerprint = _fingerprint_if_readable(settings)
    if Path(base).name not in _names_of_the_model(fingerprint, settings):
        raise UserError(
            _(
                "The adapter in {folder} was trained on {base}, not on {name}. "
                "Add --model.name {value}, or train again: {command}"
            ).format(
                folder=lora_dir,
                base=base,
                name=settings.model.name,
                value=word(base),
                command=command("fine_tuning.py"),
            )
        )
    require_trained_on(fingerprint, settings)
    if settings.model.prompt_format != "auto":  # which only the loaded tokenizer tells
        require_trained_with(settings.model.prompt_format, settings)
    require_made_from(settings.data.processed_file, lora_dir, made_by="fine_tuning.py")


def _names_of_the_model(fingerprint: str | None, settings: Settings) -> set[str]:
    """What the adapter may call the model: a hub name and a folder with a copy end alike, unless that was renamed."""
    names = {settings.model.name}
    meta = read_meta(settings.model.lora_dir) or {}
    if fingerprint and meta.get("foundation") == fingerprint:
        names.add(meta["settings"]["model"]["name"])
    return {Path(name).name for name in names}


def require_trained_on(fingerprint: str | None, settings: Settings) -> None:
    """Raise UserError where the adapter's meta file names another foundation model than that of `fingerprint`."""
    lora_dir = settings.model.lora_dir
    trained_on = (read_meta(lora_dir) or {}).get("foundation")
    if trained_on and fingerprint and trained_on != fingerprint:
        raise UserError(
            _(
                "The adapter in {folder} was trained on another model than the one that {name} is now: its weights, "
                "configuration or tokenizer differ. Train again: {command}"
            ).format(folder=lora_dir, name=settings.model.name, command=command("fine_tuning.py"))
        )


def _fingerprint_if_readable(settings: Settings) -> str | None:
    try:
        return weights_fingerprint(settings)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # loading the model says what is wrong with it


def load_adapter(model: PreTrainedModel, settings: Settings) -> PeftModel:
    """The foundation model `model` with the adapter of `model.lora_dir`. Raises UserError where that is damaged."""
    import torch
    from peft import PeftModel, get_peft_model_state_dict  # after Unsloth
    from safetensors import safe_open

    lora_dir = settings.model.lora_dir
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PeftModel.from_pretrained(model, lora_dir)
        with safe_open(lora_dir / "adapter_model.safetensors", framework="numpy") as file:
            weights = get_peft_model_state_dict(model, save_embedding_layers=False)
            if set(file.keys()) != set(weights):  # peft only warns about it
                raise ValueError(_("its weights are not those that its configuration names"))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            _("{folder} holds no whole LoRA adapter ({reason}). Train it again: {command}").format(
                folder=lora_dir, reason=" ".join(str(error).split())[:200], command=command("fine_tuning.py")
            )
        ) from None
    return model
