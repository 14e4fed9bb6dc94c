"""The embedding model: all that makes its vectors counts, and documents and queries have their own prompts."""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.errors import UserError
from pipeline.search.embedding import (
    ClusterEmbedder,
    dimension_of,
    embed,
    embed_queries,
    fingerprint,
    load_embedding_model,
    model_of,
)
from pipeline.search.retriever import load_reranker
from tests.running import demo_settings
from tests.tiny_model import make_tiny_model

PROMPTS = {"query": "find this ", "document": "read that text "}


def load(folder: Path):
    return load_embedding_model(demo_settings(folder, "--rag.embedding_model", str(folder)))


def changed(source: Path, folder: Path, name: str, **values) -> Path:
    """A copy of the model in which these values of a file of settings are others."""
    shutil.copytree(source, folder)
    file = folder / name
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(old | values), encoding="utf-8")
    return folder


def with_normalisation(source: Path, folder: Path) -> Path:
    modules = json.loads((source / "modules.json").read_text(encoding="utf-8"))
    entry = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
    shutil.copytree(source, folder)
    (folder / "2_Normalize").mkdir()
    (folder / "modules.json").write_text(json.dumps([*modules, entry]), encoding="utf-8")
    return folder


def with_other_weights(source: Path, folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    weights = load_file(folder / "model.safetensors")
    next(iter(weights.values())).add_(1e-3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def with_other_tokens(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder


VARIANTS: dict[str, Callable[[Path, Path], Path]] = {
    "pooling": lambda source, to: changed(
        source, to, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True
    ),
    "window": lambda source, to: changed(source, to, "sentence_bert_config.json", max_seq_length=32),
    "prompts": lambda source, to: changed(source, to, "config_sentence_transformers.json", prompts=PROMPTS),
    "default prompt": lambda source, to: changed(
        source, to, "config_sentence_transformers.json", prompts={"x": "y "}, default_prompt_name="x"
    ),
    "length of vectors": lambda source, to: changed(source, to, "config_sentence_transformers.json", truncate_dim=8),
    "activation": lambda source, to: changed(source, to, "config.json", hidden_act="relu"),
    "normalisation": with_normalisation,
    "weights": with_other_weights,
    "tokenizer": with_other_tokens,
}


@pytest.fixture(scope="module")
def known_fingerprint(small_embedding_model) -> str:
    return fingerprint(load(small_embedding_model))


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_fingerprint_follows_all_that_makes_the_vectors(small_embedding_model, known_fingerprint, tmp_path, variant):
    assert fingerprint(load(variant(small_embedding_model, tmp_path / "variant"))) != known_fingerprint


def test_fingerprint_stays_in_another_folder_and_after_use(small_embedding_model, known_fingerprint, tmp_path):
    embeddings = load(Path(shutil.copytree(small_embedding_model, tmp_path / "elsewhere")))
    embed(embeddings, ["a lamp", "b " * 200], 2)
    assert fingerprint(embeddings) == known_fingerprint


def test_another_model_on_a_machine_of_a_cluster_is_refused_with_the_machine(small_embedding_model, tmp_path):
    model = ("--rag.embedding_model", str(small_embedding_model))
    embedder = ClusterEmbedder("another", np.float32, demo_settings(tmp_path, *model, "--cluster", "auto"))
    machine = re.escape(platform.node())
    with pytest.raises(UserError, match=f"On the machine {machine} of the cluster auto: .* is another embedding model"):
        embedder(["a"])


def test_documents_and_queries_have_their_own_prompts(small_embedding_model, tmp_path):
    embeddings = load(VARIANTS["prompts"](small_embedding_model, tmp_path / "prompts"))
    plain, model = load(small_embedding_model), model_of(embeddings)
    [document], [query] = embed(embeddings, ["lamp"], 0), embed_queries(embeddings, ["lamp"])
    np.testing.assert_allclose(document, model.encode_document("lamp", normalize_embeddings=True), atol=1e-3)
    np.testing.assert_allclose(query, model.encode_query("lamp", normalize_embeddings=True), atol=1e-3)
    np.testing.assert_allclose(document, embeddings.embed_documents(["lamp"])[0], atol=1e-3)
    np.testing.assert_allclose(query, embeddings.embed_query("lamp"), atol=1e-3)
    np.testing.assert_allclose(query, embed_queries(plain, [PROMPTS["query"] + "lamp"])[0], atol=1e-3)
    assert document @ query < 0.999


@pytest.mark.parametrize(
    ("prompts", "prompt"),
    [
        ({"query": "query: ", "passage": "passage: "}, "passage: "),
        ({"query": "query: ", "document": "", "corpus": "text: "}, "text: "),
        ({"query": "Instruct: find it\nQuery:"}, ""),
    ],
)
def test_the_prompt_of_documents_may_have_another_name(small_embedding_model, tmp_path, prompts, prompt):
    folder = changed(small_embedding_model, tmp_path / "m", "config_sentence_transformers.json", prompts=prompts)
    embeddings, plain = load(folder), load(small_embedding_model)
    [expected] = embed(plain, [prompt + "lamp"], 0)
    np.testing.assert_allclose(embed(embeddings, ["lamp"], 0)[0], expected, atol=1e-3)
    np.testing.assert_allclose(embeddings.embed_documents(["lamp"])[0], expected, atol=1e-3)


def test_a_document_and_its_prompt_fit_the_window(small_embedding_model, tmp_path):
    from pipeline.catalogue.products import Product
    from pipeline.search.splitter import splitter_for

    embeddings = load(VARIANTS["prompts"](small_embedding_model, tmp_path / "prompts"))
    [documents] = splitter_for(embeddings)([Product("Lamp", "Bright. " * 60)])
    tokenizer = model_of(embeddings).tokenizer
    lengths = [len(tokenizer(PROMPTS["document"] + part.page_content)["input_ids"]) for part in documents]
    assert 40 < max(lengths) <= 64


# ---------------------------------------------------------------------------------------------- models of other kinds


@pytest.fixture(scope="module")
def plain_encoder(small_embedding_model, tmp_path_factory) -> Path:
    """An encoder as transformers saves it: nothing says how its vectors are pooled."""
    folder = tmp_path_factory.mktemp("kinds") / "plain"
    ours = shutil.ignore_patterns("modules.json", "sentence_bert_config.json", "1_Pooling")
    return Path(shutil.copytree(small_embedding_model, folder, ignore=ours))


@pytest.fixture(scope="module")
def cross_encoder(plain_encoder) -> Path:
    from transformers import BertForSequenceClassification

    folder = Path(shutil.copytree(plain_encoder, plain_encoder.with_name("cross-encoder")))
    BertForSequenceClassification.from_pretrained(plain_encoder, num_labels=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def static_model(small_embedding_model, plain_encoder) -> Path:
    """A table of vectors of tokens: no window, and a tokenizer of another library."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    folder = plain_encoder.with_name("static")
    tokenizer = Tokenizer.from_file(str(small_embedding_model / "tokenizer.json"))
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu").save(str(folder))
    return folder


def test_plain_encoders_and_static_models_work(plain_encoder, static_model):
    from pipeline.catalogue.products import Product
    from pipeline.search.splitter import splitter_for

    for folder, dimension in ((plain_encoder, 16), (static_model, 8)):
        embeddings = load(folder)
        [documents] = splitter_for(embeddings)([Product("Lamp", "Bright. " * 3000)])
        assert len(documents) > 1
        assert embed(embeddings, [documents[0].page_content], 0).shape == (1, dimension)
        assert dimension_of(embeddings) == dimension
        assert fingerprint(embeddings) == fingerprint(load(folder))


def without_safetensors(source: Path, folder: Path) -> Path:
    return Path(shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors")))


def test_what_is_no_embedding_model_is_refused_with_the_reason(small_embedding_model, cross_encoder, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, reason in (
        (cross_encoder, "reranker"),
        (make_tiny_model(tmp_path / "language-model"), "LlamaForCausalLM"),
        (without_safetensors(small_embedding_model, tmp_path / "no-weights"), "safetensors"),
        (tmp_path / "empty", "empty"),
    ):
        with pytest.raises(UserError, match=rf"(?s){folder.name}.*{reason}.*--rag.embedding_model"):
            load(folder)


def with_nan(source: Path, folder: Path) -> Path:
    from safetensors.numpy import load_file, save_file

    shutil.copytree(source, folder)
    tensors = load_file(folder / "model.safetensors")
    nan = {name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}
    save_file(nan, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_models_that_compute_no_numbers_are_refused(small_embedding_model, cross_encoder, tmp_path):
    with pytest.raises(UserError, match=r"finite.*--rag.embedding_model"):
        load(with_nan(small_embedding_model, tmp_path / "embedding"))
    folder = with_nan(cross_encoder, tmp_path / "reranker")
    with pytest.raises(UserError, match=r"finite.*--rag.reranker"):
        load_reranker(demo_settings(tmp_path, "--rag.reranker", str(folder)))


def test_what_is_no_reranker_is_refused_with_the_reason(
    small_embedding_model, plain_encoder, static_model, cross_encoder, tmp_path
):
    def load_as_reranker(folder: Path):
        return load_reranker(demo_settings(tmp_path, "--rag.reranker", str(folder)))

    assert load_as_reranker(cross_encoder).predict([("a", "b"), ("a", "c d")]).shape == (2,)
    for folder, reason in (
        (small_embedding_model, "no cross-encoder"),
        (plain_encoder, "no cross-encoder"),
        (static_model, ""),
        (make_tiny_model(tmp_path / "language-model"), "yes"),
        (without_safetensors(cross_encoder, tmp_path / "no-weights"), "safetensors"),
    ):
        with pytest.raises(UserError, match=rf"(?s){folder.name}.*{reason}.*--rag.reranker"):
            load_as_reranker(folder)
