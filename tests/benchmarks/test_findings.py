"""The benchmark of the findings: two cells through the real scripts share what they can, and the table tells them."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.pipeline.training.test_with_documents import PRODUCTS
from tests.running import PROJECT
from tests.tiny_model import make_tiny_model

SMALL = (
    *("--profile", "demo", "--training.max_steps", "1", "--training.eval_examples", "2"),
    *("--training.max_examples", "8", "--generation.max_new_tokens", "6", "--model.prompt_format", "chat"),
)


def findings(*arguments: str) -> str:
    return benchmark("findings.py", *arguments)


def benchmark(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "benchmarks" / name), *arguments], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_cells_share_what_they_can_and_the_table_tells_them(tmp_path, small_embedding_model):
    model = make_tiny_model(tmp_path / "tiny")
    raw = tmp_path / "woods.jsonl"
    records = [{"title": title, "content": text + " It is sturdy." * 8} for title, text in PRODUCTS[:80]]
    raw.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    given = {"work": tmp_path / "work", "model": model, "embedding": small_embedding_model, "catalogue": raw}
    flags = [text for name, path in given.items() for text in (f"--{name}", str(path))]

    def run(share: str) -> list[str]:
        said = findings("run", *flags, "--share", share, "--top_k", "2", "--sample", "4", "--", *SMALL)
        return [line.split(":")[0] for line in said.splitlines()]

    assert run("0") == ["process_data.py", "rag_indexing.py", "fine_tuning.py", "compare_models.py"]
    assert run("0.5") == ["fine_tuning.py", "compare_models.py"]
    cells = tmp_path / "work" / "cells.jsonl"
    first, second = map(json.loads, cells.read_text(encoding="utf-8").splitlines())
    assert first["training"]["held_out"] and second["training"]["took"]
    assert first["means"]["foundation"] == second["means"]["foundation"]
    [sample] = (tmp_path / "work").glob("*/comparison_answers.jsonl")
    asked = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines() if line]
    assert sum(entry.get("system") == "foundation" for entry in asked) == 1
    page = next((tmp_path / "work").glob("*/share0.5*.html")).read_text(encoding="utf-8")
    assert "Retrieval + fine-tuning, 50% with documents" in page
    table = findings("show", str(cells))
    assert "| tiny | embedding-model | woods | 2 | retrieval + fine-tuning, 50 % with documents | 1 |" in table
    assert table.count("| foundation |") == 1
    assert "<svg" in (tmp_path / "work" / "findings-woods-tiny-embedding-model.svg").read_text(encoding="utf-8")

    [adapter] = (tmp_path / "work").glob("*/lora-share0.5-*.meta.json")
    same = ("--work_dir", str(adapter.parent), "--model.lora_dir", adapter.name.removesuffix(".meta.json"))
    same += ("--model.name", str(model), "--rag.embedding_model", str(small_embedding_model), "--rag.top_k", "2")
    said = benchmark("missing_products.py", "--titles", "3", "--without_floor", *same, *SMALL)
    assert "3 titles of " in said
    assert said.count(" of 3 say so") == 4
