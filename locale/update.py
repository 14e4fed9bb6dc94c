"""Bring the catalogue of messages up to date with the code: python locale/update.py

New messages enter messages.po without a translation, or with that of a similar message, marked `fuzzy`. Messages that
the code no longer prints leave it. Translate what is listed, remove the mark, and run this again: it compiles
messages.mo.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PROJECT_DIR = Path(__file__).resolve().parent.parent
PO_FILE = PROJECT_DIR / "locale" / "pt_BR" / "LC_MESSAGES" / "messages.po"
MO_FILE = PO_FILE.with_suffix(".mo")
SOURCES = {"*.py": "python", "pipeline/**.py": "python", "comparison/**.py": "python", "comparison/*.html": "jinja2"}


def main() -> None:
    catalogue, template = read_catalogue(), Catalog()
    for message in message_ids():
        template.add(message)
    catalogue.update(template, update_creation_date=False)
    with PO_FILE.open("wb") as po, MO_FILE.open("wb") as mo:
        write_po(po, catalogue, width=120, no_location=True, ignore_obsolete=True)
        write_mo(mo, catalogue)
    print(*untranslated(catalogue), f"{len(catalogue)} messages: {PO_FILE}", sep="\n")


def read_catalogue() -> Catalog:
    """The catalogue as it stands in messages.po."""
    with PO_FILE.open("rb") as file:
        return read_po(file, locale="pt_BR")


def message_ids() -> list[str]:
    """The texts in `_("...")` and `N_("...")`, and the docstrings of the groups of settings, which --help prints.

    Babel overlooks a `_("...")` that stands inside an f-string or inside another `_(...)`: write it outside.
    """
    sys.path.insert(0, str(PROJECT_DIR))
    from config import Group

    marked = [found[2] for found in extract_from_dir(PROJECT_DIR, SOURCES.items())]
    return [*dict.fromkeys(marked), *(group.__doc__ for group in Group.__subclasses__())]


def untranslated(catalogue: Catalog) -> list[str]:
    """The messages of `catalogue` that have no translation, or one that somebody still has to look at."""
    return [message.id for message in catalogue if message.id and (not message.string or message.fuzzy)]


if __name__ == "__main__":
    main()
