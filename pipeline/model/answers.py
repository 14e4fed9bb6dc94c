"""Asking a language model, one question or many at once, and keeping what it answered for the comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import GenerationSettings, Settings
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from pipeline.model.batch_size import free_memory, largest_batch
from pipeline.model.loading import LanguageModel, forget_last_answers
from pipeline.model.sampling import sampling
from pipeline.model.stopping import HeadingStop, answer_streamer, before_heading
from pipeline.model.tokens import prompt_ids
from pipeline.runtime.artifacts import write_json, write_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar

if TYPE_CHECKING:
    from transformers import TextStreamer

SHOW_PROGRESS_FROM = 6  # questions


class Question(NamedTuple):
    """What to ask about a product; `retrieved` are the documents in the prompt, where it has some."""

    product: str
    prompt: str
    retrieved: list[dict] = []


@dataclass
class Answer:
    """What one system said of one product.

    `tokens` are those generated, the end-of-text token included; `seconds` is the time that took, where several were
    generated at once an equal share of it.
    """

    product: str
    answer: str
    prompt: str
    tokens: int
    seconds: float
    settings: dict = field(default_factory=dict)
    retrieved: list[dict] = field(default_factory=list)


def ask(
    language_model: LanguageModel, product: str, prompt: str, generation: GenerationSettings, stream: bool = False
) -> Answer:
    """The model's answer to `prompt`; `stream` also prints it token by token.

    Raises UserError where the prompt leaves no room for an answer.
    """
    question = Question(product, prompt)
    if stream:
        answer = ask_aloud(language_model, question, generation, partial(print, end="", flush=True))
        print(flush=True)
        return answer
    prompt_length(language_model, question, generation)
    return _generate(language_model, [question], generation)[0]


def ask_aloud(
    language_model: LanguageModel, question: Question, generation: GenerationSettings, show: Callable[[str], None]
) -> Answer:
    """The model's answer to `question`; `show` gets it piece by piece, and what it raises ends the generation.

    Raises UserError where the prompt leaves no room for an answer.
    """
    prompt_length(language_model, question, generation)
    return _generate(language_model, [question], generation, answer_streamer(language_model.tokenizer, show))[0]


def not_in_catalogue(product: str, generation: GenerationSettings) -> Answer:
    """The answer where the index has nothing like `product`: one fixed sentence, which no model is asked for."""
    settings = generation.model_dump(mode="json")
    return Answer(product, NOT_IN_CATALOGUE, prompt="", tokens=0, seconds=0.0, settings=settings)


def answer_all(
    language_model: LanguageModel, questions: Sequence[Question], settings: Settings
) -> Iterator[tuple[int, Answer]]:
    """The model's answers, generated in batches; each comes with the index of its question as soon as it is there.

    Questions of like length share a batch, the longest come first. A batch has `generation.batch_size` of them, or as
    many as fit into memory, and fewer after the card's memory was full all the same.
    Raises UserError, before anything is generated, where a prompt leaves no room for an answer.
    """
    import torch

    generation = settings.generation
    lengths = [prompt_length(language_model, question, generation) for question in questions]
    waiting = sorted(range(len(questions)), key=lambda index: lengths[index], reverse=True)
    memory, most = free_memory(language_model.model), len(questions)
    shown = len(questions) >= SHOW_PROGRESS_FROM
    with progress_bar(_("Generating answers"), total=len(questions), shown=shown) as bar:
        while waiting:
            fitting = generation.batch_size or largest_batch(
                language_model.model, lengths[waiting[0]], generation.max_new_tokens, memory
            )
            batch = waiting[: min(fitting, most)]
            try:
                answers = _generate(language_model, [questions[index] for index in batch], generation)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                most = len(batch) // 2
                continue
            waiting = waiting[len(batch) :]
            bar.update(len(batch))
            yield from zip(batch, answers, strict=True)


def answers_in_order(language_model: LanguageModel, questions: Sequence[Question], settings: Settings) -> list[Answer]:
    """The answers of `answer_all` in the order of the questions."""
    answers = dict(answer_all(language_model, questions, settings))
    return [answers[index] for index in range(len(questions))]


def prompt_length(language_model: LanguageModel, question: Question, generation: GenerationSettings) -> int:
    """The tokens of a prompt. Raises UserError where it leaves no room for an answer."""
    room = room_for_answer(language_model, question.prompt)
    length = language_model.window - room
    if room < generation.max_new_tokens:
        raise UserError(
            _(
                "The prompt for {product!r} has {length} tokens, which leaves {room} for the answer. "
                "Lower --generation.max_new_tokens, or raise --model.max_seq_length up to what the model reads."
            ).format(product=question.product, length=length, room=max(0, room))
        )
    return length


def room_for_answer(language_model: LanguageModel, prompt: str) -> int:
    """How many tokens the model can generate after `prompt`; below 0 where the prompt alone is too long."""
    return language_model.window - len(prompt_ids(language_model.tokenizer, language_model.form, [prompt])[0])


def _generate(
    language_model: LanguageModel,
    questions: Sequence[Question],
    generation: GenerationSettings,
    streamer: TextStreamer | None = None,
) -> list[Answer]:
    """The answers to `questions`, generated side by side; the streamer takes one question only."""
    import torch
    from transformers import StoppingCriteriaList

    model, tokenizer = language_model.model, language_model.tokenizer
    prompts = [question.prompt for question in questions]
    rows = {"input_ids": prompt_ids(tokenizer, language_model.form, prompts)}
    inputs = tokenizer.pad(rows, padding_side="left", return_tensors="pt").to(model.device)
    stop = HeadingStop(tokenizer, prompt_tokens=inputs["input_ids"].shape[1])
    start = time.perf_counter()
    try:
        with torch.inference_mode():
            output = model.generate(
                **inputs,
                max_new_tokens=generation.max_new_tokens,
                do_sample=False,  # where something is drawn, `sampling` does it
                logits_processor=sampling(model, prompts, generation),
                repetition_penalty=1.0,  # that of the model's own generation_config.json counts the prompt as well
                stopping_criteria=StoppingCriteriaList([stop]),
                use_cache=generation.use_cache,
                pad_token_id=tokenizer.pad_token_id,
                streamer=streamer,
            )
    finally:
        forget_last_answers(language_model)
    rows = output[:, stop.prompt_tokens :].tolist()
    seconds = round((time.perf_counter() - start) / len(questions), 4)
    answers = []
    for number, (question, row) in enumerate(zip(questions, rows, strict=True)):
        tokens = _up_to_the_end(row[: stop.lengths.get(number)], model.generation_config.eos_token_id)
        text = before_heading(tokenizer.decode(tokens, skip_special_tokens=True)).strip()
        settings = generation.model_dump(mode="json")
        answers.append(
            Answer(question.product, text, question.prompt, len(tokens), seconds, settings, question.retrieved)
        )
    return answers


def _up_to_the_end(tokens: list[int], end_of_text: int | list[int] | None) -> list[int]:
    """The tokens of one row with the first end-of-text token, without the padding behind it."""
    ends = end_of_text if isinstance(end_of_text, list) else [end_of_text]
    return tokens[: next((number for number, token in enumerate(tokens, 1) if token in ends), len(tokens))]


def save_answers(path: Path, answers: Iterable[Answer], settings: Settings, inputs: Iterable[Path] = ()) -> None:
    """Write the answers of one run to `path`; `inputs` are the artifacts that the system rests on."""
    answers = [asdict(answer) for answer in answers]
    write_json(path, answers)
    groups = settings.model_dump(mode="json", include={"profile", "model", "generation", "rag"})
    write_meta(path, groups, [file for file in inputs if file.is_file()], answers=len(answers))
    print("\n" + _("Answers saved to: {file}").format(file=path))
