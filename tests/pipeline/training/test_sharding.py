"""A training whose model is spread over several cards: what it refuses before anything is loaded, and its plan."""

from __future__ import annotations

import pytest

from tests.running import DEMO, assert_refused, run_here, run_well_here

TRANSFORMERS, WHOLE_OPTIMIZER = ("--model.backend", "transformers"), ("--training.optim", "adamw_torch")
FSDP = ("--training.fsdp", *TRANSFORMERS, *WHOLE_OPTIMIZER)


@pytest.mark.parametrize(
    ("processes", "flags", "words"),
    [
        ("1", FSDP, ("torchrun --nproc_per_node 2 fine_tuning.py",)),
        ("2", (*FSDP, "--model.device_map", "cpu"), ("model.device_map is cpu",)),
        ("2", ("--training.fsdp", *WHOLE_OPTIMIZER), ("Unsloth", "--model.backend transformers")),
        ("2", ("--training.fsdp", *TRANSFORMERS), ("8-bit", "--training.optim adamw_torch")),
        ("2", (*FSDP, "--model.save_merged"), ("merged model",)),
        ("2", (*FSDP, "--model.save_gguf", "f16", "--model.llama_cpp_dir", "llama.cpp"), ("GGUF",)),
        ("2", (*FSDP, "--model.device_map", "auto"), ("PyTorch finds none",)),
        ("2", (*FSDP, "--model.device_map", "balanced"), ("drop one of them",)),
        ("2", ("--model.device_map", "balanced"), ("balanced", "without torchrun")),
        ("1", ("--model.device_map", "balanced", *TRANSFORMERS), ("balanced", "without --model.backend transformers")),
    ],
)
def test_what_a_model_in_parts_cannot_do_is_refused(processes, flags, words, pipeline_run, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", processes)
    folder = pipeline_run.copy(tmp_path, "trn_processed.json*")
    before = sorted(path.name for path in folder.iterdir())
    assert_refused(run_here("fine_tuning.py", folder, *flags), *words)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_model_in_parts_is_planned_without_a_card(pipeline_run, tmp_path, monkeypatch):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json*")
    monkeypatch.setenv("WORLD_SIZE", "2")
    flags = (*DEMO, "--model.device_map", "auto", *FSDP, "--training.plan_only", "--training.memory_gb", "16")
    screen = run_well_here("fine_tuning.py", folder, *flags).screen
    assert "on each of 2 cards" in screen
    assert "Layers put together" in screen
