"""Asking a model: what decides its answer, and what is written down of it."""

from __future__ import annotations

import pytest

from pipeline.answers import ask, room_for_answer
from pipeline.errors import UserError
from pipeline.language_model import LanguageModel, load_foundation_model
from pipeline.prompts import product_prompt
from tests.running import demo_settings

PROMPT = product_prompt("Lamp")


@pytest.fixture(scope="module")
def language_model(tmp_path_factory) -> LanguageModel:
    return load_foundation_model(demo_settings(tmp_path_factory.mktemp("answers")))


def answer(language_model, *flags: str, stream: bool = False, prompt: str = PROMPT, folder=None):
    settings = demo_settings(folder, "--generation.max_new_tokens", "16", *flags)
    return ask(language_model, "Lamp", prompt, settings.generation, stream=stream)


def test_seed_and_temperature_decide_the_answer(language_model, tmp_path):
    def text(*flags: str) -> str:
        return answer(language_model, "--generation.temperature", "1.5", *flags, folder=tmp_path).answer

    first = text()
    assert text() == first
    assert len({text("--generation.seed", str(seed)) for seed in range(4)}) > 1
    greedy = {
        answer(language_model, *flags, "--generation.seed", str(seed), folder=tmp_path).answer
        for seed in range(2)
        for flags in (("--generation.temperature", "0"), ("--generation.do_sample", "false"))
    }
    assert len(greedy) == 1


def test_streamed_answer_is_the_same_as_the_whole(language_model, tmp_path, capsys):
    whole = answer(language_model, folder=tmp_path)
    capsys.readouterr()
    streamed = answer(language_model, stream=True, folder=tmp_path)
    assert streamed.answer == whole.answer
    assert capsys.readouterr().out.strip() == whole.answer


def test_tokens_are_counted_and_limited(language_model, tmp_path):
    given = answer(language_model, folder=tmp_path)
    assert 1 <= given.tokens <= 16
    assert given.seconds > 0
    assert given.prompt == PROMPT
    assert "###" not in given.answer or given.tokens == 16


def test_prompt_without_room_for_the_answer_is_refused(language_model, tmp_path):
    prompt = product_prompt("lamp " * 3000)
    assert room_for_answer(language_model, prompt) < 0
    with pytest.raises(UserError, match="'Lamp'"):
        answer(language_model, prompt=prompt, folder=tmp_path)
