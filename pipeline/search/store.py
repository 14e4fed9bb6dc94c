"""The index: the Chroma collection, in a folder or on a server."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from config import Settings
from pipeline.runtime.artifacts import read_meta, require, require_made_from, sole_writer
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _, set_language
from pipeline.runtime.rerun import command
from pipeline.runtime.worker_processes import WorkerProcesses
from pipeline.search.embedding import fingerprint

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

COSINE = {"hnsw": {"space": "cosine"}}

WAITS = (0.5, 1, 2, 4)  # seconds before a server is asked once more

ADDER_PATIENCE = 60  # seconds that the last batch of a run that was killed may take

LONGEST_REASON = 120  # characters; Chroma's can be long, and name what only its authors know

FULL = 1 << 20  # bytes; with fewer free, a database can write no more

LOCK_SECONDS = 5  # that another program may keep the database to itself

# Chroma writes its whole graph to the disk each time that so many documents have come. A tenth of them all: that is
# five times the size of the graph in the end, however large it is.
LEAST_SYNC, MOST_SYNC, SYNC_NOW = 1_000, 50_000, 2


# ------------------------------------------------------------------------------------------------------------- Chroma


def open_client(settings: Settings) -> ClientAPI:
    """Chroma on the folder `rag.chroma_dir` or on `rag.server`, without telemetry.

    Raises UserError where the folder cannot be read or no server answers.
    """
    import chromadb

    private = chromadb.Settings(anonymized_telemetry=False)
    with chroma_faults(settings):
        if settings.rag.server is None:
            _try_database(settings.rag.chroma_dir / "chroma.sqlite3")
            return chromadb.PersistentClient(path=str(settings.rag.chroma_dir), settings=private)
        address = urlsplit(settings.rag.server)
        return with_retries(
            lambda: chromadb.HttpClient(
                address.hostname,
                address.port or (443 if address.scheme == "https" else 80),
                ssl=address.scheme == "https",
                settings=private,
            )
        )


def _try_database(file: Path) -> None:
    """Raise sqlite3.Error where another program keeps the database locked: Chroma itself would wait without a word."""
    if file.exists():
        with closing(sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")


def with_retries(call: Callable[[], Any]) -> Any:
    """What `call` gives; asked again a few times where a server does not answer."""
    for wait in WAITS:
        try:
            return call()
        except Exception as error:
            if not _is_no_answer(error):
                raise
            time.sleep(wait)
    return call()


def _is_no_answer(error: Exception) -> bool:
    """Whether a server is not there, or went away in the middle. Chroma hides the first behind a ValueError."""
    import httpx

    return isinstance(error, httpx.TransportError) or "Could not connect to a Chroma server" in str(error)


@contextmanager
def chroma_faults(settings: Settings) -> Iterator[None]:
    """Turn what Chroma raises for a damaged folder, one that is locked, or a server that is gone into a UserError."""
    try:
        yield
    except Exception as error:
        problem = _problem(error, settings)
        if problem is None:
            raise
        raise UserError(problem) from None


def _problem(error: Exception, settings: Settings) -> str | None:
    """What `error` says of the index or the server, for a user; None where it says nothing of them."""
    import httpx
    from chromadb.errors import ChromaError

    folder, reason = settings.rag.chroma_dir, " ".join(str(error).split())
    if _is_no_answer(error):
        return _(
            "No Chroma server answers at {server}. Start it, for example with: "
            "chroma run --host 127.0.0.1 --port {port} --path chroma_server"
        ).format(server=settings.rag.server, port=urlsplit(settings.rag.server or "").port or 8000)
    # Chroma's own class, but for a database that it cannot read at all.
    if not isinstance(error, (ChromaError, httpx.HTTPError, sqlite3.Error)) and "connect to tenant" not in reason:
        return None
    if settings.rag.server is None and _disk_is_full(folder, error):
        return _(
            "{folder} cannot be written: the disk is full or damaged. Make room there; the same command goes on."
        ).format(folder=folder)
    reason = reason[:LONGEST_REASON]
    if settings.rag.server:
        return _("The Chroma server at {server} cannot do what it was asked: {reason}").format(
            server=settings.rag.server, reason=reason
        )
    if "is locked" in reason:
        return _(
            "The index in {folder} is in use by another program. Close it, then run the same command again."
        ).format(folder=folder)
    return _(
        "The index in {folder} cannot be read. Close what else uses it; if that does not help, remove it and run: "
        "{command} (Chroma says: {reason})"
    ).format(folder=folder, command=command("rag_indexing.py"), reason=reason)


def _disk_is_full(folder: Path, error: Exception) -> bool:
    """Whether that is what `error` comes from: SQLite says so (778: a write failed), other parts of Chroma do not."""
    return "disk is full" in str(error) or "code: 778" in str(error) or shutil.disk_usage(folder).free < FULL


def writable_collection(client: ClientAPI, model: str, products: int, settings: Settings) -> Collection:
    """The collection to write `products` into; it compares by cosine.

    One made with another embedding model than the one with the fingerprint `model` is emptied first.
    """
    from chromadb.errors import NotFoundError

    name = settings.rag.collection
    metadata = {"embedding_model": settings.rag.embedding_model, "fingerprint": model}
    try:
        if client.get_collection(name, embedding_function=None).metadata != metadata:
            client.delete_collection(name)
    except NotFoundError:
        pass
    collection = client.get_or_create_collection(name, metadata=metadata, configuration=COSINE, embedding_function=None)
    _sync_after(collection, min(max(products // 10, LEAST_SYNC), MOST_SYNC))
    return collection


def existing_collection(client: ClientAPI, settings: Settings) -> Collection:
    """The collection `rag.collection`. Raises chromadb's NotFoundError where there is none."""
    return client.get_collection(settings.rag.collection, embedding_function=None)


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


