"""Write the table of settings into docs/settings.md and docs/settings.pt-BR.md: python docs/write_settings.py

Names, defaults and descriptions come from `config.py`, the Portuguese from `locale/`. After a description has changed,
run `python locale/update.py` first.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from config import Group, Settings  # noqa: E402
from pipeline.runtime.messages import _, set_language  # noqa: E402

PAGES = {
    "settings.md": ("en", "| Setting | Default | Meaning |"),
    "settings.pt-BR.md": ("pt_BR", "| Configuração | Padrão | Significado |"),
}
BEGIN, END = "<!-- written by docs/write_settings.py: begin -->", "<!-- end -->"


def main() -> None:
    for name in PAGES:
        page = PROJECT_DIR / "docs" / name
        page.write_text(with_tables(page.read_text(encoding="utf-8"), name), encoding="utf-8", newline="\n")


def with_tables(text: str, name: str) -> str:
    """The text of the page `name` with the tables that `config.py` asks for now between the two marks."""
    language, header = PAGES[name]
    set_language(language)
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables(header)}\n\n{END}{rest.split(END)[1]}"


def tables(header: str) -> str:
    """One table with the settings that have no group, then one for each group."""
    groups = {name: field.annotation for name, field in Settings.model_fields.items() if is_group(field)}
    parts = [table(header, "", Settings)]
    parts += [f"### {name}\n\n{table(header, f'{name}.', group)}" for name, group in groups.items()]
    return "\n\n".join(parts)


def table(header: str, prefix: str, group: type[BaseModel]) -> str:
    rows = [
        f"| `--{prefix}{name}` | {default(field.default)} | {meaning(field)} |"
        for name, field in group.model_fields.items()
        if not is_group(field)
    ]
    return "\n".join([header, "| --- | --- | --- |", *rows])


def is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Group)


def default(value: Any) -> str:
    """A default as it is typed on the command line."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Path):
        return f"`{value.as_posix()}`"
    return " ".join(f"`{item}`" for item in (value if isinstance(value, list) else [value]))


def meaning(field: FieldInfo) -> str:
    """The description in the language that was set, and the values of a choice that it does not explain itself."""
    described = re.sub(r"([|<*_])", r"\\\1", _(field.description))
    values = choices(field.annotation)
    if all(f"{value}:" in described for value in values):
        return described
    return f"{described} ({' '.join(f'`{value}`' for value in values)})"


def choices(annotation: Any) -> tuple[Any, ...]:
    """The values of a `Literal`, also of one that may be None."""
    kinds = (annotation, *get_args(annotation))
    return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())


if __name__ == "__main__":
    main()
