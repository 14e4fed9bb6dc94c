"""Screen output. Catalogues, models and file names may contain control characters, which a terminal would execute."""

from __future__ import annotations

import io
import sys

BANNER_LINE = "#" * 79

# Control characters (ESC starts terminal commands) and marks that reverse the writing direction.
_OBEYED = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = {code: 0x2400 + code if code < 0x20 else 0xFFFD for code in _OBEYED if chr(code) not in "\n\t"}


def harmless(text: str) -> str:
    """`text` with control characters made visible (ESC as ␛); line breaks and tabs stay."""
    return text.translate(_SHOWN)


class Screen(io.TextIOWrapper):
    """Standard output in UTF-8 on which nothing but `harmless` text appears."""

    def write(self, text: str) -> int:
        return super().write(harmless(text))


def make_output_harmless() -> None:
    """Replace standard output by a Screen. Progress bars, which move the cursor, go to standard error."""
    like_before = {"line_buffering": sys.stdout.line_buffering, "write_through": sys.stdout.write_through}
    sys.stdout.flush()
    sys.stdout = sys.__stdout__ = Screen(sys.stdout.detach(), encoding="utf-8", errors="replace", **like_before)


def banner(title: str) -> None:
    """Print the heading of a step."""
    print(f"\n{BANNER_LINE}\n# {title}\n{BANNER_LINE}\n", flush=True)
