"""One run of all eight scripts with the demo profile, whose output many tests read."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

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


class PipelineRun(NamedTuple):
    """Where the scripts wrote, what they printed, and what they were asked about."""

    folder: Path
    done: dict[str, Finished]
    products: list[Product]  # the clean catalogue
    asked: list[str]  # titles: two that were indexed, one that was not

    def answers(self, name: str) -> list[dict]:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def copy(self, folder: Path, *patterns: str) -> Path:
        """A folder with the artifacts that `patterns` name, to damage them or to go on from them."""
        for pattern in patterns:
            found = list(self.folder.glob(pattern))
            assert found, pattern
            for path in found:
                (shutil.copytree if path.is_dir() else shutil.copy2)(path, folder / path.name)
        return folder


def run_pipeline(folder: Path) -> dict[str, Finished]:
    """Run the scripts in order. Training and retrieval need nothing from each other and run side by side."""
    done = {"process_data.py": run_well("process_data.py", folder, *DEMO)}
    products = list(read_products(folder / "trn_processed.json"))
    asked = titles_asked(products)

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
    return done


def read_pipeline_run(folder: Path, done: dict[str, list]) -> PipelineRun:
    """What `run_pipeline` did in `folder`; `done` may come from JSON."""
    products = list(read_products(folder / "trn_processed.json"))
    return PipelineRun(
        folder, {script: Finished(*run) for script, run in done.items()}, products, titles_asked(products)
    )


def titles_asked(products: list[Product]) -> list[str]:
    return [products[0].product, products[7].product, "A Title That Is Nowhere"]