def writing_process(settings: Settings) -> WorkerProcesses:
    """A process that adds the batches it is called with to the collection.

    While Chroma adds documents, it holds Python's interpreter lock: in one process, everything else would wait.
    """
    return WorkerProcesses(DocumentAdder(settings), 1, start_method="spawn")


def wait_for_adder(settings: Settings) -> None:
    """Where an earlier run was killed, its writing process may still be at its last batch."""
    with _adder_lock(settings):
        pass


def _adder_lock(settings: Settings) -> AbstractContextManager:
    return sole_writer(settings.rag.chroma_dir / "chroma.sqlite3", ADDER_PATIENCE)


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
    collection.modify(configuration={"hnsw": {"sync_threshold": documents}})


# --------------------------------------------------------------------------------------------------- complete indices


def require_index(settings: Settings) -> None:
    """Raise UserError unless the index is there, complete, and made from the present catalogue and embedding model.

    What is known of it stands beside `rag.chroma_dir`, also where a server holds the documents themselves.
    """
    folder, again = settings.rag.chroma_dir, command("rag_indexing.py")
    if settings.rag.server is None:
        require(folder, made_by="rag_indexing.py")
    meta = read_meta(folder)
    made_with = (meta or {}).get("settings", {})
    if made_with.get("collection") != settings.rag.collection or made_with.get("server") != settings.rag.server:
        raise UserError(_incomplete(settings))
    if made_with["embedding_model"] != settings.rag.embedding_model:
        raise UserError(
            _(
                "The index in {folder} was made with the embedding model {made_with}, not {name}. Run again: {command}"
            ).format(
                folder=folder,
                made_with=made_with["embedding_model"],
                name=settings.rag.embedding_model,
                command=again,
            )
        )
    require_made_from(settings.data.processed_file, folder, made_by="rag_indexing.py")
    require_whole_graph(settings)


def graph_files(folder: Path) -> dict[str, int]:
    """Sizes in bytes of the files in which Chroma keeps the vectors of the index in `folder`; searches leave them."""
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in sorted(folder.glob("*/*"))}


def require_whole_graph(settings: Settings) -> None:
    """Raise UserError where a file of the graph is not as long as it was: Chroma would find less, without a word.

    A server keeps its files itself.
    """
    if settings.rag.server:
        return
    folder = settings.rag.chroma_dir
    written = (read_meta(folder) or {}).get("graph", {}) if folder.exists() else {}
    present = graph_files(folder)
    for name, size in written.items():
        if present.get(name) != size:
            raise UserError(
                _("{file} is missing or not as long as it was written. Remove {folder} and run: {command}").format(
                    file=folder / name, folder=folder, command=command("rag_indexing.py")
                )
            )


def _incomplete(settings: Settings) -> str:
    return _("The index in {folder} is not complete. Run again: {command}").format(
        folder=settings.rag.server or settings.rag.chroma_dir, command=command("rag_indexing.py")
    )


def index_collection(settings: Settings) -> Collection:
    """The collection to search in; `require_index` comes first. Raises UserError where it is not what was written."""
    from chromadb.errors import NotFoundError

    client = open_client(settings)
    with chroma_faults(settings):
        try:
            collection = existing_collection(client, settings)
        except NotFoundError:
            raise UserError(_incomplete(settings)) from None
        if collection.count() != read_meta(settings.rag.chroma_dir)["documents"]:
            raise UserError(_incomplete(settings))
        return collection


def open_vector_store(embeddings: HuggingFaceEmbeddings | None, settings: Settings) -> Chroma:
    """The index as LangChain's vector store; `require_index` comes first.

    Raises UserError where `embeddings` is not the model that the index was made with, though it has the same name.
    """
    from langchain_chroma import Chroma

    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    collection = index_collection(settings)
    if embeddings and collection.metadata["fingerprint"] != fingerprint(embeddings):
        raise UserError(
            _("The embedding model {name} has changed since the index was made with it. Run again: {command}").format(
                name=settings.rag.embedding_model, command=command("rag_indexing.py")
            )
        )
    store = Chroma(
        client=open_client(settings),
        collection_name=settings.rag.collection,
        embedding_function=embeddings,
        collection_configuration=COSINE,
    )
    print("\n" + _("vector_store created!"))
    return store
