"""Reading the clean catalogue, and which products are held out."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue.products import is_held_out, normalised_title, read_products
from pipeline.runtime.errors import UserError

titles = st.text(st.characters(whitelist_categories=["L", "N", "P", "Zs"]), min_size=1)


@pytest.mark.parametrize(("limit", "expected"), [(0, ["a", "b", "c"]), (2, ["a", "b"]), (9, ["a", "b", "c"])])
def test_products_and_their_limit(tmp_path, limit, expected):
    records = [{"product": name, "description": f"{name}."} for name in "abc"]
    file = tmp_path / "trn_processed.json"
    for layout in (
        "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
        "[\n" + "\r\n".join(map(json.dumps, records)),
    ):
        file.write_text(layout, encoding="utf-8", newline="")
        products = list(read_products(file, limit))
        assert [product.product for product in products] == expected
        assert products[0].description == "a."


@pytest.mark.parametrize(
    "line", ['{"product": "b"}', '{"product": 1, "description": "x"}', '["b", "x"]', '{"prod', "7"]
)
def test_line_that_is_no_product_is_named(tmp_path, line):
    file = tmp_path / "trn_processed.json"
    file.write_text('[\n{"product": "a", "description": "x"},\n' + line + "\n]\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"trn_processed\.json, line 3.*python process_data\.py"):
        list(read_products(file))


@given(titles, st.integers(0, 100))
def test_spellings_of_one_title_are_held_out_together(title, percent):
    for same in (title.upper().lower(), f"  {title} ", title.replace(" ", "  "), unicodedata.normalize("NFD", title)):
        if normalised_title(same) == normalised_title(title):
            assert is_held_out(same, percent) == is_held_out(title, percent)


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_case_blanks_and_the_way_of_encoding_leave_a_title_the_same(title, form):
    same = normalised_title(title)
    assert normalised_title(same) == same
    assert normalised_title(f" {unicodedata.normalize(form, title)}\n") == same
    assert normalised_title(title.casefold()) == same


@pytest.mark.parametrize(
    ("title", "same"),
    [
        ("Mog's Kittens", "MOG'S  KITTENS"),
        ("Café Noir", "Cafe\u0301\u00a0NOIR "),
        ("Ação", "ac\u0327a\u0303o"),
        ("STRASSE", "Straße"),
        ("ΚΌΣΜΟΣ", "κόσμος"),
        ("МОЙ дом", "Мои\u0306 ДОМ"),
        ("ガラス", "カ\u3099ラス"),
        ("÷", " ÷ "),
    ],
)
def test_what_makes_two_titles_the_same(title, same):
    assert normalised_title(title) == normalised_title(same)


DIFFERENT_TITLES = [
    ["Lamp 1", "Lamp 2", "Lamp", "Lamp II", "Lampe"],
    ["Reading glasses +1.50", "Reading glasses -1.50", "Reading glasses 1.50", "Reading glasses 150"],
    ["Programming in C", "Programming in C#", "Programming in C++"],
    ["1.2 inch socket", "1/2 inch socket", "12 inch socket", "1-2 inch socket"],
    ["÷", "×", "+", "-", "?!"],
    ["ガラス", "カラス"],
    ["パン", "バン", "ハン"],
    ["दान", "दिन", "दन"],
    ["มา", "มี", "ม"],
    ["мой", "мои", "моі"],
    ["Café Noir", "Cafe Noir", "Cafè Noir"],
    ["ёлка", "елка"],
    ["x²", "x2", "x₂"],
    ["5 °C", "5 C", "5°C"],
]


@pytest.mark.parametrize("titles", DIFFERENT_TITLES)
def test_titles_of_other_signs_marks_and_digits_differ(titles):
    assert len({normalised_title(title) for title in titles}) == len(titles)


@pytest.mark.parametrize("percent", [0, 1, 10, 50, 90])
def test_share_of_the_held_out(percent):
    held_out = sum(is_held_out(f"Lamp {number}", percent) for number in range(20_000))
    assert held_out / 200 == pytest.approx(percent, abs=1)


def test_more_held_out_keeps_those_that_were():
    for number in range(500):
        assert not is_held_out(f"Lamp {number}", 10) or is_held_out(f"Lamp {number}", 20)
