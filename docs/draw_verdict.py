"""Draw the picture of the README: python docs/draw_verdict.py demo_output/comparison.json docs/verdict.svg

The chrF of the systems with its 95 % interval, and the verdict as the title, from what script 8 wrote, in its language
(`python compare_models.py --profile demo --language pt_BR`, then docs/verdict.pt-BR.svg, for the other README).
"""

from __future__ import annotations

import json
import sys
import textwrap
from html import escape
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from comparison.report import LABELS  # noqa: E402
from pipeline.runtime.messages import _, localised, set_language  # noqa: E402

WIDTH, LEFT, RIGHT, ROW = 860, 220, 720, 44  # pixels: the picture, chrF 0, chrF 100, one system
CHARACTERS = 96  # of the title on one line
STYLE = """
    text { font-family: "Segoe UI", system-ui, sans-serif; font-size: 14px; fill: #1b1b1b; }
    .title { font-weight: 600; }
    .note { font-size: 12px; fill: #5c5c5c; }
    .bar { fill: #1f4e79; }
    .line { stroke: #8c8672; }
    .interval { stroke: #d08a1d; stroke-width: 2.5; fill: none; }"""


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    target.write_text(picture(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8", newline="\n")


def picture(report: dict) -> str:
    """The SVG, on a background of its own, so that it reads on light and dark pages alike."""
    set_language(report["language"])
    title = textwrap.wrap(report["verdict"]["headline"], CHARACTERS)
    top = 34 + 20 * len(title)
    shown = [name for name in report["systems"] if report["means"][name]["chrf"]]
    bottom = top + ROW * len(shown)
    parts = [
        f'<text class="title" x="24" y="{32 + 20 * line}">{escape(text)}</text>' for line, text in enumerate(title)
    ]
    for position, name in enumerate(shown):
        parts += row(_(LABELS[name]), report["means"][name]["chrf"], top + ROW * position)
    parts += scale(top, bottom)
    height = bottom + 44
    lines = "\n".join(f"  {part}" for part in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title">\n  <title id="title">{escape(" ".join(title))}</title>\n'
        f'  <style>{STYLE}\n  </style>\n  <rect width="{WIDTH}" height="{height}" rx="8" fill="#f4f1e8"/>\n'
        f"{lines}\n</svg>\n"
    )


def row(label: str, chrf: dict[str, float], top: int) -> list[str]:
    """One system: its name, the bar, the interval and the figures. Values are chrF, 0 to 100."""
    value, low, high = chrf["mean"], chrf["low"], chrf["high"]
    middle = top + ROW // 2
    figures = f"{localised(value, '.1f')} [{localised(low, '.1f')}; {localised(high, '.1f')}]"
    return [
        f'<text x="{LEFT - 12}" y="{middle + 5}" text-anchor="end">{escape(label)}</text>',
        f'<rect class="bar" x="{LEFT}" y="{middle - 12}" width="{across(value) - LEFT:.1f}" height="24" rx="2"/>',
        f'<path class="interval" d="M{across(low):.1f} {middle}H{across(high):.1f}'
        f"M{across(low):.1f} {middle - 6}v12"
        f'M{across(high):.1f} {middle - 6}v12"/>',
        f'<text x="{across(high) + 10:.1f}" y="{middle + 5}">{figures}</text>',
    ]


def scale(top: int, bottom: int) -> list[str]:
    marks = [
        f'<text class="note" x="{across(value):.1f}" y="{bottom + 18}" text-anchor="middle">{value}</text>'
        for value in range(0, 101, 20)
    ]
    unit = f'<text class="note" x="{LEFT - 12}" y="{bottom + 18}" text-anchor="end">chrF [95 %]</text>'
    return [f'<path class="line" d="M{LEFT} {top}V{bottom}"/>', *marks, unit]


def across(chrf: float) -> float:
    return LEFT + (RIGHT - LEFT) * chrf / 100


if __name__ == "__main__":
    main()
