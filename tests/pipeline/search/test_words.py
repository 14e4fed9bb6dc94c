"""The words that the keyword index looks up."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.words import words_of


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Café Crème", "cafe creme"),
        ("Łódź Ångström Ação", "łodz angstrom acao"),
        ("Mog's DVD-2930ci", "mogs dvd2930ci"),
        ("Κόσμος ΐ", "κοσμοσ ι"),
        ("за́мок Ёлка ё́", "замок елка е"),
        ("ｶﾞﾗｽ １２", "ガラス 12"),
        ("שָׁלוֹם مَرْحَبًا", "שלום مرحبا"),
        ("❤️ 5️⃣ ½", "5 1 2"),
    ],
)
def test_what_may_be_left_out(text, same):
    assert words_of(text) == words_of(unicodedata.normalize("NFD", text)) == same.split()


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ガラス", "カラス"),
        ("パン", "バン"),
        ("दान", "दिन"),
        ("มา", "มี"),
        ("мой", "мои"),
        ("ўвесь", "увесь"),
        ("їжак", "іжак"),
        ("ќе", "ке"),
        ("آب", "اب"),
        ("한", "하"),
    ],
)
def test_marks_that_are_letters_stay(text, other):
    assert words_of(text) != words_of(other)
    assert len(words_of(text)) == 1


@given(st.text())
def test_words_are_found_again_whatever_the_case_and_the_encoding(text):
    words = words_of(text)
    assert words_of(text.casefold()) == words_of(unicodedata.normalize("NFD", text)) == words
    assert [word for part in words for word in words_of(part)] == words
