"""The scripts whose runs are disturbed: what each reads, what it writes, and with which flags it is started."""

from __future__ import annotations

from typing import NamedTuple

from tests.pipeline_run import ANSWERS, RECORDS, TRAINING

CATALOGUE, ADAPTER, INDEX = "trn_processed.json*", "lora_model_demo*", "chroma_db*"
ONE = ("--products", "Night Train")


class Stage(NamedTuple):
    script: str
    inputs: tuple[str, ...]  # patterns of what it reads of the run of all scripts
    artifact: str
    flags: tuple[str, ...]


STAGES = [
    Stage("process_data.py", (), "trn_processed.json", ("--data.raw_file", "raw.json", "--data.num_proc", "2")),
    Stage("foundation_model.py", (), "answers_foundation.json", (*ANSWERS, *ONE)),
    Stage("fine_tuning.py", (CATALOGUE,), "lora_model_demo", (*ANSWERS, *TRAINING, *ONE)),
    Stage("ft_test_trained_model.py", (CATALOGUE, ADAPTER), "answers_fine_tuned.json", (*ANSWERS, *ONE)),
    Stage("rag_indexing.py", (CATALOGUE,), "chroma_db.meta.json", RECORDS),
    Stage("rag_model_retriever.py", (CATALOGUE, INDEX), "answers_rag.json", (*ANSWERS, *ONE)),
]
