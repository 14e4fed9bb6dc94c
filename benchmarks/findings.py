"""Fine-tuning, retrieval or both, measured on a real catalogue: one cell of the findings, or their table and pictures.

    python benchmarks/findings.py run --work findings --model smollm2 --embedding all-mpnet-base-v2 \\
        --catalogue trn.json --share 0.5 --top_k 3 --seed 3407 --sample 400 -- --model.load_in_4bit false
    python benchmarks/findings.py show findings/cells.jsonl

`run` starts scripts 1, 5, 3 and 8 and adds a line to cells.jsonl; what stands behind `--` goes to each of them. Cells
share what they can, so `--work` is the same for all: a catalogue is cleaned and indexed once, an adapter is trained
once for each share, seed and, where it has documents in training, top_k; an answer is generated once. `show` prints a
Markdown table, the mean over the seeds with the smallest and the largest, and draws a picture for each catalogue.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
METRICS = {
    "chrf": "chrF",
    "facts_recall": "facts found",
    "facts_precision": "true facts",
    "distractors": "facts of another product",
}
SYSTEMS = {
    "foundation": "foundation",
    "fine_tuned": "fine-tuning",
    "rag": "retrieval",
    "rag_fine_tuned": "retrieval + fine-tuning",
}
COLOURS = {"foundation": "#68727d", "fine_tuned": "#b4540a", "rag": "#0b7d70", "rag_fine_tuned": "#6a3fc4"}
TRAINING_LINES = re.compile(r"^(?:Total training time|Processing speed|Peak reserved memory|Tested: ).*$", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    of_run = modes.add_parser("run")
    for name in ("work", "model", "embedding", "catalogue"):
        of_run.add_argument(f"--{name}", type=Path, required=True)
    of_run.add_argument("--share", type=float, default=0.0)
    of_run.add_argument("--top_k", type=int, default=3)
    of_run.add_argument("--seed", type=int, default=3407)
    of_run.add_argument("--sample", type=int, default=400)
    modes.add_parser("show").add_argument("cells", type=Path)
    own, flags = split_at_dashes(sys.argv[1:])
    arguments = parser.parse_args(own)
    if arguments.mode == "run":
        run_cell(arguments, flags)
    else:
        show(arguments.cells)


def split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments of this script, and those behind `--`, which are the pipeline's."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


# ---------------------------------------------------------------------------------------------------------- one cell


def run_cell(cell: argparse.Namespace, flags: list[str]) -> None:
    """Run the scripts of a cell, as far as earlier cells have not done it, and add its line to cells.jsonl."""
    catalogue = cell.catalogue.name.split(".")[0]
    folder = (cell.work / f"{catalogue}-{cell.model.name}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    adapter = f"share{cell.share:g}-seed{cell.seed}" + (f"-top{cell.top_k}" if cell.share else "")
    name = f"share{cell.share:g}-seed{cell.seed}-top{cell.top_k}"
    shared = [
        *("--work_dir", str(folder), "--language", "en", "--data.raw_file", str(cell.catalogue.resolve())),
        *("--model.name", str(cell.model.resolve()), "--rag.embedding_model", str(cell.embedding.resolve())),
        *("--model.lora_dir", f"lora-{adapter}", "--training.dataset_file", f"examples-{adapter}.json"),
        *("--training.output_dir", f"trainer-{adapter}", "--training.retrieval_share", str(cell.share)),
        *("--training.seed", str(cell.seed), "--rag.top_k", str(cell.top_k), "--rag.max_records", "0", *flags),
    ]
    for script, made, log in (
        ("process_data.py", "trn_processed.json.meta.json", "process_data.log"),
        ("rag_indexing.py", "chroma_db.meta.json", "rag_indexing.log"),
        ("fine_tuning.py", f"lora-{adapter}.meta.json", f"fine_tuning-{adapter}.log"),
    ):
        if not (folder / made).is_file():
            run_script(script, shared, folder / log)
    files = [f"--comparison.{kind}_file={name}.{kind}" for kind in ("html", "json", "csv", "md")]
    run_script("compare_models.py", [*shared, "--sample", str(cell.sample), *files], folder / f"compare-{name}.log")
    report = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    line = {
        **{"model": cell.model.name, "catalogue": catalogue, "embedding": cell.embedding.name},
        **{key: getattr(cell, key) for key in ("share", "top_k", "seed", "sample")},
        **{key: report[key] for key in ("counted", "means", "differences", "shares", "lengths", "speed", "verdict")},
        "training": training_of(folder, adapter),
        "versions": report["versions"],
    }
    with (cell.work / "cells.jsonl").open("a", encoding="utf-8", newline="\n") as cells:
        cells.write(json.dumps(line, ensure_ascii=False) + "\n")


def run_script(script: str, flags: list[str], log: Path) -> None:
    """Run a script of the pipeline; its output goes to `log`, which is shown where it fails."""
    start = time.perf_counter()
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.run(
            [sys.executable, str(PROJECT / script), *flags], stdout=output, stderr=subprocess.STDOUT
        ).returncode
    print(f"{script}: {time.perf_counter() - start:.0f} s", flush=True)
    if code:
        sys.exit(f"{script} failed with code {code}:\n" + "\n".join(log.read_text("utf-8").splitlines()[-15:]))


def training_of(folder: Path, adapter: str) -> dict:
    """The held-out losses of an adapter's training, and what it took as script 3 printed it."""
    metrics = (folder / f"trainer-{adapter}" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    held_out = [entry["eval_loss"] for entry in map(json.loads, metrics) if "eval_loss" in entry]
    log = (folder / f"fine_tuning-{adapter}.log").read_text(encoding="utf-8")
    return {"held_out": held_out, "took": [line.strip() for line in TRAINING_LINES.findall(log)]}


# ------------------------------------------------------------------------------------------------- table and pictures


def show(file: Path) -> None:
    """Print the table of all cells and draw a picture of each catalogue and model beside `file`."""
    rows = rows_of([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    header = ["model", "embedding", "catalogue", "top_k", "system", "seeds", *METRICS.values()]
    header += ["says not in catalogue", "words"]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row, cells in rows.items():
        figures = [spread([mean_of(cell, row.system, metric) for cell in cells]) for metric in METRICS]
        noticed = [cell["shares"].get(row.system, {}).get("abstained_similar") for cell in cells]
        noticed = spread([100 * share["hits"] / share["n"] for share in noticed if share])
        length = spread([estimate["mean"] for cell in cells if (estimate := cell["lengths"].get(row.system))])
        about = [*row.setting, str(row.top_k), row.label, str(len(cells))]
        print("| " + " | ".join([*about, *figures, noticed, length]) + " |")
    for setting in dict.fromkeys(row.setting for row in rows):
        model, embedding, catalogue = setting
        picture = file.with_name(f"findings-{catalogue}-{model}-{embedding}.svg")
        draw({row: cells for row, cells in rows.items() if row.setting == setting}, ", ".join(setting), picture)
        print(f"\n{picture}")


class Row(NamedTuple):
    """What a row of the table is about."""

    model: str
    embedding: str
    catalogue: str
    top_k: int | str  # "-" without retrieval
    system: str
    share: float

    @property
    def setting(self) -> tuple[str, str, str]:
        """What all rows of a picture have in common."""
        return self.model, self.embedding, self.catalogue

    @property
    def label(self) -> str:
        return SYSTEMS[self.system] + (f", {100 * self.share:g} % with documents" if self.share else "")


def rows_of(cells: list[dict]) -> dict[Row, list[dict]]:
    """Each row with its cells, one a seed: the last one that was run.

    Without the adapter the share and the seed say nothing, and without retrieval top_k: such a system has one row.
    """
    rows: dict[Row, dict[int, dict]] = defaultdict(dict)
    for cell in cells:
        for system in cell["means"]:
            top_k = cell["top_k"] if system.startswith("rag") else "-"
            share = cell["share"] if system.endswith("fine_tuned") else 0
            seed = cell["seed"] if system.endswith("fine_tuned") else 0
            row = Row(cell["model"], cell["embedding"], cell["catalogue"], top_k, system, share)
            rows[row][seed] = cell
    order = sorted(rows, key=lambda row: (*row.setting, str(row.top_k), [*SYSTEMS].index(row.system), row.share))
    return {row: [*rows[row].values()] for row in order}


def mean_of(cell: dict, system: str, metric: str) -> float | None:
    estimate = cell["means"][system][metric]
    return estimate and estimate["mean"]


def spread(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return f"{known[0]:.1f}" if known else "-"
    return f"{mean(known):.1f} ({min(known):.1f} to {max(known):.1f})"


def draw(rows: dict[Row, list[dict]], title: str, picture: Path) -> None:
    """A panel for each metric: a dot for each seed with its 95 % interval, a line for each system."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = {
        metric: name
        for metric, name in METRICS.items()
        if any(cell["means"][row.system][metric] for row, cells in rows.items() for cell in cells)
    }
    size = (3.2 * len(measured), 0.9 + 0.42 * len(rows))
    figure, panels = pyplot.subplots(1, len(measured), sharey=True, figsize=size)
    for panel, (metric, name) in zip(panels, measured.items(), strict=True):
        for place, (row, cells) in enumerate(rows.items()):
            for number, cell in enumerate(cells):
                estimate = cell["means"][row.system][metric]
                if estimate:
                    at = place + 0.16 * (number - (len(cells) - 1) / 2)
                    panel.plot([estimate["low"], estimate["high"]], [at, at], color=COLOURS[row.system], alpha=0.5)
                    panel.plot(estimate["mean"], at, "o", color=COLOURS[row.system], markersize=4)
        panel.set_title(name, fontsize=10)
        panel.grid(axis="x", alpha=0.3)
    names = [row.label + (f", top_k {row.top_k}" if row.top_k != "-" else "") for row in rows]
    panels[0].set_yticks(range(len(rows)), names, fontsize=8)
    panels[0].invert_yaxis()
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(picture)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
