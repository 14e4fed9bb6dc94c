"""Models of many kinds, tiny and random, through scripts 2, 3 and 4 and the merged model.

What a script cannot work with it refuses in one sentence before it trains.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fine_tuning
import foundation_model
import ft_test_trained_model
from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.model.loading import LanguageModel, load_fine_tuned_model
from pipeline.model.lora import add_lora
from pipeline.runtime.errors import UserError
from tests.running import demo_settings, write_catalogue
from tests.tiny_model import END, PAD, byte_tokenizer

ONE_STEP = (
    *("--training.max_steps", "1", "--training.max_examples", "4", "--training.eval_examples", "0"),
    *("--training.learning_rate", "0.01", "--training.warmup_steps", "0", "--lora.r", "2"),
    *("--generation.max_new_tokens", "8", "--products", "Lamp 1", "Lamp 2 of brass"),
)
ATTENTION = ("q_proj", "v_proj")
ALL = (*ATTENTION, "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA = SIZES | {"intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 1024}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
DEEPSEEK = {"n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SEEN = {"image_size": 28, "patch_size": 14}

# Kind, sizes, and the layers that get an adapter.
MODELS = {
    "Llama": ("llama", LLAMA, ALL),
    "Llama, tied": ("llama", LLAMA | {"tie_word_embeddings": True}, ALL),
    "Llama with biases": ("llama", LLAMA | {"attention_bias": True, "mlp_bias": True}, ALL),
    "Qwen 3": ("qwen3", LLAMA, ALL),
    "Gemma 3, text": ("gemma3_text", LLAMA, ALL),
    "Gemma 3": ("gemma3", {"text_config": LLAMA, "vision_config": VISION | SEEN, "mm_tokens_per_image": 4}, ALL),
    "Phi 3": ("phi3", LLAMA, ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")),
    "GPT 2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024}, ("c_attn", "c_proj", "c_fc")),
    "GPT NeoX": ("gpt_neox", LLAMA, ("query_key_value", "dense")),
    "BLOOM": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, ("query_key_value", "dense")),
    "Mamba": ("mamba", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}, ("in_proj", "x_proj")),
    "Mixtral": ("mixtral", LLAMA | {"num_local_experts": 4}, ATTENTION),
    "Qwen 3 MoE": ("qwen3_moe", LLAMA | EXPERTS, ATTENTION),
    "Qwen 3 MoE, experts": ("qwen3_moe", LLAMA | EXPERTS | {"mlp_only_layers": [0]}, ALL),
    "DeepSeek 3": ("deepseek_v3", LLAMA | {"num_key_value_heads": 4} | DEEPSEEK | LATENT, ("q_a_proj", "o_proj")),
    "GPT OSS": ("gpt_oss", LLAMA | {"num_local_experts": 4, "num_experts_per_tok": 2}, ATTENTION),
}


def make_model(folder: Path, kind: str, sizes: dict) -> Path:
    """A model of this kind of transformers in `folder`, with a tokenizer of single bytes."""
    tokenizer = byte_tokenizer()
    random_model(kind, sizes, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def random_model(kind: str, sizes: dict, vocabulary: int):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokens = {"vocab_size": vocabulary, "bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD}
    sizes = sizes | ({"text_config": sizes["text_config"] | tokens} if "text_config" in sizes else tokens)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:  # the initial ones are so small that a layer hardly changes what comes in
                weight.normal_(0, 0.25)
    return model


@pytest.fixture
def work(tmp_path):
    return write_catalogue(tmp_path / "work", {f"Lamp {n}": f"lamp {n} shines" for n in range(8)})


def settings_for(model: Path, work: Path, *flags: str) -> Settings:
    return demo_settings(work, "--model.name", str(model), *ONE_STEP, *flags)


@pytest.mark.parametrize("name", MODELS)
def test_scripts_and_merged_model(name, work, tmp_path):
    kind, sizes, targets = MODELS[name]
    model = make_model(tmp_path / "model", kind, sizes)
    assert_all_works(settings_for(model, work, "--model.save_merged", "--lora.target_modules", *targets))


def assert_all_works(settings: Settings) -> None:
    """Scripts 2, 3 and 4 run to their ends, and the merged model is the adapted one."""
    for script in (foundation_model, fine_tuning, ft_test_trained_model):
        script.main(settings)
    assert_merged_is_base_and_adapter(settings)


def assert_merged_is_base_and_adapter(settings: Settings) -> None:
    """Plain transformers loads the files of the merged model, and it says what the adapted model says, to the token."""
    import torch
    from transformers import AutoModelForCausalLM

    merged_dir = settings.model.merged_dir
    model_dir = Path(settings.model.name)
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (model_dir, merged_dir))
    assert without_dtypes(after) == without_dtypes(before)
    assert weight_names(merged_dir) == weight_names(model_dir)
    merged, loading = AutoModelForCausalLM.from_pretrained(merged_dir, dtype=torch.float32, output_loading_info=True)
    assert not any(loading.values()), loading

    fine_tuned = load_fine_tuned_model(settings)
    prompt = torch.tensor([fine_tuned.tokenizer(product_prompt("Lamp 3"))["input_ids"]])
    greedy = {"max_new_tokens": 12, "do_sample": False, "attention_mask": torch.ones_like(prompt)}
    with torch.no_grad():
        adapted = fine_tuned.model(prompt).logits
        with fine_tuned.model.disable_adapter():
            untrained = fine_tuned.model(prompt).logits
        expected = fine_tuned.model.merge_and_unload()
        for weight in expected.parameters():
            weight.copy_(weight.bfloat16())
        assert torch.allclose(expected(prompt).logits, merged(prompt).logits, atol=1e-4)
        # By the mean, since rounding can send a single token of a mixture of experts to another expert.
        assert (adapted - merged(prompt).logits).abs().mean() < (adapted - untrained).abs().mean() / 4
        assert torch.equal(expected.generate(prompt, **greedy), merged.generate(prompt, **greedy))


def without_dtypes(config: dict) -> dict:
    return {
        name: without_dtypes(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name != "dtype"
    }


def weight_names(folder: Path) -> set[str]:
    from safetensors import safe_open

    names = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as weights:
            names |= set(weights.keys())
    return names


# ------------------------------------------------------------------------------------------------ what comes with them


GENERATION = {
    "sampling values beside greedy decoding": {"do_sample": False, "temperature": 0.6, "top_p": 0.9, "top_k": 20},
    "several answers of beams, with scores": {"num_beams": 3, "length_penalty": 0.8, "early_stopping": True}
    | {"num_return_sequences": 2, "output_scores": True},
}


@pytest.mark.parametrize("case", GENERATION)
def test_generation_settings_of_the_model(case, work, tmp_path):
    """Greedy answers are what they are without them; the merged model's file has them as far as they make sense."""
    from transformers import GenerationConfig

    model = make_model(tmp_path / "model", "llama", LLAMA)
    greedy = ("--generation.do_sample", "false")
    foundation_model.main(settings_for(model, work, *greedy))
    answers = work / "answers_foundation.json"
    plain = [answer["answer"] for answer in json.loads(answers.read_text(encoding="utf-8"))]
    edit_json(model / "generation_config.json", **GENERATION[case])
    settings = settings_for(model, work, *greedy, "--model.save_merged", "--lora.target_modules", *ATTENTION)
    assert_all_works(settings)
    assert [answer["answer"] for answer in json.loads(answers.read_text(encoding="utf-8"))] == plain
    merged = GenerationConfig.from_pretrained(settings.model.merged_dir)
    assert (merged.num_beams, merged.num_return_sequences) == (None, None)
    assert merged.temperature == GENERATION[case].get("temperature")


