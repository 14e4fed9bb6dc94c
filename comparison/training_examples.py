"""Checks for leaked training data: products that the adapter was trained on, answers that repeat an example."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from comparison.cases import Case, held_out_percent
from comparison.metrics import words
from comparison.systems import SYSTEMS
from config import Settings
from pipeline.catalogue.products import is_held_out, normalised_title
from pipeline.catalogue.prompts import in_its_place
from pipeline.runtime.artifacts import read_meta
from pipeline.runtime.json_lines_array import read_records
from pipeline.training.with_documents import title_of

COPIED_WORDS = 8  # a shorter answer can equal the start of an example by chance


def mark_trained_on(cases: list[Case], settings: Settings) -> None:
    """Set `trained_on` of each case whose title is among the training examples of the present adapter.

    Where the examples are no longer known, every title that was not held out counts as trained on.
    """
    if not settings.model.lora_dir.exists():
        return
    if not examples_are_known(settings):
        for case in cases:
            case.trained_on = not is_held_out(case.product, held_out_percent(settings))
        return
    titles = {case.key: normalised_title(in_its_place(case.product)) for case in cases}
    wanted = set(titles.values())
    trained = {title for product, _text in _examples(settings) if (title := normalised_title(product)) in wanted}
    for case in cases:
        case.trained_on = titles[case.key] in trained


def examples_are_known(settings: Settings) -> bool:
    """Whether the file of training examples is the one that the present adapter was trained on."""
    file, adapter = settings.training.dataset_file, read_meta(settings.model.lora_dir)
    made = read_meta(file) if file.is_file() else None
    if made is None or adapter is None:
        return False
    training = adapter["settings"]["training"]
    return set(made["inputs"].values()) <= set(adapter["inputs"].values()) and all(
        training.get(name, value) == value for name, value in made["settings"].items()
    )


def repeated_examples(cases: list[Case], settings: Settings) -> dict[tuple[str, bool], set[str]]:
    """By case, the systems whose answer repeats a training example word for word, from its start to the answer's end.

    Any example counts, not only that of the same product, unless it was in the prompt. The examples are read one by
    one, so they need not fit into memory.
    """
    starts = defaultdict(list)  # the first words of an answer -> the answers that start so
    for case in cases:
        for system in SYSTEMS:
            if system.adapter and system.name in case.answers:
                answer = case.answers[system.name]
                found = words(answer.answer)
                if len(found) > COPIED_WORDS:
                    starts[tuple(found[:COPIED_WORDS])].append((found, answer.prompt, case.key, system.name))
    repeated: dict[tuple[str, bool], set[str]] = defaultdict(set)
    if starts and settings.training.dataset_file.is_file():
        for _product, text in _examples(settings):
            example = words(text)
            for found, prompt, key, system in starts.get(tuple(example[:COPIED_WORDS]), []):
                # The answer's last word may have been cut in two by the limit of its length.
                same = example[: len(found) - 1] == found[:-1] and " ".join(example).startswith(" ".join(found))
                if same and text not in prompt:
                    repeated[key].add(system)
    return repeated


def _examples(settings: Settings) -> Iterator[tuple[str, str]]:
    """Title, as it stands in a prompt, and answer of each training example, in the order of the file."""
    fields = ("instruction", "input", "output")
    for instruction, input, output in read_records(settings.training.dataset_file, fields, made_by="fine_tuning.py"):
        yield title_of(instruction, input), output
