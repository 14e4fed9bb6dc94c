"""Where an answer ends: at every end that the model has, and before a question that it asks itself."""

from __future__ import annotations

import pytest

from pipeline.catalogue.prompts import product_prompt
from pipeline.model.answers import Question, answers_in_order, ask
from pipeline.model.loading import LanguageModel, load_foundation_model
from tests.running import demo_settings
from tests.tiny_model import END, TURN, make_tiny_model

SAID = "A bright lamp. ## #1 of its kind"
HEADING = "\n\n### Instruction:\nGET THE"
QUESTIONS = [Question(title, product_prompt(title)) for title in ("Lamp", "A Longer Title", "Clock")]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> LanguageModel:
    folder = tmp_path_factory.mktemp("stopping")
    return load_foundation_model(demo_settings(folder, "--model.name", str(make_tiny_model(folder / "tiny"))))


def says(tiny: LanguageModel, monkeypatch, text: str, *end: int) -> list[int]:
    """Let the model say `text`, in single bytes, and then the tokens `end`, whatever it is asked."""
    import torch

    ids = [*tiny.tokenizer(text)["input_ids"], *end]
    forward = tiny.model.forward
    start = {}

    def speak(input_ids=None, **inputs):
        outputs = forward(input_ids=input_ids, **inputs)
        start["step"] = 0 if input_ids.shape[1] > 1 else start["step"] + 1
        outputs.logits[:, -1] = torch.zeros(len(tiny.tokenizer))
        outputs.logits[:, -1, ids[start["step"] % len(ids)]] = 50
        return outputs

    monkeypatch.setattr(tiny.model, "forward", speak)
    return ids


def settings_of(folder):
    return demo_settings(folder, *("--generation.max_new_tokens", "120", "--generation.temperature", "0"))


@pytest.mark.parametrize("stream", [False, True])
def test_answer_ends_before_a_new_instruction(tiny, tmp_path, monkeypatch, capsys, stream):
    says(tiny, monkeypatch, SAID + HEADING)
    capsys.readouterr()
    answer = ask(tiny, *QUESTIONS[0][:2], settings_of(tmp_path).generation, stream=stream)
    assert answer.answer == SAID
    assert answer.tokens == len(SAID + "\n\n### Instruction:")
    assert capsys.readouterr().out.strip() == (SAID if stream else "")
    assert [given.answer for given in answers_in_order(tiny, QUESTIONS, settings_of(tmp_path))] == [SAID] * 3


def test_streamed_signs_are_shown_where_no_heading_comes(tiny, tmp_path, monkeypatch, capsys):
    says(tiny, monkeypatch, "Size ### Instr", END)
    capsys.readouterr()
    answer = ask(tiny, *QUESTIONS[0][:2], settings_of(tmp_path).generation, stream=True)
    assert capsys.readouterr().out.strip() == answer.answer == "Size ### Instr"


@pytest.mark.parametrize("end", [END, TURN])
def test_answer_ends_at_every_end(tiny, tmp_path, monkeypatch, end):
    says(tiny, monkeypatch, "A lamp.", end)
    monkeypatch.setattr(tiny.model.generation_config, "eos_token_id", [END, TURN])
    answer = ask(tiny, *QUESTIONS[0][:2], settings_of(tmp_path).generation)
    assert (answer.answer, answer.tokens) == ("A lamp.", 8)


def test_penalty_of_the_models_own_settings_does_not_count(tiny, tmp_path, monkeypatch):
    """It would count the prompt as well, and retrieval could not copy."""
    monkeypatch.setattr(tiny.model.generation_config, "repetition_penalty", 50.0)
    generation = settings_of(tmp_path).generation.model_copy(update={"repetition_penalty": 1})
    with_theirs = ask(tiny, *QUESTIONS[0][:2], generation)
    monkeypatch.setattr(tiny.model.generation_config, "repetition_penalty", None)
    assert ask(tiny, *QUESTIONS[0][:2], generation).answer == with_theirs.answer
