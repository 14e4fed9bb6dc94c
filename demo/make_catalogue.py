"""Make demo/trn.json.gz, the raw catalogue of an invented market-place, dirt included: python demo/make_catalogue.py

And demo/shop_export.csv, 50 rows of the same market-place as a shop system exports them: a row for each variant.

Everything follows from SEED, so that two runs write the same bytes (of the JSON; gzip's bytes also need the same zlib).
`true_attributes` tells what every product is really made of, for measurements; the raw file does not.
"""

import csv
import functools
import gzip
import html
import json
import os
import random
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.catalogue_text import CATEGORIES, FOREIGN, LONG_EXTRAS, REVIEWS, SHORT, WORDS, Category  # noqa: E402
from demo.grammar import expand, sentence  # noqa: E402

SEED = 20130704
OUTPUT = Path(__file__).resolve().parent / "trn.json.gz"
SHOP_EXPORT = OUTPUT.with_name("shop_export.csv")
SHOP_ROWS = 50
SHOP_HEADER = ("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value")
SHOP_HEADER += ("Variant SKU", "Variant Grams", "Variant Inventory Qty", "Variant Price", "Image Src", "SEO Title")
PRODUCTS = 2_100
EMPTY_OR_SHORT = 1_730
MEDIAN_WORDS = 84


@dataclass(frozen=True)
class Product:
    """One record before it is made dirty. `blocks` are its paragraphs, `facts` the values that a title cannot tell."""

    title: str
    blocks: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return " ".join(self.blocks)


def main() -> None:
    rng = random.Random(SEED + 1)
    records = [_raw_record(product, rng) for product in _products()]
    lines = [json.dumps(record, ensure_ascii=rng.random() < 0.5).encode() for record in records]
    _insert_broken_lines(lines, rng)
    _write(lines)
    _write_shop_export(random.Random(SEED + 2))
    print(f"{len(lines):,} lines, {sum(len(_clean(r.get('content'))) >= 100 for r in records):,} usable -> {OUTPUT}")


def true_attributes() -> dict[str, dict[str, str]]:
    """Title -> name of the attribute -> value, word for word as the description has it.

    Only values that the title does not contain, and only products of 100 characters or more whose title stands in the
    catalogue with one content.
    """
    usable = [product for product in _products() if len(product.text) >= 100]
    contents: dict[str, set[str]] = {}
    for product in usable:
        contents.setdefault(product.title, set()).add(product.text)
    return {
        product.title: facts
        for product in usable
        if len(contents[product.title]) == 1 and (facts := _visible_facts(product))
    }


def contains_value(text: str, value: str) -> bool:
    """Whether `value` stands in `text` as whole words, in any case, whatever the white space."""
    pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, value.split())) + r"(?!\w)"
    return re.search(pattern, text, re.IGNORECASE) is not None


def _visible_facts(product: Product) -> dict[str, str]:
    return {
        name: value
        for name, value in product.facts.items()
        if contains_value(product.text, value) and not contains_value(product.title, value)
    }


@functools.cache
def _products() -> tuple[Product, ...]:
    """Every record in the order of the file: described ones, empty and short ones, duplicates, repeated titles."""
    rng = random.Random(SEED)
    products = _described_with_own_titles(rng)
    products += [_short(rng.choice(CATEGORIES), rng) for _ in range(EMPTY_OR_SHORT)]
    products += [_foreign(rng.choice(CATEGORIES), rng) for _ in range(45)]
    products += rng.sample(products, 60)
    products += [_another_edition(product, rng) for product in rng.sample(products[:PRODUCTS], 55)]
    rng.shuffle(products)
    return tuple(products)


def _described_with_own_titles(rng: random.Random) -> list[Product]:
    """PRODUCTS descriptions, (nearly) each under a title of its own: a repeated title is drawn again a few times."""
    products: dict[str, Product] = {}
    repeated: list[Product] = []
    while len(products) + len(repeated) < PRODUCTS:
        product = _described(rng.choice(CATEGORIES), rng)
        if product.title not in products:
            products[product.title] = product
        elif rng.random() < 0.02:
            repeated.append(product)
    return [*products.values(), *repeated]


def _described(category: Category, rng: random.Random, title: str | None = None) -> Product:
    words = {**WORDS, **category.words}
    bound: dict[str, str] = {}
    if title is None:
        title = _title(category, words, bound, rng)
    bound = {name: value for name, value in bound.items() if name in _KEPT_FROM_TITLE}
    facts = {name: rng.choice(values) for name, values in category.facts.items()}
    bound |= facts
    for name in ("brand", "thing", "hero2", "year"):
        if name not in bound and name in words:
            bound[name] = rng.choice(words[name])
    facts["year"] = bound["year"]
    bound["thing"] = bound["thing"].lower()
    return Product(title, tuple(_blocks(category, words, bound, rng)), facts)


_KEPT_FROM_TITLE = ("brand", "thing", "hero2", "subject", "pet", "game", "artist")


def _title(category: Category, words, bound: dict[str, str], rng: random.Random) -> str:
    """A title, and in `bound` the words of it that the description takes up again."""
    pattern = rng.choice(category.titles)
    for name in _KEPT_FROM_TITLE:
        if name in words and f"{{{name}}}" in pattern:
            bound[name] = rng.choice(words[name])
    return expand(pattern, words, bound, rng).replace("A A", "An A")


def _blocks(category: Category, words, bound: dict[str, str], rng: random.Random) -> list[str]:
    """Paragraphs up to a length drawn for this product; what a paragraph says, and in which order, is drawn too."""
    target = rng.uniform(260, 720) if rng.random() < 0.08 else MEDIAN_WORDS * rng.lognormvariate(0, 0.5)
    details = rng.sample(category.details, len(category.details))
    openings = rng.sample(category.openings, len(category.openings))
    extras = rng.sample(REVIEWS * 2, 7) + rng.sample(LONG_EXTRAS, len(LONG_EXTRAS)) + rng.sample(openings, 2)[1:]
    rng.shuffle(extras)

    def write(pattern: str) -> str:
        return sentence(pattern, words, dict(bound), rng)

    blocks = [[write(openings.pop())]]
    length = len(blocks[0][0].split())
    list_at = rng.choice((0, 1, 2, 9, 9, 9))
    while length < target and (details or extras):
        if details and (len(blocks) < 3 or rng.random() < 0.5):
            size = rng.randint(1, 4)
            patterns, details = details[:size], details[size:]
        else:
            patterns = [extras.pop()] if extras else [details.pop()]
        block = [write(pattern) for pattern in patterns]
        if len(blocks) == list_at and len(block) > 1:
            block = ["Features: " + "; ".join(text.rstrip(".") for text in block) + "."]
        blocks.append(block)
        length += sum(len(text.split()) for text in block)
    if rng.random() < 0.4:
        blocks.append([write(rng.choice(category.closings))])
    return [" ".join(block) for block in blocks]


def _short(category: Category, rng: random.Random) -> Product:
    """Nothing at all (more than half of them) or less than 100 characters."""
    words = {**WORDS, **category.words}
    bound: dict[str, str] = {}
    title = _title(category, words, bound, rng)
    text = "" if rng.random() < 0.55 else sentence(rng.choice(SHORT), words, bound, rng)
    return Product(title, (text[:99],))


def _foreign(category: Category, rng: random.Random) -> Product:
    words = {**WORDS, **category.words}
    bound: dict[str, str] = {}
    facts = {name: rng.choice(words[name]) for name in ("count", "months", "town")}
    title = _title(category, words, bound, rng)
    return Product(title, (sentence(rng.choice(FOREIGN), words, bound | facts, rng),), facts)


def _another_edition(product: Product, rng: random.Random) -> Product:
    """The same title with another content, as other sellers and other editions have it."""
    category = next(c for c in CATEGORIES if c.facts.keys() | {"year"} == product.facts.keys() | {"year"})
    return _described(category, rng, title=product.title)


def _raw_record(product: Product, rng: random.Random) -> dict:
    record = {
        "uid": f"{rng.randrange(10**10):010d}",
        "title": _dirty(product.title, rng, tags=False),
        "content": _markup(product.blocks, rng),
        "target_ind": [],
        "target_rel": [],
    }
    if rng.random() < 0.25:
        record["target_ind"] = sorted(rng.sample(range(4_000), rng.randint(1, 12)))
        record["target_rel"] = [1.0] * len(record["target_ind"])
    if not record["content"] and rng.random() < 0.15:
        del record["content"]
    if rng.random() < 0.02:
        del record["target_rel"]
    return record


def _markup(blocks: tuple[str, ...], rng: random.Random) -> str:
    """The paragraphs as one string, the way shops store it: plain, with line breaks, or with tags."""
    style = rng.random()
    if style < 0.7:
        text = " ".join(blocks)
    elif style < 0.85:
        text = "<br />".join(blocks) if rng.random() < 0.5 else "<br><br>".join(blocks)
    elif style < 0.95:
        text = "".join(f"<p>{block}</p>" for block in blocks if block)
    else:
        text = " ".join((f"<b>{blocks[0]}</b>", *blocks[1:])) if blocks[0] else ""
    return _dirty(text, rng, tags=True)


