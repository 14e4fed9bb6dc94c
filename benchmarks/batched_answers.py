"""Answers generated in batches against the same answers one after the other.

    python benchmarks/batched_answers.py --memory_gb 7.4
    python benchmarks/batched_answers.py --profile demo --answers 64

Greedy, every answer of the full length. One after the other, only the first `--alone` of the answers are generated, and
their speed stands for all. Flags that are not below go to the settings: --model.name, --generation.max_new_tokens …
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from config import Settings  # noqa: E402
from pipeline.catalogue.prompts import document_text, product_prompt, retrieval_prompt  # noqa: E402
from pipeline.command.command_line import read_settings  # noqa: E402
from pipeline.command.script import QUIET_ENVIRONMENT  # noqa: E402
from pipeline.model.answers import Answer, Question, answers_in_order  # noqa: E402
from pipeline.model.batch_size import free_memory, largest_batch  # noqa: E402
from pipeline.model.loading import LanguageModel, load_foundation_model, prepare_for_inference  # noqa: E402

CATALOGUE = PROJECT_DIR / "demo" / "trn.json.gz"
GIB = 1024**3
ROUNDS = 3  # of the comparison that only a processor makes


def main() -> None:
    os.environ.update(QUIET_ENVIRONMENT)
    options, flags = read_options()
    settings = read_settings("", [*flags, "--generation.do_sample", "false"])
    limit_memory(options.memory_gb)
    language_model = prepare_for_inference(load_foundation_model(settings), settings)
    language_model.model.generation_config.eos_token_id = None  # so that no answer ends early
    products = products_of_the_demo(options.answers)
    prompts = {
        title: retrieval_prompt(title, [document_text(title, content)], language_model.form)
        if options.with_document
        else product_prompt(title, language_model.form)
        for title, content in products.items()
    }
    questions = [Question(title, prompt) for title, prompt in prompts.items()]
    measure(language_model, questions[:2], settings, 1)  # the first ones compile kernels
    measure(language_model, questions[:4], settings, 4)

    alone, alone_speed = measure(language_model, questions[: options.alone], settings, 1)
    print_row(f"one after the other, {options.alone} of {options.answers}", 1, alone_speed, len(alone))
    rows = settings.generation.batch_size or rows_at_once(language_model, questions, settings)
    together, batch_speed = measure(language_model, questions, settings, settings.generation.batch_size)
    print_row(f"in batches, {options.answers}", rows, batch_speed, len(together))
    same = sum(one.answer == other.answer for one, other in zip(alone, together, strict=False))
    print(f"ratio {batch_speed / alone_speed:.1f}; {same} of {len(alone)} answers are the same to the last letter")
    if language_model.model.device.type == "cpu":
        compare_with_copied_groups(language_model, questions, settings, together)


def compare_with_copied_groups(
    language_model: LanguageModel, questions: list[Question], settings: Settings, together: list[Answer]
) -> None:
    """The same batches in turn, keys and values copied for each head as transformers does it, and read in place."""
    from transformers.integrations import sdpa_attention

    ways = {"copied": lambda _mask, _key, _value: False, "in place": sdpa_attention.use_gqa_in_sdpa}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for way in [*ways] * ROUNDS:
        sdpa_attention.use_gqa_in_sdpa = ways[way]
        answers, speed = measure(language_model, questions, settings, settings.generation.batch_size)
        speeds[way].append(speed)
        same = sum(one.answer == other.answer for one, other in zip(answers, together, strict=True))
        print(f"keys and values {way}: {speed:,.1f} tokens/s; {same} of {len(together)} answers are the same")
    print(f"ratio {median(speeds['in place']) / median(speeds['copied']):.2f}")


def read_options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--answers", type=int, default=256)
    parser.add_argument("--alone", type=int, default=16, help="how many of them also one after the other")
    parser.add_argument("--with_document", action="store_true", help="the product's own text is in the prompt")
    parser.add_argument("--memory_gb", type=float, help="use so much of the card only, in GiB")
    return parser.parse_known_args()


def limit_memory(gigabytes: float | None) -> None:
    """Let PyTorch reserve `gigabytes` (GiB) of the card at most."""
    if gigabytes:
        import torch

        torch.cuda.set_per_process_memory_fraction(gigabytes * GIB / torch.cuda.get_device_properties(0).total_memory)


def products_of_the_demo(number: int) -> dict[str, str]:
    """Title -> content: the first products of the demo's catalogue whose titles differ from each other."""
    found: dict[str, str] = {}
    with gzip.open(CATALOGUE, "rt", encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
                found[str(record["title"])] = str(record["content"])
            except (ValueError, KeyError, TypeError):
                continue
            if len(found) == number:
                return found
    raise SystemExit(f"{CATALOGUE} has {len(found)} titles only.")


def measure(
    language_model: LanguageModel, questions: list[Question], settings: Settings, batch_size: int
) -> tuple[list[Answer], float]:
    """The answers and the tokens generated per second, prompts read and text decoded in that time."""
    settings = settings.model_copy(deep=True)
    settings.generation.batch_size = batch_size
    start = time.perf_counter()
    answers = answers_in_order(language_model, questions, settings)
    return answers, sum(answer.tokens for answer in answers) / (time.perf_counter() - start)


def rows_at_once(language_model: LanguageModel, questions: list[Question], settings: Settings) -> int:
    """The size of the first batch that `answer_all` chooses, whose prompts are the longest."""
    longest = max(len(language_model.tokenizer(question.prompt)["input_ids"]) for question in questions)
    memory = free_memory(language_model.model)
    return min(len(questions), largest_batch(language_model.model, longest, settings.generation.max_new_tokens, memory))


def print_row(label: str, rows: int, speed: float, answers: int) -> None:
    import torch

    memory = f", {torch.cuda.max_memory_reserved() / GIB:.2f} GiB reserved" if torch.cuda.is_available() else ""
    print(f"{label}: {rows} at once, {answers} answers, {speed:,.1f} tokens/s{memory}", flush=True)


if __name__ == "__main__":
    main()
