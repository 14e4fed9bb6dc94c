"""The clean catalogue: reading it back, and which of its products are kept out of training."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.runtime.artifacts import require
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command


class Product(NamedTuple):
    """A record of the clean catalogue."""

    product: str
    description: str


def read_products(processed_file: Path, limit: int = 0) -> Iterator[Product]:
    """The first `limit` products of the catalogue that process_data.py wrote, all of them for 0.

    One is in memory at a time. Raises UserError where the file is missing, or a line of it is no product.
    """
    import orjson

    require(processed_file, made_by="process_data.py")
    with processed_file.open("rb") as file:
        count = 0
        for number, line in enumerate(file, start=1):
            line = line.strip().removesuffix(b",")
            if line in (b"[", b"]", b""):
                continue
            if limit and count == limit:
                return
            try:
                record = orjson.loads(line)
                product = Product(record["product"], record["description"])
                if not all(isinstance(text, str) for text in product):
                    raise TypeError
            except (ValueError, TypeError, KeyError):
                raise UserError(
                    _("{file}, line {line}: this is no product. Make the file again: {command}").format(
                        file=processed_file, line=number, command=command("process_data.py")
                    )
                ) from None
            yield product
            count += 1


def normalised_title(title: str) -> str:
    """`title` as its words in lower case without accents: what makes two products the same for the held-out set."""
    letters = unicodedata.normalize("NFKD", title.casefold())
    return " ".join(re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter))))


def is_held_out(title: str, percent: int) -> bool:
    """Whether a product is never trained on: `percent` of all titles, chosen by a hash, so every run agrees."""
    digest = hashlib.sha256(normalised_title(title).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent
