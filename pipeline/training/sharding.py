"""A model that is too large for one card, spread over the cards of a training: FSDP, fully sharded data parallel.

Each card holds a part of every layer, and gets the other parts for as long as it computes with that layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.training.processes import world_size

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import Trainer


def require_shardable(settings: Settings) -> None:
    """Raise UserError where a model in parts is asked for together with what it cannot do."""
    spread, fsdp = settings.model.device_map == "balanced", settings.training.fsdp
    if spread and fsdp:
        raise UserError(_("training.fsdp and model.device_map balanced both spread the model: drop one of them."))
    if spread and (world_size() > 1 or settings.model.backend == "transformers"):
        raise UserError(
            _(
                "With --model.device_map balanced, Unsloth spreads the layers over all cards in one process: start "
                "script 3 without torchrun and without --model.backend transformers."
            )
        )
    if not fsdp:
        return
    if settings.model.backend != "transformers" or settings.training.optim != "adamw_torch":
        raise UserError(
            _(
                "With FSDP, Unsloth cannot train, and the 8-bit optimizers take no parts of a weight. Add: "
                "--model.backend transformers --training.optim adamw_torch"
            )
        )
    if settings.model.save_merged or settings.model.save_gguf:
        raise UserError(
            _("training.fsdp: the merged model and the GGUF file need the whole model on one card. Leave them out.")
        )
    if settings.model.device_map == "cpu":
        raise UserError(_("training.fsdp spreads the model over cards, and model.device_map is cpu: drop one of them."))
    if world_size() == 1:
        raise UserError(
            _(
                "training.fsdp needs a process for each card, and there is only one. Start them with torchrun in place "
                "of python: torchrun --nproc_per_node 2 fine_tuning.py, and your flags behind it."
            )
        )
    import torch

    if not torch.cuda.is_available() and not settings.training.plan_only:
        raise UserError(_("training.fsdp spreads the model over cards, and PyTorch finds none here."))


def trainer_arguments(settings: Settings) -> dict[str, Any]:
    """What sharding asks of TRL's SFTConfig."""
    if not settings.training.fsdp:
        return {}
    # The gradients are shared out after each micro-batch: else each card has all of them until the last one.
    return {"fsdp": True, "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}}}


def keep_sums_precise(trainer: Trainer) -> None:
    """Add gradients up in 32 bits, and leave the loss in 32: accelerate has FSDP round both to 16 (12.568 to 12.562).

    Call it before the trainer spreads the model.
    """
    import torch

    plugin = trainer.accelerator.state.fsdp_plugin
    if plugin.mixed_precision_policy:
        precise = replace(plugin.mixed_precision_policy, reduce_dtype=torch.float32, output_dtype=None)
        plugin.mixed_precision_policy = precise


def own_part(weight: torch.Tensor) -> torch.Tensor:
    """What this process has of a weight: all of it, unless it is spread over several cards."""
    return weight.to_local() if hasattr(weight, "to_local") else weight


def whole_adapter(model: PeftModel) -> dict[str, torch.Tensor]:
    """The weights of the adapter, put together from all cards; every process calls it."""
    return {
        name: (weight.full_tensor() if hasattr(weight, "full_tensor") else weight).cpu()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
