"""Choosing the next token so that an answer does not loop, nor depend on what is generated beside it.

Each row of a batch has its own random numbers, which depend on seed and prompt alone. The token whose logit, after
temperature, is the largest with Gumbel noise added is drawn with exactly the probability that the softmax gives it
(Maddison, Tarlow and Minka: A* Sampling, 2014), so that generation itself only looks for the largest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from config import GenerationSettings

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import LogitsProcessorList, PreTrainedModel

SMALLEST_DRAW = 2.0**-24  # a draw of 0, to which 32 bits round smaller ones, would choose its token in any case


def sampling(
    model: PreTrainedModel | PeftModel, prompts: Sequence[str], generation: GenerationSettings
) -> LogitsProcessorList:
    """What turns the logits of a batch into those whose largest is the next token; made anew for each batch.

    It is empty where nothing is drawn and no repetition is made less likely. The limits `top_k` and `top_p` are those
    of the model's own generation_config.json, where it has some.
    """
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    processors = [RepetitionPenalty(generation.repetition_penalty)] if generation.repetition_penalty != 1 else []
    if not generation.do_sample or generation.temperature == 0:
        return LogitsProcessorList(processors)
    processors.append(TemperatureLogitsWarper(generation.temperature))
    limits = model.generation_config
    if limits.top_k:
        processors.append(TopKLogitsWarper(limits.top_k))
    if limits.top_p is not None and limits.top_p < 1:
        processors.append(TopPLogitsWarper(limits.top_p))
    return LogitsProcessorList([*processors, GumbelNoise(prompts, generation.seed, model.device)])


class RepetitionPenalty:
    """Makes the tokens that stand in a row's answer so far less likely: logits of shape (row, token), changed in place.

    Their logits are divided by `penalty`, those below 0 multiplied (Keskar and others: CTRL, 2019), but the prompt does
    not count: an answer has to be able to copy from what was retrieved. The prompts of a batch, with their padding, are
    what is there at the first call.
    """

    def __init__(self, penalty: float) -> None:
        self.penalty = penalty
        self.prompt_tokens: int | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        if self.prompt_tokens is None:
            self.prompt_tokens = input_ids.shape[1]
        answers = input_ids[:, self.prompt_tokens :]
        logits = scores.gather(1, answers)
        return scores.scatter_(1, answers, torch.where(logits < 0, logits * self.penalty, logits / self.penalty))


class GumbelNoise:
    """Adds Gumbel noise to logits of shape (row, token), to each row from its own random numbers."""

    def __init__(self, prompts: Sequence[str], seed: int, device: torch.device) -> None:
        import torch

        digests = [hashlib.sha256(f"{seed}\n{prompt}".encode()).digest() for prompt in prompts]
        self.generators = [torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big")) for digest in digests]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        draws = torch.empty_like(scores)
        for row, generator in zip(draws, self.generators, strict=True):
            row.exponential_(generator=generator)
        return scores - draws.clamp_(min=SMALLEST_DRAW).log_()
