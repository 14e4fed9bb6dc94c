"""The trained adapter and the foundation model as one 16-bit model, made from a base in any precision.

A base that is already quantised to 4 bits is enough: one layer after the other is dequantised, gets its adapter added
and goes to the disk, so that an 8 GB card and a little system memory do for a model of 16 GB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings
from pipeline.model.loading import LanguageModel, resolve_dtype
from pipeline.model.packaged import local_folder
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

SHARD_BYTES = 2 * 1024**3  # what is gathered in system memory before it is written
INSIDE_ADAPTER = re.compile(r"\.(lora_|base_layer\b)")
LAYER = re.compile(r"(.*?\.\d+\.)?")  # what the names of a layer's weights begin with; nothing outside the layers


def save_merged_model(language_model: LanguageModel, folder: Path, settings: Settings) -> None:
    """Write the merged model to `folder` as a plain transformers checkpoint: safetensors shards, config, tokenizer.

    Weights are float16 where the model computes in that, else bfloat16.
    """
    import torch

    dtype = torch.float16 if resolve_dtype(settings) == torch.float16 else torch.bfloat16
    base = language_model.model.get_base_model()
    shards = _write_shards(_as_in_files(base, _merged_weights(base, dtype)), folder)
    index = {"metadata": {"total_size": sum(size for _name, size in shards.values())}}
    index["weight_map"] = {weight: name for weight, (name, _size) in shards.items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    save_configuration(language_model, folder, dtype, settings)


def save_configuration(language_model: LanguageModel, folder: Path, dtype: torch.dtype, settings: Settings) -> None:
    """Write everything but the weights of a model that is not quantised: configurations and tokenizer.

    The config is the foundation model's own, read anew: training switches things in the loaded one, such as the cache.
    """
    from transformers import AutoConfig

    name, revision = local_folder(settings.model.name), settings.model.revision
    config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = dtype
    embedding = language_model.model.get_input_embeddings().weight
    config.get_text_config().vocab_size = embedding.shape[0]  # Unsloth adds a padding token to some
    config.save_pretrained(folder)
    # Its `save_pretrained` refuses what many models come with, such as a temperature where nothing is drawn.
    language_model.model.generation_config.to_json_file(folder / "generation_config.json")
    language_model.tokenizer.save_pretrained(folder)


def _merged_weights(base: PreTrainedModel, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and value of each weight of the merged model, on the CPU in `dtype`, one layer after the other."""
    from peft.tuners.lora import LoraLayer

    tied = set(base.all_tied_weights_keys)
    # The adapter's own weights and the layer inside it do not count: `base_layer` has the place of its name.
    modules = [(name, module) for name, module in base.named_modules() if not INSIDE_ADAPTER.search(name)]
    for name, module in progress_bar(_("Merging layers"), modules):
        adapters = []
        while isinstance(module, LoraLayer):  # a layer of experts has one for each of its weights, around each other
            adapters.append(module)
            module = module.base_layer
        for own, weight in _own_weights(module):
            full_name = f"{name}.{own}" if name else own
            if full_name in tied:
                continue
            weight = _dequantised(weight)
            for adapter in adapters:
                if own == getattr(adapter, "parameter_name", "weight"):
                    deltas = map(adapter.get_delta_weight, adapter.active_adapters)
                    weight = weight.float() + sum(delta.float() for delta in deltas)
            yield full_name, weight.to("cpu", dtype if weight.is_floating_point() else weight.dtype)


def _own_weights(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The parameters of `module` itself, and the buffers that belong into a checkpoint."""
    yield from module.named_parameters(recurse=False)
    for name, buffer in module.named_buffers(recurse=False):
        if name not in module._non_persistent_buffers_set:
            yield name, buffer


def _as_in_files(
    base: PreTrainedModel, weights: Iterator[tuple[str, torch.Tensor]]
) -> Iterator[tuple[str, torch.Tensor]]:
    """`weights` as the model's files have them, which is not as transformers computes with them.

    The experts of a layer, for example, are many tensors in the files and one in memory. What becomes one when it is
    loaded lies in one layer, so that a layer at a time is turned back.
    """
    from transformers.core_model_loading import revert_weight_conversion

    for _layer, group in groupby(weights, key=lambda weight: LAYER.match(weight[0])[0]):
        yield from revert_weight_conversion(base, dict(group)).items()


def _dequantised(weight: torch.Tensor) -> torch.Tensor:
    """The numbers of a weight; for one in 4 bits, by bitsandbytes' own inverse of its quantisation."""
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
