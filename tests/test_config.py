"""The settings: where they come from, how faults are told, and what every script does with them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from comparison.provenance import Source, faults
from comparison.systems import RAG, SYSTEMS
from config import FOUND, HASHED, PROFILES, REPLACED, RUN, WRITTEN, Group, Settings
from pipeline.command.command_line import read_settings
from pipeline.runtime.errors import UserError
from tests.running import DEMO, PROJECT, assert_refused, contents, finish, run_script, start

SCRIPTS = (
    "process_data.py",
    "foundation_model.py",
    "fine_tuning.py",
    "ft_test_trained_model.py",
    "rag_indexing.py",
    "rag_search_vs.py",
    "rag_model_retriever.py",
    "compare_models.py",
)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fault_of(*argv: str) -> str:
    """What a user is told of these arguments."""
    with pytest.raises(UserError) as raised:
        read_settings("", ["--language", "en", *argv])
    return str(raised.value)


# ------------------------------------------------------------------------------------------------------------- sources


def test_strongest_source_wins(tmp_path):
    """Take the sources away one after the other, strongest first: the message names the file that was looked for."""

    def looked_for(*flags: str, **environment: str) -> str:
        done = run_script("process_data.py", tmp_path, *flags, **environment)
        assert_refused(done, "is not there")
        return re.search(r"Error: (\S+) is not there", done.errors)[1]

    toml = tmp_path / "settings.toml"
    toml.write_text('profile = "demo"\n[data]\nraw_file = "toml.json"\n', encoding="utf-8")
    variable = {"DESCRIBE_DATA__RAW_FILE": "environment.json"}
    assert looked_for("--data.raw_file", "line.json", **variable) == "line.json"
    assert looked_for(**variable) == "environment.json"
    assert looked_for() == "toml.json"
    toml.unlink()
    assert looked_for() == "trn.json"
    done = run_script("process_data.py", tmp_path, DESCRIBE_PROFILE="demo")
    assert done.code == 0
    assert str(PROJECT / "demo" / "trn.json.gz") in done.screen.replace("\\\\", "\\")


def test_one_group_from_several_sources(monkeypatch):
    Path("settings.toml").write_text("[training]\nseed = 1\nmax_steps = 1\nwarmup_steps = 1\n", encoding="utf-8")
    monkeypatch.setenv("DESCRIBE_TRAINING__SEED", "2")
    monkeypatch.setenv("DESCRIBE_TRAINING__MAX_STEPS", "2")
    training = read_settings("", [*DEMO, "--training.seed", "3"]).training
    assert (training.seed, training.max_steps, training.warmup_steps) == (3, 2, 1)
    assert training.save_steps == PROFILES["demo"]["training"]["save_steps"]
    assert training.weight_decay == 0.01


def test_defaults_are_those_of_the_first_version(no_settings_in_the_environment):
    settings = read_settings("", [])
    assert settings.profile == "llama-3-8b"
    assert settings.products == [
        "Girls Ballet Tutu Neon Blue",
        "Mog's Kittens",
        "The Prophet",
        "The Book of Revelation",
    ]
    assert (settings.model.name, settings.model.max_seq_length) == ("unsloth/llama-3-8b-bnb-4bit", 8192)
    assert settings.model.load_in_4bit
    assert str(settings.model.lora_dir) == "lora_model_llama-3-8b-bnb-4bit"
    assert (settings.lora.r, settings.lora.lora_alpha, settings.lora.lora_dropout) == (32, 32, 0)
    assert len(settings.lora.target_modules) == 7
    training = settings.training
    assert (training.max_examples, training.num_train_epochs, training.max_steps) == (5000, 2, -1)
    assert (training.per_device_train_batch_size, training.gradient_accumulation_steps) == (2, 4)
    assert (training.warmup_steps, training.learning_rate, training.weight_decay) == (5, 2e-4, 0.01)
    assert (training.lr_scheduler_type, training.optim, training.max_grad_norm) == ("linear", "adamw_8bit", 0.3)
    assert (training.gradient_checkpointing, training.seed) == (True, 3407)
    assert (training.logging_steps, training.dataset_num_proc) == (1, 1)
    assert (training.packing, training.save_steps) == (True, 100)  # first: False, 1000
    assert (str(training.dataset_file), str(training.output_dir)) == ("trn_processed_dataset.json", "trainer_outputs")
    generation = settings.generation
    assert (generation.max_new_tokens, generation.temperature) == (128, 0.2)
    assert generation.do_sample
    assert generation.use_cache
    assert settings.rag.embedding_model == "sentence-transformers/all-mpnet-base-v2"
    assert (settings.rag.top_k, settings.rag.max_records) == (3, 5000)
    assert settings.data.min_content_chars == 100


@pytest.mark.parametrize(
    ("argv", "values"),
    [
        (["--training.packing", "false"], [False, False]),
        (["--training.packing", "true"], [True, False]),
        (["--training.packing=false", "--model.save_merged"], [False, True]),
        (["--model.save_merged", "--training.packing"], [True, True]),
        (["--model.save_merged", "--products", "x"], [True, True]),
    ],
)
def test_switches(argv, values):
    settings = read_settings("", argv)
    assert [settings.training.packing, settings.model.save_merged] == values


@pytest.mark.parametrize(
    ("argv", "products"),
    [
        (["--products", "The Prophet", "Mog's Kittens"], ["The Prophet", "Mog's Kittens"]),
        (["--products", "Ação — 2ª", "--rag.top_k", "1"], ["Ação — 2ª"]),
    ],
)
def test_products(argv, products):
    assert read_settings("", argv).products == products


def test_products_from_the_environment(monkeypatch):
    monkeypatch.setenv("DESCRIBE_PRODUCTS", '["The Prophet", "Mog\'s Kittens"]')
    assert read_settings("", []).products == ["The Prophet", "Mog's Kittens"]


def test_all_that_is_written_lies_in_the_work_dir(tmp_path):
    settings = read_settings("", [*DEMO, "--work_dir", str(tmp_path / "x")])
    paths = [value for group in settings.model_dump().values() if isinstance(group, dict) for value in group.values()]
    paths = [path for path in paths if isinstance(path, os.PathLike) and path != settings.data.raw_file]
    assert len(paths) >= 9
    assert all(path.parent == tmp_path / "x" for path in paths)


# -------------------------------------------------------------------------------------------------------------- faults


def test_all_faults_are_named_at_once(tmp_path, monkeypatch):
    (tmp_path / "settings.toml").write_text("[rag]\ntop_k = 0\nchroma = 1\n[foo]\nx = 1\n", encoding="utf-8")
    monkeypatch.setenv("DESCRIBE_TRAINING__OPTIM", "sgd")
    monkeypatch.setenv("DESCRIBE_LORA__RANK", "8")
    monkeypatch.setenv("DESCRIBE_FOO", "1")
    monkeypatch.setenv("DESCRIBE_BAR", "1")
    fault = fault_of(
        *("--model.dtype", "int8", "--training.sede", "1", "--generation.temperature", "warm", "--training.packing=x"),
        *("--rag.collection", "!", "--data.min_content_chars", "1.5"),
    )
    for words in (
        "rag.top_k: 0 is not allowed; allowed is: whole number >= 1 <= 100",
        "settings.toml: rag.chroma is no setting. Did you mean rag.chroma_dir?",
        "training.optim: 'sgd' is not allowed; allowed is: adamw_8bit|paged_adamw_8bit|adamw_torch",
        "DESCRIBE_LORA__RANK: lora.rank is no setting",
        "DESCRIBE_FOO does not belong to any setting",
        "DESCRIBE_BAR does not belong to any setting",
        "foo is no setting",
        "model.dtype: 'int8' is not allowed; allowed is: auto|bfloat16|float16|float32",
        "training.sede is no setting. Did you mean training.seed?",
        "generation.temperature: 'warm' is not allowed; allowed is: number >= 0 <= 2",
        "training.packing: 'x' is not allowed; allowed is: true|false",
        "rag.collection: '!' is not allowed; allowed is: text ~",
        "data.min_content_chars: '1.5' is not allowed; allowed is: whole number >= 1",
    ):
        assert words in fault
    assert len(fault.splitlines()) == 13


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--profile", "dmo"], "profile: 'dmo' is not allowed; allowed is: llama-3-8b|demo"),
        (["--language", "pt"], "language: 'pt' is not allowed; allowed is: en|pt_BR"),
        (["The Prophet"], "'The Prophet'"),
        (["--products"], "--products"),
        (["--training.seed"], "--training.seed"),
        (["--training.seed", "-1"], "training.seed"),
        (["--training", "3"], "training is"),
        (["--training.see", "3"], "training.seed"),
    ],
)
def test_faults_of_the_command_line(argv, words):
    assert words in fault_of(*argv)


@pytest.mark.parametrize("variable", ["DESCRIBE_PRODUCTS", "DESCRIBE_LORA__TARGET_MODULES", "DESCRIBE_TRAINING"])
def test_fault_of_the_environment_is_told_as_such(monkeypatch, variable):
    monkeypatch.setenv(variable, "The Prophet")
    fault = fault_of()
    assert "settings.toml" not in fault
    assert variable.removeprefix("DESCRIBE_").split("__")[-1].lower() in fault.lower()
    assert "JSON" in fault


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_settings_file_with_and_without_a_byte_order_mark(encoding):
    Path("settings.toml").write_text("products = ['Café']\r\n[rag]\r\ntop_k = 7\r\n", encoding=encoding, newline="")
    settings = read_settings("", [])
    assert (settings.products, settings.rag.top_k) == (["Café"], 7)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_settings_file_in_utf_16_is_named_as_such(encoding):
    text = ("" if encoding == "utf-16" else "\ufeff") + "[rag]\ntop_k = 7\n"
    Path("settings.toml").write_text(text, encoding=encoding)
    assert "it is UTF-16, and has to be saved as UTF-8" in fault_of()


@pytest.mark.parametrize("content", [b"a = [", b"\xffa", b"products = The Prophet"])
def test_settings_file_that_is_no_toml(tmp_path, content):
    (tmp_path / "settings.toml").write_bytes(content)
    done = run_script("process_data.py", tmp_path, *DEMO)
    assert_refused(done, str(tmp_path / "settings.toml"), "cannot be read", "Correct it or remove it")
    assert set(contents(tmp_path)) == {"settings.toml"}


# ------------------------------------------------------------------------------------------------------- every script

# Runs a script as if it had been started with --help, and prints which of the slow libraries that has imported.
HELP = """
import runpy, sys
script, sys.argv = sys.argv[1], sys.argv[1:]
sys.path.insert(0, script.rpartition("/")[0])
try:
    runpy.run_path(script, run_name="__main__")
except SystemExit as end:
    slow = {"torch", "transformers", "chromadb", "unsloth", "datasets", "trl", "peft", "sentence_transformers", "numpy"}
    print("\\nEND", end.code, sorted(slow & set(sys.modules)))
"""


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_every_setting_and_imports_nothing_slow(script):
    screens = []
    for language in ("en", "pt_BR"):
        command = [sys.executable, "-c", HELP, (PROJECT / script).as_posix(), "--help", "--language", language]
        screen = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
        assert "END 0 []" in screen or "END None []" in screen
        for name, field in Settings.model_fields.items():
            for inner in getattr(field.annotation, "model_fields", {"": None}):
                assert f"--{name}.{inner}".rstrip(".") + " " in screen
        screens.append(screen)
    assert f"python {script}" in screens[0]
    assert screens[0] != screens[1]


@pytest.mark.parametrize("script", SCRIPTS)
def test_settings_in_use_are_printed(pipeline_run, script):
    screen = pipeline_run.done[script].screen
    assert "Settings in use:\n{'profile': 'demo'," in screen
    expected = {
        "process_data.py": ["'min_content_chars': 100"],
        "foundation_model.py": ["'max_new_tokens': 12", "'load_in_4bit': False", "'A Title That Is Nowhere'"],
        "fine_tuning.py": ["'r': 32", "'max_examples': 12", "'max_new_tokens': 12", "'save_merged': True"],
        "ft_test_trained_model.py": ["lora_model_demo'", "'max_new_tokens': 12", "'A Title That Is Nowhere'"],
        "rag_indexing.py": ["'max_records': 24", "'embedding_model': 'sentence-transformers/all-MiniLM-L6-v2'"],
        "rag_search_vs.py": ["'top_k': 3", "'A Title That Is Nowhere'"],
        "rag_model_retriever.py": ["'top_k': 1", "'max_new_tokens': 12", "'temperature': 0.2"],
        "compare_models.py": ["'sample': 3"],
    }
    for words in expected[script]:
        assert words in screen


@pytest.mark.parametrize(
    ("script", "missing", "made_by"),
    [
        ("fine_tuning.py", "trn_processed.json", "process_data.py"),
        ("ft_test_trained_model.py", "lora_model_demo", "fine_tuning.py"),
        ("rag_indexing.py", "trn_processed.json", "process_data.py"),
        ("rag_search_vs.py", "chroma_db", "rag_indexing.py"),
        ("rag_model_retriever.py", "chroma_db", "rag_indexing.py"),
    ],
)
def test_script_before_its_input_names_the_script_to_run(tmp_path, script, missing, made_by):
    assert_refused(run_script(script, tmp_path, *DEMO), missing, f"python {made_by}")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("joint", [" ", "="])
def test_command_that_is_named_runs(tmp_path, joint):
    """What the message says to type can be typed: it names the profile and the folder of this run."""
    folder = tmp_path / "minha saída"
    folder.mkdir()
    flags = f"--profile{joint}demo".split() + f"--data.min_content_chars{joint}100".split()
    done = run_script("rag_indexing.py", folder, *flags)
    assert_refused(done)
    typed = done.errors.partition("Run first: python ")[2]
    words = [word.strip('"') for word in shlex.split(typed, posix=False)]  # as PowerShell would, backslashes included
    assert words[0] == "process_data.py"
    assert run_script("process_data.py", tmp_path, *words[1:]).code == 0
    assert (folder / "trn_processed.json").is_file()


def test_model_that_is_nowhere(pipeline_run, tmp_path):
    flags = {
        "foundation_model.py": ("--model.name", "nobody/nothing"),
        "rag_indexing.py": ("--rag.embedding_model", "nobody/nothing"),
    }
    folder = pipeline_run.copy(tmp_path, "trn_processed.json")
    processes = [start(script, folder, *DEMO, *named) for script, named in flags.items()]
    for process, (setting, name) in zip(processes, flags.values(), strict=True):
        assert_refused(finish(process), name, setting, "network")
    assert set(contents(folder)) == {"trn_processed.json"}


def test_default_profile_without_a_card_names_both_ways_on(pipeline_run):
    """No profile is chosen behind the user's back."""
    flags = {
        "foundation_model.py": (),
        "fine_tuning.py": (),
        "ft_test_trained_model.py": ("--model.lora_dir", "lora_model_demo"),
        "rag_model_retriever.py": ("--rag.embedding_model", PROFILES["demo"]["rag"]["embedding_model"]),
    }
    before = contents(pipeline_run.folder)
    for process in [start(script, pipeline_run.folder, *needed) for script, needed in flags.items()]:
        done = finish(process)
        assert_refused(done, "CUDA", "python bootstrap.py", "--profile demo")
        assert len(done.errors.strip().splitlines()) == 1, done.errors
    assert contents(pipeline_run.folder) == before