def without_padding(tokenizer) -> None:
    tokenizer.pad_token = None


def padding_outside(tokenizer) -> None:
    """The padding token is one more than the model has."""
    tokenizer.add_special_tokens({"pad_token": "<|new|>"})


@pytest.mark.parametrize("change", [without_padding, padding_outside])
def test_padding_of_the_tokenizer(change, work, tmp_path):
    model = make_model(tmp_path / "model", "llama", LLAMA)
    tokenizer = byte_tokenizer()
    change(tokenizer)
    tokenizer.save_pretrained(model)
    edit_json(model / "config.json", pad_token_id=None)
    assert_all_works(settings_for(model, work, "--model.save_merged", "--lora.target_modules", *ATTENTION))


@pytest.mark.parametrize("script", [foundation_model, fine_tuning])
def test_model_without_an_end_is_refused(script, work, tmp_path):
    model = make_model(tmp_path / "model", "llama", LLAMA)
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(model)
    for name in ("config.json", "generation_config.json"):
        edit_json(model / name, eos_token_id=None)
    with pytest.raises(UserError, match="no end-of-text token"):
        script.main(settings_for(model, work))


@pytest.mark.parametrize("script", [foundation_model, fine_tuning])
def test_model_that_transformers_has_for_images_only_is_refused(script, work, tmp_path):
    from transformers import AutoConfig

    model = make_model(tmp_path / "model", "llama", LLAMA)
    tokens = {"vocab_size": 259, "eos_token_id": END, "pad_token_id": PAD}
    text = LLAMA | tokens | {"model_type": "mistral"}
    AutoConfig.for_model("mistral3", text_config=text, vision_config=VISION | SEEN).save_pretrained(model)
    with pytest.raises(UserError, match="cannot be loaded: .*Mistral3Config"):
        script.main(settings_for(model, work))


def edit_json(file: Path, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


# ------------------------------------------------------------------------------------------- layers without an adapter


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *(("Llama", target) for target in ("lm_head", "embed_tokens", "norm", "input_layernorm", "mlp", "layers")),
        *(("Llama, tied", target) for target in ("lm_head", "embed_tokens")),
        *(("GPT 2", target) for target in ("wte", "wpe", "lm_head", "ln_f")),
        *(("GPT NeoX", target) for target in ("embed_in", "embed_out")),
        *(("Gemma 3", target) for target in ("lm_head", "embed_tokens", "patch_embedding")),
        *(("Mixtral", target) for target in ("gate", "experts", "nothing")),
        *(("Mamba", target) for target in ("conv1d", "out_proj", "embeddings")),
    ],
)
def test_layers_that_can_get_no_adapter_are_named(name, target, tmp_path):
    kind, sizes, targets = MODELS[name]
    model = LanguageModel(random_model(kind, sizes, 259), byte_tokenizer(), 1024)
    with pytest.raises(UserError, match=rf"^lora\.target_modules: [^\n]*\b{target}\b[^\n]*$"):
        add_lora(model, demo_settings(tmp_path, "--lora.target_modules", targets[0], target))
