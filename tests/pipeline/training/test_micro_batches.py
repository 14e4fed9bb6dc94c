"""The examples of an optimizer step, balanced over micro-batches."""

from __future__ import annotations

import random

import pytest

from pipeline.training.micro_batches import IGNORED, batch_sampler, largest_micro_batch, tokenise
from tests.tiny_model import byte_tokenizer

LENGTHS = [random.Random(number).randint(40, 900) for number in range(83)]


def epoch_of(*, examples: int, micro_batches: int, processes: int = 1, epoch: int = 0) -> list[list[list[int]]]:
    """The micro-batches that each process gets."""
    samplers = [batch_sampler(LENGTHS, examples, micro_batches, 1, rank, processes) for rank in range(processes)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    shares = [list(sampler) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(share) for share in shares]
    return shares


@pytest.mark.parametrize(("micro_batches", "processes"), [(1, 1), (2, 1), (3, 1), (2, 2)])
def test_each_step_takes_the_examples_asked_for(micro_batches, processes):
    """However a step is divided, it holds the same examples, and all processes do as many micro-batches."""
    together = epoch_of(examples=8, micro_batches=1)[0]
    shares = epoch_of(examples=8, micro_batches=micro_batches, processes=processes)
    assert {len(share) for share in shares} == {len(together) * micro_batches}
    for number, step in enumerate(together):
        parts = [part for share in shares for part in share[number * micro_batches : (number + 1) * micro_batches]]
        assert all(parts)
        balanced = [example for part in parts for example in part]
        assert set(balanced) == set(step)
        assert len(balanced) == len(step) or len(step) < len(parts)
    assert sorted(example for step in together for example in step) == list(range(len(LENGTHS)))


def test_order_follows_from_seed_and_epoch():
    first, again, second = (epoch_of(examples=8, micro_batches=2, epoch=epoch) for epoch in (0, 0, 1))
    assert first == again != second


def test_micro_batches_are_balanced_and_the_largest_is_known():
    largest, examples = largest_micro_batch(LENGTHS, 8, 2, 1, epochs=2)
    sizes = []
    for epoch in range(2):
        [share] = epoch_of(examples=8, micro_batches=2, epoch=epoch)
        sizes += [[sum(LENGTHS[example] for example in part) for part in share[n : n + 2]] for n in range(0, 20, 2)]
    assert max(max(pair) for pair in sizes) == largest == sum(LENGTHS[example] for example in examples)
    assert all(max(pair) < 4 / 3 * sum(pair) / 2 + 1 for pair in sizes)


def test_prompt_is_masked_and_the_end_is_learned():
    tokenizer = byte_tokenizer()
    prompts, completions = ["Describe: lamp\n", "Describe: " + "lamp " * 90], ["a bright lamp", "bright"]
    whole = tokenise(prompts, completions, tokenizer, 1000)
    for prompt, completion, ids, labels in zip(prompts, completions, *whole.values(), strict=True):
        read = len(tokenizer(prompt)["input_ids"])
        assert ids == [*tokenizer(prompt + completion)["input_ids"], tokenizer.eos_token_id]
        assert labels == [IGNORED] * read + ids[read:]
    window = len(tokenizer(prompts[1])["input_ids"])  # it holds the second prompt, and nothing of its completion
    assert tokenise(prompts, completions, tokenizer, window)["input_ids"] == whole["input_ids"][:1]
    cut = tokenise(prompts, completions, tokenizer, window + 1)
    assert [len(ids) for ids in cut["input_ids"]] == [len(whole["input_ids"][0]), window + 1]
