"""Texts as token ids, for training, prompts and answers alike: what stands in a text never becomes a control token."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from pipeline.catalogue.prompts import PromptFormat

SIGN = re.compile(r"[^\w\s]")  # added tokens without one are words and runs of blanks, which are text


def token_ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, after what the tokenizer puts in front of one, and without the end that some append.

    `</s>` or `<|end_of_text|>` in a text is read letter by letter, as any other word that the model does not know.
    """
    encoded = _reader(tokenizer)(list(texts), split_special_tokens=True, return_special_tokens_mask=True)
    control = control_tokens(tokenizer)
    rows = []
    for ids, added in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True):
        end = max((number for number, is_added in enumerate(added, 1) if not is_added), default=len(ids))
        row: list[int] = []
        for token, is_added in zip(ids[:end], added, strict=False):
            # A vocabulary without merges (Unigram) may hold the control token as a whole: spelt out.
            row += [token] if is_added or token not in control else _spelt(tokenizer, control[token])
        rows.append(row)
    return rows


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, form: PromptFormat, prompts: Sequence[str], completions: Sequence[str] = ()
) -> list[list[int]]:
    """The ids of each prompt of the form `form`, with its completion behind it where there are some.

    In a chat template only its own control tokens become such; the runs of text between them are read as text.
    """
    endings = completions or [""] * len(prompts)
    if form.name == "alpaca":
        return token_ids(tokenizer, [prompt + ending for prompt, ending in zip(prompts, endings, strict=True)])
    before, after = (cut_at_control_tokens(tokenizer, text) for text in (form.before, form.after))
    rows = [
        _joined([*before, form.request(prompt), *after, ending])
        for prompt, ending in zip(prompts, endings, strict=True)
    ]
    texts = [run for row in rows for run in row if isinstance(run, str)]
    encoded = iter(_reader(tokenizer)(texts, split_special_tokens=True, add_special_tokens=False)["input_ids"])
    control = control_tokens(tokenizer)

    def ids(run: int | str) -> list[int]:
        if isinstance(run, int):
            return [run]
        return [
            number
            for token in next(encoded)
            for number in ([token] if token not in control else _spelt(tokenizer, control[token]))
        ]

    return [[number for run in row for number in ids(run)] for row in rows]


def cut_at_control_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int | str]:
    """The text of a template, cut: the ids of its control tokens, and the runs of text between them."""
    control = control_tokens(tokenizer)
    names = sorted(control.items(), key=lambda item: -len(item[1]))
    patterns = []
    for number, name in names:
        token = tokenizer.added_tokens_decoder.get(number)  # some take the blanks beside them as well
        left, right = (r"\s*" if getattr(token, side, False) else "" for side in ("lstrip", "rstrip"))
        patterns.append(f"({left}{re.escape(name)}{right})")
    if not patterns:
        return [text] if text else []
    runs: list[int | str] = []
    start = 0
    for match in re.finditer("|".join(patterns), text):
        runs += [text[start : match.start()], names[match.lastindex - 1][0]]
        start = match.end()
    return [run for run in [*runs, text[start:]] if run != ""]


def _joined(runs: list[int | str]) -> list[int | str]:
    """`runs` with texts that follow each other as one, and without empty ones."""
    joined: list[int | str] = []
    for run in runs:
        if isinstance(run, str) and joined and isinstance(joined[-1], str):
            joined[-1] += run
        elif run != "":
            joined.append(run)
    return joined


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Id and text of the tokens that stand for no text. The one of unknown characters counts if it is an end, too."""
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    added = {number: token.content for number, token in tokenizer.added_tokens_decoder.items()}
    special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    tokens = special | {number: text for number, text in added.items() if number in special or SIGN.search(text)}
    return {number: text for number, text in tokens.items() if number != tokenizer.unk_token_id or number in ends}


def _spelt(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids = tokenizer.convert_tokens_to_ids(list(text))
    return [number for number in ids if number is not None]


@lru_cache(maxsize=2)
def _reader(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """`tokenizer` with all control tokens marked as special: only those are split where they stand in a text."""
    if not tokenizer.is_fast:
        return tokenizer
    from tokenizers import Tokenizer

    description = json.loads(tokenizer.backend_tokenizer.to_str())
    control = control_tokens(tokenizer)
    unmarked = [token for token in description["added_tokens"] if token["id"] in control and not token["special"]]
    if not unmarked:
        return tokenizer
    for token in unmarked:
        token["special"] = True
    reader = copy.copy(tokenizer)
    reader._tokenizer = Tokenizer.from_str(json.dumps(description))
    return reader


def settle_special_tokens(
    tokenizer: PreTrainedTokenizerBase, vocabulary: int, *configurations, turn_end: int | None = None
) -> list[int]:
    """The tokens at which an answer ends, the one that training teaches first; the tokenizer gets it and a padding.

    `turn_end`, that of a chat template in use, comes first; `configurations` may name further ones, one or several
    each. Only those below `vocabulary`, the size of the model's embedding, count, and of the configurations only the
    tokenizer's control tokens: where a file names none, its class has a number of its own. Empty where the model has
    no end.
    """
    named: list = [turn_end, tokenizer.eos_token_id]
    for configuration in configurations:
        ends = getattr(configuration, "eos_token_id", None)
        named += ends if isinstance(ends, (list, tuple)) else [ends]
    control = control_tokens(tokenizer)
    known = [end for end in named if end is not None and end < vocabulary and end in control]
    ends = list(dict.fromkeys(known))
    if ends:
        tokenizer.eos_token = control[ends[0]]
        if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= vocabulary:
            tokenizer.pad_token = tokenizer.eos_token
    return ends
