"""How many prompts are answered at once: as many as fit into the card's free memory, or are fastest on a processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PretrainedConfig, PreTrainedModel

# Tokens, of prompts and answers together, that a processor works on at once. More rows share what a step reads of the
# weights; but shorter prompts are filled up to the longest one, and that is computed too.
TOKENS_WITHOUT_CARD = 8000
SHARE_OF_FREE_MEMORY = 0.9  # the rest is for what the estimate leaves out and for memory fragmentation


def free_memory(model: PreTrainedModel | PeftModel) -> int | None:
    """Bytes of the model's card that this process can still fill with answers; None on the processor."""
    import torch

    device = model.device
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    allowed = int(torch.cuda.get_per_process_memory_fraction(device) * total)
    reserved, allocated = torch.cuda.memory_reserved(device), torch.cuda.memory_allocated(device)
    return min(free, allowed - reserved) + reserved - allocated - _working_memory(model)


def _working_memory(model: PreTrainedModel | PeftModel) -> int:
    """Bytes that Unsloth allocates to answer: two weights in 16 bits at a time, and the adapter in 16 bits."""
    config = model.config.get_text_config()
    adapter = sum(weight.numel() for name, weight in model.named_parameters() if "lora_" in name)
    return model.dtype.itemsize * (2 * config.hidden_size * _inner_size(config) + adapter)


def _inner_size(config: PretrainedConfig) -> int:
    """The width of the feed-forward layers: four times the model's where the configuration names none, as in GPT-2."""
    return getattr(config, "intermediate_size", None) or 4 * config.hidden_size


def largest_batch(model: PreTrainedModel | PeftModel, length: int, new_tokens: int, memory: int | None) -> int:
    """How many prompts of `length` tokens can be answered at once, with `new_tokens` each, in `memory` bytes.

    `memory` is None on a processor, where there is room, and too many at once are slower.
    A row needs its keys and values in every layer, plus the larger of two things: the activations of one layer for the
    whole prompt (while the prompt is read), or a second copy of the prompt's keys and values (while the answer is
    generated). The logits of one position, in 32 bits, and the buffers for drawing a token come on top.
    """
    if memory is None:
        return max(1, TOKENS_WITHOUT_CARD // (length + new_tokens))
    config, number = model.config.get_text_config(), model.dtype.itemsize
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * config.num_hidden_layers * heads * head_size * number
    layer = (3 * _inner_size(config) + 6 * config.hidden_size) * number
    reading = length * (cache + layer)
    answering = (2 * length + new_tokens) * cache
    logits = 6 * 4 * config.vocab_size
    return max(1, int(SHARE_OF_FREE_MEMORY * memory / (max(reading, answering) + logits)))
