"""The vector store as the scripts open it: LangChain's contract, and whose collections are written to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from pipeline.runtime.artifacts import meta_path
from pipeline.runtime.errors import UserError
from pipeline.search.embedding import fingerprint, load_embedding_model
from pipeline.search.store import open_client, open_vector_store
from pipeline.search.writer import client_to_write_with, writable_collection
from tests.running import demo_settings

pytestmark = pytest.mark.filterwarnings("ignore:legacy embedding function config")  # Chroma about itself


@pytest.fixture(scope="module")
def embeddings(small_embedding_model, tmp_path_factory):
    return load_embedding_model(demo_settings(tmp_path_factory.mktemp("settings"), *model_flags(small_embedding_model)))


def model_flags(model) -> tuple[str, str]:
    return "--rag.embedding_model", str(model)


class TestVectorStoreContract(VectorStoreIntegrationTests):
    """What LangChain asks of every vector store."""

    @pytest.fixture
    def vectorstore(self, embeddings, small_embedding_model, tmp_path):
        from chromadb.api.client import SharedSystemClient

        settings = demo_settings(tmp_path, *model_flags(small_embedding_model))
        writable_collection(client_to_write_with(settings), fingerprint(embeddings), 1, settings)
        meta_path(settings.rag.chroma_dir).write_text(json.dumps({"documents": 0}), encoding="utf-8")
        yield open_vector_store(embeddings, settings)
        SharedSystemClient.clear_system_cache()


# ------------------------------------------------------------------------------------------- whose a collection is


OURS = {"embedding_model": "some/model", "fingerprint": "0" * 32}


@pytest.fixture
def settings(tmp_path):
    from chromadb.api.client import SharedSystemClient

    yield demo_settings(tmp_path, "--rag.embedding_model", "some/model")
    SharedSystemClient.clear_system_cache()


def collection_with(client, metadata: dict | None, space: str = "cosine", dimension: int = 16):
    """A collection `products` of three documents."""
    collection = client.create_collection(
        "products", metadata=metadata, configuration={"hnsw": {"space": space}}, embedding_function=None
    )
    collection.add(["a", "b", "c"], embeddings=[[1.0] * dimension] * 3)
    return collection


@pytest.mark.parametrize(
    ("metadata", "space", "dimension"),
    [
        (None, "l2", 8),
        (None, "cosine", 16),
        ({"description": "a diary"}, "ip", 16),
        ({"embedding_model": "some/model"}, "cosine", 16),
        (OURS | {"owner": "somebody"}, "cosine", 16),
        ({"made_by": "another.py"} | OURS, "cosine", 16),
    ],
)
def test_a_collection_of_another_program_is_refused_and_left_as_it_is(settings, metadata, space, dimension):
    client = client_to_write_with(settings)
    collection = collection_with(client, metadata, space, dimension)
    meta_path(settings.rag.chroma_dir).write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"products in .*chroma_db was made by another program.*--rag\.collection"):
        writable_collection(client, "0" * 32, 1, settings)
    assert client.get_collection("products", embedding_function=None).id == collection.id
    assert collection.count() == 3
    assert meta_path(settings.rag.chroma_dir).exists()


@pytest.mark.parametrize("fingerprint", ["0" * 32, "1" * 32])
def test_a_collection_of_ours_is_emptied_for_another_embedding_model_only(settings, fingerprint):
    """Also one that an earlier version made, whose metadata had no other mark."""
    client = client_to_write_with(settings)
    collection_with(client, OURS)
    kept = 3 if fingerprint == OURS["fingerprint"] else 0
    collection = writable_collection(client, fingerprint, 1, settings)
    assert collection.count() == kept
    collection.upsert(["a", "b", "c"], embeddings=[[1.0] * 16] * 3)
    assert writable_collection(client, fingerprint, 1, settings).count() == 3
    assert writable_collection(client, "2" * 32, 1, settings).count() == 0


def test_a_database_of_another_program_is_refused_and_left_as_it_is(settings):
    settings.rag.chroma_dir.mkdir()
    file = settings.rag.chroma_dir / "chroma.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE notes (text)")
    before = file.read_bytes()
    with pytest.raises(UserError, match=r"chroma\.sqlite3 is the database of another program.*--rag\.chroma_dir"):
        open_client(settings)
    assert file.read_bytes() == before


def test_a_folder_that_cannot_be_read_is_left_for_another(settings):
    settings.rag.chroma_dir.mkdir()
    (settings.rag.chroma_dir / "chroma.sqlite3").write_bytes(bytes(range(256)) * 100)
    with pytest.raises(UserError, match=r"cannot be read.*--rag\.chroma_dir and run: python rag_indexing") as caught:
        open_client(settings)
    assert "emove" not in str(caught.value)
