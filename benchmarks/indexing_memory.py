"""Peak memory of indexing, beside Chroma's own for the same documents.

    python benchmarks/indexing_memory.py --records 24576 200000

Each figure is of a process of its own. `Chroma alone` holds nothing but a slice of texts and random vectors, and adds
them to a collection; `rag_indexing.py` reads a catalogue of that size, splits, embeds (random vectors stand in for what
the model computes; model and libraries are loaded), keeps vectors and writes the keyword index and Chroma. What counts
is the growth from the smallest to the largest catalogue.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

WORDS = [
    f"{start}{end}" for start in ("lam", "tor", "kes", "bri", "van", "mol") for end in ("pa", "do", "rel", "ist", "y")
]
MEGABYTE = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[24_576, 200_000])
    parser.add_argument("--one", choices=["chroma", "indexing"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            {"chroma": chroma_alone, "indexing": indexing}[options.one](Path(folder), options.records[0])
        return
    peaks = {}
    for records in options.records:
        for name in ("chroma", "indexing"):
            peaks[name, records] = measure(name, records)
    least, most = min(options.records), max(options.records)
    for name in ("chroma", "indexing"):
        print(f"{name:10} grows by {peaks[name, most] - peaks[name, least]:,.0f} MB")


def measure(name: str, records: int) -> float:
    """Peak memory of one of the two in a process of its own, with those that it starts, in MB.

    Pages that they share count in each.
    """
    import psutil

    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, "--one", name, "--records", str(records)], stdout=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        try:
            script = psutil.Process(process.pid)
            memory = sum(one.memory_info().rss for one in (script, *script.children(recursive=True)))
            peak = max(peak, memory / MEGABYTE)
        except psutil.NoSuchProcess:  # one of them has just ended
            pass
        time.sleep(0.05)
    assert process.wait() == 0
    print(f"{name:10} {records:9,} records: {peak:7,.0f} MB ({time.perf_counter() - start:.0f} s)", flush=True)
    return peak


def texts_of(number: int) -> tuple[str, str]:
    """Title and description of a product that does not exist, about 540 bytes."""
    chance = random.Random(number)
    return f"Lamp {number} {' '.join(chance.choices(WORDS, k=8))}", " ".join(chance.choices(WORDS, k=90))


def chroma_alone(folder: Path, records: int) -> None:
    import numpy as np

    from pipeline.catalogue.prompts import document_text
    from pipeline.command.command_line import read_settings
    from pipeline.search.splitter import document_id
    from pipeline.search.writer import CHROMA_BATCH, client_to_write_with, persisted, writable_collection

    settings = read_settings("", ["--profile", "demo", "--work_dir", str(folder)])
    client = client_to_write_with(settings)
    collection = writable_collection(client, "", records, settings)
    generator = np.random.default_rng(0)
    for start in range(0, records, CHROMA_BATCH):
        products = [texts_of(number) for number in range(start, min(start + CHROMA_BATCH, records))]
        texts = [document_text(*product) for product in products]
        collection.add(
            ids=[document_id(title, text) for (title, _description), text in zip(products, texts, strict=True)],
            documents=texts,
            metadatas=[{"product": title} for title, _description in products],
            embeddings=generator.standard_normal((len(texts), 384), dtype=np.float32),
        )
    persisted(client, 384, settings)


def indexing(folder: Path, records: int) -> None:
    import numpy as np

    import rag_indexing
    from pipeline.command.command_line import read_settings
    from pipeline.search.embedding import load_embedding_model
    from pipeline.search.splitter import splitter_for

    generator = np.random.default_rng(0)
    rag_indexing.embed = lambda _model, texts, _batch: generator.standard_normal((len(texts), 384), dtype=np.float32)
    settings = read_settings("", ["--profile", "demo", "--work_dir", str(folder), "--rag.max_records", "0"])
    with settings.data.processed_file.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number in range(records):
            title, description = texts_of(number)
            line = json.dumps({"product": title, "description": description})
            file.write(line + (",\n" if number + 1 < records else "\n]\n"))
    catalogue = rag_indexing.measure_catalogue(settings)
    embeddings = load_embedding_model(settings)
    rag_indexing.fill(catalogue, embeddings, splitter_for(embeddings), settings)


if __name__ == "__main__":
    main()
