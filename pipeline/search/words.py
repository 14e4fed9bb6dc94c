"""The words of a text as the keyword index looks them up: spellings that people mix up give the same word.

What makes two titles the same is another question, and stricter: `pipeline.catalogue.products.normalised_title`.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from string import ascii_lowercase

PART = 3  # letters
PART_MARK = "#"
MOST_LETTERS = 60  # of a word that are cut into parts

INSIDE_WORDS = re.compile(r"(?<=\w)[-./'’](?=\w)")  # dvd-2930ci and dvd2930ci, Mog's and Mogs are one word

# Marks that are often left out in writing. Those of other scripts are letters (Hindi दान and दिन), and so are the other
# marks of Cyrillic: й is no и with an accent.
ACCENTS = re.compile(
    "(?<=[a-z\u00df-\u02af\u0370-\u03ff\u1d00-\u1dbf])[\u0300-\u036f]+"  # Latin and Greek
    "|(?<=е)\u0308|(?<=[аеиоуыэюяіє\u0308])[\u0300\u0301]+"  # Cyrillic: ё, and the stress on a vowel
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670]"  # Hebrew and Arabic vowel points
    "|[\u20d0-\u20ff\ufe00-\ufe0f]"  # what makes an emoji of a sign
)


def words_of(text: str) -> list[str]:
    """The words of `text`, in lower case without accents; signs inside a word are dropped."""
    if text.isascii():  # most texts: the same, ten times as fast
        return re.findall(r"\w+", INSIDE_WORDS.sub("", text.lower()))
    return _word().findall(INSIDE_WORDS.sub("", without_accents(text)))


def without_accents(text: str) -> str:
    """`text` in lower case without accents; wide, raised and other forms of letters and digits become plain ones."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", ACCENTS.sub("", letters))


@cache
def _word() -> re.Pattern[str]:
    r"""A word with the marks of its letters, which Python's \w leaves out."""
    marks = (chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    return re.compile(rf"\w[\w{''.join(marks)}]*")


def parts_of(word: str) -> list[str]:
    """Three letters in a row, with a mark; `_` stands for the start and the end: `#_ca`, `#cat`, `#at_`."""
    word = f"_{word[:MOST_LETTERS]}_"
    return [PART_MARK + word[start : start + PART] for start in range(len(word) - PART + 1)]


def near_words(word: str) -> set[str]:
    """What one typing error makes of `word`, or `word` of it: a letter more, less or another, two exchanged."""
    places = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    fewer = {start + rest[1:] for start, rest in places}
    exchanged = {start + rest[1] + rest[0] + rest[2:] for start, rest in places if len(rest) > 1}
    others = {start + letter + rest[1:] for start, rest in places for letter in ascii_lowercase}
    more = {start + letter + rest for start, rest in places for letter in ascii_lowercase}
    return (fewer | exchanged | others | more) - {word}
