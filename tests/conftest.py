"""What the tests share: a clean environment, and one run of all eight scripts, whose output many tests read."""

from __future__ import annotations

import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.catalogue.products import Product, read_products
from tests.running import DEMO, Finished, run_script, run_well

TRAINING = (
    *("--training.max_examples", "12", "--training.max_steps", "8", "--training.per_device_train_batch_size", "2"),
    *("--training.save_steps", "2", "--training.logging_steps", "1"),
    *("--training.eval_examples", "6", "--training.eval_steps", "3"),
    *("--training.learning_rate", "0.01"),  # so that eight steps change what the model says
)
ANSWERS = ("--generation.max_new_tokens", "12")
RECORDS = ("--rag.max_records", "24")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory):
    """No settings of the user's, no network and no card; one thread, since several scripts run at the same time."""
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
        yield


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


class PipelineRun(NamedTuple):
    """One run of the eight scripts: where they wrote, what they printed, and what they were asked about."""

    folder: Path
    done: dict[str, Finished]
    products: list[Product]  # the clean catalogue
    asked: list[str]  # titles: two that were indexed, one that was not

    def answers(self, name: str) -> list[dict]:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def copy(self, folder: Path, *names: str) -> Path:
        """A folder with some of the artifacts, to damage them or to go on from them."""
        for name in names:
            source = self.folder / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
        return folder


@pytest.fixture(scope="session")
def pipeline_run(tmp_path_factory) -> PipelineRun:
    """The eight scripts in order with the demo profile, in a folder whose name has a space and accents.

    Training and retrieval need nothing from each other and run side by side.
    """
    folder = tmp_path_factory.mktemp("catálogo de ação")
    done = {"process_data.py": run_well("process_data.py", folder, *DEMO)}
    products = list(read_products(folder / "trn_processed.json"))
    asked = [products[0].product, products[7].product, "A Title That Is Nowhere"]

    def run_all(scripts: dict[str, tuple[str, ...]]) -> None:
        for script, flags in scripts.items():
            done[script] = run_script(script, folder, *DEMO, *flags)

    with ThreadPoolExecutor(2) as pool:
        model_side = {
            "foundation_model.py": (*ANSWERS, "--products", *asked),
            "fine_tuning.py": (*ANSWERS, *TRAINING, "--model.save_merged", "--products", *asked),
            "ft_test_trained_model.py": (*ANSWERS, "--products", *asked),
        }
        retrieval_side = {
            "rag_indexing.py": RECORDS,
            "rag_search_vs.py": (
                *("--rag.top_k", "3", "--products", *asked),
                *(product.product for product in products[10:15]),
            ),
            "rag_model_retriever.py": (*ANSWERS, "--products", *asked),
        }
        list(pool.map(run_all, [model_side, retrieval_side]))
    run_all({"compare_models.py": (*ANSWERS, "--sample", "3")})
    return PipelineRun(folder, done, products, asked)


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
