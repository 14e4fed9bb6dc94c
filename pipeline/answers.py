"""Asking a language model, and keeping what it answered for the comparison."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config import GenerationSettings, Settings
from pipeline.artifacts import write_json, write_meta
from pipeline.errors import UserError
from pipeline.language_model import LanguageModel
from pipeline.messages import _


@dataclass
class Answer:
    """What one system said of one product; `tokens` are those generated, `seconds` the time that took."""

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

    The random numbers start anew for each answer, so that it does not depend on what was asked before.
    Raises UserError where the prompt leaves no room for an answer.
    """
    import torch
    from transformers import TextStreamer, set_seed

    model, tokenizer = language_model.model, language_model.tokenizer
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    length = inputs["input_ids"].shape[1]
    room = room_for_answer(language_model, prompt)
    if room < generation.max_new_tokens:
        raise UserError(
            _(
                "The prompt for {product!r} has {length} tokens, which leaves {room} for the answer. "
                "Lower --generation.max_new_tokens, or raise --model.max_seq_length up to what the model reads."
            ).format(product=product, length=length, room=max(0, room))
        )
    sampling = {"do_sample": False}
    if generation.do_sample and generation.temperature > 0:
        sampling = {"do_sample": True, "temperature": generation.temperature}
    set_seed(generation.seed)
    start = time.perf_counter()
    with torch.inference_mode():
        output = model.generate(
            **inputs,
            max_new_tokens=generation.max_new_tokens,
            **sampling,
            use_cache=generation.use_cache,
            pad_token_id=tokenizer.pad_token_id,
            streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True) if stream else None,
        )[0][length:]
    seconds = time.perf_counter() - start
    text = tokenizer.decode(output, skip_special_tokens=True).strip()
    return Answer(product, text, prompt, len(output), round(seconds, 3), generation.model_dump(mode="json"))


def room_for_answer(language_model: LanguageModel, prompt: str) -> int:
    """How many tokens the model can generate after `prompt`; below 0 where the prompt alone is too long."""
    return language_model.window - len(language_model.tokenizer(prompt)["input_ids"])


def save_answers(path: Path, answers: Iterable[Answer], settings: Settings, inputs: Iterable[Path] = ()) -> None:
    """Write the answers of one run to `path`; `inputs` are the artifacts that the system rests on."""
    answers = [asdict(answer) for answer in answers]
    write_json(path, answers)
    groups = settings.model_dump(mode="json", include={"profile", "model", "generation", "rag"})
    write_meta(path, groups, [file for file in inputs if file.is_file()], answers=len(answers))
    print("\n" + _("Answers saved to: {file}").format(file=path))
