"""Dropping tags as the HTML standard's tokenizer goes, one character after the other: what the real one is held to."""

from __future__ import annotations

import re

from pipeline.catalogue import markup

BLANK = " \t\n\f\r"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
INLINE = set(markup.INLINE.split("|"))
HIDDEN = set(markup.HIDDEN.split("|"))


def without_tags(text: str) -> str:
    """`text` without its tags and what browsers hide."""
    section = re.fullmatch(r"\s*<!\[CDATA\[(.*)\]\]>\s*", text, re.DOTALL)
    if section:
        text = section[1].replace("]]><![CDATA[", "")
    last = text.rfind(">") + 1
    rest = re.sub(r"<[a-zA-Z][^ \t\n\f\r/<]*[ \t\n\f\r]+[^ \t\n\f\r/<=\"']+=[\"'].*", " ", text[last:], flags=re.DOTALL)
    text = text[:last]
    kept, place = "", 0
    while place < len(text):
        if text.startswith("<!--", place):
            place = end_of_comment(text, place)
            kept += " "
        elif text[place] == "<" and (
            text[place + 1] in LETTERS or text[place + 1] == "/" and text[place + 2] in LETTERS
        ):
            name, place = name_and_end(text, place)
            if name in HIDDEN:
                place = end_of_hidden(text, name, place)
            kept += "" if name.removeprefix("/") in INLINE else " "
        elif text[place] == "<" and text[place + 1] in "!?/":
            place = text.index(">", place) + 1
            kept += " "
        else:
            kept += text[place]
            place += 1
    return kept + rest


def end_of_comment(text: str, start: int) -> int:
    """The place after a comment; after its start where it has no end."""
    for empty in ("<!-->", "<!--->"):
        if text.startswith(empty, start):
            return start + len(empty)
    ends = [text.find(end, start + 4) + len(end) for end in ("-->", "--!>") if end in text[start + 4 :]]
    return min(ends, default=start + 4)


def end_of_hidden(text: str, name: str, start: int) -> int:
    """The place after the end tag; `start` where there is none."""
    for place in range(start, len(text)):
        if text[place : place + 2 + len(name)].lower() == f"</{name}" and text[place + 2 + len(name)] in BLANK + "/>":
            return name_and_end(text, place)[1]
    return start


def name_and_end(text: str, start: int) -> tuple[str, int]:
    """The name of the tag that starts there, with the `/` of an end tag, and the place after it."""
    place = start + 1 + (text[start + 1] == "/")
    while text[place] not in BLANK + "/>":
        place += 1
    name = text[start + 1 : place].lower()
    while text[place] != ">":
        if text[place] in BLANK + "/":
            place += 1
        else:
            place = end_of_attribute(text, place)
    return name, place + 1


def end_of_attribute(text: str, place: int) -> int:
    place += 1  # even "=" starts a name
    while text[place] not in BLANK + "/>=":
        place += 1
    value = skip_blanks(text, place)
    if text[value] != "=":
        return place
    value = skip_blanks(text, value + 1)
    if text[value] in "\"'":
        closing = text.find(text[value], value + 1)
        return value if closing < 0 else closing + 1  # a quote that is never closed is none
    while text[value] not in BLANK + ">":
        value += 1
    return value


def skip_blanks(text: str, place: int) -> int:
    while text[place] in BLANK:
        place += 1
    return place
