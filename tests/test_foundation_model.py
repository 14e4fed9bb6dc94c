"""Script 2, and what the answers files of scripts 2, 4 and 7 have in common."""

from __future__ import annotations

import json

import pytest

from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from tests.pipeline_run import ANSWERS
from tests.running import DEMO, run_well

PROMPT = """\
Below is an instruction that describes a task, paired with an input that provides further context. Write a response \
that appropriately completes the request.

### Instruction:
GET THE DESCRIPTION OF THIS PRODUCT

### Input:
{product}

### Response:
"""


def test_screen_and_answers(pipeline_run):
    screen = pipeline_run.done["foundation_model.py"].screen
    answers = pipeline_run.answers("answers_foundation.json")
    assert [answer["product"] for answer in answers] == pipeline_run.asked
    position = 0
    for answer in answers:
        shown = f"\nProduct: {answer['product']}\nDescription: {answer['answer']}\n"
        assert shown in screen[position:]
        position = screen.index(shown, position)
        assert answer["prompt"] == PROMPT.format(product=answer["product"])


@pytest.mark.parametrize("name", ["answers_foundation.json", "answers_fine_tuned.json", "answers_rag.json"])
def test_answers_file(pipeline_run, name):
    for answer in pipeline_run.answers(name):
        assert {"product", "answer", "prompt", "tokens", "seconds", "settings"} <= set(answer)
        if answer["answer"] == NOT_IN_CATALOGUE:  # which takes no model
            assert (name, answer["tokens"], answer["retrieved"]) == ("answers_rag.json", 0, [])
            continue
        assert 1 <= answer["tokens"] <= 12
        assert 0 < answer["seconds"] < 300
        assert answer["settings"] == {
            "max_new_tokens": 12,
            "temperature": 0.2,
            "do_sample": True,
            "repetition_penalty": 1.15,
            "use_cache": True,
            "seed": 3407,
            "batch_size": 0,
        }
    meta = json.loads((pipeline_run.folder / f"{name}.meta.json").read_text(encoding="utf-8"))
    assert meta["answers"] == 3
    assert meta["settings"]["model"]["dtype"] == "float32"


def test_same_seed_gives_the_same_answers_whatever_the_surroundings(pipeline_run, tmp_path):
    """Asked in another order, one by one, on a system without a locale: the same answers, and the screen is UTF-8."""
    folder = tmp_path / "réponses à vérifier"
    folder.mkdir()
    asked = list(reversed(pipeline_run.asked))
    more = ["Lamp", "Night Train", "Ação — “2ª”"]
    flags = (*DEMO, *ANSWERS, "--generation.batch_size", "1", "--products", *asked, *more)
    done = run_well("foundation_model.py", folder, *flags, PYTHONUTF8="0", LC_ALL="C", PYTHONIOENCODING="ascii")
    again = json.loads((folder / "answers_foundation.json").read_text(encoding="utf-8"))
    before = pipeline_run.answers("answers_foundation.json")
    assert [answer["answer"] for answer in reversed(again[:3])] == [answer["answer"] for answer in before]
    assert [answer["product"] for answer in again] == [*asked, *more]
    assert again[-1]["product"] == "Ação — “2ª”"
    assert "\nProduct: Ação — “2ª”\n" in done.screen
    assert "réponses à vérifier" in done.screen
    assert "Generating answers" in done.errors  # a bar, for six; not for three
    assert "Generating answers" not in pipeline_run.done["foundation_model.py"].errors
