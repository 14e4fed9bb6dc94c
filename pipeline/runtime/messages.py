"""Everything printed goes through `_`: English message ids, translations in `locale/`. Standard library only.

Numbers are written as in the language: 1,216,560 and 3.71, or 1.216.560 and 3,71.
"""

from __future__ import annotations

import gettext
import locale
import os
import string
import sys
from numbers import Real
from pathlib import Path
from typing import Any

LOCALE_DIR = Path(__file__).resolve().parents[2] / "locale"
LANGUAGES = ("en", "pt_BR")

_translations: gettext.NullTranslations = gettext.NullTranslations()


def set_language(language: str | None) -> None:
    """Print in `language`, one of `LANGUAGES`; None takes the system's language, else English."""
    global _translations
    language = language or system_language()
    _translations = gettext.translation("messages", LOCALE_DIR, [language], fallback=True)


def system_language() -> str:
    """`pt_BR` where the system speaks any Portuguese, else `en`."""
    if sys.platform == "win32":
        # Windows sets no LANG: the language of the user interface is asked from the system itself.
        import ctypes

        tag = locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    else:
        variables = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
        tag = next((os.environ[name] for name in variables if os.environ.get(name)), "")
    return "pt_BR" if tag.lower().startswith("pt") else "en"


def _(message: str) -> Message:
    """`message` in the language that was set; insert values after it: `_("{n:,} files").format(n=3)`."""
    return Message(_translations.gettext(message) if message else "")


def localised(value: float, form: str) -> str:
    """A number in Python's format `form`, with the decimal and thousands separators of the language that was set."""
    marks = {mark: _translations.gettext(mark) for mark in (N_(","), N_("."))}
    return format(value, form).translate(str.maketrans(marks))


class Message(str):
    """A text whose inserted numbers get the decimal and thousands separators of the language."""

    def format(self, **values: Any) -> str:
        return _MessageFormatter().vformat(self, (), values)


class _MessageFormatter(string.Formatter):
    def format_field(self, value: Any, form: str) -> str:
        return localised(value, form) if form and isinstance(value, Real) else format(value, form)


def N_(message: str) -> str:
    """Mark a text for translation where it is defined; it goes through `_` where it is printed."""
    return message
