"""The page: one HTML file that holds everything, needs no network, and never runs code from a text.

Python and the template page.html make the figures and the charts. There can be many products, so the page's own script
draws them as the reader scrolls.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path
from statistics import median
from typing import Any

from comparison.judging import MAIN_METRIC, METRICS, Metric
from comparison.metrics import FUNCTION_WORDS, WORD_PATTERN, words
from comparison.report import SHARES
from comparison.systems import BY_NAME
from comparison.verdict import interval, number
from config import Settings
from pipeline.runtime.artifacts import new_file
from pipeline.runtime.messages import N_, _, localised

TEMPLATE = Path(__file__).with_name("page.html")
LENGTH_BINS = 24
DIFFERENCE_BINS = 20

EXPLANATIONS = {
    "chrf": N_("Characters and words in common with the reference (chrF2). The verdict rests on it."),
    "rouge_l": N_("Words in common with the reference, in the same order (F1 of the longest common subsequence)."),
    "meaning": N_("Cosine of the embeddings of answer and reference, times 100."),
    "facts_recall": N_(
        "Share of the reference's facts that the answer has, in percent: numbers with their units, sizes, materials "
        "and names. Those of the title do not count."
    ),
    "facts_precision": N_("Share of the answer's facts that the reference or a retrieved document has, in percent."),
    "distractors": N_(
        "Share of the answer's facts that come from another product's document, and are not in the reference, in "
        "percent. Less is better."
    ),
    "grounded": N_(
        "Share of the answer's numbers and content words that also occur in the reference or in the retrieved "
        "documents, in percent. Words of the title do not count."
    ),
    "repetition": N_(
        "Share of the answer's four-word sequences that occurred in it before, in percent. Less is better."
    ),
}
RESULTS = {
    "better": N_("better"),
    "worse": N_("worse"),
    "tie": N_("tie"),
    "few": N_("too few products"),
}


def write_page(report: dict[str, Any], settings: Settings) -> None:
    """Write `comparison.html_file`."""
    with new_file(settings.comparison.html_file) as file:
        file.write(page(report).encode("utf-8"))


def page(report: dict[str, Any]) -> str:
    """The whole page as text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals.update(_=_, number=number, interval=interval, localised=localised)
    environment.globals.update(LABELS=report["labels"], SHARES=SHARES, RESULTS=RESULTS)
    gains = gain_chart(report)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        language=report["language"].replace("_", "-"),
        metrics=[metric_chart(metric, report) for metric in METRICS if has_figures(metric, report)],
        differences=[difference_chart(metric, report) for metric in METRICS],
        lengths=length_chart(report),
        gains=gains,
        data=packed(report["products"]),
        texts=script_texts(report, gains),
    )
    return text.replace("SCRIPT_HASH", script_hash(text))


def script_hash(text: str) -> str:
    """The hash of the page's own script: the content security policy allows this script and no other."""
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(script[1].encode("utf-8")).digest()).decode("ascii")


def packed(value: Any) -> str:
    """`value` as compressed JSON in base64, which needs no escaping in HTML; 10,000 products need the compression."""
    import orjson

    return base64.b64encode(gzip.compress(orjson.dumps(value), compresslevel=6, mtime=0)).decode("ascii")


# ----------------------------------------------------------------------------------------------------------- charts


def metric_chart(metric: Metric, report: dict[str, Any]) -> dict[str, Any]:
    """A row for each system: its mean and interval, and where on the axis they lie, in percent of its length."""
    estimates = {name: report["means"][name][metric.name] for name in report["systems"]}
    known = [estimate for estimate in estimates.values() if estimate]
    end = round_up(max((estimate["high"] for estimate in known), default=100))
    return {
        "metric": metric,
        "label": _(metric.label),
        "explanation": _(EXPLANATIONS[metric.name]),
        "end": end,
        "rows": [
            {
                "system": name,
                "estimate": estimate,
                "best": is_best(name, metric, report),
                **({key: 100 * max(0.0, estimate[key]) / end for key in ("mean", "low", "high")} if estimate else {}),
            }
            for name, estimate in estimates.items()
        ],
    }


def has_figures(metric: Metric, report: dict[str, Any]) -> bool:
    return metric is MAIN_METRIC or any(report["means"][name][metric.name] for name in report["systems"])


def is_best(system: str, metric: Metric, report: dict[str, Any]) -> bool:
    """Whether `system` is better than each other one, and tied with none."""
    wins = [
        found["result"] == ("better" if system == found["first"] else "worse")
        for found in differences_in(metric, report)
        if system in (found["first"], found["second"])
    ]
    return bool(wins) and all(wins)


def differences_in(metric: Metric, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The differences in one metric, in the order of the questions: that of the headline is the first."""
    return [difference for difference in report["differences"] if difference["metric"] == metric.name]


def round_up(value: float) -> int:
    """The smallest end of an axis that holds `value`, 100 at most."""
    return next(end for end in (1, 2, 5, 10, 20, 40, 60, 80, 100) if value <= end or end == 100)


def difference_chart(metric: Metric, report: dict[str, Any]) -> dict[str, Any]:
    """A row for each pair of systems, around a line at 0."""
    rows = [{**found, **found["estimate"]} for found in differences_in(metric, report)]
    reach = round_up(max((max(abs(row["low"]), abs(row["high"])) for row in rows), default=1))
    for row in rows:
        row["at"] = {key: 50 + 50 * row[key] / reach for key in ("mean", "low", "high")}
    return {"metric": metric, "label": _(metric.label), "reach": reach, "rows": rows}


def length_chart(report: dict[str, Any]) -> dict[str, Any]:
    """How many words the answers have, and the references: a histogram for each, on one axis."""
    lengths = {
        name: [
            product["answers"][name]["words"]
            for product in report["products"]
            if name in product["answers"] and not product["answers"][name]["abstained"]
        ]
        for name in report["systems"]
    }
    lengths["reference"] = [len(words(product["reference"])) for product in report["products"] if product["reference"]]
    everything = sorted(length for values in lengths.values() for length in values)
    # A few very long texts would squeeze all others into the first bin, so the last bin counts them.
    end = max(LENGTH_BINS, everything[int(0.98 * (len(everything) - 1))]) if everything else LENGTH_BINS
    width = -(-end // LENGTH_BINS)
    rows = []
    for name, values in lengths.items():
        bins = [0] * LENGTH_BINS
        for value in values:
            bins[min(value // width, LENGTH_BINS - 1)] += 1
        top = max(bins)
        rows.append(
            {
                "system": name,
                "label": _("Reference") if name == "reference" else report["labels"][name],
                "mean": report["lengths"].get(name),
                "median": round(median(values)) if values else None,
                "heights": [100 * count / top for count in bins] if top else [],
            }
        )
    return {"rows": rows, "end": width * LENGTH_BINS, "bins": LENGTH_BINS}


def gain_chart(report: dict[str, Any]) -> dict[str, Any] | None:
    """The difference of the headline's two systems in the main metric, product by product, as a histogram around 0."""
    differences = differences_in(MAIN_METRIC, report)
    if not differences:
        return None
    pair = differences[0]["first"], differences[0]["second"]
    gains = []
    for product in report["products"]:
        answers = [product["answers"].get(name) for name in pair]
        if product["counted"] and all(answer and not answer["stale"] for answer in answers):
            gains.append(answers[0][MAIN_METRIC.name] - answers[1][MAIN_METRIC.name])
    reach = round_up(max((abs(gain) for gain in gains), default=1))
    bins = [0] * DIFFERENCE_BINS
    for gain in gains:
        bins[min(int((gain + reach) / (2 * reach) * DIFFERENCE_BINS), DIFFERENCE_BINS - 1)] += 1
    top = max(bins)
    return {
        "first": BY_NAME[pair[0]],
        "second": BY_NAME[pair[1]],
        "reach": reach,
        "heights": [100 * count / top if top else 0 for count in bins],
        "better": sum(gain > 0 for gain in gains),
        "worse": sum(gain < 0 for gain in gains),
        "equal": sum(gain == 0 for gain in gains),
    }


def script_texts(report: dict[str, Any], gains: dict[str, Any] | None) -> dict[str, Any]:
    """What the page's script needs besides the products: texts in the reader's language, and what a word is."""
    return {
        "systems": [[name, report["labels"][name]] for name in report["systems"]],
        "pair": [gains["first"].name, gains["second"].name] if gains else None,
        "point": _("."),
        "word": WORD_PATTERN,
        "function_words": sorted(FUNCTION_WORDS),
        "metrics": [[metric.name, _(metric.short)] for metric in METRICS],
        "texts": {
            "shown": _("{shown} of {all} products"),
            "more": _("Show more"),
            "none": _("No product fits."),
            "reference": _("Reference"),
            "no_reference": _("The catalogue has no description of this product."),
            "not_asked": _("Not asked."),
            "empty": _("(empty)"),
            "abstained_right": _("rightly not answered"),
            "abstained_wrong": _("wrongly not answered"),
            "tokens": _("tokens {n}"),
            "seconds": _("{n} s"),
            "retrieved": _("What was retrieved: {system}"),
            "retrieved_by": _("What was retrieved"),
            "nothing": _("No document was similar enough."),
            "score": _("score {n}"),
            "loops": _("loops"),
            "cut_off": _("stops in mid-sentence"),
            "repeats_example": _("repeats a training example"),
            "stale": _("outdated: made with other settings, or with another model, adapter or index"),
            "trained_on": _("trained on"),
            "unseen": _("not trained on"),
            "indexed": _("in the index"),
            "not_indexed": _("not in the index"),
            "as_if": _("as if not in the index"),
            "counted": _("counts in the verdict"),
            "too_old": _("This browser is too old to unpack the products; they are also in comparison.json."),
        },
    }
