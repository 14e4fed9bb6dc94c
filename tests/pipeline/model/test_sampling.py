"""The choice of the next token."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from config import GenerationSettings
from pipeline.model.sampling import RepetitionPenalty, sampling
from tests.tiny_model import make_tiny_model

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


# ------------------------------------------------------------------------------------------------------- repetition

TITLES = ["Lamp", "A Very Long Title of a Book That Nobody Has Written", "Night Train", "Blue Coat", "Clamp", "Tutu"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def generated(tiny, prompts: list[str], **settings) -> list[str]:
    """The answers to `prompts`, generated side by side, up to where each ends."""
    model, tokenizer = tiny
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    processors = sampling(model, prompts, GenerationSettings(**settings))
    output = model.generate(**inputs, do_sample=False, max_new_tokens=60, logits_processor=processors)
    answers = tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :])
    return [answer.partition(tokenizer.eos_token)[0] for answer in answers]


def test_penalty_counts_the_answer_and_not_the_prompt():
    import torch

    penalty = RepetitionPenalty(2)
    logits = torch.tensor([LOGITS, LOGITS])
    prompts = torch.tensor([[3, 0, 1], [2, 2, 2]])  # the first row's 3 is padding
    assert penalty(prompts, logits.clone()).tolist() == [LOGITS, LOGITS]
    answers = torch.cat([prompts, torch.tensor([[0, 3, 0], [1, 1, 1]])], dim=1)
    assert penalty(answers, logits.clone()).tolist() == [[1.0, 1.0, 0.0, -2.0], [2.0, 0.5, 0.0, -1.0]]


def test_penalty_comes_before_the_temperature():
    import torch

    model = SimpleNamespace(generation_config=SimpleNamespace(top_k=None, top_p=None), device=torch.device("cpu"))
    processors = sampling(model, ["prompt"], GenerationSettings(temperature=0.5, repetition_penalty=1.5))
    assert [type(processor).__name__ for processor in processors] == [
        *("RepetitionPenalty", "TemperatureLogitsWarper", "GumbelNoise")
    ]


def test_penalty_of_1_is_the_models_own_choice(tiny):
    model, tokenizer = tiny
    inputs = tokenizer(TITLES[0], return_tensors="pt")
    own = model.generate(**inputs, do_sample=False, max_new_tokens=60)[0, inputs["input_ids"].shape[1] :]
    own = tokenizer.decode(own).partition(tokenizer.eos_token)[0]
    assert generated(tiny, TITLES[:1], temperature=0, repetition_penalty=1) == [own]
    assert generated(tiny, TITLES[:1], temperature=0) != [own]


@pytest.mark.parametrize("temperature", [0, 1.2])
def test_answers_with_a_penalty_do_not_depend_on_their_batch(tiny, temperature):
    together = generated(tiny, TITLES, temperature=temperature)
    assert len(set(map(len, together))) > 1, "none ended before the others, so nothing was tested"
    assert together == [generated(tiny, [title], temperature=temperature)[0] for title in TITLES]


def test_penalty_ends_loops(tiny):
    def different(penalty: float) -> int:
        answers = generated(tiny, TITLES, temperature=0, repetition_penalty=penalty)
        return sum(len(set(answer)) for answer in answers)

    assert different(1.15) > different(1)
