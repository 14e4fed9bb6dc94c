"""Tags are read as browsers read them: held to html5lib, and to the standard's way written out plainly."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalogue.cleaning import clean_readable
from pipeline.catalogue.markup import without_tags
from tests import plain_markup


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ('<img alt="Kitchen > Kettles" src="k.jpg"> 1 l', "1 l"),
        ("<img alt='Kitchen > Kettles' src=k.jpg>1 l", "1 l"),
        ("<a title='a \"> b' href=x?a=1&b=2>one</a> two", "one two"),
        ('<a title = "1 > 0">one</a>', "one"),
        ('<img alt="5 &quot; > 4 &quot;">x', "x"),
        ('<img alt="a <b>bold</b> word">x', "x"),
        ("<a href=x>y>z", "y>z"),
        ('<a href=x">y', "y"),
        ('<a b"c>d">e', 'd">e'),
        ('<a ="c>d">e', 'd">e'),
        ("<b>b</b>old <p/>p<br/>q", "bold p q"),
        ("<![CDATA[Kettle, <b>1</b> l]]>", "Kettle, 1 l"),
        (" <![CDATA[Kettle]]><![CDATA[s]]>\n", "Kettles"),
        ("&lt;![CDATA[Kettle]]&gt;", "Kettle"),
        ("Kettle <![CDATA[x]]> steel", "Kettle steel"),
        ("<!DOCTYPE html><?xml version='1.0'?>Kettle<!-->, <!--->steel<!-- > --!>", "Kettle , steel"),
        ("a</>b</ 3>c", "a b c"),
        ("<script src='>'>if (1 > 2) '</b>'</SCRIPT x='>'>Kettle", "Kettle"),
        ("<head><title>Shop > Kettles</title><style>p > b {}</style></head>Kettle", "Kettle"),
        ("<video controls>Your browser plays no video.</video>Kettle", "Kettle"),
        ("<scripts>Kettle", "Kettle"),
        ('Kettle <img src="http://exa', "Kettle"),
    ],
)
def test_what_a_browser_shows(raw, seen):
    assert clean_readable(raw) == seen


@pytest.mark.parametrize(
    "text",
    [
        "1 < 2, 3 > 2, I <3 it",
        "sizes <S and up",
        "a <b and c",
        "see <!-- what is never closed",
        "x </",
        "]]> and <",
        "Kettle <1 l>",
    ],
)
def test_what_is_no_markup_or_never_closed_stays(text):
    assert clean_readable(text) == text


NAMES = ["a", "b", "p", "div", "br", "img", "li", "ul", "span", "font", "o:p", "x-y", "h2", "B", "IMG"]
VALUES = st.text("ab <>&='/\n", max_size=5)
attribute = st.one_of(
    st.builds('{}="{}"'.format, st.sampled_from(["alt", "b", "data-x"]), VALUES.filter(lambda text: '"' not in text)),
    st.builds("{} = '{}'".format, st.just("title"), VALUES.map(lambda text: text.replace("'", '"'))),
    st.sampled_from(["checked", "href=x", "c=d'e", "/", '"', "'", "=", "a=", '="b"']),
)
tag = st.builds(
    lambda slash, name, attributes, end: f"<{slash}{name} {' '.join(attributes)}{end}",
    st.sampled_from(["", "", "/"]),
    st.sampled_from(NAMES),
    st.lists(attribute, max_size=3),
    st.sampled_from([">", " >", "/>"]),
)
other = st.sampled_from(
    ["<!-- > -->", "<!-->", "<!--->", "<!-- <b> --!>", "<!x>", "<?y z>", "</>", "</ 1>", "<![CDATA[x]]>", "< ", ">"]
    + ["<script>a > '<b>' </b></script>", "<style x='>'>p > q</STYLE >", "<title>a <b> c</title>", "<scripts>"]
)
raw = st.text("<>/!-='\" ab\n", max_size=8)
pages = st.lists(st.one_of(st.text("cdé .,"), tag, other, raw), max_size=8).map("".join)
CLOSING = "--> x\"'>"  # ends whatever a page leaves open


@settings(max_examples=500, deadline=None)
@given(pages)
def test_letters_are_those_that_html5lib_shows(page):
    page = f".{page}{CLOSING}"
    assert letters(without_tags(page)) == letters(shown_by_html5lib(page))


@settings(max_examples=300, deadline=None)
@given(st.one_of(pages, st.text("<>/!-='\" ab[]CDAT\n\u00a0ſK", max_size=30)))
def test_tags_are_those_of_the_plain_tokenizer(page):
    assert without_tags(page) == plain_markup.without_tags(page)


def letters(text: str) -> str:
    return "".join(text.split())


def shown_by_html5lib(page: str) -> str:
    texts = []

    def walk(element) -> None:
        if element.tag not in plain_markup.HIDDEN and isinstance(element.tag, str):
            texts.append(element.text or "")
            for child in element:
                walk(child)
                texts.append(child.tail or "")

    walk(html5lib.parseFragment(page, namespaceHTMLElements=False))
    return "".join(texts)
