"""Which fields of a catalogue hold the title and the content: by their names, or by what their values look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from pipeline.catalogue.records import ORIGINAL, Fields, value_at
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

# Names without case, accents and signs; those of the first group go before those of the second.
TITLES = (
    "title producttitle productname titulo titulodoproduto nomedoproduto nomeproduto produtonome",
    "name product item itemname itemtitle nome produto nomedoitem",
)
CONTENTS = (
    "content description bodyhtml productdescription itemdescription descricao descricaodoproduto descricaoproduto "
    "conteudo",
    "about aboutproduct abouttheproduct details productdetails longdescription fulldescription descriptionhtml body "
    "text summary features sobre sobreoproduto detalhes texto resumo descricaolonga descricaocompleta",
)
LONG_TEXT = 80  # characters, on average
MOST_NESTED = 3


def find_fields(records: list[dict], wanted_title: str | None, wanted_contents: list[str], path: Any) -> Fields:
    """The fields to read, of what the user wants and what the first `records` show.

    Raises UserError where a wanted field is not there, where the choice is not clear, and where both are the same.
    """
    values, wanted_contents = _values(records), [name for name in wanted_contents if name]
    for name, flag in [(wanted_title, "title"), *((name, "content") for name in wanted_contents)]:
        if name and values and name not in values and not any(value_at(r, name) is not None for r in records):
            raise UserError(
                _("{path} has no field {name}. Its fields are: {fields}. Name another one with {flag}.").format(
                    path=path, name=name, fields=", ".join(values), flag=f"--data.{flag}_field"
                )
            )
    if not values:
        return Fields(wanted_title or ORIGINAL.title, tuple(wanted_contents) or ORIGINAL.contents)
    if not wanted_title and not wanted_contents and all(name in values for name in ORIGINAL.names):
        return ORIGINAL
    texts = {name: texts for name, found in values.items() if (texts := _texts(found))}
    contents = tuple(wanted_contents) or (_content(texts, values, wanted_title, path),)
    title = wanted_title or _title(texts, values, contents, path)
    if title in contents:
        raise UserError(
            _(
                "{path}: {name} cannot be both the title and the content. Name another field with --data.title_field "
                "or --data.content_field."
            ).format(path=path, name=title)
        )
    return Fields(title, contents)


def known_names(names: Iterable[str]) -> bool:
    """Whether names that are known for titles and for contents are among these."""
    normalised = {_normalised(name) for name in names}
    return all(normalised.intersection(" ".join(groups).split()) for groups in (TITLES, CONTENTS))


def _title(texts: dict[str, list[str]], values: dict, contents: tuple[str, ...], path: Any) -> str:
    candidates = _by_name(texts, TITLES, ()) or [
        name for name, found in texts.items() if name not in contents and _looks_like_title(found)
    ]
    return _only(candidates, values, "title", path)


def _content(texts: dict[str, list[str]], values: dict, title: str | None, path: Any) -> str:
    candidates = _by_name(texts, CONTENTS, (title,))
    if not candidates:
        lengths = {name: _mean_length(found) for name, found in texts.items() if name != title}
        long = {name: n for name, n in lengths.items() if n >= LONG_TEXT and _is_prose(texts[name])}
        candidates = [name for name, n in long.items() if n * 2 >= max(long.values())]
    return _only(candidates, values, "content", path)


def _only(candidates: list[str], values: dict, kind: str, path: Any) -> str:
    if len(candidates) == 1:
        return candidates[0]
    flag = f"--data.{kind}_field"
    if candidates:
        message = _("{path}: several fields could be the {kind}: {candidates}. Name one of them: {flag} {example}")
    else:
        message = _("{path}: no field looks like the {kind}. Its fields are: {fields}. Name one of them with {flag}.")
    kinds = {"title": _("title"), "content": _("content")}
    example = f'"{candidates[0]}"' if candidates and " " in candidates[0] else "".join(candidates[:1])
    raise UserError(
        message.format(
            path=path,
            kind=kinds[kind],
            candidates=", ".join(candidates),
            fields=", ".join(values),
            flag=flag,
            example=example,
        )
    )


def _by_name(texts: dict[str, list[str]], groups: Iterable[str], without: tuple) -> list[str]:
    """The fields of the first group of known names that has any."""
    for group in groups:
        found = [name for name in texts if name not in without and _normalised(name) in group.split()]
        if found:
            return found
    return []


def _normalised(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[\W_]|[\u0300-\u036f]", "", plain)


def _values(records: list[dict], before: str = "", depth: int = 1) -> dict[str, list]:
    """The values of each field; those of nested objects under names with dots."""
    values: dict[str, list] = {}
    for record in records:
        for name, value in record.items():
            values.setdefault(before + str(name), []).append(value)
    for name, found in list(values.items()):
        inner = [value for value in found if isinstance(value, dict)]
        if inner and depth < MOST_NESTED:
            values |= _values(inner, f"{name}.", depth + 1)
    return values


def _texts(values: list) -> list[str]:
    """The texts among some values, lists of texts joined; none where most values are something else."""
    there = [value for value in values if value not in (None, "", [])]
    joined = [" ".join(v) if isinstance(v, list) and all(isinstance(t, str) for t in v) else v for v in there]
    texts = [value for value in joined if isinstance(value, str)]
    return texts if len(texts) * 2 > len(there) else []


def _looks_like_title(texts: list[str]) -> bool:
    """Short, nearly unique, and in words."""
    return len(set(texts)) >= 0.9 * len(texts) and _mean_length(texts) <= 150 and _is_prose(texts)


def _is_prose(texts: list[str]) -> bool:
    """Whether most of them are words with blanks between them, and no addresses, lists or dates."""
    words = [text for text in texts if re.match(r"[^\W\d_][^\s:/{\[]* +\S*[^\W\d_]", text.lstrip(" <p>\"'"))]
    return len(words) * 2 > len(texts)


def _mean_length(texts: list[str]) -> float:
    return sum(map(len, texts)) / len(texts)
