"""An answer ends where the model begins to ask itself the next question: at a new `### Instruction:`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.catalogue.prompts import NEXT_QUESTION

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase, TextStreamer


class HeadingStop:
    """Says which rows of a batch have come to the heading; `lengths` has the tokens of their answers, by row."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.prompt_tokens = prompt_tokens
        self.lengths: dict[int, int] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_options) -> torch.Tensor:
        import torch

        answers = input_ids[:, self.prompt_tokens :]
        # A token has one character of the heading at least, so one that is complete now lies in these.
        ends = answers[:, -len(NEXT_QUESTION) :].tolist()
        for row, text in enumerate(self.tokenizer.batch_decode(ends)):
            if NEXT_QUESTION in text:
                self.lengths.setdefault(row, answers.shape[1])
        return torch.tensor([row in self.lengths for row in range(len(ends))], device=input_ids.device)


def before_heading(text: str) -> str:
    """`text` without the heading and what follows it."""
    return text.partition(NEXT_QUESTION)[0]


def answer_streamer(tokenizer: PreTrainedTokenizerBase, show: Callable[[str], None]) -> TextStreamer:
    """Hands an answer to `show` piece by piece; what may become the heading is held back until it is known.

    `show` is called for every token, also where there is no new text yet. What it raises ends the generation.
    """
    from transformers import TextStreamer

    class AnswerStreamer(TextStreamer):
        held = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            text = self.held + text
            shown = before_heading(text)
            if shown == text and not stream_end:
                shown = text[: len(text) - _begun_heading(text)]
            self.held = text[len(shown) :]
            show(shown)

    return AnswerStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)


def _begun_heading(text: str) -> int:
    """How many characters at the end of `text` are the heading's first ones."""
    return next((length for length in range(len(NEXT_QUESTION) - 1, 0, -1) if text.endswith(NEXT_QUESTION[:length])), 0)
