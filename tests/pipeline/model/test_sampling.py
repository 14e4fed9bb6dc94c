"""The drawing of tokens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from config import GenerationSettings
from pipeline.model.sampling import sampling

LOGITS = [2.0, 1.0, 0.0, -1.0]
ROWS = 20_000


def drawn(temperature: float, top_k: int | None = None, top_p: float | None = None):
    """The share of the rows that each token is drawn in."""
    import torch

    model = SimpleNamespace(generation_config=SimpleNamespace(top_k=top_k, top_p=top_p), device=torch.device("cpu"))
    generation = GenerationSettings(temperature=temperature)
    processors = sampling(model, [f"prompt {number}" for number in range(ROWS)], generation)
    scores = processors(torch.zeros(ROWS, 1, dtype=torch.long), torch.tensor(LOGITS).repeat(ROWS, 1))
    return torch.bincount(scores.argmax(dim=-1), minlength=len(LOGITS)) / ROWS


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_by_their_probability(temperature):
    import torch

    expected = torch.softmax(torch.tensor(LOGITS) / temperature, dim=0)
    four_errors = 4 * (expected * (1 - expected) / ROWS).sqrt()
    assert ((drawn(temperature) - expected).abs() < four_errors).all()


def test_limits_of_the_models_own_configuration_count():
    assert (drawn(1.0, top_k=2) > 0).tolist() == [True, True, False, False]
    assert (drawn(1.0, top_p=0.9) > 0).tolist() == [True, True, True, False]
