"""The keyword side of the index: one SQLite file beside the Chroma folder, searched by words and parts of words.

For every word of a title or description, and for every three letters in a row of a word of a title, it holds the
numbers of the products with it (inverted lists). Parts of words find model numbers and misspelt titles.

    product    number, hash of normalised title and description, hash of that title, ids of its documents in order
    document   id in Chroma -> number of its product
    posting    term, block of 65,536 products -> the numbers of those with the term, 16 bits each; `#` marks a part
    norm       block -> length of the vector of parts of each title
"""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.catalogue.products import Product, normalised_title
from pipeline.search.words import PART_MARK, near_words, parts_of, words_of

if TYPE_CHECKING:
    import numpy as np

    Posting = dict[int, np.ndarray]  # block -> numbers within it, ascending

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE product (number INTEGER PRIMARY KEY, content BLOB UNIQUE, title BLOB, documents TEXT);
CREATE TABLE document (id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE posting (term TEXT, block INTEGER, numbers BLOB);
CREATE TABLE norm (block INTEGER PRIMARY KEY, lengths BLOB);
"""
INDICES = """
CREATE UNIQUE INDEX posting_term ON posting (term, block);
CREATE INDEX product_title ON product (title);
"""

BLOCK = 1 << 16  # products whose numbers within the block fit 16 bits
SELECTED = 10_000  # values in one question to SQLite, which takes 32,766
DIGIT_WEIGHT = 1.5  # words and parts with a digit: model numbers tell more than their rarity says
MOST_QUERY_WORDS = 100
MOST_CORRECTED = 5
CORRECTED_STRENGTH = 0.9
MOST_POSTINGS = 200_000  # read to choose candidates; about 1 ms

DIGIT = re.compile(r"\d")
CORRECTABLE = re.compile(r"[a-z]{3,20}")  # shorter ones are near to too many


def path_for(settings: Settings) -> Path:
    """Where the keyword index stands: beside the folder of Chroma, which is Chroma's alone."""
    folder = settings.rag.chroma_dir
    return folder.with_name(f"{folder.name}.{settings.rag.collection}.keywords.sqlite3")


# ---------------------------------------------------------------------------------------------------------- writing


@contextmanager
def new_index(path: Path) -> Iterator[KeywordWriter]:
    """A keyword index to fill, which takes the name `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    writer = KeywordWriter(part)
    try:
        yield writer
        writer.finish()
        part.replace(path)
    finally:
        writer.close()
        part.unlink(missing_ok=True)


class KeywordWriter:
    """Writes a keyword index; the lists of one block of products are in memory, about 50 MB."""

    def __init__(self, path: Path):
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(SCHEMA + "BEGIN;")
        self._count = 0
        self._postings: dict[str, array] = {}

    def add(self, product: Product, document_ids: Sequence[str]) -> None:
        """Add `product`, whose documents in Chroma have these ids, in the order of its description.

        Where the same normalised title with the same description was added before, the documents count as that one's.
        """
        title = normalised_title(product.product)
        content = _hash(f"{title}\n{product.description}")
        added = self._database.execute(
            "INSERT OR IGNORE INTO product VALUES (?, ?, ?, ?)",
            (self._count, content, _hash(title) if title else None, " ".join(document_ids)),
        )
        number = self._count
        if not added.rowcount:
            [number] = self._database.execute("SELECT number FROM product WHERE content = ?", (content,)).fetchone()
        self._database.executemany(
            "INSERT OR IGNORE INTO document VALUES (?, ?)", [(id_, number) for id_ in document_ids]
        )
        if added.rowcount:
            self._add_terms(product, number % BLOCK)
            self._count += 1
            if self._count % BLOCK == 0:
                self._write_block()

    def finish(self) -> None:
        """Write what is left and what can only be known at the end: how rare each part is."""
        self._write_block()
        self._database.execute("COMMIT")
        self._database.executescript(INDICES)
        self._write_norms()
        self.close()

    def close(self) -> None:
        self._database.close()

    def _add_terms(self, product: Product, number: int) -> None:
        title = set(words_of(product.product))
        terms = title.union(words_of(product.description), *map(parts_of, title))
        postings = self._postings
        for term in terms:
            if term in postings:
                postings[term].append(number)
            else:
                postings[term] = array("H", (number,))

    def _write_block(self) -> None:
        block = (self._count - 1) // BLOCK
        rows = ((term, block, numbers.tobytes()) for term, numbers in sorted(self._postings.items()))
        self._database.executemany("INSERT INTO posting VALUES (?, ?, ?)", rows)
        self._postings.clear()

    def _write_norms(self) -> None:
        import numpy as np

        marked = "term >= '#' AND term < '$'"
        holders = f"SELECT term, SUM(LENGTH(numbers)) / 2 FROM posting WHERE {marked} GROUP BY term"
        weights = {term: weight_of(term, count, self._count) for term, count in self._database.execute(holders)}
        for block in range((self._count + BLOCK - 1) // BLOCK):
            squares = np.zeros(min(BLOCK, self._count - block * BLOCK), np.float32)
            lists = f"SELECT term, numbers FROM posting WHERE {marked} AND block = ?"
            for term, numbers in self._database.execute(lists, (block,)):
                squares[np.frombuffer(numbers, np.uint16)] += weights[term] ** 2
            lengths = np.sqrt(np.maximum(squares, 1e-9))
            self._database.execute("INSERT INTO norm VALUES (?, ?)", (block, lengths.astype(np.float32).tobytes()))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


def weight_of(term: str, holders: int, products: int) -> float:
    """How much a term tells: the logarithm of its rarity (smoothed idf), more for one with a digit."""
    return (math.log((1 + products) / (1 + holders)) + 1) * (DIGIT_WEIGHT if DIGIT.search(term) else 1)


# ---------------------------------------------------------------------------------------------------------- reading


class KeywordIndex:
    """A keyword index that is complete; opening it reads 4 bytes a product, a query what its terms need."""

    def __init__(self, path: Path):
        import numpy as np

        # LangChain may call from other threads; SQLite itself lets one in at a time.
        self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._database.execute(f"PRAGMA mmap_size = {1 << 31}")
        lengths = self._database.execute("SELECT lengths FROM norm ORDER BY block").fetchall()
        self.norms = np.concatenate([np.frombuffer(blob, np.float32) for (blob,) in lengths])

    def close(self) -> None:
        self._database.close()

    def counts(self) -> tuple[int, int]:
        """How many products and documents there are."""
        [documents] = self._database.execute("SELECT COUNT(*) FROM document").fetchone()
        return len(self.norms), documents

    def with_title(self, title: str) -> list[int]:
        """The products with the same normalised title."""
        title = normalised_title(title)
        rows = self._database.execute("SELECT number FROM product WHERE title = ?", (_hash(title),)) if title else ()
        return [number for (number,) in rows]

    def product_of(self, document_ids: Sequence[str]) -> dict[str, int]:
        """Document id -> number of its product."""
        return dict(self._select("SELECT id, number FROM document WHERE id IN", document_ids))

    def documents_of(self, numbers: Sequence[int]) -> dict[int, list[str]]:
        """Product -> ids of its documents, in the order of its description."""
        rows = self._select("SELECT number, documents FROM product WHERE number IN", numbers)
        return {number: documents.split() for number, documents in rows}

    def query(self, text: str, without: Collection[int] = ()) -> KeywordQuery:
        """Look up the terms of `text`, as if the products `without` were not there.

        A word that nothing has is taken for those that a typing error makes of it.
        """
        words = list(dict.fromkeys(words_of(text)))[:MOST_QUERY_WORDS]
        parts = {word: parts_of(word) for word in words}
        postings = self._postings([*words, *(part for word in words for part in parts[word])], without)
        misspelt = [word for word in words if not postings[word] and CORRECTABLE.fullmatch(word)][:MOST_CORRECTED]
        for word in misspelt:
            found = self._postings([*near_words(word)], without)
            postings[word] = united([posting for posting in found.values() if posting])
        return KeywordQuery(parts, postings, set(misspelt), self.norms)

    def _postings(self, terms: Sequence[str], without: Collection[int]) -> dict[str, Posting]:
        import numpy as np

        postings: dict[str, Posting] = {term: {} for term in terms}
        left_out: dict[int, list[int]] = {}
        for number in without:
            left_out.setdefault(number // BLOCK, []).append(number % BLOCK)
        for term, block, blob in self._select("SELECT term, block, numbers FROM posting WHERE term IN", [*postings]):
            numbers = np.frombuffer(blob, np.uint16)
            if block in left_out:
                numbers = numbers[~np.isin(numbers, left_out[block])]
            if len(numbers):
                postings[term][block] = numbers
        return postings

    def _select(self, query: str, values: Sequence) -> list[tuple]:
        rows = []
        for start in range(0, len(values), SELECTED):
            page = values[start : start + SELECTED]
            rows += self._database.execute(f"{query} ({','.join('?' * len(page))})", [*page]).fetchall()
        return rows


def united(postings: list[Posting]) -> Posting:
    """The products that are in any of `postings`."""
    import numpy as np

    blocks = {block for posting in postings for block in posting}
    return {
        block: np.unique(np.concatenate([posting[block] for posting in postings if block in posting]))
        for block in blocks
    }


class KeywordScores(NamedTuple):
    """How well products fit a query, 0 to 1 each.

    title: cosine of the parts of title and query, by their weights (tf-idf without counts).
    coverage: share of the words of the query, by their weights, that stand in title or description; a word that was
    corrected counts a little less, one that does not stand there with the square of the share of its parts that stand
    in the title.
    """

    title: np.ndarray
    coverage: np.ndarray


class KeywordQuery:
    """The terms of a query with their lists; those of the words `corrected` are of words near to them."""

    def __init__(
        self, parts: dict[str, list[str]], postings: dict[str, Posting], corrected: set[str], norms: np.ndarray
    ):
        self._parts = parts  # of each word
        self._postings = postings
        self._corrected = corrected
        self._strengths = {word: CORRECTED_STRENGTH if word in corrected else 1.0 for word in parts}
        self._norms = norms
        self._holders = {term: sum(map(len, blocks.values())) for term, blocks in postings.items()}
        self._weights = {term: weight_of(term, holders, len(norms)) for term, holders in self._holders.items()}
        self._title_weights = {term: self._weights[term] ** 2 for term in postings if term.startswith(PART_MARK)}
        self._length = sum(self._title_weights.values()) ** 0.5 or 1.0  # of the query's vector of parts
        self._words_weight = sum(self._weights[word] for word in parts) or 1.0

    def best(self, count: int) -> np.ndarray:
        """About `count` products that share the most with the query, in no order.

        The rarest terms decide, as many as have `MOST_POSTINGS` entries in all: so the time hardly grows with
        the catalogue, and what the commonest words would add is next to nothing.
        """
        import numpy as np

        title, coverage = np.zeros((2, len(self._norms)), np.float32)
        read = 0
        for term in sorted(self._postings, key=self._holders.__getitem__):
            read += self._holders[term]
            if read > MOST_POSTINGS and read > self._holders[term]:
                break
            of_title = term in self._title_weights
            scores = title if of_title else coverage
            weight = self._title_weights[term] if of_title else self._weights[term]
            for block, numbers in self._postings[term].items():
                scores[block * BLOCK : (block + 1) * BLOCK][numbers] += weight
        found = np.flatnonzero(title + coverage)
        if count < len(found):
            scores = title[found] / (self._norms[found] * self._length) + coverage[found] / self._words_weight
            found = found[np.argpartition(scores, -count)[-count:]]
        return found

    def scores(self, numbers: np.ndarray) -> KeywordScores:
        """The scores of these products."""
        import numpy as np

        held = self._held(numbers)
        for word in self._corrected:  # its parts are those of the right word, as well as they can be
            held |= {part: held[part] | held[word] for part in self._parts[word]}
        title = sum((held[part] * weight for part, weight in self._title_weights.items()), np.zeros(len(numbers)))
        coverage = np.zeros(len(numbers))
        for word, parts in self._parts.items():
            in_part = np.mean([held[part] for part in parts], axis=0) ** 2
            coverage += np.where(held[word], self._strengths[word], in_part) * self._weights[word]
        title = np.minimum(title / (self._norms[numbers] * self._length), 1)
        return KeywordScores(title, coverage / self._words_weight)

    def _held(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """Term -> whether each of `numbers` has it."""
        import numpy as np

        places = {block: np.flatnonzero(numbers // BLOCK == block) for block in set((numbers // BLOCK).tolist())}
        wanted = {block: (numbers[inside] % BLOCK).astype(np.uint16) for block, inside in places.items()}
        held = {}
        for term, posting in self._postings.items():
            held[term] = np.zeros(len(numbers), bool)
            for block in posting.keys() & places.keys():
                nearest = np.minimum(np.searchsorted(posting[block], wanted[block]), len(posting[block]) - 1)
                held[term][places[block]] = posting[block][nearest] == wanted[block]
        return held