def test_meta_files_say_what_made_the_artifacts(pipeline_run):
    made_by = {
        "trn_processed.json": ("process_data.py", ["trn.json.gz"]),
        "answers_foundation.json": ("foundation_model.py", []),
        "trn_processed_dataset.json": ("fine_tuning.py", ["trn_processed.json"]),
        "lora_model_demo": ("fine_tuning.py", ["trn_processed.json"]),
        "merged_model_demo": ("fine_tuning.py", ["adapter_model.safetensors"]),
        "answers_fine_tuned.json": ("ft_test_trained_model.py", ["adapter_model.safetensors"]),
        "chroma_db": ("rag_indexing.py", ["trn_processed.json"]),
        "answers_rag.json": ("rag_model_retriever.py", []),
    }
    for artifact, (script, inputs) in made_by.items():
        meta = json.loads((pipeline_run.folder / f"{artifact}.meta.json").read_text(encoding="utf-8"))
        assert meta["script"] == script
        assert meta["settings"]
        assert {Path(name).name for name in meta["inputs"]} >= set(inputs)
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in meta["inputs"].values())
        assert {"python", "torch", "transformers", "chromadb"} <= set(meta["versions"])
    assert not list(pipeline_run.folder.glob("*.part"))


PATHS = {FOUND, WRITTEN, REPLACED}


