"""Write a raw catalogue of any size, for measurements: python benchmarks/make_raw_catalogue.py 300000 raw.json

The ending names the format: .json, .json.gz, .csv or .parquet. The titles and contents are those of the bundled
catalogue, or of another one in the same format that --texts names, drawn again and again, with a number in the title
that makes each one another product; the rest is as in LF-AmazonTitles-1.3M, the catalogue that
the first version of this pipeline was made for: 46 of 100 contents are empty or short, and lists of related products
take a third of the file. The same arguments write the same records.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from tqdm import tqdm

BUNDLED = Path(__file__).resolve().parent.parent / "demo" / "trn.json.gz"

SEED = 20130704
NAMES = ("uid", "title", "content", "target_ind", "target_rel")
ROW_GROUP = 100_000  # rows
EMPTY_OR_SHORT = 0.46  # of the records: 2,248,619 were read and 1,216,560 kept
EMPTY = 0.7  # of these
MEAN_RELATED = 25
MOST_RELATED = 200
ALL_PRODUCTS = 1_300_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("records", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--texts", type=Path, default=BUNDLED)
    arguments = parser.parse_args()
    write(arguments.file, arguments.records, arguments.texts)


def write(file: Path, records: int, texts: Path = BUNDLED) -> None:
    """Write `records` records to `file`."""
    made = tqdm(_records(records, texts), desc=file.name, total=records, mininterval=1)
    {".csv": _write_csv, ".parquet": _write_parquet}.get(file.suffix, _write_json)(file, made)


def _records(records: int, texts: Path) -> Iterator[dict]:
    rng = random.Random(SEED)
    products = usable(texts)
    for number in range(records):
        title, content = rng.choice(products)
        if rng.random() < EMPTY_OR_SHORT:
            content = "" if rng.random() < EMPTY else content[: rng.randrange(100)]
        related = min(MOST_RELATED, int(rng.expovariate(1 / MEAN_RELATED)))
        record = {"uid": f"{number:010}", "title": f"{title} {number}", "content": content}
        record["target_ind"] = [rng.randrange(ALL_PRODUCTS) for _ in range(related)]
        record["target_rel"] = [1.0] * related
        yield record


def _write_json(file: Path, records: Iterable[dict]) -> None:
    with (gzip.open if file.suffix == ".gz" else open)(file, "wt", encoding="utf-8", newline="\n") as raw:
        for record in records:
            raw.write(json.dumps(record) + "\n")


def _write_csv(file: Path, records: Iterable[dict]) -> None:
    with file.open("w", encoding="utf-8", newline="") as raw:
        writer = csv.writer(raw, lineterminator="\n")
        writer.writerow(NAMES)
        writer.writerows(record.values() for record in records)


def _write_parquet(file: Path, records: Iterable[dict]) -> None:
    import pyarrow
    from pyarrow import parquet

    text, numbers, weights = pyarrow.string(), pyarrow.list_(pyarrow.int64()), pyarrow.list_(pyarrow.float64())
    schema = pyarrow.schema(list(zip(NAMES, (text, text, text, numbers, weights), strict=True)))
    records = iter(records)
    with parquet.ParquetWriter(file, schema) as writer:
        while part := list(islice(records, ROW_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(part, schema))


def usable(texts: Path) -> list[tuple[str, str]]:
    """Title and content of the records that a catalogue has with 100 characters and more."""
    products = []
    with (gzip.open if texts.suffix == ".gz" else open)(texts, "rb") as file:
        for line in file:
            try:
                record = json.loads(line)
                if len(record["content"] or "") >= 100 and isinstance(record["title"], str):
                    products.append((record["title"], record["content"]))
            except (ValueError, KeyError, TypeError):
                continue  # the bundled catalogue has broken lines too
    return products


if __name__ == "__main__":
    main()
