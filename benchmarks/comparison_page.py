"""The page of script 8 with many products: how large it is, how long it takes to make and to open in Chromium.

    python benchmarks/comparison_page.py --products 10000

The texts are drawn, as long as answers of 128 tokens and with the frequencies of words in a language. An opening is a
start of Chromium until the page's script has drawn its first products; that of a page with one product beside it says
how much of it is the browser's own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from comparison.page import page  # noqa: E402
from tests.comparison.browser import CHROMIUM, open_in_chromium  # noqa: E402
from tests.comparison.test_page import report_of  # noqa: E402

ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    count = parser.parse_args().products
    with tempfile.TemporaryDirectory() as folder:
        report = report_of(Path(folder), count)
        start = time.perf_counter()
        many = page(report)
        seconds_to_make = time.perf_counter() - start
        print(f"{count:,} products: {len(many.encode('utf-8')) / 1e6:.1f} MB, made in {seconds_to_make:.1f} s")
        if not CHROMIUM:
            print("There is no Chromium on this machine to open it in.")
            return
        one = page(report_of(Path(folder), 1))
        seconds: dict[str, list[float]] = {"one product": [], f"{count:,} products": []}
        for _round in range(ROUNDS):
            for name, text in zip(seconds, (one, many), strict=True):
                start = time.perf_counter()
                open_in_chromium(text, Path(folder))
                seconds[name].append(time.perf_counter() - start)
        for name, times in seconds.items():
            print(f"{name}: opened in {median(times):.2f} s (median of {ROUNDS}; {min(times):.2f} to {max(times):.2f})")
        ratio = median(times) / median(seconds["one product"])
        print(f"ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
