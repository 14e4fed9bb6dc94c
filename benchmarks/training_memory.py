"""The memory that a training was planned to take, against what PyTorch reserved: fine_tuning.py with many settings.

    python benchmarks/training_memory.py                                     (needs a card of 40 GB for all of them)
    python benchmarks/training_memory.py --settings 0 1 --model FOLDER       only some, another model
    python benchmarks/training_memory.py --at_once 4                         four at a time, on a card that has room

Two steps each, on examples that fill the longest sequence allowed. Prints a line a setting and, with --out, writes it
as JSON. Exit code 1 where the plan is more than 10 % off, or more than 3 % below what was reserved.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SHORT = 150  # words of a description as in the catalogue; the others are longer than any sequence

# What a run changes from the defaults, which are those of the first version: rank 32, 8,192 tokens, 2 x 4 examples.
SETTINGS: list[dict[str, str]] = [
    {"training.memory_gb": "8", "words": str(SHORT)},  # an 8 GB card and examples as in the catalogue
    {"training.packing": "false"},  # 16,384 tokens at once
    {"training.gradient_accumulation_steps": "1"},  # the same number, end to end
    {"lora.r": "8", "model.max_seq_length": "4096", "training.gradient_accumulation_steps": "1"},
    {"model.max_seq_length": "2048", "training.per_device_train_batch_size": "8", "training.packing": "false"},
    {"lora.r": "8", "model.max_seq_length": "2048", "training.gradient_checkpointing": "false"},
    {"training.memory_gb": "8", "training.packing": "false", "words": str(SHORT)},
    {"lora.r": "8", "training.per_device_train_batch_size": "1", "training.gradient_accumulation_steps": "1"},
    {"training.optim": "adamw_torch", "model.max_seq_length": "2048", "training.packing": "false"},
    {"training.memory_gb": "8", "model.max_seq_length": "2048", "lora.r": "16"},
    {"model.backend": "transformers", "model.max_seq_length": "2048", "training.packing": "false"},
    {"training.memory_gb": "8"},  # the first version on an 8 GB card: 8,192 tokens an example
    {"training.memory_gb": "8", "training.packing": "false"},
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unsloth/llama-3-8b-bnb-4bit")
    parser.add_argument("--settings", type=int, nargs="+", default=range(len(SETTINGS)), help="numbers in SETTINGS")
    parser.add_argument("--at_once", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(options.at_once) as pool:
        runs = {pool.submit(measure, SETTINGS[n], Path(name) / str(n), options.model): n for n in options.settings}
        results = [report(run.result(), options.out) for run in runs]
    sys.exit(not all(-0.03 <= planned / reserved - 1 <= 0.10 for planned, reserved in results))


def measure(setting: dict[str, str], folder: Path, model: str) -> dict:
    """Train in `folder`; what was planned and reserved, in GiB, or the error."""
    flags = {"training.memory_gb": "40"} | setting
    write_catalogue(folder, words=int(flags.pop("words", 9000)))
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    command = [
        *(sys.executable, str(PROJECT / "fine_tuning.py"), "--work_dir", str(folder), "--model.name", model),
        *("--training.max_steps", "2", "--training.held_out_percent", "0", "--language", "en", *words),
        *("--generation.max_new_tokens", "1", "--products", "Lamp"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    (folder / "screen.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    figures = {
        name: float(found[1].replace(",", "")) if (found := re.search(pattern, done.stdout)) else None
        for name, pattern in {
            "planned": r"Needed +: +([\d.]+) GB",
            "tokens": r"micro-batches of up to ([\d,]+) tokens",
            "tried_out": r"take ([\d.]+) GB; planned",
            "reserved": r"Peak reserved memory +: ([\d.]+) GB",
        }.items()
    }
    error = "" if done.returncode == 0 else done.stderr.strip()[-700:]
    return {"setting": setting, **figures, "error": error}


def write_catalogue(folder: Path, words: int) -> None:
    folder.mkdir(parents=True)
    rows = [{"product": f"Lamp {n}", "description": "bright lamp " * (words // 2)} for n in range(32)]
    lines = ",\n".join(map(json.dumps, rows))
    (folder / "trn_processed.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")


def report(result: dict, out: Path | None) -> tuple[float, float]:
    """Print a result; planned and reserved."""
    if out:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
    name = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in result["setting"].items()) or "defaults"
    planned, reserved = result["planned"], result["reserved"]
    if not planned or not reserved:
        print(f"{name}: no result. {result['error']}", flush=True)
        return 0, 1
    print(
        f"{name}: {result['tokens']:,.0f} tokens, planned {planned:.2f} GB, reserved {reserved:.2f} GB, "
        f"{100 * (planned / reserved - 1):+.1f} %",
        flush=True,
    )
    return planned, reserved


if __name__ == "__main__":
    main()
