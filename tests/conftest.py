"""What the tests share: a clean environment, and one run of all eight scripts, whose output many tests read."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.pipeline_run import read_pipeline_run, run_pipeline
from tests.running import contents
from tests.tiny_model import make_tiny_model


def made_once(tmp_path_factory, name: str, make: Callable[[], Any]) -> Any:
    """What `make` returns, as JSON keeps it: the first worker that asks makes it, and the others take it over."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = base / f"{name}.json"
    with FileLock(base / f"{name}.lock"):
        if not kept.exists():
            kept.write_text(json.dumps(make()), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory):
    """No settings of the user's, no network and no card; one thread, since several scripts run at the same time.

    Wherever a test names no language model, it gets the tiny one: a byte is a token, so the window is wide.
    """
    # A background job of a shell ignores Ctrl-C, and so would every script that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        for name in os.environ:
            if name.startswith("DESCRIBE_"):
                patch.delenv(name)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("OMP_NUM_THREADS", "1")
        folder = tmp_path_factory.mktemp("model")
        model = made_once(tmp_path_factory, "tiny-model", lambda: str(make_tiny_model(folder / "tiny")))
        patch.setenv("DESCRIBE_MODEL__NAME", model)
        patch.setenv("DESCRIBE_MODEL__PROMPT_FORMAT", "alpaca")
        patch.setenv("DESCRIBE_MODEL__MAX_SEQ_LENGTH", "8192")
        patch.setenv("DESCRIBE_LORA__LAYERS_TO_TRANSFORM", "[]")
        yield


@pytest.fixture
def no_settings_in_the_environment(monkeypatch):
    """Not those of the tiny model either."""
    for name in [name for name in os.environ if name.startswith("DESCRIBE_")]:
        monkeypatch.delenv(name)


def pytest_addoption(parser):
    parser.addoption("--faults", choices=["quick", "all"], default="quick", help="all: also those that take minutes")
    parser.addoption("--reliability", type=Path, help="write what tests/faults saw to this file")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow_fault: takes long; runs with --faults all")
    if config.getoption("--reliability") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--reliability writes what one process saw: leave out --numprocesses")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--faults") == "quick":
        slow = [item for item in items if item.get_closest_marker("slow_fault")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def pipeline_run(tmp_path_factory):
    """One run of the eight scripts, which all tests read and none writes to."""
    folder = tmp_path_factory.mktemp("catálogo de ação")  # a blank and accents
    made_in, done = made_once(tmp_path_factory, "pipeline-run", lambda: (str(folder), run_pipeline(folder)))
    run = read_pipeline_run(Path(made_in), done)
    before = contents(run.folder)
    yield run
    assert contents(run.folder) == before


@pytest.fixture(scope="session")
def small_embedding_model(tmp_path_factory) -> Path:
    """A sentence-transformers model that is quick and knows nothing: one layer of random numbers, letters as tokens."""
    import string

    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("small") / "embedding-model"
    letters = string.ascii_lowercase + string.digits
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters), *string.punctuation]
    tokenizer = Tokenizer(models.WordPiece({name: number for number, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **marks).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    modules = [("", "sentence_transformers.models.Transformer"), ("1_Pooling", "sentence_transformers.models.Pooling")]
    files = {
        "modules.json": [
            {"idx": n, "name": str(n), "path": path, "type": kind} for n, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True},
    }
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder
