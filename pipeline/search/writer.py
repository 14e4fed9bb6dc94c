"""The writing side of the index: what a run of script 5 changes in the Chroma collection.

While Chroma adds documents, it holds Python's interpreter lock: a process of its own does that, so that the embedding
goes on. The documents of the catalogue that the collection holds already stay; others are removed at the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.runtime.artifacts import meta_path, sole_writer
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _, set_language
from pipeline.runtime.prefetch import WriteBehind
from pipeline.runtime.worker_processes import WorkerProcesses
from pipeline.search.store import (
    DATABASE,
    MARK,
    chroma_faults,
    existing_collection,
    open_client,
    with_retries,
)
from pipeline.search.vector_cache import digests_of, find_digests, ids_of, sorted_digests

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from langchain_core.documents import Document

COSINE = {"hnsw": {"space": "cosine"}}

CHROMA_BATCH = 2048  # documents that are stored together: of 512, 1,024, 2,048 and 4,096 the fastest
REMOVED_TOGETHER = 512  # documents
ID_PAGE = 10_000  # ids asked from Chroma at a time
MEGABYTE = 1 << 20
ADDER_PATIENCE = 60  # seconds that the last batch of a run that was killed may take

AddDocuments = Callable[["list[Document]", "np.ndarray"], None]

# Chroma writes its whole graph to the disk each time that so many documents have come. A tenth of them all: that is
# five times the size of the graph in the end, however large it is.
LEAST_SYNC, MOST_SYNC, SYNC_NOW = 1_000, 50_000, 2


# --------------------------------------------------------------------------------------------------- before the start


def client_to_write_with(settings: Settings) -> ClientAPI:
    """Chroma, once no other process writes to it any more; its folder is made where there is none."""
    settings.rag.chroma_dir.mkdir(parents=True, exist_ok=True)
    _wait_for_adder(settings)
    return open_client(settings)


def writable_collection(
    client: ClientAPI, model: str, products: int, settings: Settings, damaged: Path | None = None
) -> Collection:
    """The collection to write `products` into; until the end of the run, no other script takes it for complete.

    It compares by cosine. One made with another embedding model than the one with the fingerprint `model` is emptied
    first, and so is one of whose graph a file is `damaged`. Raises UserError, before anything is changed, where the
    collection is another program's.
    """
    from chromadb.errors import NotFoundError

    name = settings.rag.collection
    made_with = {"embedding_model": settings.rag.embedding_model, "fingerprint": model}
    try:
        metadata = existing_collection(client, settings).metadata
    except NotFoundError:
        metadata = made_with
    if damaged:
        print(
            "\n" + _("{file} is missing or not as long as it was written: the index is made anew.").format(file=damaged)
        )
    if damaged or not metadata.items() >= made_with.items():
        client.delete_collection(name)
    meta_path(settings.rag.chroma_dir).unlink(missing_ok=True)  # last: it tells of damage if this run is killed here
    collection = client.get_or_create_collection(
        name, metadata=MARK | made_with, configuration=COSINE, embedding_function=None
    )
    _sync_after(collection, min(max(products // 10, LEAST_SYNC), MOST_SYNC))
    return collection


class Stored:
    """The documents that the collection held when the run began, and which of them the catalogue still has.

    17 bytes a document, where a set of ids would take 120.
    """

    def __init__(self, collection: Collection):
        import numpy as np

        pages = (
            collection.get(limit=ID_PAGE, offset=offset, include=[])["ids"]
            for offset in range(0, collection.count(), ID_PAGE)
        )
        self.digests, _order = sorted_digests(b"".join(digests_of(page).tobytes() for page in pages))
        self._seen = np.zeros(len(self.digests), bool)

    def among(self, digests: np.ndarray) -> np.ndarray:
        """Which of `digests` are stored, (n,) bool; from now on they count as seen."""
        places, found = find_digests(self.digests, digests)
        self._seen[places[found]] = True
        return found

    def missing(self, documents: list[Document]) -> list[Document]:
        """Those of `documents` that are not stored, each once."""
        documents = list({document.id: document for document in documents}.values())
        found = self.among(digests_of(document.id for document in documents))
        return [document for document, is_stored in zip(documents, found, strict=True) if not is_stored]

    def others(self) -> list[str]:
        """The ids of those that were never seen."""
        return ids_of(self.digests[~self._seen])


class Catalogue(NamedTuple):
    """How much there is to index."""

    products: int
    text_bytes: int


def check_free_disk(catalogue: Catalogue, stored: int, dimension: int, settings: Settings) -> None:
    """Raise UserError if the index would not fit on the disk.

    The estimate is an upper bound; Chroma's part was measured with 384 numbers a vector and 540 bytes of text. A
    document takes 4 bytes a number in Chroma's graph, 4 in its log and 2 in `rag.vectors_dir`, 10 for each byte of
    its text (stored three times, and indexed by Chroma and by the keyword index), and 1,000 of everything else.
    """
    new = max(0, catalogue.products - stored)
    needed = new * (10 * dimension + 1000) + 10 * catalogue.text_bytes * new // catalogue.products
    folder = settings.rag.vectors_dir
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if settings.rag.server is None:
        free = min(free, shutil.disk_usage(settings.rag.chroma_dir).free)
    if needed > free:
        raise UserError(
            _(
                "The index needs about {needed:,} MB, and {free:,} MB are free in {folder}. Make room, or index fewer "
                "products: --rag.max_records"
            ).format(needed=needed // MEGABYTE, free=free // MEGABYTE, folder=folder.resolve().parent)
        )


# ----------------------------------------------------------------------------------------------- adding and removing


@contextmanager
def collection_writer(settings: Settings) -> Iterator[AddDocuments]:
    """A function that adds documents with their vectors to the collection, many together, while the caller goes on.

    At the end of the block all of them are stored.
    """
    waiting: list[tuple[list[Document], np.ndarray]] = []

    def add(documents: list[Document], vectors: np.ndarray) -> None:
        waiting.append((documents, vectors))
        if sum(len(documents) for documents, _vectors in waiting) >= CHROMA_BATCH:
            send()

    def send() -> None:
        behind.call(chroma.call, joined(waiting))
        waiting.clear()

    with WorkerProcesses(DocumentAdder(settings), 1, start_method="spawn") as chroma, WriteBehind() as behind:
        yield add
        if waiting:
            send()


class DocumentBatch(NamedTuple):
    """Documents to add to the collection, with their vectors (n, dim)."""

    ids: list[str]
    texts: list[str]
    metadatas: list[dict]
    vectors: np.ndarray


class DocumentAdder:
    """Adds documents to the collection, which it opens in the process that first calls it.

    Chroma leaves out those that the collection has.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.collection: Collection | None = None

    def __call__(self, documents: DocumentBatch) -> None:
        if self.collection is None:
            self._open()
        with chroma_faults(self.settings):
            for start in range(0, len(documents.ids), self.most):
                with_retries(partial(self._add, *(part[start : start + self.most] for part in documents)))

    def _open(self) -> None:
        set_language(self.settings.language)  # of this process
        self.lock = _adder_lock(self.settings)
        self.lock.__enter__()  # until the process ends; before all else, since the next run waits for it
        with chroma_faults(self.settings):
            client = open_client(self.settings)
            self.most = client.get_max_batch_size()  # in one call, a limit of SQLite
            self.collection = existing_collection(client, self.settings)

    def _add(self, ids: list[str], texts: list[str], metadatas: list[dict], vectors: np.ndarray) -> None:
        self.collection.add(ids=ids, documents=texts, metadatas=metadatas, embeddings=vectors)


