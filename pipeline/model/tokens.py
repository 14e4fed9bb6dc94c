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


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Id and text of the tokens that stand for no text, but for the one of unknown characters."""
    added = {number: token.content for number, token in tokenizer.added_tokens_decoder.items()}
    special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    tokens = special | {number: text for number, text in added.items() if number in special or SIGN.search(text)}
    return {number: text for number, text in tokens.items() if number != tokenizer.unk_token_id}


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


def settle_special_tokens(tokenizer: PreTrainedTokenizerBase, vocabulary: int, *configurations) -> list[int]:
    """The tokens at which an answer ends, the one that training teaches first; the tokenizer gets it and a padding.

    `configurations` may name further ends, one or several each. Only those below `vocabulary`, the size of the model's
    embedding, count, and of the configurations only the tokenizer's control tokens: where a file names none, its class
    has a number of its own. Empty where the model has no end.
    """
    named: list = [tokenizer.eos_token_id]
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
