"""The held-out loss after training on packed examples, against padded ones: the same examples, steps and settings.

    python benchmarks/packing_loss.py
    python benchmarks/packing_loss.py --examples 320 --seeds 3407 1 2

Trains the demo model with each seed both ways. Prints the held-out losses and the speeds, and exits with code 1 where
the mean losses differ by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=320)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3407, 1, 2])
    options = parser.parse_args()
    results: dict[bool, list[dict]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("process_data.py", folder)
        for seed in options.seeds:
            for packed, finals in results.items():
                finals.append(train(folder, seed, packed, options.examples))
                print(
                    f"seed {seed}, {'packed' if packed else 'padded'}: {finals[-1]['step']} steps, "
                    f"held-out loss {finals[-1]['eval_loss']:.4f}, {finals[-1]['tokens_per_second']:,.0f} tokens/s",
                    flush=True,
                )
    means = {packed: sum(final["eval_loss"] for final in finals) / len(finals) for packed, finals in results.items()}
    speeds = {packed: sum(f["tokens_per_second"] for f in finals) for packed, finals in results.items()}
    difference = means[True] / means[False] - 1
    print(f"mean held-out loss: packed {means[True]:.4f}, padded {means[False]:.4f}, {100 * difference:+.2f} %")
    print(f"tokens of data a second, packed over padded: {speeds[True] / speeds[False]:.2f}")
    sys.exit(abs(difference) > 0.01)


def train(folder: Path, seed: int, packed: bool, examples: int) -> dict:
    """The last figures of one training: step, eval_loss, tokens_per_second."""
    flags = {
        "max_examples": examples,
        "packing": str(packed).lower(),
        "seed": seed,
        "eval_examples": 128,
        "eval_steps": 1000,  # at the start and at the end only
        "logging_steps": 1000,
    }
    words = [word for name, value in flags.items() for word in (f"--training.{name}", str(value))]
    run("fine_tuning.py", folder, *words, "--generation.max_new_tokens", "8")
    lines = (folder / "trainer_outputs" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    final: dict = {}
    for line in lines:
        final |= json.loads(line)
    return final


def run(script: str, folder: Path, *flags: str) -> None:
    command = [sys.executable, str(PROJECT / script), "--profile", "demo", "--work_dir", str(folder), *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        sys.exit(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
