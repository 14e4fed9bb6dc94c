"""How the examples of an optimizer step are divided into micro-batches, so that a training fits the card's memory.

The plan is made before the model is loaded, from its configuration and the lengths of the examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _, localised
from pipeline.training.cards import GIB, available_memory
from pipeline.training.memory_model import Shape, memory_parts, most_tokens
from pipeline.training.micro_batches import largest_micro_batch
from pipeline.training.processes import world_size

if TYPE_CHECKING:
    from transformers import PretrainedConfig

MARGIN = 0.02  # of the memory, for what the plan does not know
PROCESSOR_TOKENS = 1024  # a processor computes the attention between all tokens of a micro-batch: larger ones lose time

LABELS = {
    "weights": N_("Weights of the layers"),
    "embeddings": N_("Embeddings and norms"),
    "adapter": N_("Adapter"),
    "gradients": N_("Gradients of the adapter"),
    "buckets": N_("Gradients in exchange"),
    "gathered": N_("Layers put together"),
    "optimizer": N_("States of the optimizer"),
    "backend": N_("Working memory of the backend"),
    "activations": N_("Activations and logits"),
    "fragmentation": N_("Between the tensors"),
}


class MemoryPlan(NamedTuple):
    """How each step is divided into micro-batches, and what memory that needs.

    `available` is None where nothing has to fit: on a processor.

    Packed, an optimizer step has `micro_batches` of whole examples end to end; else `micro_batches` of `batch_size`
    padded examples. `largest` is the largest of the whole training, by the numbers of its examples. With
    `offload_embedding`, the input embedding lies in system memory; None leaves that to Unsloth.
    """

    packed: bool
    examples_per_step: int  # on each card
    batch_size: int
    micro_batches: int
    tokens: int  # of the largest micro-batch
    largest: list[int]
    parts: dict[str, int] = {}
    available: int | None = None
    notes: tuple[str, ...] = ()
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


def plan_memory(lengths: Sequence[int], config: PretrainedConfig, settings: Settings) -> MemoryPlan:
    """The plan for training the model of `config` on examples of `lengths` tokens.

    It has to fit the card's free memory, or `training.memory_gb`. Raises UserError where no micro-batch fits, with the
    settings to lower.
    """
    available = available_memory(settings)
    if available is None:
        return plan_for_processor(lengths, settings, settings.training.packing)
    shape = shape_of(config)
    offload = None
    if shape:
        asked = divide_steps(lengths, settings, settings.training.packing).tokens
        needed = sum(memory_parts(shape, settings, asked).values())
        offload = needed > room_in(available) and can_offload_embedding(shape, settings)
    plan = plan_for_card(lengths, shape, settings, settings.training.packing, available, offload)
    if offload:
        note = _("Changed: the training would need {needed:.2f} GB, so the input embedding stays in system memory.")
        plan = plan._replace(notes=(note.format(needed=needed / GIB), *plan.notes))
    return plan


def padded(plan: MemoryPlan, lengths: Sequence[int], config: PretrainedConfig, settings: Settings) -> MemoryPlan:
    """The plan for the same training with padded examples, once the model is loaded as `plan` says."""
    if plan.available is None:
        return plan_for_processor(lengths, settings, packed=False)
    return plan_for_card(lengths, shape_of(config), settings, False, plan.available, plan.offload_embedding)


def plan_for_processor(lengths: Sequence[int], settings: Settings, packed: bool) -> MemoryPlan:
    capacity = max(PROCESSOR_TOKENS, max(lengths)) if packed else None
    plan = divide_steps(lengths, settings, packed, capacity)
    return plan._replace(notes=(_("On the processor nothing has to fit a card."),))


def plan_for_card(
    lengths: Sequence[int], shape: Shape | None, settings: Settings, packed: bool, available: int, offload: bool | None
) -> MemoryPlan:
    """The plan for `available` bytes; as the settings ask where the model has no `shape` to plan with."""
    as_asked = divide_steps(lengths, settings, packed)
    if shape is None:
        note = _("The memory of this kind of model cannot be planned: watch the first steps.")
        return as_asked._replace(available=available, notes=(note,))
    plan = divide_steps(lengths, settings, packed, most_tokens(shape, settings, room_in(available), bool(offload)))
    notes = ()
    if plan.micro_batches != as_asked.micro_batches:
        needed = sum(memory_parts(shape, settings, as_asked.tokens, bool(offload)).values())
        note = _(
            "Changed: {asked:,} tokens at once would need {needed:.2f} GB, so the plan makes more and smaller "
            "micro-batches; the step stays the same."
        )
        notes = (note.format(asked=as_asked.tokens, needed=needed / GIB),)
    parts = memory_parts(shape, settings, plan.tokens, bool(offload))
    return plan._replace(parts=parts, available=available, notes=notes, offload_embedding=offload)


def shape_of(config: PretrainedConfig) -> Shape | None:
    """None for a kind of model whose memory is not known."""
    try:
        return Shape.of(config)
    except AttributeError:
        return None


def room_in(available: int) -> int:
    return int((1 - MARGIN) * available)


def can_offload_embedding(shape: Shape, settings: Settings) -> bool:
    """Unsloth can leave it in system memory, from where a step reads one row for each token."""
    model, alone = settings.model, world_size() == 1 and settings.model.device_map != "balanced"
    return model.backend != "transformers" and alone and shape.input_embedding() > 0


# ------------------------------------------------------------------------------------------------------- micro-batches


def divide_steps(lengths: Sequence[int], settings: Settings, packed: bool, capacity: int | None = None) -> MemoryPlan:
    """The plan with as few micro-batches a step as `capacity` tokens allow; None allows any number of tokens.

    Raises UserError where not even the longest example alone fits.
    """
    if capacity is not None:
        require_longest_to_fit(max(lengths), capacity)
    return (packed_batches if packed else padded_batches)(lengths, settings, capacity)


def require_longest_to_fit(longest: int, capacity: int) -> None:
    if longest <= capacity:
        return
    if capacity > 0:
        problem = _(
            "The longest example has {longest:,} tokens, and no more than {capacity:,} at once fit the card's "
            "memory. Lower --model.max_seq_length to {capacity}, lower --lora.r, or take a smaller --model.name."
        ).format(longest=longest, capacity=capacity)
    else:
        problem = _(
            "The model and its adapter do not fit into the card's memory, even without examples. Use a smaller "
            "--model.name, load it in 4 bits (--model.load_in_4bit true), or lower --lora.r."
        )
    raise UserError(problem)


def examples_per_step(settings: Settings) -> int:
    return settings.training.per_device_train_batch_size * settings.training.gradient_accumulation_steps


def padded_batches(lengths: Sequence[int], settings: Settings, capacity: int | None) -> MemoryPlan:
    """At most as many examples in a micro-batch as the settings ask for."""
    examples, longest = examples_per_step(settings), max(lengths)
    size = next(
        size
        for size in range(settings.training.per_device_train_batch_size, 0, -1)
        if examples % size == 0 and (capacity is None or size * longest <= capacity)
    )
    largest = sorted(range(len(lengths)), key=lambda number: -lengths[number])[:size]
    return MemoryPlan(False, examples, size, examples // size, size * longest, largest)


def packed_batches(lengths: Sequence[int], settings: Settings, capacity: int | None) -> MemoryPlan:
    training, processes = settings.training, world_size()
    examples = examples_per_step(settings)
    epochs = math.ceil(training.num_train_epochs)
    if training.max_steps > 0:
        epochs = math.ceil(training.max_steps * examples * processes / len(lengths))
    for micro_batches in range(1, examples + 1):
        tokens, largest = largest_micro_batch(
            lengths, examples * processes, micro_batches * processes, training.seed, epochs
        )
        if capacity is None or tokens <= capacity:
            break
    return MemoryPlan(True, examples, math.ceil(examples / micro_batches), micro_batches, tokens, largest)


# ------------------------------------------------------------------------------------------------------------- showing


def show_plan(plan: MemoryPlan) -> None:
    """Print the plan as a table."""
    if plan.parts:
        title = _("Memory of the training")
        if world_size() > 1:
            title = _("Memory of the training, on each of {n} cards").format(n=world_size())
        print(f"{title}\n{'=' * len(title)}")
        rows = {_(LABELS[part]): size for part, size in plan.parts.items() if size}
        for label, size in (rows | {_("Needed"): plan.needed, _("Available on the card"): plan.available}).items():
            print(f"{label:<33}: {gigabytes(size):>9}")
    form = (
        _("An optimizer step: {examples} examples, packed into {n} micro-batches of up to {tokens:,} tokens")
        if plan.packed
        else _("An optimizer step: {examples} examples, padded, in {n} micro-batches of up to {tokens:,} tokens")
    )
    print("\n" + form.format(examples=plan.examples_per_step, tokens=plan.tokens, n=plan.micro_batches))
    for note in plan.notes:
        print(note)


def gigabytes(size: int, digits: int = 3) -> str:
    """Bytes as `7.996 GB`, with the decimal sign of the language."""
    return localised(size / GIB, f".{digits}f") + " GB"
