"""What a training needs of a card's memory, by what it is for, worked out before anything is loaded.

Everything follows from the model's configuration, the settings and the tokens of a micro-batch. The factors of the
activations were read off the live tensors at the peak of a step (Llama shapes, 3 and 8 billion parameters, rank 8 to
32, 880 to 16,384 tokens): see docs/benchmarks.md. All sizes are in bytes.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.model.loading import CROSS_ENTROPY_GIB
from pipeline.training.cards import GIB, cards_in_use
from pipeline.training.processes import world_size

if TYPE_CHECKING:
    from transformers import PretrainedConfig

BACKEND_TABLES = int(0.04 * GIB)  # what Unsloth puts on the card beside the weights
WORKSPACE = 32 * 1024**2  # of cuBLAS
# Part of what PyTorch reserves that lies between its tensors: measured where its segments can grow, assumed on Windows.
FRAGMENTATION = 0.03 if sys.platform == "win32" else 0.012
CHUNK = 256  # tokens whose logits TRL computes at once


class Shape(NamedTuple):
    """The sizes of a decoder with gated feed-forward layers: all that its memory depends on."""

    layers: int
    hidden: int
    inner: int
    queries: int
    keys: int
    vocabulary: int
    tied: bool  # input and output embeddings are one

    @classmethod
    def of(cls, config: PretrainedConfig) -> Shape:
        """Raises AttributeError where `config` is of another kind of model, such as a mixture of experts."""
        if config.model_type.startswith("gemma"):  # with Unsloth, Gemma 3 270M took 4.2 GB where 0.9 were planned
            raise AttributeError("gemma")
        if getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None):
            raise AttributeError("experts")
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return cls(
            layers=config.num_hidden_layers,
            hidden=config.hidden_size,
            inner=config.intermediate_size,
            queries=head * config.num_attention_heads,
            keys=head * (getattr(config, "num_key_value_heads", None) or config.num_attention_heads),
            vocabulary=config.vocab_size,
            tied=config.tie_word_embeddings,
        )

    def projections(self) -> dict[str, tuple[int, int]]:
        """Width of input and output of each projection of a layer."""
        return {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.inner),
            "up_proj": (self.hidden, self.inner),
            "down_proj": (self.inner, self.hidden),
        }

    def input_embedding(self) -> int:
        """Number of weights that only look tokens up; 0 where the output layer needs them too."""
        return 0 if self.tied else self.vocabulary * self.hidden

    def embeddings(self) -> int:
        """Number of weights that are never quantised."""
        return self.input_embedding() + self.vocabulary * self.hidden + (2 * self.layers + 1) * self.hidden


def most_tokens(shape: Shape, settings: Settings, available: int, offload_embedding: bool) -> int:
    """The most tokens of a micro-batch that `available` bytes hold; 0 where they hold none."""
    fits, too_many = 0, 1 << 22
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if sum(memory_parts(shape, settings, middle, offload_embedding).values()) <= available:
            fits = middle
        else:
            too_many = middle
    return fits


def memory_parts(shape: Shape, settings: Settings, tokens: int, offload_embedding: bool = False) -> dict[str, int]:
    """What PyTorch reserves at the peak of a training, by what it is for."""
    model, training, lora = settings.model, settings.training, settings.lora
    unsloth = model.backend != "transformers"
    width = 4 if model.dtype == "float32" else 2
    projections = shape.projections()
    linear = shape.layers * sum(inputs * outputs for inputs, outputs in projections.values())
    largest = max(inputs * outputs for inputs, outputs in projections.values())
    # nf4 with double quantisation (QLoRA, Dettmers et al. 2023): half a byte a weight, a byte for each block of 64, and
    # a float for each 256 of those.
    weights = linear // 2 + linear // 64 + linear // (64 * 64) if model.load_in_4bit else linear * width
    # Without Unsloth, peft turns what is not quantised into 32 bits.
    embeddings = shape.embeddings() * (4 if model.load_in_4bit and not unsloth else width)
    if offload_embedding:
        embeddings -= shape.input_embedding() * width
    adapted = len(lora.layers_to_transform) or shape.layers
    adapter = lora.r * adapted * sum(sum(projections.get(name, (0, 0))) for name in lora.target_modules)
    # 8-bit states: two bytes a weight, and for each block of 256 a float with each of the two.
    states = 8 * adapter if training.optim == "adamw_torch" else 2 * adapter + adapter // 32
    working = BACKEND_TABLES + WORKSPACE if unsloth else WORKSPACE
    if model.load_in_4bit:
        working += largest * width * (2 if unsloth else 1)  # a weight in 16 bits while it is multiplied with
    kept = kept_bytes(shape, settings, tokens, width)
    in_a_layer = kept + layer_bytes(shape, settings, tokens, width)
    in_the_loss = kept + logit_bytes(shape, settings, tokens)
    parts = {
        "weights": weights,
        "embeddings": embeddings,
        "adapter": 4 * adapter,
        "gradients": 4 * adapter,
        "buckets": 4 * adapter if world_size() > 1 else 0,  # DistributedDataParallel adds up copies of them
        "optimizer": states,
        "backend": working,
        "activations": max(in_a_layer, in_the_loss),
    }
    if training.fsdp:
        head = width * shape.vocabulary * shape.hidden
        parts = on_each_card(parts, shape.layers, head, in_a_layer, in_the_loss, model.load_in_4bit)
    elif model.device_map == "balanced":
        parts = of_the_largest_share(parts, len(cards_in_use(settings)))
    return parts | {"fragmentation": int(FRAGMENTATION * sum(parts.values()))}


def of_the_largest_share(parts: dict[str, int], cards: int) -> dict[str, int]:
    """`parts` where the layers lie on so many cards: the last one has the output embedding besides its layers."""
    shared = ("weights", "adapter", "gradients", "optimizer")
    return parts | {name: -(-parts[name] // cards) for name in shared}


def on_each_card(
    parts: dict[str, int], layers: int, head: int, in_a_layer: int, in_the_loss: int, in_32_bits: bool
) -> dict[str, int]:
    """`parts` where FSDP spreads the model over all cards: what is the model's own, each card has a share of.

    For the layer at work and the next one, FSDP puts all shares together, and TRL does so for the output embedding,
    of `head` bytes. The peak is in a layer or in the loss. How many copies of the embedding live then, follows from
    what two H100 reserved (docs/benchmarks.md); half of one more where it is stored `in_32_bits`.
    """
    shared = ("weights", "embeddings", "adapter", "gradients", "optimizer")
    two_layers = 2 * (parts["weights"] + parts["adapter"]) // layers
    copies = 3 * head + (head // 2 if in_32_bits else 0)
    activations, gathered = max((in_a_layer, two_layers + head), (in_the_loss, copies), key=sum)
    own = {name: parts[name] // world_size() for name in shared}
    return parts | own | {"buckets": 0, "activations": activations, "gathered": gathered}


def kept_bytes(shape: Shape, settings: Settings, tokens: int, width: int) -> int:
    """What lives from the forward to the backward pass, for numbers of `width` bytes.

    With checkpointing, the inputs of the layers; Unsloth keeps them in system memory, with two buffers on the card
    (below windows of 512 tokens it leaves them on the card).
    """
    layers, hidden, inner, keys = shape.layers, shape.hidden, shape.inner, shape.keys
    checkpointing = settings.training.gradient_checkpointing
    if settings.model.backend != "transformers":
        all_layers = layers * (2 * inner + 7 * hidden + 2 * keys)
        inputs = 2 * hidden if settings.model.max_seq_length >= 512 else layers * hidden
        masks = 0
    else:
        all_layers = layers * (7 * inner + 13 * hidden + 2 * keys)
        inputs = layers * hidden * (1 if settings.training.fsdp else 2)  # in 32 bits, which FSDP makes 16
        masks = tokens**2 * (1 if checkpointing else layers)  # which tokens see which
    return width * (tokens * (inputs if checkpointing else all_layers) + masks)


def layer_bytes(shape: Shape, settings: Settings, tokens: int, width: int) -> int:
    """What the layer at work needs on top of `kept_bytes`: with checkpointing, it is computed again for gradients."""
    if not settings.training.gradient_checkpointing:
        return 0
    if settings.model.backend != "transformers":
        return width * tokens * (3 * shape.inner + 10 * shape.hidden + 2 * shape.keys)
    # norms, residuals and the product of the feed-forward gates are in 32 bits
    return width * tokens * (10 * shape.inner + 17 * shape.hidden + 2 * shape.keys)


def logit_bytes(shape: Shape, settings: Settings, tokens: int) -> int:
    """The loss at the end of the model: both backends compute the logits of some tokens at a time."""
    if settings.model.backend != "transformers":
        # Unsloth counts 16 bytes a logit when it cuts the tokens into a multiple of four pieces; half of them live.
        pieces = math.ceil(16 * tokens * shape.vocabulary / (CROSS_ENTROPY_GIB * GIB) / 4) * 4
        return 8 * shape.vocabulary * math.ceil(tokens / pieces) + 6 * tokens * shape.hidden
    copy_of_the_head = 2 * shape.vocabulary * shape.hidden if settings.model.load_in_4bit else 0
    return copy_of_the_head + 12 * shape.vocabulary * CHUNK + 12 * tokens * shape.hidden
