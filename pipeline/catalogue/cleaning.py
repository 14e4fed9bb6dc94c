"""Cleaning one text: raw catalogues hold the HTML of web pages. Standard library only: worker processes import it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from pipeline.catalogue.markup import decode_entities, without_tags

MOST_ROUNDS = 50  # of decoding entities and dropping tags; real texts need one or two

CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
SPACES = re.compile(r"  +")
PUNCTUATION = re.compile(r"[^\w\s]")


def clean_readable(text: str) -> str:
    """Text as a browser would show it, on one line: entities decoded, also doubly encoded ones, tags dropped."""
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
    """Drop tags and decode entities until none is left.

    More than one round is needed where decoding brings markup to light (&amp;lt;b&amp;gt;), or dropping a control
    character does. What is still left after MOST_ROUNDS was made to be endless (&amp;amp;amp;...): then the
    characters go that markup starts with.
    """
    for _round in range(MOST_ROUNDS):
        before = text
        if "<" in text:
            text = without_tags(text)
        if "&" in text:
            text = decode_entities(text)
        if not ("&" in text or "<" in text):
            return text
        if not is_printable(text):
            text = CONTROL_CHARACTERS.sub("", text)
        text = unicodedata.normalize("NFC", text)  # makes a semicolon of U+037E
        if text == before:
            return text
    return text.replace("&", "").replace("<", "")


def is_printable(text: str) -> bool:
    """Whether `text` has no control characters, and no white space but spaces."""
    if text.isascii():  # most texts: three times as fast as isprintable
        return not text.encode("ascii").translate(None, PRINTABLE_ASCII)
    return text.isprintable()


def clean_original(text: str) -> str:
    """Text as the first version of this pipeline left it: everything but letters, digits and white space deleted."""
    return PUNCTUATION.sub("", text)


CLEANERS: dict[str, Callable[[str], str]] = {"readable": clean_readable, "original": clean_original}
