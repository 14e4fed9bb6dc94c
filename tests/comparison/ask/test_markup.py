"""What the page shows of texts: never markup, and the words taken from documents marked."""

from __future__ import annotations

from comparison.ask.markup import marked, suggestions, text
from comparison.ask.titles import Suggestion


def test_a_text_stays_text():
    shown = text("<script>alert(1)</script> ${x} {{y}} \u202efdp\u202c \x1b[31m \"q\" 'q'")
    for sign in ("<", ">", "$", "{", "\u202e", "\x1b", '"', "'"):
        assert sign not in shown
    assert text("Café & Cia.") == "Café &amp; Cia."


def test_words_of_the_documents_are_marked_but_not_those_of_the_title_nor_function_words():
    document = "The kettle of Olinda weighs 6.5 kg and is steel."
    shown = marked("The Kettle weighs 6.5 KG, <b>steel</b> and tin.", [document], "Kettle Olinda")
    assert shown == "The Kettle <mark>weighs 6.5 KG</mark>, &lt;b&gt;<mark>steel</mark>&lt;/b&gt; and tin."


def test_a_suggestion_cannot_leave_its_attribute():
    shown = suggestions([Suggestion('"><img src=x onerror=alert(1)>', True)])
    assert shown.count("<") == 4 and "onerror=alert(1)&gt;" in shown
