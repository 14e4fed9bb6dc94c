"""What was learned is on the disk, whatever fails after the training."""

from __future__ import annotations

import json
import signal
import sys

import pytest

from tests.pipeline.training.test_packing import SIZES
from tests.pipeline_run import ANSWERS
from tests.running import DEMO, assert_refused, finish, run_here, run_script, start, tiny_model, write_catalogue

ONE_STEP = ("--training.max_steps", "1", "--training.eval_examples", "0")


@pytest.fixture
def folder(tmp_path):
    return write_catalogue(tmp_path / "work", {f"Lamp {n}": f"lamp number {n} shines" for n in range(12)})


def assert_adapter_is_saved(folder) -> None:
    """With its model card, which knows the loss, and with its meta file."""
    assert (folder / "lora_model_demo" / "adapter_model.safetensors").exists()
    assert "| training | " in (folder / "lora_model_demo" / "README.md").read_text(encoding="utf-8")
    meta = json.loads((folder / "lora_model_demo.meta.json").read_text(encoding="utf-8"))
    assert meta["settings"]["training"]["max_steps"] == 1
    assert not list(folder.glob("*.part"))


def test_generation_settings_of_the_model_that_cannot_be_used(folder, tmp_path):
    """A model whose own settings want several beams cannot stream its answer."""
    model = tiny_model(tmp_path, "llama", SIZES, num_beams=3)
    run_script("fine_tuning.py", folder, *DEMO, *ANSWERS, *ONE_STEP, "--model.name", str(model))
    assert_adapter_is_saved(folder)


def test_question_that_leaves_no_room_for_an_answer(folder, tmp_path):
    """The same command with another question goes on after the training, and the card still knows the loss."""
    flags = (*DEMO, *ANSWERS, *ONE_STEP, "--model.name", str(tiny_model(tmp_path, "llama", SIZES)))
    done = run_here("fine_tuning.py", folder, *flags, "--products", "lamp " * 3000)
    assert_refused(done, "leaves 0 for the answer")
    assert_adapter_is_saved(folder)
    done = run_here("fine_tuning.py", folder, *flags, "--products", "Lamp 1")
    assert done.code == 0, done.errors
    assert "Continuing from" in done.screen
    assert "'loss': " not in done.screen
    assert_adapter_is_saved(folder)
    assert not list(folder.rglob("checkpoint-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C can be sent to one process there")
def test_ctrl_c_during_the_questions(folder, tmp_path):
    flags = ("--generation.max_new_tokens", "1700", "--model.name", str(tiny_model(tmp_path, "llama", SIZES)))
    process = start("fine_tuning.py", folder, *DEMO, *ONE_STEP, *flags)
    for line in process.stdout:
        if b"# Asking the model..." in line:
            process.send_signal(signal.SIGINT)
            break
    assert finish(process).code == 130
    assert_adapter_is_saved(folder)
