"""Keep: the comparison finds the answers, and no file mixes settings."""

from __future__ import annotations

import pytest

from comparison.answering import collect, is_missing, read_sample_file
from comparison.ask.choices import with_choices
from comparison.ask.keeping import keep
from comparison.systems import SYSTEMS
from pipeline.model.answers import Answer
from pipeline.runtime.errors import UserError
from tests.running import contents, demo_settings, write_catalogue

CHOSEN = {"temperature": 0.2, "repetition_penalty": 1.15, "max_new_tokens": 256, "seed": 3407, "method": "hybrid"}


def answers(title: str, text: str) -> dict[str, Answer]:
    return {system.name: Answer(title, f"{text} {system.name}", "", 9, 0.5, {}) for system in SYSTEMS}


def test_the_comparison_has_what_was_kept(tmp_path):
    settings = demo_settings(write_catalogue(tmp_path, {"Lamp": "A lamp.", "Kettle": "A kettle."}), "--sample", "0")
    keep(answers("Lamp", "Older"), settings)
    keep(answers("Kettle", "One"), settings)
    files = keep(answers("Lamp", "Newer"), settings)
    assert [file.name for file in files] == [system.answers_file(settings).name for system in SYSTEMS]
    cases, notes = collect(settings)
    assert notes == []
    read_sample_file(cases, settings)
    assert {case.product for case in cases} == {"Lamp", "Kettle"}
    for case in cases:
        assert set(case.answers) == {system.name for system in SYSTEMS} and not case.stale
        assert not any(is_missing(system, case) for system in SYSTEMS)
        assert case.answers["rag"].answer == {"Lamp": "Newer rag", "Kettle": "One rag"}[case.product]


def test_answers_of_other_settings_are_refused_before_anything_is_written(tmp_path):
    settings = demo_settings(write_catalogue(tmp_path, {"Lamp": "A lamp."}))
    keep(answers("Lamp", "One"), settings)
    before = contents(tmp_path)
    warmer = with_choices(settings, CHOSEN | {"temperature": 0.7, "top_k": 1})
    with pytest.raises(UserError, match=r"answers_foundation.json .*generation\.temperature"):
        keep(answers("Kettle", "Two"), warmer)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(("name", "value"), [("temperature", 9), ("top_k", 0), ("seed", None), ("method", "guess")])
def test_a_choice_that_is_not_allowed_is_said(tmp_path, name, value):
    with pytest.raises(UserError, match=f"{name}: {value!r} is not allowed"):
        with_choices(demo_settings(tmp_path), CHOSEN | {"top_k": 1} | {name: value})
