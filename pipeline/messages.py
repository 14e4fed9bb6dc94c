"""Everything printed goes through `_`: English message ids, translations in `locale/`. Standard library only."""

from __future__ import annotations

import gettext
import locale
import os
import sys
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parent.parent / "locale"
LANGUAGES = ("en", "pt_BR")

_translations: gettext.NullTranslations = gettext.NullTranslations()


def set_language(language: str | None) -> None:
    """Print in `language`, one of `LANGUAGES`; None takes the system's, English where it is neither."""
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


def _(message: str) -> str:
    """`message` in the language that was set; insert values after it: `_("{n} files").format(n=3)`."""
    return _translations.gettext(message) if message else ""


def N_(message: str) -> str:
    """Mark a text for translation where it is defined; it goes through `_` where it is printed."""
    return message
