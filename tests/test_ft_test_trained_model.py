"""Script 4."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.running import DEMO, assert_refused, contents, demo_settings, run_here
from tests.test_foundation_model import PROMPT


def test_screen_and_answers(pipeline_run):
    done = pipeline_run.done["ft_test_trained_model.py"]
    assert done.code == 0, done.errors
    assert "# Asking the trained model: " in done.screen
    asked = done.screen.split("\nQuery: ")[1:]
    answers = pipeline_run.answers("answers_fine_tuned.json")
    assert len(asked) == len(answers) == 3
    for shown, answer, product in zip(asked, answers, pipeline_run.asked, strict=True):
        assert answer["product"] == product
        assert answer["prompt"] == PROMPT.format(product=product)
        title, _, streamed = shown.partition("\n\nThe model's answer:\n")
        assert title == product
        assert streamed.split("\nAnswers saved to:")[0].strip() == answer["answer"]


def test_trained_model_answers_otherwise(pipeline_run):
    before, after = (pipeline_run.answers(f"answers_{name}.json") for name in ("foundation", "fine_tuned"))
    assert [answer["answer"] for answer in before] != [answer["answer"] for answer in after]


class Bomb:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def truncate(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def remove_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def break_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": ', encoding="utf-8")


def remove_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def leave_a_pickle_only(folder: Path) -> None:
    import pickle

    remove_weights(folder)
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({"weight": Bomb(folder.parent / "unpickled")}))


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", [truncate, remove_config, break_config, remove_weights, leave_a_pickle_only, empty])
def test_damaged_adapter_is_refused(pipeline_run, tmp_path, damage):
    pipeline_run.copy(tmp_path, "lora_model_demo*")
    damage(tmp_path / "lora_model_demo")
    before = contents(tmp_path)
    assert_refused(run_here("ft_test_trained_model.py", tmp_path, *DEMO), "lora_model_demo", "python fine_tuning.py")
    assert contents(tmp_path) == before


def test_pickle_in_place_of_the_foundation_model_is_refused(pipeline_run, tmp_path):
    import pickle

    folder = shutil.copytree(demo_settings(tmp_path).model.name, tmp_path / "foundation")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Bomb(tmp_path / "unpickled")}))
    done = run_here("foundation_model.py", tmp_path, *DEMO, "--model.name", str(folder))
    assert_refused(done, "safetensors", "foundation")
    assert not (tmp_path / "unpickled").exists()


def test_adapter_of_another_model_is_refused(pipeline_run, tmp_path):
    pipeline_run.copy(tmp_path, "lora_model_demo*")
    done = run_here("ft_test_trained_model.py", tmp_path, *DEMO, "--model.name", "unsloth/llama-3-8b")
    assert_refused(done, "was trained on", "tiny", "unsloth/llama-3-8b", "--model.name", "python fine_tuning.py")
    config = tmp_path / "lora_model_demo" / "adapter_config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(values | {"base_model_name_or_path": "someone/other"}), encoding="utf-8")
    assert_refused(run_here("ft_test_trained_model.py", tmp_path, *DEMO), "someone/other", "--model.name")
