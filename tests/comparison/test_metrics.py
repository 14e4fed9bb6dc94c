"""What is measured of one answer: known answers in, known figures out, in any script."""

from __future__ import annotations

import pytest

from comparison.metrics import groundedness, measure, measure_abstention, repetition, stops_mid_sentence, words

TITLE = "Umberleigh Duffle Coat"
REFERENCE = "Keep warm at school in this duffle coat. Measures 78 cm, sizes 8 to 20. Wash at 30 degrees, gentle cycle."
SHUFFLED = "cycle gentle, degrees 30 at Wash. 20 to 8 sizes, cm 78 Measures. coat duffle this in school at warm Keep."
LOOP = "It is also very easy to clean. " * 12


def figures(answer: str, reference: str | None = REFERENCE, title: str = TITLE, tokens: int = 40, **others) -> dict:
    return measure(answer, reference, title, others.get("retrieved", []), tokens, limit=128)


def test_copied_reference_has_full_marks():
    copied = figures(REFERENCE)
    assert [copied[name] for name in ("chrf", "rouge_l", "grounded")] == pytest.approx([100, 100, 100])
    assert (copied["repetition"], copied["loops"], copied["cut_off"]) == (0, False, False)


def test_shuffled_reference_keeps_its_words_and_loses_their_order():
    shuffled = figures(SHUFFLED)
    assert shuffled["grounded"] == 100
    assert shuffled["rouge_l"] < 20
    assert figures(LOOP)["chrf"] < shuffled["chrf"] < 90


def test_empty_answer_has_nothing_and_no_quality():
    empty = figures("", tokens=1)
    assert (empty["chrf"], empty["rouge_l"], empty["words"]) == (0, 0, 0)
    assert (empty["grounded"], empty["repetition"], empty["cut_off"]) == (None, None, None)


def test_loop_is_a_loop():
    loop = figures(LOOP)
    assert loop["loops"]
    assert loop["repetition"] > 80
    assert loop["grounded"] == 0


def test_abstention_is_like_no_reference():
    abstention = measure_abstention("This product is not in the catalogue.", wrong=True)
    assert (abstention["chrf"], abstention["rouge_l"], abstention["meaning"]) == (0, 0, 0)
    assert (abstention["grounded"], abstention["loops"], abstention["cut_off"]) == (None, None, None)


def test_right_abstention_is_not_compared_with_the_reference():
    abstention = measure_abstention("This product is not in the catalogue.", wrong=False)
    assert [abstention[name] for name in ("chrf", "rouge_l", "meaning", "grounded")] == [None] * 4


def test_without_a_reference_nothing_is_compared_with_it():
    alone = figures("A coat of wool.", reference=None, retrieved=["Product: Coat - Description: Wool."])
    assert (alone["chrf"], alone["rouge_l"]) == (None, None)
    assert alone["grounded"] == 100  # the title says coat, what was retrieved says wool


def test_words_of_the_title_do_not_ground_an_answer():
    assert groundedness(words("The Umberleigh duffle coat"), [REFERENCE], TITLE) is None
    assert groundedness(words("The Umberleigh duffle coat of 90 cm"), [REFERENCE], TITLE) == 50  # cm, and not 90


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ação — 2ª edição, R$ 1.200,50", ["ação", "2", "ª", "edição", "r", "1.200,50"]),
        ("适合2至8岁", ["适", "合", "2", "至", "8", "岁"]),
        ("كتابُ الطبخ ١٢٠", ["كتابُ", "الطبخ", "١٢٠"]),
        ("सूती कपड़ा", ["सूती", "कपड़ा"]),
        ("カタカナ kana", ["カ", "タ", "カ", "ナ", "kana"]),
    ],
)
def test_words_of_any_script(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    "text", ["适合2至8岁女孩的舞蹈短裙，非常适合练习和表演。", "وصفات تقليدية من المطبخ العربي مع 120 صورة."]
)
def test_copies_have_full_marks_in_any_script(text):
    copied = figures(text, reference=text, title="?")
    assert [copied[name] for name in ("chrf", "rouge_l", "grounded")] == pytest.approx([100, 100, 100])


def test_repetition_counts_sequences_of_four_words():
    assert repetition(words("a b c d")) == 0
    assert repetition(words("a b c d a b c d")) == 20  # one of five stood there before
    assert repetition(words("a b c")) is None


@pytest.mark.parametrize(
    ("answer", "tokens", "expected"),
    [
        ("Washed by hand.", 128, False),
        ("He called it «quiet».»", 128, False),
        ("Washed by", 128, True),
        ("Washed by hand", 128, True),
        ("90 x 118 cm", 20, False),
        ("Washed by", 20, True),
        ("Feito à mão, com", 20, True),
        ("Sizes S, M,", 20, True),
        ("非常适合练习和表演。", 128, False),
    ],
)
def test_answers_that_stop_in_mid_sentence(answer, tokens, expected):
    assert stops_mid_sentence(answer, tokens, limit=128) is expected
