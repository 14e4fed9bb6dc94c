"""Documents stored per second on a Chroma server by one, two and more writers at a time.

    python benchmarks/server_writers.py
    python benchmarks/server_writers.py --batches 24 --writers 1 2 4 --rounds 3

Script 5 writes to the server alone, whatever the number of workers that embed. Here each writer is a process that adds
batches of the size of script 5's; for each number of writers, a server is started with an empty folder. The vectors are
random, of length 1; a text has some 550 bytes. Prints the range over all rounds, and the ratio of the medians to the
first number of writers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import Settings  # noqa: E402
from pipeline.command.command_line import read_settings  # noqa: E402
from pipeline.runtime.worker_processes import WorkerProcesses  # noqa: E402
from pipeline.search.store import open_client  # noqa: E402
from pipeline.search.writer import CHROMA_BATCH, writable_collection  # noqa: E402
from tests.test_rag_indexing_storage import chroma_server  # noqa: E402

TEXT = "A lamp of brass and green glass for the desk. " * 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=12, help=f"of {CHROMA_BATCH} documents")
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rates: dict[int, list[float]] = {number: [] for number in options.writers}
    for _round in range(options.rounds):
        for number in options.writers:
            rates[number].append(documents_a_second(number, options))
    first = statistics.median(rates[options.writers[0]])
    for number, found in rates.items():
        ratio = statistics.median(found) / first
        print(f"{number} writers: {min(found):.0f} to {max(found):.0f} documents/s, {ratio:.2f} times")


def documents_a_second(writers: int, options: argparse.Namespace) -> float:
    """Of a server that is started for it."""
    documents = options.batches * CHROMA_BATCH
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, chroma_server(Path(name)) as address:
        settings = read_settings("", ["--rag.server", address, "--work_dir", name])
        collection = writable_collection(open_client(settings), "", documents, settings)
        writer = Writer(settings, options.dimension)
        with WorkerProcesses(writer, writers, start_method="spawn") as workers:
            list(workers.in_order([None] * writers))  # each connects before the clock starts
            start = time.perf_counter()
            list(workers.in_order(range(options.batches)))
            seconds = time.perf_counter() - start
        assert collection.count() == documents
    return documents / seconds


class Writer:
    """Adds the batch of a number; its connection and its vectors are made at the first call, which adds nothing."""

    def __init__(self, settings: Settings, dimension: int):
        self.settings, self.dimension = settings, dimension
        self.collection = self.vectors = None

    def __call__(self, batch: int | None) -> None:
        import numpy as np

        if self.collection is None:
            client = open_client(self.settings)
            self.collection = client.get_collection(self.settings.rag.collection, embedding_function=None)
            vectors = np.random.default_rng(os.getpid()).standard_normal((CHROMA_BATCH, self.dimension), np.float32)
            self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        if batch is None:
            return
        names = [str(batch * CHROMA_BATCH + place) for place in range(CHROMA_BATCH)]
        self.collection.add(
            ids=names,
            documents=[f"{name}: {TEXT}" for name in names],
            metadatas=[{"product": name, "part": 0} for name in names],
            embeddings=np.roll(self.vectors, batch + 1, axis=1),  # other vectors for each batch
        )


if __name__ == "__main__":
    main()
