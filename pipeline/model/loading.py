"""The language model: foundation, with a new adapter, with a trained one; by Unsloth on a card, else by transformers.

Both backends give the same objects (a transformers or peft model and its tokenizer), so that no other module asks
which one is in use.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from config import Settings
from pipeline.catalogue.prompts import ALPACA, PromptFormat
from pipeline.model.adapter import load_adapter, require_adapter, require_trained_on
from pipeline.model.attention import read_groups_in_place
from pipeline.model.configuration import cannot_be_loaded, model_window, settle_generation
from pipeline.model.packaged import local_folder
from pipeline.model.prompt_format import prompt_format, require_trained_with
from pipeline.model.weight_files import require_safetensors, weights_fingerprint
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.processor import computes_in_bfloat16
from pipeline.runtime.screen import banner

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


# What the logits of a training step may take with Unsloth, which else goes by the memory that is free at first. More is
# no faster: 8,192 tokens took 0.757, 0.731, 0.736 and 0.732 s at 0.25, 0.5, 1 and 2 on an H200.
CROSS_ENTROPY_GIB = 0.5

# Tensors that Unsloth's attention layers carry from one token of an answer to the next.
UNSLOTH_ANSWER_STATE = (
    *("paged_attention", "paged_attention_K", "paged_attention_V"),
    *("attention", "temp_QA", "temp_KV", "temp_O", "RH_Q"),
)


class LanguageModel(NamedTuple):
    """A loaded model with its tokenizer; it reads `window` tokens at most, prompt and answer together.

    `fingerprint` tells the foundation model from another one of the same name.
    """

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    window: int
    fingerprint: str | None = None
    form: PromptFormat = ALPACA


def choose_backend(settings: Settings) -> str:
    """`unsloth` or `transformers`, whichever the settings and the machine say; PyTorch is set up for it.

    Unsloth is imported here, since it must come before trl, transformers and peft: call this before any of them.
    Raises UserError where the settings need a card that is not there.
    """
    if sys.platform == "linux":  # nowhere else: segments that grow leave little between the tensors
        os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    os.environ.setdefault("UNSLOTH_CE_LOSS_TARGET_GB", str(CROSS_ENTROPY_GIB))
    import torch

    # cuDNN, which PyTorch prefers on some cards, plans its attention anew for each length of text: a step of 64 packed
    # products took 8 to 13 s on an H100, and 2.1 to 2.5 s with the other kernels.
    torch.backends.cuda.enable_cudnn_sdp(False)
    has_card = torch.cuda.is_available() and settings.model.device_map != "cpu"
    backend = settings.model.backend
    if backend == "auto":
        backend = "unsloth" if has_card or settings.model.load_in_4bit else "transformers"
    needs_card = settings.model.load_in_4bit or settings.model.device_map in ("cuda", "balanced")
    if not has_card and (backend == "unsloth" or needs_card):
        raise UserError(
            _(
                "There is no CUDA device, and these settings need one. With an NVIDIA card, install a CUDA build of "
                "PyTorch: python bootstrap.py. Without one, see it work on the processor: add --profile demo."
            )
        )
    if backend == "unsloth":
        if settings.training.dataset_num_proc == 1:
            os.environ.setdefault("UNSLOTH_DATASET_NUM_PROC", "1")  # on Linux it starts eight processes unasked
        try:
            import unsloth  # noqa: F401
        except ImportError as error:
            raise UserError(
                _("Unsloth is not installed ({reason}). Install it: python bootstrap.py").format(reason=error)
            ) from None
    return backend


def announce_settings(settings: Settings) -> None:
    """The headline above the settings, with the name of the backend that they lead to."""
    names = {"unsloth": "Unsloth"}
    backend = choose_backend(settings)
    banner(_("Creating the {backend} settings").format(backend=names.get(backend, backend)))


def load_foundation_model(
    settings: Settings, offload_embedding: bool | None = None, sharded: bool = False
) -> LanguageModel:
    """The foundation model, in 4 bits where the settings say so. Raises UserError where it cannot be had.

    `offload_embedding` says whether Unsloth leaves the input embedding in system memory; None leaves that to Unsloth.
    `sharded`: it stays in system memory, ready to be spread over several cards.
    """
    backend = choose_backend(settings)
    try:
        _require_safe_weights(settings)
        language_model = _load(backend, settings, offload_embedding, sharded)
        language_model = language_model._replace(fingerprint=weights_fingerprint(settings))
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None):  # a full disk, a folder without rights: no fault of the model's
            raise
        raise cannot_be_loaded(settings.model.name, error) from None
    model = language_model.model
    print(_("Backend: {backend}, {dtype}, {device}").format(backend=backend, dtype=model.dtype, device=model.device))
    return language_model


def load_fine_tuned_model(settings: Settings) -> LanguageModel:
    """The foundation model with the trained adapter of `model.lora_dir`.

    Raises UserError where there is no adapter, it is damaged, belongs to another model, or was trained on a catalogue
    that has changed since.
    """
    require_adapter(settings)
    foundation = load_foundation_model(settings)
    require_trained_on(foundation.fingerprint, settings)  # a model that has only now been downloaded
    require_trained_with(foundation.form.name, settings)
    return foundation._replace(model=load_adapter(foundation.model, settings))


def prepare_for_inference(language_model: LanguageModel, settings: Settings) -> LanguageModel:
    """The same model, switched from training to answering."""
    if choose_backend(settings) == "unsloth":
        from unsloth import FastLanguageModel

        FastLanguageModel.for_inference(language_model.model)
        # For each row it reserves room for 512 tokens behind the prompt; less leaves room for more rows.
        for name, module in list(sys.modules.items()):
            if name.startswith("unsloth.models.") and hasattr(module, "KV_CACHE_INCREMENT"):
                module.KV_CACHE_INCREMENT = settings.generation.max_new_tokens
    config = language_model.model.config.get_text_config()
    if getattr(config, "output_router_logits", None):  # for the training's loss; with a cache, generation fails at it
        config.output_router_logits = False
    language_model.model.eval()
    return language_model


def forget_last_answers(language_model: LanguageModel) -> None:
    """Free what Unsloth keeps on the model from one batch of answers to the next: keys, values, a copy of the adapter.

    A batch that ran out of memory leaves some of it half made, which the next one would stumble over.
    """
    for module in language_model.model.modules():
        if "paged_attention" in vars(module):
            for name in UNSLOTH_ANSWER_STATE:
                vars(module).pop(name, None)
    for parameter in language_model.model.parameters():
        vars(parameter).pop("_fast_lora", None)


def resolve_dtype(settings: Settings) -> torch.dtype:
    """The number format that `model.dtype` means on this machine."""
    import torch

    if settings.model.dtype != "auto":
        return getattr(torch, settings.model.dtype)
    if not torch.cuda.is_available() or settings.model.device_map == "cpu":
        return torch.bfloat16 if computes_in_bfloat16() else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _load(backend: str, settings: Settings, offload_embedding: bool | None, sharded: bool) -> LanguageModel:
    name, revision = local_folder(settings.model.name), settings.model.revision
    shared: dict[str, Any] = {
        "dtype": resolve_dtype(settings),
        "revision": revision,
        "use_safetensors": True,
        "trust_remote_code": False,
    }
    if backend == "unsloth":
        from unsloth import FastLanguageModel

        model, tokenizer = FastLanguageModel.from_pretrained(
            name,
            max_seq_length=settings.model.max_seq_length,
            load_in_4bit=settings.model.load_in_4bit,
            use_exact_model_name=True,  # else another model of the hub may take its place, and the adapter names that
            use_gradient_checkpointing=False,  # pipeline.model.lora says what training wants
            offload_embedding="auto" if offload_embedding is None else offload_embedding,
            device_map="balanced" if settings.model.device_map == "balanced" else "sequential",
            **shared,
        )
    else:
        from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

        quantized = _is_quantized(name, settings)
        if quantized and sharded:
            raise UserError(
                _(
                    "{name} is stored in 4 bits, which cannot be spread over several cards. Name the model in 16 bits "
                    "with --model.name: it is quantised when it is loaded."
                ).format(name=settings.model.name)
            )
        if settings.model.load_in_4bit and not quantized:
            shared["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=shared["dtype"],
                bnb_4bit_quant_storage=shared["dtype"] if sharded else None,  # FSDP shards floating-point numbers only
            )
        if settings.model.attn_implementation != "auto":
            shared["attn_implementation"] = settings.model.attn_implementation
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
        try:
            device_map = "cpu" if sharded else _device_map(settings)
            model = AutoModelForCausalLM.from_pretrained(name, device_map=device_map, **shared)
        except ImportError as error:  # flash-attn or bitsandbytes
            raise UserError(
                _("The model {name} cannot be loaded with these settings: {reason}").format(
                    name=settings.model.name, reason=error
                )
            ) from None
        if model.device.type == "cpu" and not sharded:
            read_groups_in_place()
    # A model of a package is known by its name, which an adapter records, and not by its folder in the cache.
    model.config._name_or_path = model.name_or_path = settings.model.name
    form = prompt_format(tokenizer, settings)
    settle_generation(model, tokenizer, form, settings)
    return LanguageModel(model, tokenizer, model_window(model.config, settings), form=form)


def _device_map(settings: Settings) -> str:
    import torch

    if settings.model.device_map == "balanced":
        return "balanced"
    return "cpu" if settings.model.device_map == "cpu" or not torch.cuda.is_available() else "cuda"


def _require_safe_weights(settings: Settings) -> None:
    """Raise OSError or ValueError where the model's configuration cannot be had, or a folder has no safetensors."""
    from transformers import AutoConfig

    model = settings.model
    place = local_folder(model.name)
    AutoConfig.from_pretrained(place, revision=model.revision, trust_remote_code=False)
    if Path(place).is_dir():
        require_safetensors(Path(place))


def _is_quantized(name: str, settings: Settings) -> bool:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(name, revision=settings.model.revision, trust_remote_code=False)
    return getattr(config, "quantization_config", None) is not None
