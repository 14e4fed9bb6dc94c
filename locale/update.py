"""Bring the catalogue of messages up to date with the code: python locale/update.py

New messages come into messages.po without a translation, or with that of a similar one, marked `fuzzy`; those that no
code prints any more leave it; messages.mo is compiled from it. Run it, translate what it names and take the mark away,
run it again.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

PROJECT_DIR = Path(__file__).resolve().parent.parent
PO_FILE = PROJECT_DIR / "locale" / "pt_BR" / "LC_MESSAGES" / "messages.po"
MO_FILE = PO_FILE.with_suffix(".mo")

LINE_WIDTH = 120


def main() -> None:
    catalogue = read_catalogue()
    take_messages(catalogue)
    with PO_FILE.open("wb") as file:
        write_po(file, catalogue, width=LINE_WIDTH, no_location=True, ignore_obsolete=True)
    with MO_FILE.open("wb") as file:
        write_mo(file, catalogue)
    for message in untranslated(catalogue):
        print(message)
    print(f"{len(catalogue)} messages, {len(untranslated(catalogue))} of them not translated: {PO_FILE}")


def read_catalogue() -> Catalog:
    """The catalogue as it stands in messages.po."""
    with PO_FILE.open("rb") as file:
        return read_po(file, locale="pt_BR")


def take_messages(catalogue: Catalog) -> None:
    """Give `catalogue` exactly the messages of the code, in their order; what is translated stays translated."""
    template = Catalog()
    for message in message_ids():
        template.add(message)
    catalogue.update(template, update_creation_date=False)


def message_ids() -> list[str]:
    """The messages of the code: what stands in `_("...")` and `N_("...")`, and what --help says of each group."""
    folders = (PROJECT_DIR / "pipeline", PROJECT_DIR / "comparison")
    files = [*PROJECT_DIR.glob("*.py"), *(file for folder in folders for file in folder.rglob("*.py"))]
    ids = [message for file in sorted(files) for message in marked_messages(file)]
    ids += [message for file in sorted((PROJECT_DIR / "comparison").glob("*.html")) for message in page_messages(file)]
    return list(dict.fromkeys([*ids, *group_descriptions()]))


def marked_messages(file: Path) -> list[str]:
    """The texts in `_("...")` and `N_("...")` of a Python file, in their order.

    Taken from the syntax tree, since pybabel misses those in f-strings and in the arguments of another `_`.
    """
    calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    marks = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("_", "N_")]
    marks.sort(key=lambda call: (call.lineno, call.col_offset))
    return [mark.args[0].value for mark in marks if isinstance(mark.args[0], ast.Constant)]


def page_messages(file: Path) -> list[str]:
    """The texts in `{{ _("...") }}` of a Jinja template, in their order."""
    with file.open("rb") as template:
        found = babel_extract(template, ["_"], [], {"encoding": "utf-8", "trim_blocks": "true", "silent": "false"})
        return [message for _line, _function, message, _comments in found if message]


def group_descriptions() -> list[str]:
    """The docstrings of the groups of settings, which --help prints."""
    sys.path.insert(0, str(PROJECT_DIR))
    from config import Group, Settings

    kinds = [field.annotation for field in Settings.model_fields.values()]
    return [kind.__doc__ for kind in kinds if isinstance(kind, type) and issubclass(kind, Group)]


def untranslated(catalogue: Catalog) -> list[str]:
    """The messages of `catalogue` that have no translation, or one that somebody still has to look at."""
    return [message.id for message in catalogue if message.id and (not message.string or message.fuzzy)]


if __name__ == "__main__":
    main()
