"""A new LoRA adapter, and which layers of a model can get one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from config import Settings
from pipeline.model.loading import LanguageModel, choose_backend
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def add_lora(language_model: LanguageModel, settings: Settings) -> LanguageModel:
    """The same model with a new, untrained LoRA adapter, ready to be trained; its own weights are frozen.

    Raises UserError where `lora.target_modules` names what the model does not have, or what can get no adapter.
    `require_layers` has to be asked before, since it needs no weights.
    """
    lora, training = settings.lora, settings.training
    _require_targets(language_model.model, lora.target_modules)
    if choose_backend(settings) == "unsloth":
        from unsloth import FastLanguageModel

        model = FastLanguageModel.get_peft_model(
            language_model.model,
            r=lora.r,
            lora_alpha=lora.lora_alpha,
            lora_dropout=lora.lora_dropout,
            target_modules=lora.target_modules,
            layers_to_transform=lora.layers_to_transform or None,
            bias="none",
            use_gradient_checkpointing="unsloth" if training.gradient_checkpointing else False,
            random_state=training.seed,
        )
    else:
        import torch
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

        if settings.model.load_in_4bit:
            prepare_model_for_kbit_training(
                language_model.model, use_gradient_checkpointing=training.gradient_checkpointing
            )
        torch.manual_seed(training.seed)
        config = LoraConfig(
            r=lora.r,
            lora_alpha=lora.lora_alpha,
            lora_dropout=lora.lora_dropout,
            target_modules=lora.target_modules,
            layers_to_transform=lora.layers_to_transform or None,
            bias="none",
            task_type="CAUSAL_LM",
        )
        try:
            model = get_peft_model(language_model.model, config)
        except ValueError as error:  # peft knows some layers of some models that can get none
            raise UserError(f"lora.target_modules: {first_line(error)}") from None
    return language_model._replace(model=model)


def require_layers(config: PretrainedConfig, numbers: list[int]) -> None:
    """Raise UserError where `lora.layers_to_transform` has the number of a layer that the model does not have."""
    layers = config.get_text_config().num_hidden_layers
    missing = sorted(number for number in numbers if not 0 <= number < layers)
    if missing:
        raise UserError(
            _(
                "lora.layers_to_transform: the model has layers 0 to {last}, and no {missing}. Name some of its own: "
                "--lora.layers_to_transform {last}"
            ).format(last=layers - 1, missing=", ".join(map(str, missing)))
        )


def _require_targets(model: PreTrainedModel, names: Iterable[str]) -> None:
    """Raise UserError where `lora.target_modules` has a name that no layer of `model` has, or no layer to adapt.

    The loss is computed from the weights of the output embedding, without its adapter; the input embedding often is the
    same tensor. What is no linear layer, such as a norm, has no product of matrices that LoRA could add to.
    """
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    modules = [(name.rpartition(".")[2], module) for name, module in model.named_modules()]
    embeddings = (model.get_input_embeddings(), model.get_output_embeddings())
    if missing := set(names) - {name for name, _module in modules}:
        raise UserError(_("lora.target_modules: the model has no {names}.").format(names=", ".join(sorted(missing))))
    refused = {
        name
        for name, module in modules
        if name in set(names) and (module in embeddings or not isinstance(module, (nn.Linear, Conv1D)))
    }
    if refused:
        raise UserError(
            _(
                "lora.target_modules: {names} cannot get an adapter; only linear layers between the model's input and "
                "output embedding can. Take others."
            ).format(names=", ".join(sorted(refused)))
        )
