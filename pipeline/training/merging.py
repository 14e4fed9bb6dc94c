"""The trained adapter and the foundation model as one 16-bit model, made from a base in any precision.

A base that is already quantised to 4 bits is enough: one layer after the other is dequantised, gets its adapter added
and goes to the disk, so that an 8 GB card and a little system memory do for a model of 16 GB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model.loading import LanguageModel
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar

if TYPE_CHECKING:
    import torch

SHARD_BYTES = 2 * 1024**3  # what is gathered in system memory before it is written


def save_merged_model(language_model: LanguageModel, folder: Path, dtype: torch.dtype) -> None:
    """Write the merged model to `folder` as a plain transformers checkpoint: safetensors shards, config, tokenizer.

    Weights are float16 where `dtype`, the one that the model computes in, is float16, else bfloat16.
    """
    import torch

    dtype = torch.float16 if dtype == torch.float16 else torch.bfloat16
    shards = _write_shards(_merged_weights(language_model, dtype), folder)
    index = {"metadata": {"total_size": sum(size for _name, size in shards.values())}}
    index["weight_map"] = {weight: name for weight, (name, _size) in shards.items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    save_configuration(language_model, folder, dtype)


def save_configuration(language_model: LanguageModel, folder: Path, dtype: torch.dtype) -> None:
    """Write everything but the weights of a model that is not quantised: config and tokenizer."""
    import copy

    model = language_model.model
    config = copy.deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = dtype
    config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)
    language_model.tokenizer.save_pretrained(folder)


def _merged_weights(language_model: LanguageModel, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and value of each weight of the merged model, on the CPU in `dtype`."""
    from peft.tuners.lora import LoraLayer

    base = language_model.model.get_base_model()
    tied = set(getattr(base, "_tied_weights_keys", None) or ()) if base.config.tie_word_embeddings else set()
    modules = [(name, module) for name, module in base.named_modules() if not name.endswith("base_layer")]
    for name, module in progress_bar(_("Merging layers"), modules):
        if isinstance(module, LoraLayer):
            merged = _dequantised(module.base_layer).float() + sum(
                module.get_delta_weight(adapter).float() for adapter in module.active_adapters
            )
            yield f"{name}.weight", merged.to("cpu", dtype)
            if module.base_layer.bias is not None:
                yield f"{name}.bias", module.base_layer.bias.to("cpu", dtype)
        elif ".lora_" not in name:
            for own, weight in module.named_parameters(recurse=False):
                full_name = f"{name}.{own}" if name else own
                if full_name not in tied:
                    yield full_name, (_dequantised(module) if own == "weight" else weight).to("cpu", dtype)


def _dequantised(layer: torch.nn.Module) -> torch.Tensor:
    """The weight of a layer; for 4-bit layers, bitsandbytes' own inverse of its quantisation."""
    weight = layer.weight
    if getattr(weight, "quant_state", None) is None:
        return weight.detach()
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, weight.quant_state)


def _write_shards(weights: Iterator[tuple[str, torch.Tensor]], folder: Path) -> dict[str, tuple[str, int]]:
    """Write `weights` in files of about `SHARD_BYTES`; the file and the size in bytes of each weight are returned."""
    from safetensors.torch import save_file

    written: dict[str, tuple[str, int]] = {}
    shard: dict[str, torch.Tensor] = {}

    def write() -> None:
        name = f"model-{len({name for name, _size in written.values()}) + 1:05d}.safetensors"
        save_file(shard, folder / name, metadata={"format": "pt"})
        written.update({weight: (name, tensor.nbytes) for weight, tensor in shard.items()})
        shard.clear()

    for name, tensor in weights:
        shard[name] = tensor.contiguous()
        if sum(part.nbytes for part in shard.values()) >= SHARD_BYTES:
            write()
    if shard:
        write()
    return written
