"""Asking the language model as one system or another: here, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from comparison.questions import answering_as
from comparison.systems import System
from config import Settings
from pipeline.model.answers import (
    SHOW_PROGRESS_FROM,
    Answer,
    Question,
    answer_all,
    ask,
    prompt_length,
)
from pipeline.model.configuration import read_configuration
from pipeline.model.loading import (
    LanguageModel,
    load_fine_tuned_model,
    load_foundation_model,
    prepare_for_inference,
)
from pipeline.runtime.cluster import workers_for
from pipeline.runtime.cluster_connection import on_a_machine_of
from pipeline.runtime.messages import _, set_language
from pipeline.runtime.progress import progress_bar

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pipeline.runtime.cluster import ClusterWorkers

FIRST_TOKEN_TRIES = 3  # questions whose time to the first token is measured, one at a time
GIB = 2**30

SHARES = 2  # parts of the questions for each worker of a cluster, so that a faster one takes more
MOST_QUESTIONS = 256  # in a part: what a worker has not finished is lost when its machine dies


class Speed(NamedTuple):
    """The peak memory and the time to the first token of one system on `device`, which is `cuda` or `cpu`."""

    peak_gib: float
    first_token_seconds: float | None
    device: str


@contextmanager
def asker(adapter: bool, settings: Settings) -> Iterator[Here | OnCluster]:
    """What answers questions; with `adapter`, also as the systems that have one."""
    if not settings.cluster:
        yield Here(adapter, settings)
        return
    function = ClusterAnswerer(adapter, settings)
    with workers_for(function, settings.cluster, cards=settings.model.device_map != "cpu") as workers:
        yield OnCluster(workers, settings)


class Here:
    """The language model in this process. It is loaded once: with its adapter switched off it is the foundation model.

    `reader` knows prompts: its tokenizer and its window.
    """

    def __init__(self, adapter: bool, settings: Settings):
        load = load_fine_tuned_model if adapter else load_foundation_model
        self.reader = self.language_model = prepare_for_inference(load(settings), settings)
        self.settings = settings
        self.speed: Speed | None = None

    def answers(self, system: System, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        """The answers as `answer_all` gives them; after the last one, `speed` is that of `system`."""
        model = self.language_model.model
        with answering_as(system, self.language_model):
            forget_peak_memory(model)
            yield from answer_all(self.language_model, questions, self.settings)
            seconds = first_token(self.language_model, questions, self.settings)
            self.speed = Speed(peak_memory(model), seconds, model.device.type)


class Questions(NamedTuple):
    """What a worker of a cluster answers at a time."""

    system: System
    questions: list[Question]


class ClusterAnswerer:
    """Answers on another machine or card, where it loads the language model when the first questions come."""

    def __init__(self, adapter: bool, settings: Settings):
        self.adapter, self.settings = adapter, settings
        self.here: Here | None = None

    def __call__(self, task: Questions) -> tuple[list[Answer], Speed]:
        if self.here is None:
            set_language(self.settings.language)  # of this process
            with on_a_machine_of(self.settings.cluster):
                self.here = Here(self.adapter, self.settings)
        answers = dict(self.here.answers(*task))
        return [answers[index] for index in range(len(task.questions))], self.here.speed


class OnCluster:
    """The workers of a cluster, as `Here`. The prompts are made and counted in this process, without the weights."""

    def __init__(self, workers: ClusterWorkers, settings: Settings):
        self.reader, self.workers, self.settings = read_configuration(settings), workers, settings
        self.speed: Speed | None = None

    def answers(self, system: System, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        """The answers as `Here` gives them: the longest questions first, those of like length together."""
        lengths = [prompt_length(self.reader, question, self.settings.generation) for question in questions]
        order = sorted(range(len(questions)), key=lambda index: lengths[index], reverse=True)
        size = share(len(order), len(self.workers.workers))
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        tasks = (Questions(system, [questions[index] for index in part]) for part in parts)
        speeds = []
        shown = len(questions) >= SHOW_PROGRESS_FROM
        with progress_bar(_("Generating answers"), total=len(questions), shown=shown) as bar:
            for part, (answers, speed) in zip(parts, self.workers.in_order(tasks), strict=True):
                speeds.append(speed)
                bar.update(len(part))
                yield from zip(part, answers, strict=True)
        self.speed = slowest(speeds)


def share(questions: int, workers: int) -> int:
    """How many questions a worker gets at a time."""
    return min(max(-(-questions // (SHARES * workers)), 1), MOST_QUESTIONS)


def slowest(speeds: list[Speed]) -> Speed:
    """One for all workers: the most memory, and the median of the times to the first token."""
    seconds = [speed.first_token_seconds for speed in speeds]
    peak = max((speed.peak_gib for speed in speeds), default=0.0)
    return Speed(peak, median(seconds) if seconds else None, speeds[0].device if speeds else "cpu")


def forget_peak_memory(model: PreTrainedModel) -> None:
    if model.device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def peak_memory(model: PreTrainedModel) -> float:
    """The most GiB that PyTorch reserved on the card; without a card, the present memory of the process."""
    if model.device.type == "cuda":
        import torch

        return torch.cuda.max_memory_reserved() / GIB
    import psutil

    return psutil.Process().memory_info().rss / GIB


def first_token(language_model: LanguageModel, questions: Sequence[Question], settings: Settings) -> float | None:
    """The median seconds until the first token of an answer, each question asked alone; None without a question."""
    one_token = settings.generation.model_copy(update={"max_new_tokens": 1})
    tries = questions[:FIRST_TOKEN_TRIES]
    seconds = [ask(language_model, question.product, question.prompt, one_token).seconds for question in tries]
    return median(seconds) if seconds else None
