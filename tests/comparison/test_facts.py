"""Facts of an answer: known texts in both languages, what is true of them, and how certain their means are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from comparison.facts import Source, facts, measure_facts, mentions
from comparison.intervals import bootstrap


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It measures 90 x 118 cm and weighs 1.50 kg.", {"90 cm", "118 cm", "1.5 kg"}),
        ("Mede 90 x 118 centímetros e pesa 1,5 kg.", {"90 cm", "118 cm", "1.5 kg"}),
        ("For girls ages 2-8 years, with 1,000 pieces.", {"2 year", "8 year", "1000 piece"}),
        ("Para crianças de 2 a 8 anos, com 1.000 peças.", {"2 year", "8 year", "1000 piece"}),
        ('A 12" screen, 30 in the box, 12 in.', {"12 inch", "30"}),
        ("A 500-piece puzzle of 78cm.", {"500 piece", "78 cm"}),
        ("100% cotton, size M, also in XL.", {"100 %", "cotton", "size m", "size xl"}),
        ("100% algodão, tamanho G, ou couro.", {"100 %", "algodão", "size g", "couro"}),
        ("Written by Judith Kerr. The cat Mog's kittens are warm.", {"judith", "kerr", "mog"}),
        ("Escrito por Clarice Lispector. O livro saiu no Brasil.", {"clarice", "lispector", "brasil"}),
        ("Fits the DVD-2930CI and the MP3 player.", {"dvd-2930ci", "mp3"}),
        ("The Very Best Birthday Gift For All Little Girls", set()),
        ("Warm and soft. Wash it gently.", set()),
        ("适合2至8岁女孩", {"2", "8"}),
    ],
)
def test_facts_of_known_texts(text, found):
    assert facts(text) == found


def test_fact_is_found_whatever_its_case_and_its_way_of_writing():
    assert facts("A coat by Kestrel, of wool, 78 cm long, size L.") <= mentions(
        "KESTREL'S coat: wool. SIZE L. Length: 78 centimetres."
    )
    assert not facts("78 cm") <= mentions("78 inches, and 78 of them")


OWN = "This coat by Kestrel is of wool. It is 78 cm long and weighs 2 kg."
OTHER = "This coat by Brontov is of silk. It is 90 cm long."


def test_recall_precision_and_distractors():
    retrieved = [Source("Other Coat", OTHER), Source("the  COAT", OWN)]
    figures = measure_facts("It is of wool, by Brontov, 78 cm long and 5 years old.", OWN, "The Coat", retrieved)
    assert figures == {"facts_recall": 50, "facts_precision": 75, "distractors": 25}  # wool and 78 cm; not 5 years
    assert measure_facts(OWN, OWN, "The Coat", retrieved) == {
        "facts_recall": 100,
        "facts_precision": 100,
        "distractors": 0,
    }
    assert measure_facts(OTHER, OWN, "The Coat", retrieved)["distractors"] == 100


def test_nothing_to_count_is_no_figure():
    assert measure_facts("It is nice.", OWN, "Coat", []) == {
        "facts_recall": 0,
        "facts_precision": None,
        "distractors": None,
    }
    assert measure_facts("It is 78 cm long.", None, "Coat", [])["facts_precision"] is None
    assert measure_facts("It is 78 cm long.", OWN, "Coat", [Source("Coat", OWN)])["distractors"] is None
    assert measure_facts(OWN, "Of wool.", "The wool coat", [])["facts_recall"] is None  # the question contains it


def test_intervals_of_the_shares_of_facts_cover_the_truth_in_95_of_100_cases():
    """300 comparisons of 150 products: each has 1 to 9 facts, which the answer holds with a chance of its own."""
    draw = np.random.default_rng(5)
    count = draw.integers(1, 10, (150, 300))
    for hardness in (1.0, 4.0):  # even, and skewed as distractors are
        chance = draw.beta(1, hardness, count.shape)
        shares = 100 * draw.binomial(count, chance) / count
        truth = 100 / (1 + hardness)
        held = [estimate.low <= truth <= estimate.high for estimate in bootstrap(shares)]
        assert 0.92 <= np.mean(held) <= 0.98


def test_facts_of_a_thousand_answers_are_quick():
    import time

    draw = random.Random(1)
    words = ["Kestrel", "78 cm", "wool", "coat", "warm", "the", "size M", "lamp.", "Brontov", "is"]
    texts = [" ".join(draw.choices(words, k=100)) for _text in range(4000)]
    start = time.process_time()
    for number in range(0, 4000, 4):
        answer, reference, *others = texts[number : number + 4]
        measure_facts(answer, reference, "Coat", [Source("A", other) for other in others])
    assert time.process_time() - start < 20  # far more than it takes
