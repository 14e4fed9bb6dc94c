"""Asking a model: what decides its answer, and what is written down of it."""

from __future__ import annotations

import pytest

from pipeline.catalogue.prompts import product_prompt
from pipeline.model.answers import Answer, Question, answer_all, answers_in_order, ask, room_for_answer
from pipeline.model.loading import LanguageModel, load_foundation_model
from pipeline.runtime.errors import UserError
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


# ---------------------------------------------------------------------------------------------------- many at once

TITLES = ["Lamp", "A Very Long Title of a Book That Nobody Has Written, in Three Volumes", "Night Train", "Blue Coat"]
QUESTIONS = [Question(title, product_prompt(title), [{"id": title}]) for title in (*TITLES, "Clamp", "The Prophet")]


def answers(language_model, folder, *flags: str, questions=QUESTIONS) -> list[Answer]:
    settings = demo_settings(folder, "--generation.max_new_tokens", "64", *flags)
    return answers_in_order(language_model, questions, settings)


def said(answers: list[Answer]) -> list[tuple]:
    return [(answer.product, answer.prompt, answer.answer, answer.tokens) for answer in answers]


@pytest.mark.parametrize("temperature", ["0", "1.2"])
def test_answers_in_a_batch_are_those_generated_one_by_one(language_model, tmp_path, temperature):
    flags = ("--generation.temperature", temperature, "--generation.seed", "1")
    alone = answers(language_model, tmp_path, *flags, "--generation.batch_size", "1")
    assert [answer.product for answer in alone] == [question.product for question in QUESTIONS]
    assert len({answer.tokens for answer in alone}) > 1, "none ended before the others, so nothing was tested"
    together = answers(language_model, tmp_path, *flags, "--generation.batch_size", "4")
    assert said(together) == said(alone)
    assert [answer.retrieved for answer in together] == [question.retrieved for question in QUESTIONS]
    generation = demo_settings(tmp_path, "--generation.max_new_tokens", "64", *flags).generation
    assert said([ask(language_model, *QUESTIONS[0][:2], generation)]) == said(alone[:1])


def test_tokens_are_those_up_to_the_end_of_text(language_model, tmp_path):
    tokenizer = language_model.tokenizer
    for answer in answers(language_model, tmp_path, "--generation.temperature", "0"):
        written = len(tokenizer(answer.answer, add_special_tokens=False)["input_ids"])
        assert answer.tokens == 64 or answer.tokens == written + 1  # the end-of-text token


def test_answers_come_batch_by_batch(language_model, tmp_path, monkeypatch):
    """The longest prompts first, each answer when its batch is done, so that a caller can save what is there."""
    batches = []
    generate = language_model.model.generate
    monkeypatch.setattr(
        language_model.model, "generate", lambda **inputs: batches.append(inputs["input_ids"]) or generate(**inputs)
    )
    settings = demo_settings(tmp_path, "--generation.max_new_tokens", "4", "--generation.batch_size", "4")
    given = answer_all(language_model, QUESTIONS, settings)
    first = [next(given) for _number in range(4)]
    assert [len(batch) for batch in batches] == [4]
    lengths = [len(language_model.tokenizer(question.prompt)["input_ids"]) for question in QUESTIONS]
    assert first[0][0] == lengths.index(max(lengths)) == 1
    assert {index for index, _answer in [*first, *given]} == set(range(6))
    assert [len(batch) for batch in batches] == [4, 2]
    assert all(QUESTIONS[index].product == answer.product for index, answer in first)


def test_full_card_halves_the_batch(language_model, tmp_path, monkeypatch):
    """What a card does that has room for two rows, told by the one function that would ask it."""
    import torch

    rows = []
    generate = language_model.model.generate

    def generate_two_at_most(**inputs):
        rows.append(len(inputs["input_ids"]))
        if rows[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return generate(**inputs)

    short = ("--generation.max_new_tokens", "8")
    expected = said(answers(language_model, tmp_path, *short))
    monkeypatch.setattr(language_model.model, "generate", generate_two_at_most)
    assert said(answers(language_model, tmp_path, *short)) == expected
    assert rows == [6, 3, 1, 1, 1, 1, 1, 1]


def test_one_prompt_without_room_is_refused_before_anything_is_generated(language_model, tmp_path, monkeypatch):
    monkeypatch.setattr(language_model.model, "generate", None)
    questions = [*QUESTIONS, Question("Endless", product_prompt("lamp " * 3000))]
    with pytest.raises(UserError, match="'Endless'"):
        answers(language_model, tmp_path, questions=questions)
