"""HTML in a text: its tags and entities, as browsers read them. Standard library only: worker processes import it.

The tags are those of the tokenizer in the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html): a `>`
within the quotes of an attribute ends no tag. In one thing a text is not read as browsers do: what is never closed
(`<b`, `<script>`, `<!--`) does not swallow the rest of the text, in which a `<` may be less-than.
"""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache

LONGEST_NAME = 32  # of an entity, or of a tag that is looked up

BLANK = r" \t\n\f\r"
# From the name of a tag to its end. The look-ahead keeps the first way to read it, without which trying all others
# would take time that doubles with each attribute.
ATTRIBUTES_AND_END = rf"""
    (?=(?P<attributes>(?:
        [{BLANK}/]+
        | [^{BLANK}/>][^{BLANK}/>=]* (?: [{BLANK}]*=[{BLANK}]* (?:"[^"]*" | '[^']*' | [^{BLANK}>"'][^{BLANK}>]*)? )?
    )*))
    (?P=attributes)>
"""
NAME_END = rf"(?=[{BLANK}/>])"
INLINE = "a|abbr|b|bdi|bdo|big|code|em|font|i|mark|s|small|span|strike|strong|sub|sup|tt|u"
HIDDEN = "script|style|title|template|iframe|noscript|noembed|noframes|audio|video|canvas"  # browsers show not a word
MARKUP = re.compile(
    rf"""<(?:
        (?: (?P<hidden>{HIDDEN}){NAME_END} | (?P<inline>/?(?:{INLINE})){NAME_END} | /?[a-z][^{BLANK}/>]* )
        {ATTRIBUTES_AND_END}
        | (?P<comment>!--)(?:-?>)?
        | (?:[!?]|/(?![a-z]))[^>]*>
    )""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
PLAIN_TAG = re.compile(rf"/?(?!(?:{HIDDEN})[{BLANK}/]*\Z)[a-z][^{BLANK}/>]*[{BLANK}/]*", re.ASCII | re.IGNORECASE)
HIDDEN_START = re.compile(rf"<(?:!--|(?:{HIDDEN}){NAME_END})", re.ASCII | re.IGNORECASE)
# A tag at the end of a text that was cut to some length, within an attribute.
CUT_OFF = re.compile(rf"<[a-zA-Z][^{BLANK}/<]*[{BLANK}]+[^{BLANK}/<=\"']+=[\"'].*", re.DOTALL)
CDATA_START, CDATA_END = "<![CDATA[", "]]>"

ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z0-9]{1,32});?")


def without_tags(text: str) -> str:
    """`text` without its tags, comments, scripts and the like.

    Tags that stand inside a word's line (`<b>`) leave nothing, all others (`<br>`, `<li>`) a space. A text that is a
    CDATA section as a whole comes from XML: it is what stands in the section. Within HTML, browsers read such a
    section as a comment.

    Most tags have no attributes. Where all are so, they are looked up, which takes a third of the time.
    """
    start, *pieces = text.split("<")
    parts = [start]
    for piece in pieces:
        tag, end, rest = piece.partition(">")
        left = _left_by_plain_tag(tag) if end and len(tag) <= LONGEST_NAME else None
        if left is None:
            return _without_any_tags(text)
        parts += [left, rest]
    return "".join(parts)


@lru_cache(maxsize=1000)  # the same few stand in all texts
def _left_by_plain_tag(tag: str) -> str | None:
    """What `<tag>` leaves; None where it is not a tag without attributes that hides nothing."""
    return _left_by(MARKUP.fullmatch(f"<{tag}>")) if PLAIN_TAG.fullmatch(tag) else None


def _without_any_tags(text: str) -> str:
    text = _cdata(text)
    end = text.rfind(">") + 1  # before it, whatever a tag starts with, it ends
    tagged, rest = text[:end], text[end:]
    if "<" in rest:
        rest = CUT_OFF.sub(" ", rest)
    if HIDDEN_START.search(tagged):
        return _without_hidden(tagged) + rest
    return MARKUP.sub(_left_by, tagged) + rest


def _cdata(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith(CDATA_START) and stripped.endswith(CDATA_END):
        return stripped[len(CDATA_START) : -len(CDATA_END)].replace(CDATA_END + CDATA_START, "")
    return text


def _left_by(markup: re.Match[str]) -> str:
    return "" if markup["inline"] else " "


def _without_hidden(text: str) -> str:
    """`text` without tags and without what stands between those of HIDDEN, or in a comment.

    The time is linear in the text: after one search for an end that is nowhere, the same end is not searched again.
    """
    kept, position, endless = [], 0, set()
    while markup := MARKUP.search(text, position):
        kept += [text[position : markup.start()], _left_by(markup)]
        position = markup.end()
        name = (markup["hidden"] or markup["comment"] or "").lower()
        if name and name not in endless and not (name == "!--" and markup[0].endswith(">")):
            end = _end_of(name).search(text, position)
            if end:
                position = end.end()
            else:
                endless.add(name)
    return "".join([*kept, text[position:]])


@cache
def _end_of(name: str) -> re.Pattern[str]:
    pattern = r"--!?>" if name == "!--" else rf"</{name}{NAME_END}{ATTRIBUTES_AND_END}"
    return re.compile(pattern, re.ASCII | re.IGNORECASE | re.VERBOSE)


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
