"""Cleaning one text: raw catalogues hold the HTML of web pages. Standard library only: worker processes import it."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

LONGEST_NAME = 32  # of an entity
MOST_ROUNDS = 50  # of decoding entities and dropping tags; real texts need one or two

HIDDEN_START = re.compile(r"<(?:(script\b)|(style\b)|(!--))", re.IGNORECASE)
HIDDEN_END = {
    1: re.compile(r"</script\s*>", re.IGNORECASE),
    2: re.compile(r"</style\s*>", re.IGNORECASE),
    3: re.compile("-->"),
}
INLINE_TAGS = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|code|em|font|i|mark|s|small|span|strike|strong|sub|sup|tt|u)\b[^<>]*>", re.IGNORECASE
)
TAGS = re.compile(r"<[/!?]?[a-zA-Z][^<>]*>")
ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z0-9]{1,32});?")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
SPACES = re.compile(r"  +")
PUNCTUATION = re.compile(r"[^\w\s]")


def clean_readable(text: str) -> str:
    """Text as a browser would show it, on one line: entities decoded, also doubly encoded ones, tags dropped.

    Tags that stand inside a word's line (`<b>`) leave nothing, all others (`<br>`, `<li>`) a space.
    """
    if "&" in text or "<" in text:
        text = without_markup(text)
    if "\N{NO-BREAK SPACE}" in text:  # the most frequent one; looking for all of them takes longer
        text = text.replace("\N{NO-BREAK SPACE}", " ")
    if not is_printable(text):
        text = " ".join(CONTROL_CHARACTERS.sub("", text).split())
    elif "  " in text:
        text = SPACES.sub(" ", text)
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def without_markup(text: str) -> str:
    """Decode entities and drop tags until none is left.

    More than one round is needed where decoding brings markup to light (&amp;lt;b&amp;gt;), or dropping a control
    character does. What is still left after MOST_ROUNDS was made to be endless (&amp;amp;amp;...): then the
    characters go that markup starts with.
    """
    for _round in range(MOST_ROUNDS):
        before = text
        if "&" in text:
            text = decode_entities(text)
        if "<" in text:
            text = TAGS.sub(" ", INLINE_TAGS.sub("", without_hidden(text)))
        if not ("&" in text or "<" in text):
            return text
        if not is_printable(text):
            text = CONTROL_CHARACTERS.sub("", text)
        text = unicodedata.normalize("NFC", text)  # makes a semicolon of U+037E
        if text == before:
            return text
    return text.replace("&", "").replace("<", "")


def without_hidden(text: str) -> str:
    """`text` with a space for every script, style sheet and comment; one that is never closed stays.

    The time is linear in the text: after one search for an end that is nowhere, the same end is not searched again.
    """
    kept, copied, position = [], 0, 0
    endless = set()
    while start := HIDDEN_START.search(text, position):
        kind = start.lastindex
        end = None if kind in endless else HIDDEN_END[kind].search(text, start.end())
        if end:
            kept += [text[copied : start.start()], " "]
            copied = position = end.end()
        else:
            endless.add(kind)
            position = start.start() + 1
    return "".join([*kept, text[copied:]])


def decode_entities(text: str) -> str:
    """`text` with each entity decoded once.

    ENTITY.sub() alone does the same; most are looked up by their name, which takes half of the time.
    """
    start, *pieces = text.split("&")
    parts = [start]
    for piece in pieces:
        name, semicolon, rest = piece.partition(";")
        decoded = named_entity(name) if semicolon and len(name) <= LONGEST_NAME else None
        if decoded is None:
            parts.append(ENTITY.sub(lambda entity: decode_entity(entity[0]), f"&{piece}"))
        else:
            parts += [decoded, rest]
    return "".join(parts)


@lru_cache(maxsize=1000)  # the same few stand in all texts
def named_entity(name: str) -> str | None:
    """The text of `&name;`, None where that is no entity."""
    entity = f"&{name};"
    return decode_entity(entity) if ENTITY.fullmatch(entity) else None


def decode_entity(entity: str) -> str:
    try:
        return html.unescape(entity)
    except ValueError:  # a number of more than 4,300 digits, which Python does not convert
        return "\N{REPLACEMENT CHARACTER}"


def is_printable(text: str) -> bool:
    """Whether `text` has no control characters, and no white space but spaces."""
    if text.isascii():  # most texts: three times as fast as isprintable
        return not text.encode("ascii").translate(None, PRINTABLE_ASCII)
    return text.isprintable()


def clean_original(text: str) -> str:
    """Text as the first version of this pipeline left it: everything but letters, digits and white space deleted."""
    return PUNCTUATION.sub("", text)


CLEANERS: dict[str, Callable[[str], str]] = {"readable": clean_readable, "original": clean_original}


def looks_clean(text: str) -> bool:
    """Whether `clean_readable` leaves `text` as it is, unless it has control characters; found out in a fifth of the
    time. Most texts look clean, and control characters show in a text's JSON, as a backslash.
    """
    return (
        text.isascii()
        and "&" not in text
        and "<" not in text
        and "\x7f" not in text
        and "  " not in text
        and text[:1] != " "
        and text[-1:] != " "
    )
