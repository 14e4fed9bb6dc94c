"""Whether a model keeps packed examples apart.

In a packed micro-batch the position ids restart with each example. Not all models go by them: some recurrent layers
carry their state on, and some attention layers look back over the whole sequence. Which ones do depends on the
architecture, the library's version and the installed kernels, so it is measured.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

import torch
from accelerate.utils import broadcast_object_list

from pipeline.training.examples import token_lengths

if TYPE_CHECKING:
    from pipeline.training.trainer import DescriptionTrainer

TOKENS = 64  # of each example: the last ones, since all begin with the same prompt
ROUNDING = 0.05  # of the largest logit: packed and alone, sums of 16-bit numbers differ by less
FACTOR = 4  # from here on, a difference is more than the rounding that was measured


def packed_examples_mix(trainer: DescriptionTrainer) -> bool:
    """Whether the logits of an example depend on the example before it in a packed micro-batch.

    Measured on the two shortest examples. Another example before the second one must not change its logits: by no bit
    in most models, and in a mixture of experts by the rounding that another example after the first one causes too. And
    the second one must have the same logits packed and alone. All processes get the answer of the first one.
    """
    first, second = two_examples(trainer)
    tokens = len(first["input_ids"])
    packed = logits_of(trainer, first, second)
    change = largest_difference(packed[tokens:], logits_of(trainer, backwards(first), second)[tokens:])
    rounding = largest_difference(packed[:tokens], logits_of(trainer, first, backwards(second))[:tokens])
    shift = largest_difference(packed[tokens:], logits_of(trainer, second))
    mix = change > FACTOR * rounding or shift > ROUNDING * packed.abs().max().item()
    return broadcast_object_list([mix])[0]


def two_examples(trainer: DescriptionTrainer) -> list[dict[str, list[int]]]:
    """The ends of the two shortest examples; of a single one twice."""
    dataset, lengths = trainer.train_dataset, token_lengths(trainer.train_dataset)
    shortest = nsmallest(2, range(len(lengths)), key=lengths.__getitem__)
    return [
        {name: dataset[number][name][-TOKENS:] for name in ("input_ids", "labels")}
        for number in (shortest[0], shortest[-1])
    ]


def backwards(example: dict[str, list[int]]) -> dict[str, list[int]]:
    """Another example of the same length."""
    return {name: values[::-1] for name, values in example.items()}


@torch.no_grad()
def logits_of(trainer: DescriptionTrainer, *examples: dict[str, list[int]]) -> torch.Tensor:
    """The logits (tokens x vocabulary, in 32 bits) of a micro-batch of `examples`."""
    model = trainer.model
    batch = trainer.data_collator([dict(example) for example in examples])
    inputs = {name: value.to(model.device) for name, value in batch.items() if name != "labels"}
    was_training = model.training
    model.eval()
    try:
        return model(**inputs, use_cache=False).logits[0].float()
    finally:
        model.train(was_training)


def largest_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()