GROUPS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
}
NAMES = [f"{group}.{field}" for group, fields in GROUPS.items() for field in fields.model_fields]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_says_what_it_decides(name):
    """A setting without a role, or with two that exclude each other, would be forgotten or counted by other modules."""
    group, field = name.split(".")
    setting = GROUPS[group].model_fields[field]
    roles = set(setting.json_schema_extra["roles"])
    is_path = "Path" in str(setting.annotation)
    assert roles
    assert not is_path or roles & PATHS
    assert is_path or not roles & {WRITTEN, REPLACED}
    assert len(roles & PATHS) <= 1
    assert not roles & {RUN, HASHED} or len(roles) == 1


@pytest.mark.parametrize(
    "name", [f"{group}.{field}" for group in GROUPS for field in sorted(GROUPS[group].with_role(RUN))]
)
def test_kept_answers_stay_valid_when_a_setting_of_the_run_changes(name):
    """What decides nothing about an answer must not make the comparison ask everything again."""
    group, field = name.split(".")
    settings = read_settings("", ["--language", "en"])
    then = Source(settings.model_dump(mode="json"), {})
    changed = getattr(settings, group)
    setattr(changed, field, "something else")
    assert [fault for system in SYSTEMS for fault in faults(then, system, settings)] == []


@pytest.mark.parametrize("name", ["model.name", "model.dtype", "generation.temperature", "rag.top_k", "rag.reranker"])
def test_kept_answers_are_out_of_date_when_a_setting_of_the_answer_changes(name):
    group, field = name.split(".")
    settings = read_settings("", ["--language", "en"])
    then = Source(settings.model_dump(mode="json"), {})
    setattr(getattr(settings, group), field, "something else")
    assert faults(then, RAG, settings) == [f"other settings: {name}"]


def test_settings_import_messages_alone():
    """So that --help answers at once, and no room of the pipeline depends on another by way of the settings."""
    code = "import sys, config; print(*(name for name in sys.modules if name.startswith(('pipeline.', 'comparison'))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, encoding="utf-8", check=True)
    assert set(done.stdout.split()) == {
        "pipeline.runtime",
        "pipeline.runtime.interrupts",
        "pipeline.runtime.messages",
    }
