"""The page: small enough with 10,000 products, and nothing of a text runs in it."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest

from comparison.answering import Speed
from comparison.cases import Case
from comparison.judging import METRICS, Judgement, averages, mean_lengths, shares
from comparison.page import page
from comparison.report import build_report
from comparison.systems import SYSTEMS
from comparison.verdict import verdict
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from pipeline.model.answers import Answer
from tests.comparison.browser import CHROMIUM, open_in_chromium
from tests.running import demo_settings

MEGABYTE = 10**6


def report_of(folder, count: int) -> dict:
    """A comparison of `count` products with texts and figures that are drawn, as long as those of Llama-3-8B."""
    draw = random.Random(8)
    vocabulary = ["".join(draw.choices("aeiourstlnmdcbp", k=draw.randint(2, 9))) for _word in range(8000)]
    weights = list(accumulate(1 / rank for rank in range(1, 8001)))  # words are as unequally frequent as in a language

    def text(length: int) -> str:
        return " ".join(draw.choices(vocabulary, cum_weights=weights, k=length)).capitalize() + "."

    cases, measured = [], []
    for number in range(count):
        case = Case(f"{text(6)} {number}", text(80), indexed=number % 2 == 0, sampled=True)
        found = [{"id": "0", "product": case.product, "text": case.reference, "score": 1.0}]
        found += [{"id": "1", "product": text(6), "text": text(80), "score": 0.5} for _other in range(2)]
        figures = {}
        for system in SYSTEMS:
            abstained = system.retrieval and not case.indexed
            answer = NOT_IN_CATALOGUE if abstained else case.reference[:450] if system.retrieval else text(80)
            retrieved = found if system.retrieval and not abstained else []
            case.answers[system.name] = Answer(case.product, answer, "", 128, 1.5, {}, retrieved)
            figures[system.name] = {
                **{name: draw.uniform(0, 100) for name in (metric.name for metric in METRICS)},
                **dict.fromkeys(("loops", "cut_off", "repeats_example"), False),
                "abstained": abstained,
                "words": 80,
            }
        cases.append(case)
        measured.append(figures)
    counted = [case.indexed for case in cases]
    # The intervals of 10,000 products take a minute and are no part of what these tests look at.
    means, differences = averages(cases[:400], list(SYSTEMS), measured[:400], counted[:400])
    of_systems = shares(cases, list(SYSTEMS), measured, counted)
    lengths = mean_lengths(cases[:400], list(SYSTEMS), measured[:400], counted[:400])
    judgement = Judgement(cases, list(SYSTEMS), measured, counted, means, differences, of_systems, lengths)
    settings = demo_settings(folder, "--sample", str(count))
    speeds = {system.name: Speed(5.4, 0.05, "cuda") for system in SYSTEMS}
    return build_report(judgement, verdict(judgement, [], settings), speeds, settings)


def test_page_of_ten_thousand_products_is_small_and_opens(tmp_path):
    text = page(report_of(tmp_path, 10_000))
    assert len(text.encode("utf-8")) < 20 * MEGABYTE
    if CHROMIUM:
        opened = open_in_chromium(text, tmp_path)
        assert "10000 of 10000 products" in opened.text
        assert opened.articles < 100  # the others are drawn when the reader comes to them
        assert opened.faults == []


def test_page_has_no_address_of_another_machine(tmp_path):
    text = page(report_of(tmp_path, 30))
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "default-src 'none'" in text


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")
def test_script_that_is_not_the_page_s_own_does_not_run(tmp_path):
    """What the page escapes cannot run; were a text not escaped, the browser would refuse it all the same."""
    broken_in = page(report_of(tmp_path, 30)).replace("<main>", "<main><script>document.title = 'taken'</script>", 1)
    opened = open_in_chromium(broken_in, tmp_path)
    assert "30 of 30 products" in opened.text
    assert "taken" not in opened.title
    assert any("Content Security Policy" in fault for fault in opened.faults)
