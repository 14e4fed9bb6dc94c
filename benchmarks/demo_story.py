"""Does the demo tell the product's story? All four systems, asked about products that were not trained on.

    python benchmarks/demo_story.py --work_dir demo_output

Takes the adapter and the index that `python bootstrap.py demo` left in the folder, asks scripts 2, 4, 7 and 8 about 120
held-out products of the index, and prints, with 95 % intervals: chrF against the true descriptions, the share of the
true values (material, size, count ...) in the answers beside the share that would be there by chance, and the share of
the answers that loop; then the differences between the systems, and the held-out perplexity before and after the
training. `--again` asks twice and compares the answers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comparison.systems import System

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


LOOP_WORDS = 4  # a run of as many words or more that stands twice in a row is a loop
SHUFFLES = 20  # of which product's values an answer is searched for, to see how many are there by chance


def main() -> None:
    from comparison.systems import SYSTEMS

    options = _options()
    products = choose_products(options)
    answers = {system: ask(system, list(products), options) for system in SYSTEMS}
    print_figures(score(answers, products))
    print_perplexity(options.work_dir)
    print_samples(answers, options.samples)
    if options.again:
        for system, first in answers.items():
            same = sum(a == b for a, b in zip(first, ask(system, list(products), options), strict=True))
            print(f"asked twice, {system.noun}: {same} of {len(products)} answers are the same")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work_dir", type=Path, default=Path("demo_output"))
    parser.add_argument("--products", type=int, default=120)
    parser.add_argument("--samples", type=int, default=10, help="answers of each system to print")
    parser.add_argument("--again", action="store_true", help="ask twice: the answers have to be the same")
    return parser.parse_args()


def choose_products(options: argparse.Namespace) -> dict[str, tuple[str, list[str]]]:
    """Title -> description and true values, of held-out products of the index whose title the catalogue has once."""
    from demo.make_catalogue import contains_value, true_attributes
    from pipeline.catalogue.products import is_held_out, normalised_title, read_products
    from pipeline.command.command_line import read_settings

    settings = read_settings("", ["--profile", "demo", "--work_dir", str(options.work_dir)])
    products = list(read_products(settings.data.processed_file))
    times = Counter(normalised_title(product.product) for product in products)
    facts = true_attributes()
    chosen = {
        product: (description, [value for value in facts[product].values() if contains_value(description, value)])
        for product, description in islice(products, settings.rag.max_records or None)  # those that are indexed
        if product in facts
        and times[normalised_title(product)] == 1
        and is_held_out(product, settings.training.held_out_percent)
    }
    chosen = {product: known for product, known in chosen.items() if known[1]}
    if len(chosen) < options.products:
        sys.exit(f"only {len(chosen)} products are held out, indexed, and have values to look for")
    return dict(list(chosen.items())[: options.products])


def ask(system: System, titles: list[str], options: argparse.Namespace) -> list[str]:
    """The answers of one script to `titles`, in their order; its screen goes to `demo_story.log` in the folder.

    Script 8 asks the fourth system about the products of the three others, whose answers it needs.
    """
    from comparison.systems import SYSTEMS

    folder = options.work_dir / "demo_story"
    (folder / "kept.jsonl").unlink(missing_ok=True)  # else script 8 would not ask again
    command = [sys.executable, str(PROJECT / system.script), "--profile", "demo", "--work_dir", str(options.work_dir)]
    for other in SYSTEMS:
        command += [f"--answers.{other.name}_file", f"demo_story/{other.name}.json"]
    command += ["--sample", "0", "--comparison.sample_file", "demo_story/kept.jsonl"]
    for kind in ("html", "json", "csv", "md"):
        command += [f"--comparison.{kind}_file", f"demo_story/comparison.{kind}"]
    with (options.work_dir / "demo_story.log").open("ab") as log:
        environment = os.environ | {"PYTHONUTF8": "1"}
        subprocess.run([*command, "--products", *titles], stdout=log, stderr=log, check=True, env=environment)
    answers = json.loads((folder / f"{system.name}.json").read_text(encoding="utf-8"))
    by_title = {answer["product"]: answer["answer"] for answer in answers}
    return [by_title[title] for title in titles]


def score(answers: dict[System, list[str]], products: dict[str, tuple[str, list[str]]]) -> dict[System, list]:
    """For each system: chrF of each answer, percent of its values, that percent by chance, whether it loops."""
    from comparison.metrics import chrf

    known = list(products.values())
    figures: dict[System, list] = {}
    for system, texts in answers.items():
        orders = [random.Random(seed).sample(range(len(known)), len(known)) for seed in range(SHUFFLES)]
        chances = [share(text, known[k][1]) for order in orders for text, k in zip(texts, order, strict=True)]
        figures[system] = [
            [chrf(text, description) for text, (description, _values) in zip(texts, known, strict=True)],
            [share(text, values) for text, (_description, values) in zip(texts, known, strict=True)],
            sum(chances) / len(chances),
            [loops(text) for text in texts],
        ]
    return figures


def share(text: str, values: list[str]) -> float:
    """Percent of `values` that stand in `text`."""
    from demo.make_catalogue import contains_value

    return 100.0 * sum(contains_value(text, value) for value in values) / len(values)


def loops(text: str) -> bool:
    """Whether a sentence stands three times in `text`, or a run of LOOP_WORDS words or more twice in a row."""
    sentences = Counter(sentence.strip().casefold() for sentence in re.split(r"[.!?;\n]+", text) if sentence.strip())
    words = re.findall(r"\w+", text.casefold())
    return max(sentences.values(), default=0) >= 3 or any(
        words[start : start + length] == words[start + length : start + 2 * length]
        for length in range(LOOP_WORDS, len(words) // 2 + 1)
        for start in range(len(words) - 2 * length + 1)
    )


def print_figures(figures: dict[System, list]) -> None:
    import numpy as np

    from comparison.intervals import bootstrap, share_interval

    print(f"{'':<48}{'chrF':>22}{'true values, %':>24}{'by chance':>11}{'loops, %':>24}")
    for system, (chrfs, shares, chance, looping) in figures.items():
        of_chrf, of_shares = bootstrap(np.array([chrfs, shares]).T)
        low, high = (100 * bound for bound in share_interval(sum(looping), len(looping)))
        of_loops = f"{100 * np.mean(looping):.1f} ({low:.1f} to {high:.1f})"
        print(f"{system.label:<48}{_text(of_chrf):>22}{_text(of_shares):>24}{chance:>11.1f}{of_loops:>24}")
    systems = list(figures)
    for lower, higher in zip(systems, systems[1:], strict=False):
        differences = [np.subtract(figures[higher][k], figures[lower][k]) for k in (0, 1)]
        of_chrf, of_shares = bootstrap(np.array(differences).T)
        print(f"{higher.label + ' - ' + lower.label:<48}{_text(of_chrf):>22}{_text(of_shares):>24}")


def print_perplexity(work_dir: Path) -> None:
    """The held-out perplexity at the training's start and at its end, which script 3 has written down."""
    lines = (work_dir / "trainer_outputs" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = [entry["eval_perplexity"] for entry in map(json.loads, lines) if "eval_perplexity" in entry]
    print(f"held-out perplexity: {found[0]:.2f} before the training, {found[-1]:.2f} after it")


def _text(estimate) -> str:
    return f"{estimate.mean:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"


def print_samples(answers: dict[System, list[str]], count: int) -> None:
    for system, texts in answers.items():
        print(f"\n{system.label}")
        for text in texts[:count]:
            print(f"- {' '.join(text.split())}")


if __name__ == "__main__":
    main()
