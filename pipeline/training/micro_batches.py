"""Micro-batches sized in tokens: the examples of an optimizer step lie end to end, and nothing is padded.

An optimizer step takes as many examples as the settings ask for, in as few micro-batches as fit the tokens that the
memory plan allows. The position ids restart with each example, from which the attention knows where one ends, so no
example sees another (packing.py finds out where a model does not go by them); and the loss of a step is the mean over
its tokens, so it does not matter how they are divided.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.catalogue.prompts import ALPACA, PromptFormat
from pipeline.model.tokens import prompt_ids

if TYPE_CHECKING:
    from datasets import Dataset
    from torch.utils.data import Sampler
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of a token that the loss does not count


def tokenise(
    prompts: Sequence[str],
    completions: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    window: int,
    form: PromptFormat = ALPACA,
) -> dict[str, list[list[int]]]:
    """`input_ids` and `labels` of examples, each a prompt, its completion and the end-of-text token.

    The prompt is read and not learned: its labels are `IGNORED`. What exceeds `window` tokens is cut off; an example
    whose prompt alone fills the window has nothing to learn and is left out.
    """
    lengths = map(len, prompt_ids(tokenizer, form, prompts))
    examples = [
        (prompt, [*ids, tokenizer.eos_token_id][:window])
        for prompt, ids in zip(lengths, prompt_ids(tokenizer, form, prompts, completions), strict=True)
        if prompt < window
    ]
    return {
        "input_ids": [ids for _prompt, ids in examples],
        "labels": [[IGNORED] * prompt + ids[prompt:] for prompt, ids in examples],
    }


def tokenise_dataset(
    dataset: Dataset, tokenizer: PreTrainedTokenizerBase, window: int, form: PromptFormat, **options
) -> Dataset:
    """`dataset` of `prompt` and `completion` as what a trainer reads, see `tokenise`; `options` are those of `map`."""
    from datasets import Features, List, Value

    return dataset.map(
        lambda examples: tokenise(examples["prompt"], examples["completion"], tokenizer, window, form),
        batched=True,
        remove_columns=dataset.column_names,
        features=Features({"input_ids": List(Value("int32")), "labels": List(Value("int32"))}),  # also where all is cut
        **options,
    )


def steps(lengths: Sequence[int], examples: int, seed: int, epoch: int) -> Iterator[list[int]]:
    """The examples of each optimizer step of an epoch, by number; their order depends on `seed` and `epoch` only."""
    import torch

    order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
    for start in range(0, len(order), examples):
        yield order[start : start + examples]


def balance(step: list[int], lengths: Sequence[int], parts: int) -> list[list[int]]:
    """The examples of a step as `parts` micro-batches of about as many tokens each, the largest first.

    The longest example left goes to the part with the fewest tokens (Graham's LPT rule: at most a third above the best
    possible). A step of fewer examples than parts repeats its first ones, so that no process waits for another.
    """
    step = [step[number % len(step)] for number in range(max(parts, len(step)))]
    heap = [(0, part) for part in range(parts)]
    balanced: list[list[int]] = [[] for _part in range(parts)]
    for example in sorted(step, key=lambda number: -lengths[number]):
        tokens, part = heap[0]
        balanced[part].append(example)
        heapq.heapreplace(heap, (tokens + lengths[example], part))
    return [balanced[part] for _tokens, part in sorted(heap, reverse=True)]


def largest_micro_batch(
    lengths: Sequence[int], examples: int, parts: int, seed: int, epochs: int
) -> tuple[int, list[int]]:
    """Tokens and examples of the largest micro-batch of a whole training, each step balanced over `parts`."""
    largest = (0, [])
    for epoch in range(epochs):
        for step in steps(lengths, examples, seed, epoch):
            for micro_batch in balance(step, lengths, parts):
                largest = max(largest, (sum(lengths[number] for number in micro_batch), micro_batch))
    return largest


def batch_sampler(
    lengths: Sequence[int], examples: int, micro_batches: int, seed: int, rank: int = 0, processes: int = 1
) -> Sampler:
    """Yields the micro-batches of process `rank`: `micro_batches` of them a step, `examples` examples a step in all.

    Its class comes from one of transformers, since the Trainer accepts only such a sampler for whole batches. The
    Trainer sets the epoch and skips the steps that a checkpoint has done; the sampler shares them out among processes.
    """
    from transformers.trainer_pt_utils import BatchRebalanceSampler

    class MicroBatchSampler(BatchRebalanceSampler):
        def __init__(self) -> None:
            self.epoch = 0

        def __iter__(self) -> Iterator[list[int]]:
            for step in steps(lengths, examples, seed, self.epoch):
                yield from balance(step, lengths, processes * micro_batches)[rank::processes]

        def __len__(self) -> int:
            return -(-len(lengths) // examples) * micro_batches

    return MicroBatchSampler()
