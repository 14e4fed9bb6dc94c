"""The index: the Chroma collection, in a folder or on a server.

A folder or server may hold collections of other programs, too: only one that carries our mark is ever changed, and
only its files are looked at.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config import Settings
from pipeline.runtime.artifacts import read_meta, require, require_made_from
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command
from pipeline.search.embedding import fingerprint

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

DATABASE = "chroma.sqlite3"  # in the folder of every Chroma

MARK = {"made_by": "rag_indexing.py"}  # in the metadata of each collection of ours
MARK_OF_EARLIER_VERSIONS = {"embedding_model", "fingerprint"}  # all the metadata that they wrote

# Chroma keeps the vectors of each collection in a folder of their own, which is named after its segment.
GRAPH_FOLDER = """
SELECT segments.id FROM segments JOIN collections ON segments.collection = collections.id
JOIN databases ON collections.database_id = databases.id
WHERE segments.scope = 'VECTOR' AND collections.name = ?
AND databases.name = 'default_database' AND databases.tenant_id = 'default_tenant'
"""

WAITS = (0.5, 1, 2, 4)  # seconds before Chroma is asked once more
LOCKED = "is locked"  # what SQLite says of its database

LONGEST_REASON = 120  # characters; Chroma's can be long, and name what only its authors know

FULL = 1 << 20  # bytes; with fewer free, a database can write no more

LOCK_SECONDS = 5  # that another program may keep the database to itself


# ------------------------------------------------------------------------------------------------------------- Chroma


def open_client(settings: Settings) -> ClientAPI:
    """Chroma on the folder `rag.chroma_dir` or on `rag.server`, without telemetry.

    Raises UserError where the folder cannot be read or no server answers.
    """
    import chromadb

    private = chromadb.Settings(anonymized_telemetry=False)
    with chroma_faults(settings):
        if settings.rag.server is None:
            _try_database(settings.rag.chroma_dir / DATABASE)
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
        with _database(file) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")


@contextmanager
def _database(file: Path) -> Iterator[sqlite3.Connection]:
    """The database of a Chroma. Raises UserError where `file` is another program's: Chroma would write into it."""
    with closing(sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"collections", "segments"} <= tables:
            raise UserError(
                _("{file} is the database of another program. Choose another folder: --rag.chroma_dir").format(
                    file=file
                )
            )
        yield database


def with_retries(call: Callable[[], Any]) -> Any:
    """What `call` gives; asked again a few times where a server does not answer, or the database is locked.

    Chroma's own threads lock it for moments, when they write what it was given just before.
    """
    for wait in WAITS:
        try:
            return call()
        except Exception as error:
            if not (_is_no_answer(error) or LOCKED in str(error)):
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
    if LOCKED in reason:
        return _(
            "The index in {folder} is in use by another program. Close it, then run the same command again."
        ).format(folder=folder)
    return _(
        "The index in {folder} cannot be read. Close what else uses it; if that does not help, choose another folder "
        "with --rag.chroma_dir and run: {command} (Chroma says: {reason})"
    ).format(folder=folder, command=command("rag_indexing.py"), reason=reason)


def _disk_is_full(folder: Path, error: Exception) -> bool:
    """Whether that is what `error` comes from: SQLite says so (778: a write failed), other parts of Chroma do not."""
    return "disk is full" in str(error) or "code: 778" in str(error) or shutil.disk_usage(folder).free < FULL


def existing_collection(client: ClientAPI, settings: Settings) -> Collection:
    """The collection `rag.collection`.

    Raises chromadb's NotFoundError where there is none, and UserError where it is another program's.
    """
    collection = client.get_collection(settings.rag.collection, embedding_function=None)
    require_ours(collection, settings)
    return collection


def require_ours(collection: Collection, settings: Settings) -> None:
    """Raise UserError unless the collection carries the mark of this project, or that of its earlier versions."""
    metadata = collection.metadata or {}
    if not (metadata.items() >= MARK.items() or metadata.keys() == MARK_OF_EARLIER_VERSIONS):
        raise UserError(
            _(
                "The collection {collection} in {place} was made by another program, and stays as it is. "
                "Choose another name: --rag.collection"
            ).format(collection=collection.name, place=settings.rag.server or settings.rag.chroma_dir)
        )


def collection_of(store: Chroma) -> Collection:
    """The collection in LangChain's store, for what the store itself does not offer, as the vectors of some ids."""
    return store._collection


# -------------------------------------------------------------------------------------------------- files of the graph


