"""The comparison as data, and written as JSON, CSV, Markdown and tables on the screen; page.py makes the page."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
import unicodedata
from datetime import datetime, timezone
from typing import Any

from comparison.answering import Speed
from comparison.judging import MAIN_METRIC, METRICS, Judgement
from comparison.systems import SYSTEMS, labels
from comparison.verdict import Verdict, interval, number
from config import Settings
from pipeline.runtime.artifacts import new_file, package_versions
from pipeline.runtime.messages import N_, _, system_language

LABELS = {system.name: system.label for system in SYSTEMS}
SHARES = {
    "loops": N_("Answers that loop"),
    "cut_off": N_("Answers that stop in mid-sentence"),
    "repeats_example": N_("Answers that repeat a training example"),
    "abstained_similar": N_("Not in the index, similar ones found, and recognised as such"),
    "abstained_right": N_("Not in the index, and recognised as such"),
    "abstained_wrong": N_("In the index, and not found"),
}
SHOWN_ASKED, SHOWN_SAMPLED = 8, 4  # products on the screen and in the Markdown file; the page has all of them
SHOWN_CHARACTERS = 180
SCREEN_WIDTH = 110  # columns, where the output goes to a file
BIDI_CONTROLS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
# A spreadsheet takes a cell that starts with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def build_report(
    judgement: Judgement, verdict: Verdict, speeds: dict[str, Speed], settings: Settings
) -> dict[str, Any]:
    """Everything that the page shows, as plain values; `comparison.json` holds it."""
    return {
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "language": settings.language or system_language(),
        "verdict": verdict._asdict(),
        "systems": [system.name for system in judgement.systems],
        "labels": labels(settings),
        "retrieval": any(system.retrieval for system in judgement.systems),
        "counted": sum(judgement.counted),
        "means": {
            name: {metric: estimate and estimate._asdict() for metric, estimate in means.items()}
            for name, means in judgement.means.items()
        },
        "differences": [
            {**difference._asdict(), "estimate": difference.estimate._asdict()} for difference in judgement.differences
        ],
        "shares": {
            name: {kind: share._asdict() for kind, share in shares.items()} for name, shares in judgement.shares.items()
        },
        "lengths": {name: estimate and estimate._asdict() for name, estimate in judgement.lengths.items()},
        "speed": {system.name: _speed(judgement, system.name, speeds.get(system.name)) for system in judgement.systems},
        "products": [_product(judgement, number_) for number_ in range(len(judgement.cases))],
        "settings": settings.model_dump(
            mode="json", include={"profile", "model", "lora", "generation", "rag", "comparison", "data"}
        ),
        "versions": package_versions(),
    }


def _product(judgement: Judgement, position: int) -> dict[str, Any]:
    case, measured = judgement.cases[position], judgement.measured[position]
    return {
        "product": case.product,
        "reference": case.reference,
        "indexed": case.indexed,
        "trained_on": case.trained_on,
        "sampled": case.sampled,
        "counted": judgement.counted[position],
        "answers": {
            name: {
                "answer": answer.answer,
                "tokens": answer.tokens,
                "seconds": answer.seconds,
                "stale": name in case.stale,
                **{key: _rounded(value) for key, value in measured[name].items()},
                "retrieved": [
                    {"product": found["product"], "score": round(found["score"], 3), "text": found["text"]}
                    for found in answer.retrieved
                ],
            }
            for name, answer in case.answers.items()
        },
    }


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def _speed(judgement: Judgement, system: str, speed: Speed | None) -> dict[str, Any]:
    """Tokens per second over all of the system's answers, and the memory and first-token time where measured."""
    answers = [case.answers[system] for case in judgement.cases if system in case.answers]
    tokens, seconds = sum(answer.tokens for answer in answers), sum(answer.seconds for answer in answers)
    return {
        "answers": len(answers),
        "tokens": tokens,
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds, 1) if seconds else None,
        **(speed._asdict() if speed else {}),
    }


# ----------------------------------------------------------------------------------------------------- other programs


def write_json(report: dict[str, Any], settings: Settings) -> None:
    import orjson

    with new_file(settings.comparison.json_file) as file:
        file.write(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")


def write_csv(report: dict[str, Any], settings: Settings) -> None:
    """One answer a line, in UTF-8 with a byte order mark for Excel, where a cell that looks like a formula gets `'`."""
    figures = [*(metric.name for metric in METRICS), "loops", "cut_off", "abstained", "repeats_example", "words"]
    about = ["indexed", "trained_on", "sampled", "counted"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["product", "system", *about, "stale", *figures, "tokens", "seconds", "answer", "reference"])
    for product in report["products"]:
        for name, answer in product["answers"].items():
            values = [answer[key] for key in ("stale", *figures, "tokens", "seconds", "answer")]
            row = [product["product"], name, *(product[key] for key in about), *values, product["reference"]]
            writer.writerow([_cell(value) for value in row])
    with new_file(settings.comparison.csv_file) as file:
        file.write(b"\xef\xbb\xbf" + text.getvalue().encode("utf-8"))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def write_markdown(report: dict[str, Any], settings: Settings) -> None:
    """The verdict, the figures and some products, to be pasted into a README."""
    verdict = report["verdict"]
    lines = [f"**{_markdown(verdict['headline'])}**", ""]
    lines += [f"- {_markdown(sentence)}" for sentence in [*verdict["findings"], *verdict["cautions"]]]
    header, *rows = summary_rows(report)
    lines += ["", *_markdown_table(header, rows), ""]
    header, *rows = product_rows(report)
    lines += [*_markdown_table(header, rows), ""]
    with new_file(settings.comparison.md_file) as file:
        file.write("\n".join(lines).encode("utf-8"))


def _markdown_table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell if line is lines[1] else _markdown(cell) for cell in line) + " |" for line in lines]


