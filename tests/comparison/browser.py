"""A page as Chromium shows it, for machines that have one; the tests that need it are left out elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import NamedTuple

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Opened(NamedTuple):
    """What the page is once its script has run; `faults` are the lines of the browser's console."""

    title: str
    text: str
    articles: int
    marks: int
    faults: list[str]


def open_in_chromium(html: str, folder: Path) -> Opened:
    """Open `html` as a file, give its script ten seconds of the page's own time, and read the page back."""
    file = folder / "opened.html"
    file.write_text(html, encoding="utf-8", newline="\n")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=10000"]
    done = subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    dom = re.sub(r"<(script|style)\b.*?</\1>", "", done.stdout, flags=re.DOTALL)
    return Opened(
        title=re.search(r"<title>(.*?)</title>", dom)[1],
        text=unescape(re.sub(r"<[^>]+>", "", dom)),
        articles=dom.count("<article"),
        marks=dom.count("<mark"),
        faults=[line for line in done.stderr.splitlines() if ":CONSOLE" in line],
    )
