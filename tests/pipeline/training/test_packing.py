"""Models that keep packed examples apart, and models that do not: tiny ones of many kinds, with random weights."""

from __future__ import annotations

import shutil

import pytest

import fine_tuning
from pipeline.model.configuration import read_configuration
from pipeline.model.loading import load_foundation_model
from pipeline.model.lora import add_lora
from pipeline.training.packing import packed_examples_mix
from tests.pipeline_run import ANSWERS
from tests.running import DEMO, demo_settings, run_well_here, tiny_model, write_catalogue
from tests.test_fine_tuning import assert_same_adapter

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
GPT_2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 2048}
OPT = {"hidden_size": 32, "ffn_dim": 64, "word_embed_proj_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "new_decoder_architecture": False}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
MAMBA = {"mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2}

APART = {
    "llama": SIZES,
    "qwen2": SIZES,
    "qwen3": SIZES | {"head_dim": 8},
    "qwen3_moe": SIZES | EXPERTS | {"head_dim": 8},
    "mixtral": SIZES | {"num_local_experts": 4},
    "mistral": SIZES | {"sliding_window": 16},
    "phi3": SIZES | {"pad_token_id": 0},
    "gemma": SIZES | {"head_dim": 8},
    "gemma2": SIZES | {"head_dim": 8, "sliding_window": 16},
    "gpt2": GPT_2,
    "gpt_neox": SIZES,
}
MIXING = {
    "opt": OPT | {"max_position_embeddings": 2048},
    "falcon": FALCON | {"alibi": True},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "max_position_embeddings": 2048},
    "qwen3_next": SIZES | LINEAR | EXPERTS | {"head_dim": 8, "layer_types": ["linear_attention", "full_attention"]},
    "granitemoehybrid": SIZES
    | MAMBA
    | {"layer_types": ["mamba", "attention"], "mamba_n_heads": 8, "mamba_d_head": 8, "num_local_experts": 0}
    | {"shared_intermediate_size": 64},
    "jamba": SIZES | MAMBA | {"use_mamba_kernels": False, "attn_layer_period": 2, "attn_layer_offset": 1},
    "falcon_h1": SIZES | MAMBA | {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8},
    "lfm2": SIZES | {"layer_types": ["conv", "full_attention"]},
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A folder with a catalogue of 30 short products."""
    lamps = {f"Lamp {n}": f"lamp number {n} " + "shines " * n for n in range(30)}
    return write_catalogue(tmp_path_factory.mktemp("packing"), lamps)


def projection_of(model) -> str:
    """The name of a linear layer of every kind of attention layer."""
    names = {name.rpartition(".")[2] for name, _module in model.named_modules()}
    return next(
        name
        for name in ("q_proj", "qkv_proj", "c_attn", "query_key_value", "in_proj", "out_proj", "o_proj")
        if name in names
    )


@pytest.mark.parametrize("kind", [*APART, *MIXING])
def test_models_that_do_not_keep_packed_examples_apart_are_found(catalogue, tmp_path, kind):
    from pipeline.training.trainer import make_trainer

    name = tiny_model(tmp_path, kind, (APART | MIXING)[kind])
    settings = demo_settings(catalogue, "--model.name", str(name), "--training.output_dir", str(tmp_path / "out"))
    foundation = load_foundation_model(settings)
    settings.lora.target_modules = [projection_of(foundation.model)]
    language_model = add_lora(foundation, settings)
    configuration = read_configuration(settings)
    examples = fine_tuning.make_examples(configuration, fine_tuning.join_processes(settings), settings)
    plan = fine_tuning.plan_training(examples.training, configuration, settings)
    assert plan.packed
    trainer = make_trainer(language_model, examples, plan, tmp_path / "out" / "training", settings)
    assert packed_examples_mix(trainer) == (kind in MIXING)


@pytest.mark.parametrize("kind", ["opt", "falcon", "llama"])
def test_script_pads_the_examples_where_packed_ones_would_mix(catalogue, tmp_path, kind):
    """The adapter is the one of a training that pads from the start; a model that keeps them apart goes on packing."""
    name = tiny_model(tmp_path, kind, (APART | MIXING)[kind])
    flags = (*DEMO, *ANSWERS, "--model.name", str(name), "--training.max_steps", "2", "--training.eval_examples", "2")
    flags += ("--lora.target_modules", "query_key_value" if kind == "falcon" else "q_proj")
    packed, padded = (shutil.copytree(catalogue, tmp_path / folder) for folder in ("packed", "padded"))
    screen = run_well_here("fine_tuning.py", packed, *flags).screen
    assert ("packed examples would see each other" in screen) == (kind in MIXING)
    assert ("4 examples, padded, in" in screen) == (kind in MIXING)
    if kind in MIXING:
        run_well_here("fine_tuning.py", padded, *flags, "--training.packing", "false")
        assert_same_adapter(packed, padded)
