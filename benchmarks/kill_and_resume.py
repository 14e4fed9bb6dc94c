"""A training that is killed again and again, against one that is left alone.

    python benchmarks/kill_and_resume.py
    python benchmarks/kill_and_resume.py --kills 10 --examples 160 --seed 1

Trains the demo model twice on the same examples. The second training is killed at random moments (SIGKILL; on Windows
TerminateProcess) and started again with the same command each time. Prints the steps and the held-out losses of both,
and how far the two adapters are apart. Exit code 1 where the steps differ or the losses do by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DEADLINE = 900  # seconds that no run takes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--examples", type=int, default=160)
    parser.add_argument("--save_steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        undisturbed, killed = Path(name) / "undisturbed", Path(name) / "killed"
        finish(start("process_data.py", undisturbed))
        finish(start("process_data.py", killed))
        began = time.perf_counter()
        finish(train(undisturbed, options))
        total = figures(undisturbed)[-1]["step"]
        print(f"undisturbed: {total} steps, {time.perf_counter() - began:.0f} s", flush=True)
        chance = random.Random(options.seed)
        for moment in sorted(chance.choices(range(total + 1), k=options.kills)):
            kill_at(train(killed, options), killed, moment, delay=chance.uniform(0, 1.5))
        finish(train(killed, options))
        compare(undisturbed, killed)


def start(script: str, folder: Path, *flags: str) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(PROJECT / script), "--profile", "demo", "--work_dir", str(folder), *flags]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def train(folder: Path, options: argparse.Namespace) -> subprocess.Popen:
    flags = {
        "max_examples": options.examples,
        "save_steps": options.save_steps,
        "logging_steps": 1,
        "eval_examples": 64,
        "eval_steps": 1000,  # at the start and at the end only
    }
    words = [word for name, value in flags.items() for word in (f"--training.{name}", str(value))]
    return start("fine_tuning.py", folder, *words, "--generation.max_new_tokens", "8")


def finish(process: subprocess.Popen) -> None:
    if code := process.wait(DEADLINE):
        sys.exit(f"{process.args} ended with {code}")


def kill_at(process: subprocess.Popen, folder: Path, step: int, delay: float) -> None:
    """Kill `process` `delay` seconds after the training reached `step`; 0 is before its first one."""
    end = time.monotonic() + DEADLINE
    while step and not any(entry["step"] >= step and "loss" in entry for entry in figures(folder)):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"it ended before step {step}")
        time.sleep(0.02)
    time.sleep(delay)
    process.kill()
    process.wait()
    checkpoints = [int(path.name.split("-")[1]) for path in folder.glob("trainer_outputs/*/checkpoint-*")]
    reached = max((entry["step"] for entry in figures(folder)), default=0)
    print(f"killed at step {reached}; newest checkpoint: {max(checkpoints, default='none')}", flush=True)


def figures(folder: Path) -> list[dict]:
    try:
        text = (folder / "trainer_outputs" / "metrics.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def compare(undisturbed: Path, killed: Path) -> None:
    from safetensors.numpy import load_file

    steps, losses = [], []
    for folder in (undisturbed, killed):
        steps.append([entry["step"] for entry in figures(folder) if "loss" in entry])
        losses.append([entry["eval_loss"] for entry in figures(folder) if "eval_loss" in entry][-1])
        print(f"{folder.name:<12}: {len(steps[-1])} steps, held-out loss {losses[-1]:.6f}")
    adapters = [folder / "lora_model_demo" / "adapter_model.safetensors" for folder in (undisturbed, killed)]
    weights, others = map(load_file, adapters)
    difference = abs(losses[1] / losses[0] - 1)
    print(f"the held-out losses differ by {100 * difference:.4f} %")
    print(f"the weights differ by {max(abs(weights[name] - others[name]).max() for name in weights):.2e} at most")
    sys.exit(steps[0] != steps[1] or difference > 0.01)


if __name__ == "__main__":
    main()
