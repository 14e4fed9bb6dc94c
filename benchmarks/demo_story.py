"""Does the demo tell the product's story? Foundation, fine-tuned and retrieval, asked about held-out products.

    python benchmarks/demo_story.py --work_dir demo_output

Takes the adapter and the index that `python bootstrap.py demo` left in the folder, asks scripts 2, 4 and 7 about 200
products that were not trained on, and prints, with 95 % bootstrap intervals: chrF against the true descriptions, the
share of the true values (material, size, count ...) in the answers beside the share that would be there by chance, and
the answers that repeat themselves. `--again` asks twice and compares the answers.
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
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


SCRIPTS = {
    "foundation": ("foundation_model.py", "answers_foundation.json"),
    "fine-tuned": ("ft_test_trained_model.py", "answers_fine_tuned.json"),
    "retrieval": ("rag_model_retriever.py", "answers_rag.json"),
}
SHUFFLES = 20  # of which product's values an answer is searched for, to see how many are there by chance


def main() -> None:
    options = _options()
    products = choose_products(options)
    answers = {system: ask(system, list(products), options) for system in SCRIPTS}
    print_figures(score(answers, products))
    print_samples(answers, options.samples)
    if options.again:
        for system in SCRIPTS:
            same = sum(a == b for a, b in zip(answers[system], ask(system, list(products), options), strict=True))
            print(f"asked twice, {system:<11}: {same} of {len(products)} answers are the same")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work_dir", type=Path, default=Path("demo_output"))
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--samples", type=int, default=10, help="answers of each system to print")
    parser.add_argument("--again", action="store_true", help="ask twice: the answers have to be the same")
    return parser.parse_args()


def choose_products(options: argparse.Namespace) -> dict[str, tuple[str, list[str]]]:
    """Title -> description and true values, of held-out products whose title stands in the catalogue once."""
    from demo.make_catalogue import contains_value, true_attributes
    from pipeline.catalogue.products import is_held_out, normalised_title, read_products
    from pipeline.command.command_line import read_settings

    settings = read_settings("", ["--profile", "demo", "--work_dir", str(options.work_dir)])
    products = list(read_products(settings.data.processed_file))
    times = Counter(normalised_title(product.product) for product in products)
    facts = true_attributes()
    chosen = {
        product: (description, [value for value in facts[product].values() if contains_value(description, value)])
        for product, description in products
        if product in facts
        and times[normalised_title(product)] == 1
        and is_held_out(product, settings.training.held_out_percent)
    }
    chosen = {product: known for product, known in chosen.items() if known[1]}
    if len(chosen) < options.products:
        sys.exit(f"only {len(chosen)} products are held out and have values to look for")
    return dict(list(chosen.items())[: options.products])


def ask(system: str, titles: list[str], options: argparse.Namespace) -> list[str]:
    """The answers of one script to `titles`, in their order; its screen goes to `demo_story.log` in the folder."""
    script, file = SCRIPTS[system]
    command = [sys.executable, str(PROJECT / script), "--profile", "demo", "--work_dir", str(options.work_dir)]
    answers_file = options.work_dir / "demo_story" / file
    names = {"foundation": "foundation_file", "fine-tuned": "fine_tuned_file", "retrieval": "rag_file"}
    command += [f"--answers.{names[system]}", str(Path("demo_story") / file), "--products", *titles]
    with (options.work_dir / "demo_story.log").open("ab") as log:
        subprocess.run(command, stdout=log, stderr=log, check=True, env=os.environ | {"PYTHONUTF8": "1"})
    by_title = {answer["product"]: answer["answer"] for answer in json.loads(answers_file.read_text(encoding="utf-8"))}
    return [by_title[title] for title in titles]


def score(answers: dict[str, list[str]], products: dict[str, tuple[str, list[str]]]) -> dict[str, list]:
    """For each system: chrF of each answer, percent of its values, that percent by chance, whether it repeats."""
    from comparison.metrics import chrf

    known = list(products.values())
    figures: dict[str, list] = {}
    for system, texts in answers.items():
        orders = [random.Random(seed).sample(range(len(known)), len(known)) for seed in range(SHUFFLES)]
        chances = [share(text, known[k][1]) for order in orders for text, k in zip(texts, order, strict=True)]
        figures[system] = [
            [chrf(text, description) for text, (description, _values) in zip(texts, known, strict=True)],
            [share(text, values) for text, (_description, values) in zip(texts, known, strict=True)],
            sum(chances) / len(chances),
            [100.0 * repeats(text) for text in texts],
        ]
    return figures


def share(text: str, values: list[str]) -> float:
    """Percent of `values` that stand in `text`."""
    from demo.make_catalogue import contains_value

    return 100.0 * sum(contains_value(text, value) for value in values) / len(values)


def repeats(text: str) -> bool:
    """Whether a sentence occurs three times or more."""
    sentences = Counter(sentence.strip().casefold() for sentence in re.split(r"[.!?;\n]+", text) if sentence.strip())
    return max(sentences.values(), default=0) >= 3


def print_figures(figures: dict[str, list]) -> None:
    import numpy as np

    from comparison.intervals import bootstrap

    print(f"{'':<24}{'chrF':>22}{'true values, %':>24}{'by chance':>11}{'repeats, %':>12}")
    for system, (chrfs, shares, chance, loops) in figures.items():
        of_chrf, of_shares = bootstrap(np.array([chrfs, shares]).T)
        print(f"{system:<24}{_text(of_chrf):>22}{_text(of_shares):>24}{chance:>11.1f}{np.mean(loops):>12.1f}")
    systems = list(figures)
    for lower, higher in zip(systems, systems[1:], strict=False):
        differences = [np.subtract(figures[higher][k], figures[lower][k]) for k in (0, 1)]
        of_chrf, of_shares = bootstrap(np.array(differences).T)
        print(f"{higher + ' - ' + lower:<24}{_text(of_chrf):>22}{_text(of_shares):>24}")


def _text(estimate) -> str:
    return f"{estimate.mean:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"


def print_samples(answers: dict[str, list[str]], count: int) -> None:
    for system, texts in answers.items():
        print(f"\n{system}")
        for text in texts[:count]:
            print(f"- {' '.join(text.split())}")


if __name__ == "__main__":
    main()
