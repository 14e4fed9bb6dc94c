"""The training examples: those of this catalogue and no other, and what the window does to them."""

from __future__ import annotations

import re
import sys

import pytest

import fine_tuning
from pipeline.catalogue.products import is_held_out
from pipeline.model.configuration import read_configuration
from pipeline.runtime.errors import UserError
from pipeline.training.examples import number_cut, require_usable_path, token_lengths, tokenise_prompts
from tests.pipeline.training.test_packing import SIZES
from tests.pipeline_run import ANSWERS
from tests.running import (
    DEMO,
    assert_refused,
    contents,
    demo_settings,
    run_here,
    run_well,
    run_well_here,
    tiny_model,
    write_catalogue,
)

LAMPS = {f"Lamp {n}": f"lamp number {n} shines" for n in range(40)}
SHOES = {f"Shoe {n}": f"shoe number {n} fits" for n in range(30)}
ONE_STEP = ("--training.max_steps", "1", "--training.eval_examples", "2")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"), "llama", SIZES)


def flags(model, *more: str) -> tuple[str, ...]:
    return (*DEMO, *ANSWERS, *ONE_STEP, "--model.name", str(model), *more)


# ------------------------------------------------------------------------------------------ folders with special names

NAMES = [
    "v[1]",
    "catalogue [2024]",
    "[!v]1",
    "{v1}",
    "v#1",
    "100% v1",
    "c++ & v1",
    "v1,v2",
    "~",
    "v%5B1%5D",
    "ação 日本",
]
if sys.platform != "win32":  # where a name cannot have these
    NAMES += ["v*", "v?", "**", "hf:v1", "file:v1", "v\\1"]


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_those_of_the_folder_however_it_is_called(tmp_path, monkeypatch, name):
    """Beside it lie folders that its name fits as a pattern; it is given relative and absolute."""
    for other in ("v1", "catalogue 2", "v12"):
        write_catalogue(tmp_path / other, SHOES)
        (tmp_path / other / "trn_processed_dataset.json").write_text("[\n", encoding="utf-8")
    folder = write_catalogue(tmp_path / name, LAMPS)
    monkeypatch.chdir(tmp_path)
    for work_dir, workers in ((name, "1"), (folder, "2")):
        settings = demo_settings(work_dir, "--training.dataset_num_proc", workers)
        foundation = read_configuration(settings)
        examples = fine_tuning.make_examples(foundation, fine_tuning.join_processes(settings), settings)
        texts = foundation.tokenizer.batch_decode(list(examples.training["input_ids"]), skip_special_tokens=True)
        expected = [title for title in LAMPS if not is_held_out(title, 20)]
        assert [re.search(r"### Input:\n(.*)\n", text)[1] for text in texts] == expected
        assert all(file.is_relative_to(folder) for file in tmp_path.rglob("*.arrow"))


def test_script_trains_on_the_catalogue_of_its_own_folder(tmp_path, model):
    """The whole script, with the checkpoints and the figures for TensorBoard in such a folder too."""
    write_catalogue(tmp_path / "v1", SHOES)
    run_well_here("fine_tuning.py", tmp_path / "v1", *flags(model))
    before = contents(tmp_path / "v1")
    folder = write_catalogue(tmp_path / "v[1]", LAMPS)
    done = run_well("fine_tuning.py", folder, *flags(model, "--training.save_steps", "1"))
    assert f"num_rows: {sum(not is_held_out(title, 20) for title in LAMPS)}\n" in done.screen
    assert (folder / "lora_model_demo" / "adapter_model.safetensors").exists()
    assert (folder / "trainer_outputs" / "loss.png").exists()
    assert contents(tmp_path / "v1") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1", "v[1]"]


def test_folder_that_would_be_taken_for_an_address_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"v::1.*--work_dir"):
        require_usable_path(demo_settings(tmp_path / "v::1"))


# ---------------------------------------------------------------------------------------------------------- the window


def long_titles(count: int, held_out: bool) -> dict[str, str]:
    """Products whose title alone fills a window of 400 tokens, held out or not."""
    titles = (f"Lamp {n}" + " of many words" * 80 for n in range(1000))
    wanted = [title for title in titles if is_held_out(title, 20) == held_out]
    return dict.fromkeys(wanted[:count], "a lamp")


TRAINED = {title: text for title, text in LAMPS.items() if not is_held_out(title, 20)}
SMALL = ("--model.max_seq_length", "400", "--training.plan_only")


def test_script_says_how_many_examples_the_window_cuts(tmp_path):
    """Each kind of example, and no word where all fit."""
    long_texts = {f"Long {title}": "shines brightly " * 200 for title in TRAINED}
    long_texts = {title: text for title, text in long_texts.items() if not is_held_out(title, 20)}
    catalogues = {
        "whole": (TRAINED, None),
        "cut": (long_texts, (len(long_texts), len(long_texts), 0)),
        "left out": (TRAINED | long_titles(3, False), (len(TRAINED) + 3, 0, 3)),
        "all": (TRAINED | long_texts | long_titles(3, False), (len(TRAINED) + len(long_texts) + 3, len(long_texts), 3)),
    }
    for name, (products, expected) in catalogues.items():
        done = run_well_here("fine_tuning.py", write_catalogue(tmp_path / name, products), *DEMO, *ANSWERS, *SMALL)
        said = re.search(r"Of (\d+) examples, (\d+) are cut off at 400 tokens.*; (\d+) are left out.*", done.screen)
        assert (said and tuple(map(int, said.groups()))) == expected, name
        assert not said or "--model.max_seq_length" in said[0]


def test_example_that_just_fits_is_not_called_cut(tmp_path):
    settings = demo_settings(tmp_path)
    [length] = token_lengths(tokenised(settings, 2000, "a lamp that shines"))
    for window, cut in ((length, 0), (length - 1, 1), (length - 2, 1)):
        foundation = read_configuration(settings)._replace(window=window)
        assert number_cut(tokenised(settings, window, "a lamp that shines"), foundation) == cut


def tokenised(settings, window: int, description: str):
    from datasets import Dataset

    prompts = Dataset.from_list([{"prompt": "Describe: lamp", "completion": description}])
    return tokenise_prompts(prompts, read_configuration(settings)._replace(window=window), settings)


def test_no_example_that_fits_is_refused(tmp_path):
    folder = write_catalogue(tmp_path, long_titles(5, False))
    assert_refused(run_here("fine_tuning.py", folder, *DEMO, *ANSWERS, *SMALL), "400 tokens", "--model.max_seq_length")


@pytest.mark.parametrize("more", [(), ("--training.early_stopping_patience", "1")])
def test_training_goes_without_held_out_products_where_none_fits(tmp_path, model, more):
    folder = write_catalogue(tmp_path, TRAINED | long_titles(4, True))
    done = run_well_here("fine_tuning.py", folder, *flags(model, "--model.max_seq_length", "400", *more))
    assert "No held-out product fits into 400 tokens" in done.screen
    assert "eval_loss" not in done.screen
    assert (folder / "lora_model_demo" / "adapter_model.safetensors").exists()


def test_held_out_products_that_fit_are_enough(tmp_path, model):
    folder = write_catalogue(tmp_path, long_titles(1, True) | LAMPS)
    done = run_well_here("fine_tuning.py", folder, *flags(model, "--model.max_seq_length", "400"))
    assert "No held-out product" not in done.screen
    assert "'eval_loss': " in done.screen