def _markdown(text: str) -> str:
    """`text` on one line, shown as it is by whatever renders Markdown."""
    text = re.sub(r"([\\`*_{}\[\]<>#|!~$])", r"\\\1", " ".join(printable(text).split()))
    return text.replace("\\<", "&lt;").replace("\\>", "&gt;")


# ------------------------------------------------------------------------------------------------------- the screen


def print_report(report: dict[str, Any]) -> None:
    """Product by system, as many as a screen holds, then the figures and the verdict."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else SCREEN_WIDTH
    console = Console(file=sys.stdout, width=width, color_system=None, emoji=False, markup=False, highlight=False)

    def show(header: list[str], rows: list[list[str]], justify: str) -> None:
        table = Table(box=box.ASCII, show_lines=True)
        for number_, cell in enumerate(header):
            place = {"justify": justify, "ratio": 2} if number_ else {"justify": "left"}
            table.add_column(Text(cell), overflow="fold", **place)
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console.print(table)

    header, *rows = product_rows(report)
    print()
    show(header, rows, "left")
    more = len(report["products"]) - len(rows)
    if more > 0:
        print(_("... and {n:,} more on the page.").format(n=more))
    header, *rows = summary_rows(report)
    print()
    show(header, rows, "right")
    verdict = report["verdict"]
    for sentence in [verdict["headline"], *verdict["findings"], *verdict["cautions"]]:
        console.print("\n" + printable(sentence))
    sys.stdout.flush()


def printable(text: str) -> str:
    """`text` without control characters, which a terminal obeys, and without those that change the text direction."""
    text = text.translate(dict.fromkeys(map(ord, "\n\t"), " ") | dict.fromkeys(BIDI_CONTROLS))
    return "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cs", "Co", "Cn"))


# ------------------------------------------------------------------------------------------------------- both tables


def product_rows(report: dict[str, Any]) -> list[list[str]]:
    """Product by system: those that the scripts were asked about, or some of the sample where there are none."""
    systems = report["systems"]
    asked = [product for product in report["products"] if not product["sampled"]]
    rows = [[_("Product"), *(report["labels"][name] for name in systems)]]
    for product in asked[:SHOWN_ASKED] or report["products"][:SHOWN_SAMPLED]:
        texts = [product["answers"].get(name, {}).get("answer", "-") for name in systems]
        rows.append([product["product"], *(shortened(text) for text in texts)])
    return rows


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS].rstrip() + "…"


def summary_rows(report: dict[str, Any]) -> list[list[str]]:
    """Figure by system: means with their 95 % intervals, shares as counts, speed and memory."""
    systems = report["systems"]
    rows = [[_("{n} products").format(n=report["counted"]), *(report["labels"][name] for name in systems)]]
    for metric in METRICS:
        estimates = [report["means"][name][metric.name] for name in systems]
        if any(estimates) or metric is MAIN_METRIC:
            rows.append([_(metric.label), *map(_mean, estimates)])
    if reference := report["lengths"].get("reference"):
        label = _("Words (reference: {n})").format(n=number(reference["mean"]))
        rows.append([label, *(_mean(report["lengths"][name]) for name in systems)])
    for kind, label in SHARES.items():
        cells = [_share(report["shares"][name].get(kind)) for name in systems]
        if any(cell != "-" for cell in cells):
            rows.append([_(label), *cells])
    for key, label, digits in (
        ("tokens_per_second", _("Tokens per second"), 1),
        ("first_token_seconds", _("Seconds to the first token"), 2),
        ("peak_gib", _("Peak memory, GiB"), 2),
    ):
        rows.append([label, *(_figure(report["speed"][name].get(key), digits) for name in systems)])
    return rows


def _mean(estimate: dict | None) -> str:
    if estimate is None:
        return "-"
    mean = number(estimate["mean"])
    return f"{mean} {interval(estimate['low'], estimate['high'])}" if estimate["n"] > 1 else mean


def _share(share: dict | None) -> str:
    return _("{hits:,} of {n:,}").format(hits=share["hits"], n=share["n"]) if share else "-"


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else number(value, digits)