def _wait_for_adder(settings: Settings) -> None:
    """Where an earlier run was killed, its writing process may still be at its last batch."""
    with _adder_lock(settings):
        pass


def _adder_lock(settings: Settings) -> AbstractContextManager:
    return sole_writer(settings.rag.chroma_dir / DATABASE, ADDER_PATIENCE)


def joined(parts: list[tuple[list[Document], np.ndarray]]) -> DocumentBatch:
    """The documents of these slices with their vectors, each once: Chroma refuses to add one id twice."""
    import numpy as np

    pairs = {
        document.id: (document, vector)
        for part, vectors in parts
        for document, vector in zip(part, vectors, strict=True)
    }
    documents = [document for document, _vector in pairs.values()]
    return DocumentBatch(
        [document.id for document in documents],
        [document.page_content for document in documents],
        [document.metadata for document in documents],
        np.array([vector for _document, vector in pairs.values()], np.float32),
    )


def remove_others(collection: Collection, stored: Stored) -> int:
    """Remove the documents whose product has changed or left the catalogue; returns how many."""
    others = stored.others()
    for start in range(0, len(others), REMOVED_TOGETHER):
        collection.delete(ids=others[start : start + REMOVED_TOGETHER])
    return len(others)


def persisted(client: ClientAPI, dimension: int, settings: Settings) -> Collection:
    """The collection, opened anew with its graph whole on the disk: nobody has to build the end of it again.

    A server keeps its graph in memory and is left to itself. `client` is closed.
    """
    collection = existing_collection(client, settings)
    if settings.rag.server is not None:
        return collection
    _sync_after(collection, SYNC_NOW)
    client.close()
    collection = existing_collection(open_client(settings), settings)
    collection.query(query_embeddings=[[1.0] * dimension], n_results=1)  # builds the rest of the graph, and writes it
    _sync_after(collection, LEAST_SYNC)
    return collection


def _sync_after(collection: Collection, documents: int) -> None:
    """Have the graph written after so many documents; counts from the next time that Chroma loads it."""
    with_retries(partial(collection.modify, configuration={"hnsw": {"sync_threshold": documents}}))
