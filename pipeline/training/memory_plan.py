"""What a training needs of a card's memory, worked out before anything is loaded, and micro-batches that fit it.

Everything follows from the model's configuration, the settings and the lengths of the examples. The factors of the
activations were read off the live tensors at the peak of a step (Llama shapes, 3 and 8 billion parameters, rank 8 to
32, 880 to 16,384 tokens): see docs/benchmarks.md. All sizes are in bytes, tokens are those of one micro-batch.
"""

from __future__ import annotations

import math
import os
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.model.loading import CROSS_ENTROPY_GIB, model_window
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _, localised
from pipeline.runtime.progress import progress_bar
from pipeline.training.micro_batches import IGNORED, largest_micro_batch, tokenise

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from pipeline.catalogue.products import Product
    from pipeline.training.trainer import DescriptionTrainer

GIB = 1024**3
CONTEXT = int(0.6 * GIB)  # of a card's memory, what the CUDA context and a screen take before the first tensor
BACKEND_TABLES = int(0.04 * GIB)  # what Unsloth puts on the card beside the weights
WORKSPACE = 32 * 1024**2  # of cuBLAS
# Part of what PyTorch reserves that lies between its tensors: measured where its segments can grow, assumed on Windows.
FRAGMENTATION = 0.03 if sys.platform == "win32" else 0.012
MARGIN = 0.02  # of the memory, for what the plan does not know
PROCESSOR_TOKENS = 1024  # a processor computes the attention between all tokens of a micro-batch: larger ones lose time
CHUNK = 256  # tokens whose logits TRL computes at once
BATCH = 1000  # examples tokenised at once

LABELS = {
    "weights": N_("Weights of the layers"),
    "embeddings": N_("Embeddings and norms"),
    "adapter": N_("Adapter"),
    "gradients": N_("Gradients of the adapter"),
    "optimizer": N_("States of the optimizer"),
    "backend": N_("Working memory of the backend"),
    "activations": N_("Activations and logits"),
    "fragmentation": N_("Between the tensors"),
}


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
        """Raises AttributeError where `config` is of another kind of model."""
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


class MemoryPlan(NamedTuple):
    """How a training is dealt out, and what it needs. `available` is None where nothing has to fit: on a processor.

    Packed, an optimizer step has `micro_batches` of whole examples end to end; else `micro_batches` of `batch_size`
    padded examples. `largest` is the largest of the whole training, by the numbers of its examples. With
    `offload_embedding`, the input embedding lies in system memory; None leaves that to Unsloth.
    """

    lengths: Sequence[int]
    packed: bool
    examples_per_step: int  # on each card
    batch_size: int
    micro_batches: int
    tokens: int
    largest: list[int]
    parts: dict[str, int]
    available: int | None
    notes: list[str]
    offload_embedding: bool | None = None

    @property
    def needed(self) -> int:
        """Bytes that PyTorch reserves at the peak."""
        return sum(self.parts.values())

    def trainer_arguments(self) -> dict[str, Any]:
        """What the plan decides of TRL's SFTConfig, for examples that are tokenised and cut already."""
        return {
            "per_device_train_batch_size": self.batch_size,
            "gradient_accumulation_steps": self.micro_batches,
            "max_length": None,
            "padding_free": False,  # the trainer's collator does it, which knows how far examples were cut
            "dataset_kwargs": {"skip_prepare_dataset": True},
        }


