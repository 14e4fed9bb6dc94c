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
ROUNDING = 1e-5  # of the largest logit; sums in another order may differ by so much
FACTOR = 4  # above what rounding makes of the first example, a difference is none of rounding


def packed_examples_mix(trainer: DescriptionTrainer) -> bool:
    """Whether the logits of an example depend on the example before it in a packed micro-batch.

    The two shortest examples are computed packed and alone. The first one has nothing before it, so what differs there
    is rounding, and shows how large that is. All processes get the answer of the first one.
    """
    dataset = trainer.train_dataset
    lengths = token_lengths(dataset)
    examples = [
        {name: dataset[number][name][-TOKENS:] for name in ("input_ids", "labels")}
        for number in nsmallest(2, range(len(lengths)), key=lengths.__getitem__)
    ]
    together = logits_of(trainer, examples)
    alone = [logits_of(trainer, [example]) for example in examples]
    first, second = (
        (one - other).abs().max().item()
        for one, other in zip(together.split([len(part) for part in alone]), alone, strict=True)
    )
    differs = second > FACTOR * (first + ROUNDING * together.abs().max().item())
    return broadcast_object_list([differs])[0]


@torch.no_grad()
def logits_of(trainer: DescriptionTrainer, examples: list[dict[str, list[int]]]) -> torch.Tensor:
    """The logits (tokens x vocabulary, in 32 bits) of `examples` as a micro-batch of the training."""
    model = trainer.model
    batch = trainer.data_collator([dict(example) for example in examples])
    inputs = {name: value.to(model.device) for name, value in batch.items() if name != "labels"}
    was_training = model.training
    model.eval()
    try:
        return model(**inputs, use_cache=False).logits[0].float()
    finally:
        model.train(was_training)