def graph_folder(settings: Settings) -> Path | None:
    """Where Chroma keeps the vectors of `rag.collection`; None where there is no such collection, and on a server.

    No client may be open in this process: Chroma brings its own SQLite, and of two, neither sees the other's locks.
    """
    file = settings.rag.chroma_dir / DATABASE
    if settings.rag.server or not file.exists():
        return None
    with chroma_faults(settings), _database(file) as database:
        if not database.execute("SELECT 1 FROM sqlite_master").fetchone():  # Chroma has not filled it yet
            return None
        found = database.execute(GRAPH_FOLDER, (settings.rag.collection,)).fetchone()
    return found and settings.rag.chroma_dir / found[0]


def graph_files(folder: Path | None) -> dict[str, int]:
    """Sizes in bytes of the files in the graph folder of a collection; searches leave them."""
    return {f"{folder.name}/{file.name}": file.stat().st_size for file in sorted(folder.glob("*"))} if folder else {}


def damaged_graph_file(settings: Settings) -> Path | None:
    """A file of the graph that is missing or not as long as it was written: Chroma would find less, without a word.

    None where there is none, where the index is not complete, and on a server, which keeps its files itself. No client
    may be open, as for `graph_folder`.
    """
    meta = read_meta(settings.rag.chroma_dir) or {"settings": {}}
    folder = graph_folder(settings)
    if folder is None or meta["settings"].get("collection") != settings.rag.collection:
        return None
    # Earlier versions noted the files of the other collections in the folder, too. Where none of ours is noted, another
    # collection stands in the place of ours.
    written = {name: size for name, size in meta["graph"].items() if name.startswith(folder.name)}
    present = graph_files(folder)
    damaged = (settings.rag.chroma_dir / name for name, size in written.items() if present.get(name) != size)
    return next(damaged, None)


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
    if not made_with:
        raise UserError(_incomplete(settings))
    if (made_with.get("collection"), made_with.get("server")) != (settings.rag.collection, settings.rag.server):
        raise UserError(_other_index(made_with, settings))
    if made_with.get("embedding_model") != settings.rag.embedding_model:
        raise UserError(
            _(
                "The index in {folder} was made with the embedding model {made_with}, not {name}. Run again: {command}"
            ).format(
                folder=folder,
                made_with=made_with.get("embedding_model"),
                name=settings.rag.embedding_model,
                command=again,
            )
        )
    require_made_from(settings.data.processed_file, folder, made_by="rag_indexing.py")
    if file := damaged_graph_file(settings):
        raise UserError(
            _("{file} is missing or not as long as it was written. Make the index anew: {command}").format(
                file=file, command=again
            )
        )


def _incomplete(settings: Settings) -> str:
    return _("The index in {folder} is not complete. Run again: {command}").format(
        folder=settings.rag.server or settings.rag.chroma_dir, command=command("rag_indexing.py")
    )


def _other_index(made_with: dict[str, Any], settings: Settings) -> str:
    """What to say where the index that was made last is not the one that the settings name."""
    rag, folder = settings.rag, settings.rag.chroma_dir
    return _(
        "The index was last made for the collection {made_with}, not for {wanted}. "
        "Check --rag.collection and --rag.server, or run: {command}"
    ).format(
        made_with=f"{made_with.get('collection')} ({made_with.get('server') or folder})",
        wanted=f"{rag.collection} ({rag.server or folder})",
        command=command("rag_indexing.py"),
    )


def open_vector_store(embeddings: HuggingFaceEmbeddings | None, settings: Settings) -> Chroma:
    """The index as LangChain's vector store; `require_index` comes first.

    Raises UserError where the collection is not what was written, and where `embeddings` is not the model that it was
    made with, though it has the same name.
    """
    from chromadb.errors import NotFoundError
    from langchain_chroma import Chroma

    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    with chroma_faults(settings):
        try:
            store = Chroma(
                client=open_client(settings),
                collection_name=settings.rag.collection,
                embedding_function=embeddings,
                create_collection_if_not_exists=False,
            )
        except NotFoundError:
            raise UserError(_incomplete(settings)) from None
        _require_as_written(collection_of(store), embeddings, settings)
    print("\n" + _("vector_store created!"))
    return store


def _require_as_written(collection: Collection, embeddings: HuggingFaceEmbeddings | None, settings: Settings) -> None:
    require_ours(collection, settings)
    if collection.count() != read_meta(settings.rag.chroma_dir)["documents"]:
        raise UserError(_incomplete(settings))
    if embeddings and collection.metadata["fingerprint"] != fingerprint(embeddings):
        raise UserError(
            _("The embedding model {name} has changed since the index was made with it. Run again: {command}").format(
                name=settings.rag.embedding_model, command=command("rag_indexing.py")
            )
        )