def _dirty(text: str, rng: random.Random, tags: bool) -> str:
    """Typographic signs and entities: none in half of the texts, named, numbered or encoded twice in the others."""
    habit = rng.random()
    if habit < 0.4:
        return text
    if habit < 0.5:
        return text.replace("  ", " ").replace(". ", ".  ") if tags else text
    text = re.sub(r"(\w)'(\w)", r"\1’\2", text).replace(" - ", " — ")
    if tags and rng.random() < 0.6:
        text = re.sub(r'"([^"<>]*)"', r"“\1”", text)
    if habit < 0.65:
        return text
    entities = {"’": "&#8217;", "—": "&mdash;", "“": "&#8220;", "”": "&#8221;", "é": "&eacute;"}
    if habit < 0.8:
        entities |= {"’": "&rsquo;", "“": "&ldquo;", "”": "&rdquo;", "ö": "&ouml;"}
    text = text.replace("&", "&amp;").replace('"', "&quot;")
    for sign, entity in entities.items():
        text = text.replace(sign, entity)
    return text.replace("&", "&amp;") if habit > 0.92 else text


def _insert_broken_lines(lines: list[bytes], rng: random.Random) -> None:
    """What really stands in such files now and then: fewer than ten lines that cannot be read as a record."""
    broken = (
        b'{"uid": "0000099021", "title": "Garden Gnome", "content": "A cheerful gno',
        b'{"uid": "0000099022", "content": "A title is missing here, so nobody can ask for this product, however '
        b'long the text is and whatever it says about it."}',
        b'["0000099023", "Tea Cosy", "A list where a record should be"]',
        b'{"uid": "0000099024", "title": 1984, "content": "A number where a title should be, with a text that is long '
        b'enough to pass the filter for short contents."}',
        b'{"uid": "0000099025", "title": "Caf\xe9 Spoon", "content": "Bytes of another encoding."}',
        b'{"uid": "0000099026", "title": "Bell", "content": {"text": "An object where a text should be"}}',
        b"<html><body>502 Bad Gateway</body></html>",
    )
    for line in broken:
        lines.insert(rng.randrange(50, len(lines)), line)


def _write(lines: list[bytes]) -> None:
    beside = OUTPUT.with_name(OUTPUT.name + ".partial")
    with beside.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(b"\n".join(lines) + b"\n")
    os.replace(beside, OUTPUT)


def _write_shop_export(rng: random.Random) -> None:
    """The first SHOP_ROWS rows: products with their variants, some without a description or with a short one."""
    products = rng.sample([product for product in _products() if len(product.text) >= 100], SHOP_ROWS)
    short = rng.sample([product for product in _products() if len(product.text) < 100], 6)
    for place, product in enumerate(short):
        products.insert(3 + 5 * place, product)
    rows = [row for product in products for row in _shop_rows(product, rng)][:SHOP_ROWS]
    with SHOP_EXPORT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, SHOP_HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)


def _shop_rows(product: Product, rng: random.Random) -> list[dict[str, str]]:
    """A row for each variant; only the first one has what all of them share."""
    handle = re.sub(r"[^a-z0-9]+", "-", product.title.lower()).strip("-")
    sizes = rng.choice([("Default Title",), ("Default Title",), ("Small", "Large"), ("Small", "Medium", "Large")])
    number, price = rng.randrange(10_000, 100_000), rng.randrange(5, 200)
    rows = [
        {
            "Handle": handle,
            "Option1 Value": size,
            "Variant SKU": f"{number}-{place}",
            "Variant Grams": str(rng.randrange(50, 3000)),
            "Variant Inventory Qty": str(rng.randrange(40)),
            "Variant Price": f"{price + 5 * place}.90",
        }
        for place, size in enumerate(sizes)
    ]
    rows[0] |= {
        "Title": product.title,
        "Body (HTML)": "\n".join(f"<p>{html.escape(block, quote=False)}</p>" for block in product.blocks if block),
        "Vendor": rng.choice(WORDS["brand"]),
        "Published": "true",
        "Option1 Name": "Title" if len(sizes) == 1 else "Size",
    }
    return rows


def _clean(content: str | None) -> str:
    """Decoded twice, without tags, white space collapsed: enough to count usable records."""
    text = html.unescape(html.unescape(content or ""))
    return " ".join(re.sub(r"</?(?:p|b|br)\s*/?>", " ", text).split())


if __name__ == "__main__":
    main()