def plan_memory(products: Iterable[Product], settings: Settings) -> MemoryPlan:
    """The plan for training on `products`. The card's free memory, or `training.memory_gb`, is what it has to fit.

    Raises UserError where no micro-batch fits, with the settings to lower.
    """
    config, tokenizer = read_model(settings)
    window = model_window(config, settings)
    lengths = token_lengths(products, tokenizer, window)
    available = available_memory(settings)
    if available is None:
        plan = dealt_out(lengths, settings, max(PROCESSOR_TOKENS, max(lengths)) if settings.training.packing else None)
        return plan._replace(notes=[_("On the processor nothing has to fit a card.")])
    as_asked = dealt_out(lengths, settings)
    try:
        shape = Shape.of(config)
    except AttributeError:
        note = _("This kind of model cannot be planned for: watch its first steps.")
        return as_asked._replace(available=available, notes=[note])
    room = int((1 - MARGIN) * available)
    needed = sum(memory_parts(shape, settings, as_asked.tokens).values())
    offload = needed > room and can_offload_embedding(shape, settings)
    plan = dealt_out(lengths, settings, most_tokens(shape, settings, room, offload))
    parts = memory_parts(shape, settings, plan.tokens, offload)
    notes = []
    if offload:
        notes.append(
            _("Changed, since {needed:.2f} GB would be needed: the input embedding lies in system memory.").format(
                needed=needed / GIB
            )
        )
    if plan.micro_batches != as_asked.micro_batches:
        notes.append(
            _(
                "Changed, since {asked:,} tokens at once need {needed:.2f} GB: more and smaller micro-batches, which "
                "add up to the same step."
            ).format(
                asked=as_asked.tokens,
                needed=sum(memory_parts(shape, settings, as_asked.tokens, offload).values()) / GIB,
            )
        )
    return plan._replace(parts=parts, available=available, notes=notes, offload_embedding=offload)


def can_offload_embedding(shape: Shape, settings: Settings) -> bool:
    """Unsloth can leave it in system memory, from where a step reads one row for each token."""
    return settings.model.backend != "transformers" and number_of_cards() == 1 and shape.input_embedding() > 0


# ------------------------------------------------------------------------------------------- model, examples, the card


