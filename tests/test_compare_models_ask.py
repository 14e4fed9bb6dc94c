"""Script 8 with --ask: one load, four answers, and the words of scripts 2, 4 and 7."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from comparison.ask.opening import require_gradio
from pipeline.runtime.errors import UserError
from tests.asking import CATALOGUE, HOSTILE, NOWHERE, Work, make_work
from tests.running import assert_refused, contents, run_script

SCRIPTS = {
    "Foundation model": ("foundation_model.py", "answers_foundation.json"),
    "Fine-tuning": ("ft_test_trained_model.py", "answers_fine_tuned.json"),
    "Retrieval": ("rag_model_retriever.py", "answers_rag.json"),
}
ASKED = [*list(CATALOGUE)[:2], HOSTILE, NOWHERE]
FIXED = "This product is not in the catalogue."


@pytest.fixture(scope="module")
def work(tmp_path_factory, small_embedding_model) -> Work:
    return make_work(tmp_path_factory.mktemp("perguntas é"), small_embedding_model)


def said(screen: str, title: str) -> dict[str, str]:
    """What the terminal shows below each system's name for a title, the documents left out."""
    answers = {}
    block = screen.split("\nTitle: ")[ASKED.index(title) + 1]
    for label in (*SCRIPTS, "Retrieval + fine-tuning"):
        text = block.partition(f"\n{'#' * len(label)}\n{label}\n\n")[2].partition("\n\n#")[0]
        lines = text.partition("\n\n")[0].splitlines()
        answers[label] = "\n".join(line for line in lines if not line.startswith("Found: ")).strip()
    return answers


def test_terminal_says_what_the_scripts_say_word_for_word(work):
    screen = work.type("\n".join(ASKED) + "\n\n").screen
    assert screen.count("Backend: ") == 1
    different = set()
    for label, (script, file) in SCRIPTS.items():
        work.run(script, "--products", *ASKED)
        answers = json.loads((work.folder / file).read_text(encoding="utf-8"))
        for answer in answers:
            assert said(screen, answer["product"])[label] == answer["answer"]
            different.add(answer["answer"])
    assert len(different) > 6
    assert said(screen, NOWHERE)["Retrieval + fine-tuning"] == FIXED
    assert f"Found: {ASKED[0]} (score 1.00)" in screen
    assert f"Description in the catalogue: {CATALOGUE[ASKED[0]]}" in screen
    assert " tokens/s), the first after " in screen


def test_without_adapter_or_index_the_others_answer(work, tmp_path):
    shutil.copy2(work.folder / "trn_processed.json", tmp_path)
    before = contents(tmp_path)
    done = Work(tmp_path, work.flags).type(f"{ASKED[0]}\n")
    assert done.code == 0, done.errors
    foundation, adapter, retrieval, both = done.screen.partition("\nTitle: ")[2].split("\n####")[1:5]
    assert "tokens/s" in foundation
    assert "Run first: python fine_tuning.py" in adapter
    for text in (retrieval, both):
        assert "tokens/s" not in text and "Run first: python" in text
    assert contents(tmp_path) == before


def test_title_that_is_too_long_is_said_and_the_next_one_answered(work):
    done = work.type("x" * 10_000 + f"\n{ASKED[0]}\n")
    assert done.code == 0, done.errors
    assert done.screen.count("leaves") >= 2
    assert "tokens/s" in done.screen


def test_ask_takes_page_or_terminal(work, tmp_path):
    assert_refused(run_script("compare_models.py", tmp_path, "--ask", "aloud"), "comparison.ask", "page|terminal")


def test_page_without_gradio_says_how_to_install_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "gradio", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(UserError, match="pip install -r requirements-ask.txt"):
        require_gradio()
