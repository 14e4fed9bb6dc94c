"""An adapter and a checkpoint belong to certain weights, whatever the name or path of the model is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.model.weight_files import weights_fingerprint
from tests.running import (
    DEMO,
    assert_refused,
    demo_settings,
    kill_when,
    run_here,
    run_well_here,
    start,
    write_catalogue,
)
from tests.tiny_model import make_tiny_model

PRODUCTS = {f"Kettle number {number}": f"A kettle for {number} cups." for number in range(12)}
TRAINING = (
    *("--training.per_device_train_batch_size", "2", "--training.eval_examples", "0", "--training.save_steps", "1"),
    *("--generation.max_new_tokens", "4", "--products", "Kettle number 3"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a tiny model in `tiny`, and an adapter for it."""
    folder = write_catalogue(tmp_path_factory.mktemp("trained"), PRODUCTS)
    make_tiny_model(folder / "tiny")
    run_well_here("fine_tuning.py", folder, *of(folder / "tiny"), *TRAINING, "--training.max_steps", "1")
    return folder


def of(model: Path) -> tuple[str, ...]:
    return (*DEMO, "--model.name", str(model))


def fingerprint(model: Path) -> str | None:
    return weights_fingerprint(demo_settings(model.parent, "--model.name", str(model)))


def edit_config(model: Path, **values: object) -> None:
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


def other_weights(model: Path) -> None:
    make_tiny_model(model, seed=1)


def other_configuration(model: Path) -> None:
    edit_config(model, rms_norm_eps=0.1)


@pytest.mark.parametrize("change", [other_weights, other_configuration])
def test_adapter_of_another_model_under_the_same_path_is_refused(trained, tmp_path, change):
    folder = shutil.copytree(trained, tmp_path / "changed")
    change(folder / "tiny")
    done = run_here("ft_test_trained_model.py", folder, *of(folder / "tiny"))
    assert_refused(done, "lora_model_demo", "tiny", "python fine_tuning.py")


def test_adapter_serves_a_copy_of_the_model_under_another_name(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "copied")
    (folder / "tiny").rename(folder / "another name")
    run_well_here("ft_test_trained_model.py", folder, *of(folder / "another name"), "--generation.max_new_tokens", "4")


def test_adapter_of_an_earlier_version_is_accepted(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "earlier")
    meta = folder / "lora_model_demo.meta.json"
    values = json.loads(meta.read_text(encoding="utf-8"))
    assert values.pop("foundation") == fingerprint(folder / "tiny")
    meta.write_text(json.dumps(values), encoding="utf-8")
    run_well_here("ft_test_trained_model.py", folder, *of(folder / "tiny"), "--generation.max_new_tokens", "4")


def test_checkpoint_of_another_model_under_the_same_path_is_not_taken(tmp_path):
    folder = write_catalogue(tmp_path / "killed", PRODUCTS)
    model = make_tiny_model(folder / "tiny")
    command = ("fine_tuning.py", folder, *of(model), *TRAINING, "--training.max_steps", "60")
    kill_when(start(*command), lambda: any(folder.glob("trainer_outputs/training-*/checkpoint-*/trainer_state.json")))
    make_tiny_model(model, seed=1)
    assert "Going on from" not in run_well_here(*command).screen
    assert any(folder.glob("trainer_outputs/training-*/checkpoint-*")), (
        "those of the first model are not ours to remove"
    )


def test_fingerprint_does_not_depend_on_place_and_names_of_files(tmp_path):
    from transformers import AutoModelForCausalLM

    model = make_tiny_model(tmp_path / "model")
    expected = fingerprint(model)
    assert expected == fingerprint(shutil.copytree(model, tmp_path / "copy"))
    AutoModelForCausalLM.from_pretrained(model).save_pretrained(tmp_path / "copy", max_shard_size="20KB")
    (tmp_path / "copy" / "model.safetensors").unlink(missing_ok=True)
    assert len(list((tmp_path / "copy").glob("*.safetensors"))) > 2
    assert expected == fingerprint(tmp_path / "copy")
    edit_config(model, transformers_version="0")
    assert expected == fingerprint(model)


def test_fingerprint_tells_models_apart(tmp_path):
    first = fingerprint(make_tiny_model(tmp_path / "model"))
    assert first != fingerprint(make_tiny_model(tmp_path / "other", seed=1))
    tokenizer = tmp_path / "model" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace("<|turn|>", "<|says|>"), encoding="utf-8")
    assert first != fingerprint(tmp_path / "model")


def test_model_of_the_hub_has_the_fingerprint_of_its_folder_and_none_before_it_is_there(tmp_path, monkeypatch):
    model = make_tiny_model(tmp_path / "model")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    settings = demo_settings(tmp_path, "--model.name", "someone/tiny")
    assert weights_fingerprint(settings) is None
    repository = tmp_path / "hub" / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc", encoding="utf-8")
    shutil.copytree(model, repository / "snapshots" / "0123abc")
    assert weights_fingerprint(settings) == fingerprint(model)