def read_model(settings: Settings) -> tuple[PretrainedConfig, PreTrainedTokenizerBase]:
    """Configuration and tokenizer, without the weights. Raises UserError where they cannot be had."""
    from transformers import AutoConfig, AutoTokenizer

    name, revision = settings.model.name, settings.model.revision
    try:
        return (
            AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False),
            AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False),
        )
    except (OSError, ValueError) as error:
        raise UserError(
            _(
                "The model {name} cannot be loaded: {reason} "
                "Check --model.name, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=(str(error) or type(error).__name__).splitlines()[0])
        ) from None


def token_lengths(products: Iterable[Product], tokenizer: PreTrainedTokenizerBase, window: int) -> Sequence[int]:
    """The tokens of each example as it is trained on."""
    lengths, products = array("L"), iter(progress_bar(_("Counting tokens"), products))
    while batch := list(islice(products, BATCH)):
        prompts = [product_prompt(product.product) for product in batch]
        examples = tokenise(prompts, [product.description for product in batch], tokenizer, window)
        lengths.extend(map(len, examples["input_ids"]))
    if not lengths:
        raise UserError(_("No example fits into {window} tokens. Raise --model.max_seq_length.").format(window=window))
    return lengths


def number_of_cards() -> int:
    """How many processes train together, a card each: `torchrun` and `accelerate launch` say so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def available_memory(settings: Settings) -> int | None:
    """What PyTorch may reserve on the card, the present or the planned one; None where a processor trains."""
    import torch

    planned = settings.training.memory_gb
    if settings.model.device_map == "cpu":
        if planned:
            raise UserError(_("training.memory_gb plans for a card, and model.device_map is cpu: drop one of them."))
        return None
    present = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None
    if not planned and present is None and settings.training.plan_only:
        raise UserError(_("There is no card here to plan for. Name the memory of one: --training.memory_gb 8"))
    of_the_planned = int(planned * GIB) - CONTEXT if planned else None
    limits = [memory for memory in (present, of_the_planned) if memory is not None]
    if limits and torch.distributed.is_available() and torch.distributed.is_initialized():
        everywhere: list = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(everywhere, min(limits))  # or the cards would deal out differently
        limits = everywhere
    return min(limits, default=None)


def limit_memory(plan: MemoryPlan) -> None:
    """From here on, more memory than was planned for is an error: never moved to system memory by the driver."""
    import torch

    if plan.available is not None and torch.cuda.is_available():
        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, max(plan.available, 0) / total))


# -------------------------------------------------------------------------------------------------------- micro-batches


def dealt_out(lengths: Sequence[int], settings: Settings, capacity: int | None = None) -> MemoryPlan:
    """The examples of a step in as few micro-batches as `capacity` tokens allow; None allows any number.

    Padded, a micro-batch has at most the examples that the settings ask for. Raises UserError where not even the
    longest example alone fits.
    """
    training = settings.training
    examples = training.per_device_train_batch_size * training.gradient_accumulation_steps
    longest = max(lengths)
    if capacity is not None and longest > capacity:
        raise UserError(
            _(
                "The longest example has {longest:,} tokens, and no more than {capacity:,} at once fit the card's "
                "memory. Lower --model.max_seq_length to {capacity}, lower --lora.r, or take a smaller --model.name."
            ).format(longest=longest, capacity=capacity)
            if capacity > 0
            else _(
                "The card's memory does not hold the model and its adapter, even without examples. Take a smaller "
                "--model.name, load it in 4 bits (--model.load_in_4bit true), or lower --lora.r."
            )
        )
    if not training.packing:
        size = next(
            size
            for size in range(training.per_device_train_batch_size, 0, -1)
            if examples % size == 0 and (capacity is None or size * longest <= capacity)
        )
        largest = sorted(range(len(lengths)), key=lambda number: -lengths[number])[:size]
        return MemoryPlan(lengths, False, examples, size, examples // size, size * longest, largest, {}, None, [])
    processes = number_of_cards()
    epochs = math.ceil(training.num_train_epochs)
    if training.max_steps > 0:
        epochs = math.ceil(training.max_steps * examples * processes / len(lengths))
    for micro_batches in range(1, examples + 1):
        tokens, largest = largest_micro_batch(
            lengths, examples * processes, micro_batches * processes, training.seed, epochs
        )
        if capacity is None or tokens <= capacity:
            break
    size = math.ceil(examples / micro_batches)
    return MemoryPlan(lengths, True, examples, size, micro_batches, tokens, largest, {}, None, [])


# --------------------------------------------------------------------------------------------------------------- memory


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
    adapter = lora.r * shape.layers * sum(sum(projections.get(name, (0, 0))) for name in lora.target_modules)
    # 8-bit states: two bytes a weight, and for each block of 256 a float with each of the two.
    states = 8 * adapter if training.optim == "adamw_torch" else 2 * adapter + adapter // 32
    working = BACKEND_TABLES + WORKSPACE if unsloth else WORKSPACE
    if model.load_in_4bit:
        working += largest * width * (2 if unsloth else 1)  # a weight in 16 bits while it is multiplied with
    activations = activation_bytes(shape, settings, tokens, width)
    parts = {
        "weights": weights,
        "embeddings": embeddings,
        "adapter": 4 * adapter,
        "gradients": 4 * adapter,
        "optimizer": states,
        "backend": working,
        "activations": activations,
    }
    return parts | {"fragmentation": int(FRAGMENTATION * sum(parts.values()))}


def activation_bytes(shape: Shape, settings: Settings, tokens: int, width: int) -> int:
    """What lives at the peak of forward and backward, for numbers of `width` bytes.

    With checkpointing, one layer at a time is computed again for its gradients; Unsloth keeps the inputs of the others
    in system memory, with two buffers on the card (below windows of 512 tokens it leaves them on the card).
    """
    layers, hidden, inner, keys = shape.layers, shape.hidden, shape.inner, shape.keys
    checkpointing = settings.training.gradient_checkpointing
    if settings.model.backend != "transformers":
        a_layer, all_layers = 3 * inner + 10 * hidden + 2 * keys, layers * (2 * inner + 7 * hidden + 2 * keys)
        inputs = 2 * hidden if settings.model.max_seq_length >= 512 else layers * hidden
        masks = 0
    else:  # norms, residuals and the product of the feed-forward gates are in 32 bits
        a_layer, all_layers = 10 * inner + 17 * hidden + 2 * keys, layers * (7 * inner + 13 * hidden + 2 * keys)
        inputs = 2 * layers * hidden
        masks = tokens**2 * (1 if checkpointing else layers)  # which tokens see which
    logits = logit_bytes(shape, settings, tokens)
    if checkpointing:
        return width * (tokens * inputs + masks) + max(width * tokens * a_layer, logits)
    return width * (tokens * all_layers + masks) + logits


def logit_bytes(shape: Shape, settings: Settings, tokens: int) -> int:
    """The loss at the end of the model: both backends compute the logits of some tokens at a time."""
    if settings.model.backend != "transformers":
        # Unsloth counts 16 bytes a logit when it cuts the tokens into a multiple of four pieces; half of them live.
        pieces = math.ceil(16 * tokens * shape.vocabulary / (CROSS_ENTROPY_GIB * GIB) / 4) * 4
        return 8 * shape.vocabulary * math.ceil(tokens / pieces) + 6 * tokens * shape.hidden
    copy_of_the_head = 2 * shape.vocabulary * shape.hidden if settings.model.load_in_4bit else 0
    return copy_of_the_head + 12 * shape.vocabulary * CHUNK + 12 * tokens * shape.hidden


# ---------------------------------------------------------------------------------------------------- showing, proving


def show_plan(plan: MemoryPlan) -> None:
    """Print the plan as a table."""
    if plan.parts:
        title = _("Memory of the training")
        print(f"{title}\n{'=' * len(title)}")
        rows = {_(LABELS[part]): size for part, size in plan.parts.items()}
        for label, size in (rows | {_("Needed"): plan.needed, _("Available on the card"): plan.available}).items():
            print(f"{label:<33}: {gigabytes(size):>9}")
    form = (
        _("An optimizer step: {examples} examples, end to end in micro-batches of up to {tokens:,} tokens: {n}")
        if plan.packed
        else _("An optimizer step: {examples} examples, padded in micro-batches of up to {tokens:,} tokens: {n}")
    )
    print("\n" + form.format(examples=plan.examples_per_step, tokens=plan.tokens, n=plan.micro_batches))
    for note in plan.notes:
        print(note)


def gigabytes(size: int, digits: int = 3) -> str:
    """Bytes as `7.996 GB`, with the decimal sign of the language."""
    return localised(size / GIB, f".{digits}f") + " GB"


def prove(plan: MemoryPlan, trainer: DescriptionTrainer) -> None:
    """Compute the largest micro-batch of the training once, with all that will lie beside it, and learn nothing.

    Call it when training begins: only then is the model wrapped as it will be. Raises UserError where it does not fit
    after all, with the settings to lower.
    """
    import torch

    device = trainer.args.device
    if not plan.parts or device.type != "cuda":
        return
    batch = trainer.data_collator([trainer.train_dataset[number] for number in plan.largest])
    learned = (batch["labels"] != IGNORED).sum().to(device)
    trainer.current_gradient_accumulation_steps = plan.micro_batches  # what the Trainer sets at its first step
    try:
        with torch.random.fork_rng([device]):
            states = torch.empty(plan.parts["optimizer"], dtype=torch.uint8, device=device)  # the first step makes them
            trainer.training_step(trainer.model_wrapped, batch, num_items_in_batch=learned)
            torch.cuda.synchronize(device)
            del states
    except torch.cuda.OutOfMemoryError:
        raise UserError(
            _(
                "A micro-batch of {tokens:,} tokens needs more than the {available:.2f} GB of the card, against the "
                "plan. Lower --training.memory_gb, so that the plan takes smaller ones, --model.max_seq_length or "
                "--lora.r."
            ).format(tokens=plan.tokens, available=plan.available / GIB)
        ) from None
    finally:
        trainer.model.zero_grad(set_to_none=True)
    print(
        _("Tried out: {n:,} tokens, the largest micro-batch, take {size:.2f} GB; planned: {planned:.2f} GB").format(
            n=plan.tokens, size=torch.cuda.max_memory_reserved(device) / GIB, planned=plan.needed / GIB
        )
    )
