"""The clean catalogue: reading it back, and which of its products are kept out of training."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pipeline.runtime.artifacts import require
from pipeline.runtime.json_lines_array import read_records

# The format of artifacts (pipeline.runtime.artifacts.FORMAT) since which `normalised_title` says which titles are the
# same. What is older goes by a title's words alone: it held out other products, and holds other hashes of titles.
TITLES_COMPARED_SO_SINCE = 2


class Product(NamedTuple):
    """A record of the clean catalogue."""

    product: str
    description: str


def read_products(processed_file: Path, limit: int = 0) -> Iterator[Product]:
    """The first `limit` products of the catalogue that process_data.py wrote, all of them for 0.

    One is in memory at a time. Raises UserError where the file is missing, or a line of it is no product.
    """
    made_by = "process_data.py"
    records = read_records(require(processed_file, made_by), Product._fields, made_by)
    return map(Product._make, islice(records, limit or None))


def normalised_title(title: str) -> str:
    """What the titles of one product have in common: `title` in NFC, whatever its case and the blanks in it.

    This is the only notion of "the same title": the held-out choice, duplicates, the look-up of a description and the
    index go by it. Accents, signs and digits count: lenses of +1.50 are not those of -1.50, nor is C# C.
    """
    if title.isascii():
        return " ".join(title.lower().split())
    folded = unicodedata.normalize("NFD", title).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def is_held_out(title: str, percent: int) -> bool:
    """Whether a product is never trained on: `percent` of all titles, chosen by a hash, so every run agrees."""
    digest = hashlib.sha256(normalised_title(title).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent
