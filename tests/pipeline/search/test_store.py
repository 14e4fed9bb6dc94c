"""The vector store as the scripts open it keeps LangChain's contract."""

from __future__ import annotations

import json

import pytest
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from pipeline.runtime.artifacts import meta_path
from pipeline.search.embedding import fingerprint, load_embedding_model
from pipeline.search.store import open_client, open_vector_store, writable_collection
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
        writable_collection(open_client(settings), fingerprint(embeddings), 1, settings)
        meta_path(settings.rag.chroma_dir).write_text(json.dumps({"documents": 0}), encoding="utf-8")
        yield open_vector_store(embeddings, settings)
        SharedSystemClient.clear_system_cache()
