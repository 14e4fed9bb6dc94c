"""A small generative grammar: patterns with alternatives and slots become sentences.

[a|b|]      one of the alternatives, nested as deep as you like; an empty one makes the rest optional
{name}      a bound value of that name, else a word drawn from the list `name` (which may hold patterns again)
{name:key}  the same, and remembered as `key` for the rest of the text
{+name}     the same with a capital first letter
"""

import functools
import random
import re
from collections.abc import Mapping, Sequence

_TOKEN = re.compile(r"[\[\]|]|\{\+?\w+(?::\w+)?\}|[^\[\]|{}]+")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeio]|u(?!ni[^mn]|se|ke)|hour|honest)(?!one[ -]|once|euro)", re.I)
_SENTENCE = re.compile(r"(^|[.!?] )([a-z])")


def expand(pattern: str, words: Mapping[str, Sequence[str]], bound: dict[str, str], rng: random.Random) -> str:
    """One text of `pattern`. Names bound with `{name:key}` are added to `bound`. KeyError for an unknown name."""
    parts: list[str] = []
    _write(_parse(pattern), words, bound, rng, parts)
    return "".join(parts)


def sentence(pattern: str, words: Mapping[str, Sequence[str]], bound: dict[str, str], rng: random.Random) -> str:
    """`expand`, then English spelling: `a` before a vowel becomes `an`, sentences begin with a capital."""
    text = " ".join(expand(pattern, words, bound, rng).split())
    text = _ARTICLE.sub(r"\1n ", text).replace(" ,", ",").replace(" .", ".")
    return _SENTENCE.sub(lambda found: found[1] + found[2].upper(), text)


def _write(node, words, bound, rng, parts) -> None:
    for kind, value in node:
        if kind == "text":
            parts.append(value)
        elif kind == "choice":
            _write(value[int(rng.random() * len(value))], words, bound, rng, parts)
        else:
            name, key, capital = value
            if name in bound:
                drawn = bound[name]
            else:
                options = words[name]
                drawn = options[int(rng.random() * len(options))]
                if "[" in drawn or "{" in drawn:
                    drawn = expand(drawn, words, bound, rng)
            if key:
                bound[key] = drawn
            parts.append(drawn[0].upper() + drawn[1:] if capital else drawn)


@functools.cache
def _parse(pattern: str):
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"stray bracket in pattern: {pattern}")
    branches, end = _branches(tokens, 0)
    if end != len(tokens) or len(branches) != 1:
        raise ValueError(f"unbalanced brackets in pattern: {pattern}")
    return branches[0]


def _branches(tokens: list[str], at: int):
    """The alternatives from `tokens[at]` up to the bracket that closes them, and where that bracket stands."""
    branches, current = [], []
    while at < len(tokens) and tokens[at] != "]":
        token = tokens[at]
        if token == "[":
            inner, at = _branches(tokens, at + 1)
            if at == len(tokens):
                raise ValueError(f"bracket never closed in pattern: {''.join(tokens)}")
            current.append(("choice", inner))
        elif token == "|":
            branches.append(tuple(current))
            current = []
        elif token[0] == "{":
            name, _, key = token[1:-1].partition(":")
            current.append(("slot", (name.lstrip("+"), key, name[0] == "+")))
        else:
            current.append(("text", token))
        at += 1
    branches.append(tuple(current))
    return branches, at
