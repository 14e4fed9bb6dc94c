"""The readable cleaning written as plainly as can be, without a thought for its speed: what the real one is held to."""

from __future__ import annotations

import html
import re
import unicodedata

from tests.plain_markup import without_tags

ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z0-9]{1,32});?")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
SPACES = re.compile(r"  +")
PUNCTUATION = re.compile(r"[^\w\s]")


def clean_readable(text: str) -> str:
    """Text as a browser would show it, on one line: entities decoded, also doubly encoded ones, tags dropped."""
    if "&" in text or "<" in text:
        text = without_markup(text)
    if not is_printable(text):
        text = " ".join(CONTROL_CHARACTERS.sub("", text).split())
    elif "  " in text:
        text = SPACES.sub(" ", text)
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def without_markup(text: str) -> str:
    """Drop tags and decode entities until none is left.

    More than one round is needed where decoding brings markup to light (&amp;lt;b&amp;gt;), or dropping a control
    character does.
    """
    before = None
    while before != text and ("&" in text or "<" in text):
        before = text
        text = ENTITY.sub(lambda entity: decode_entity(entity[0]), without_tags(text))
        if not is_printable(text):
            text = CONTROL_CHARACTERS.sub("", text)
        text = unicodedata.normalize("NFC", text)  # makes a semicolon of U+037E
    return text


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
