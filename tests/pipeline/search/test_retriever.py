"""The search in an index: keyword side, fusion, distinct products, floor, reranker, and LangChain's contract."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_tests.integration_tests import RetrieversIntegrationTests

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import document_text
from pipeline.runtime.artifacts import meta_path, write_meta
from pipeline.runtime.errors import UserError
from pipeline.search import keyword_index
from pipeline.search import retriever as retriever_module
from pipeline.search.calibration import floor_between
from pipeline.search.keyword_index import KeywordIndex, new_index
from pipeline.search.retriever import ProductRetriever, load_reranker, open_keywords, open_search
from pipeline.search.splitter import make_document
from tests.pipeline.catalogue.test_products import DIFFERENT_TITLES
from tests.running import demo_settings

CATALOGUE = [
    Product("Night Train", "A long ride through the snow. The conductor never sleeps."),
    Product("Night Trains of Europe", "Timetables, sleeping cars and stations at dawn."),
    Product("Panasonic KX-TG1034S Cordless Phone", "Four handsets in silver, with an answering machine."),
    Product("Panasonic KX-TG1033S Cordless Phone", "Three handsets in silver, with an answering machine."),
    Product("Café Crème", "A small cup for strong coffee."),
    Product("Mog's Kittens", "Three kittens and a cat who is tired of them."),
    Product("The Prophet", "Poems on love, work and freedom."),
    Product("The Prophet", "A detective story from Lisbon, nothing to do with poems."),
    Product("the  PROPHET", "Poems on love, work and freedom."),
    Product("Leather Boots", "Brown boots with laces. Lined with wool for winter. Rubber soles. They last for years."),
]
EMBEDDINGS = DeterministicFakeEmbedding(size=16)  # what it says of nearness means nothing


def make_retriever(folder: Path, products: list[Product], piece: str = ".*", **options) -> ProductRetriever:
    """A search over `products`, whose descriptions are split into what the pattern `piece` matches."""
    import chromadb

    collection = chromadb.EphemeralClient().create_collection(
        uuid.uuid4().hex, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    folder.mkdir(exist_ok=True)
    with new_index(folder / "keywords.sqlite3") as keywords:
        for product in products:
            pieces = re.findall(piece, product.description)
            documents = [make_document(product.product, text) for text in pieces if text]
            unique = {document.id: document for document in documents}
            texts = [document.page_content for document in unique.values()]
            metadatas = [document.metadata for document in unique.values()]
            collection.upsert([*unique], EMBEDDINGS.embed_documents(texts), metadatas=metadatas, documents=texts)
            keywords.add(product, [document.id for document in documents])
    index = KeywordIndex(folder / "keywords.sqlite3")
    return ProductRetriever(collection=collection, keywords=index, embeddings=EMBEDDINGS, **options)


@pytest.fixture(scope="module")
def catalogue_search(tmp_path_factory) -> ProductRetriever:
    return make_retriever(tmp_path_factory.mktemp("index"), CATALOGUE)


@pytest.fixture(params=["keyword", "hybrid"])
def by_words(request, catalogue_search) -> ProductRetriever:
    return catalogue_search.model_copy(update={"method": request.param})


def titles(found) -> list[str]:
    return [result.product for result in found]


@pytest.mark.parametrize("product", CATALOGUE)
def test_the_same_title_comes_first_with_1_whatever_its_case_and_blanks(by_words, product):
    for query in (product.product, product.product.upper(), f"  {product.product.replace(' ', '  ')} "):
        best = by_words.search(query)[0]
        assert best.product.lower().split() == product.product.lower().split()
        assert best.score == 1


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("cafe creme", "Café Crème"),
        ("CAFÈ CREME", "Café Crème"),
        ("Night Train!", "Night Train"),
        ("mogs kittens", "Mog's Kittens"),
    ],
)
def test_accents_and_punctuation_may_be_left_out_but_only_the_title_itself_has_1(by_words, query, title):
    best = by_words.search(query)[0]
    assert best.product == title
    assert 0.8 < best.score < 1


@pytest.mark.parametrize("method", ["keyword", "hybrid"])
@pytest.mark.parametrize("alike", DIFFERENT_TITLES, ids=lambda titles: titles[0])
def test_titles_that_differ_in_signs_digits_or_marks_are_different_products(tmp_path, alike, method):
    products = [Product(title, "The same description of all of them.") for title in alike]
    retriever = make_retriever(tmp_path, [*products, *CATALOGUE], method=method)
    for title in alike:
        first, *others = retriever.search(title, 10)
        assert (first.product, first.score) == (title, 1)
        assert all(other.score < 1 for other in others)
        without = retriever.search(title, 10, without=[title])
        assert title not in titles(without)
        assert all(other.score < 1 for other in without)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("Nihgt Train", "Night Train"),
        ("kxtg1033s", "Panasonic KX-TG1033S Cordless Phone"),
        ("panasonic phone kx tg1034s", "Panasonic KX-TG1034S Cordless Phone"),
        ("mogs kitens", "Mog's Kittens"),
        ("Cafe Creme cup", "Café Crème"),
        ("timetables and stations", "Night Trains of Europe"),
        ("detective story from Lisbon", "The Prophet"),
        ("boots lined with wool", "Leather Boots"),
    ],
)
def test_typing_errors_model_numbers_and_words_of_the_description(by_words, query, title):
    best = by_words.search(query)[0]
    assert best.product == title
    assert 0 < best.score < 1


def test_a_product_listed_twice_is_one_result_and_two_of_one_title_are_two(by_words):
    found = [result for result in by_words.search("The Prophet", 10) if result.score == 1]
    assert sorted(result.text for result in found) == sorted(document_text(*product) for product in CATALOGUE[6:8])


@pytest.mark.parametrize("method", ["dense", "keyword", "hybrid"])
def test_a_product_in_several_documents_is_one_result_with_its_whole_text(tmp_path, method):
    retriever = make_retriever(tmp_path, CATALOGUE, r"[^.]+\.\s*", method=method)
    found = retriever.search("Leather Boots", 10)
    assert len({result.text for result in found}) == len(found)
    assert len(found) == len(CATALOGUE) - 1 or method == "keyword"
    [boots] = [result for result in found if result.product == "Leather Boots"]
    assert boots.text == document_text(*CATALOGUE[-1])
    assert boots.id == make_document("Leather Boots", "Brown boots with laces. ").id


@pytest.mark.parametrize("method", ["dense", "keyword", "hybrid"])
def test_products_of_many_documents_are_found_and_left_out(tmp_path, method, monkeypatch):
    """More documents than Chroma takes ids in one call, among them the same text several times."""
    monkeypatch.setattr(retriever_module, "ID_PAGE", 7)
    long = Product("Long Train", "  ".join(f"Wagon {number % 90}. " for number in range(120)))
    retriever = make_retriever(tmp_path, [long, *CATALOGUE], r"\S+\s*", method=method)
    [found] = [result for result in retriever.search("Long Train", 10) if result.product == "Long Train"]
    assert found.text == document_text(*long)
    assert retriever.titles([0, 3]) == [long.product, CATALOGUE[2].product]
    assert "Long Train" not in titles(retriever.search("Long Train", 10, without=["Long Train"]))
    assert len(retriever.search("Night Train", 10, without=["Long Train"])) > 1


@pytest.mark.parametrize("method", ["dense", "keyword", "hybrid"])
def test_without_searches_as_if_the_products_were_not_there(tmp_path, method):
    whole = make_retriever(tmp_path / "whole", CATALOGUE, method=method)
    left = ("night train", "the prophet")
    others = [product for product in CATALOGUE if " ".join(product.product.lower().split()) not in left]
    index_without = make_retriever(tmp_path / "others", others, method=method)
    found = whole.search("Night Train", 20, without=["NIGHT TRAIN", "The Prophet"])
    assert titles(found) == titles(index_without.search("Night Train", 20))
    assert found[0].score < 1


def test_nothing_is_found_where_the_best_is_below_the_floor(by_words):
    strict = by_words.model_copy(update={"floor": 0.9})
    assert strict.search("Underwater Chess for Beginners") == []
    assert strict.search("night train") == by_words.search("night train")
    assert strict.search("night train")[1].score < 0.9


@pytest.mark.parametrize("method", ["dense", "keyword", "hybrid"])
@pytest.mark.parametrize(
    "query",
    ["", "  ", "?!", "日本語の本", "'; DROP TABLE product", "".join(map(chr, range(0x4E00, 0x9F00))), "word " * 3000],
    ids=["empty", "blank", "signs", "Japanese", "SQL", "one endless word", "many words"],
)
def test_any_text_can_be_asked(catalogue_search, method, query):
    found = catalogue_search.model_copy(update={"method": method}).search(query, 5)
    assert all(0 <= result.score <= 1 for result in found)
    if not query.strip():
        assert found == []


def test_keyword_index_of_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(keyword_index, "BLOCK", 3)
    products = [Product(f"Lamp model {number}", f"Light of {number * 7 + 100} lumen.") for number in range(10)]
    retriever = make_retriever(tmp_path, products, method="keyword")
    for number in range(10):
        assert retriever.search(f"lamp modell {number}")[0].product == f"Lamp model {number}"
        assert retriever.search(f"light of {number * 7 + 100} lumen")[0].product == f"Lamp model {number}"
    assert retriever.keywords.counts() == (10, 10)


def test_interrupted_writing_leaves_the_keyword_index_that_was_there(tmp_path):
    retriever = make_retriever(tmp_path, CATALOGUE)
    retriever.keywords.close()
    with pytest.raises(KeyboardInterrupt), new_index(tmp_path / "keywords.sqlite3") as keywords:
        keywords.add(CATALOGUE[0], ["new"])
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["keywords.sqlite3"]
    assert KeywordIndex(tmp_path / "keywords.sqlite3").counts()[1] == len(CATALOGUE)


@pytest.mark.parametrize("damage", ["cut off", "random bytes", "empty", "another program's"])
def test_a_damaged_keyword_index_is_refused(tmp_path, damage):
    settings = demo_settings(tmp_path)
    file = keyword_index.path_for(settings)
    with new_index(file) as keywords:
        for number, product in enumerate(CATALOGUE):
            keywords.add(product, [str(number)])
    open_keywords(settings).close()
    if damage == "cut off":
        os.truncate(file, file.stat().st_size // 2)
    elif damage == "another program's":
        file.unlink()
        with closing(sqlite3.connect(file)) as database:
            database.execute("CREATE TABLE orders (id INTEGER)")
    else:
        file.write_bytes(bytes(range(256)) * 40 if damage == "random bytes" else b"")
    with pytest.raises(UserError, match=r"keywords\.sqlite3 cannot be read.*python rag_indexing\.py"):
        open_keywords(settings)


def test_index_of_a_version_that_took_other_titles_for_the_same_is_refused(tmp_path):
    settings = demo_settings(tmp_path)
    write_meta(settings.rag.chroma_dir, {}, [], floors={"keyword": 0.5, "dense": 0.5, "hybrid": 0.5})
    meta = meta_path(settings.rag.chroma_dir)
    assert json.loads(meta.read_text(encoding="utf-8"))["format"] >= 2
    meta.write_text(meta.read_text(encoding="utf-8").replace('"format": 2', '"format": 1'), encoding="utf-8")
    with pytest.raises(UserError, match=r"earlier version.*python rag_indexing\.py"):
        open_search(settings)


def test_floor_lets_four_percent_of_what_is_not_there_pass_and_uses_the_gap():
    absent = [n / 200 for n in range(100)]  # 0 to 0.495
    floor = floor_between(absent, present=[0.8] * 50 + [0.9] * 50)
    assert 0.5 < floor < 0.8
    floor = floor_between(absent, present=[0.2] * 100)
    assert sum(score >= floor for score in absent) <= 4


# --------------------------------------------------------------------------------------------------------- reranker


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory) -> Path:
    """A cross-encoder of random numbers, saved as the hub's are."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("reranker")
    words = sorted({word for product in CATALOGUE for word in document_text(*product).lower().split()})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **marks).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=1,
        initializer_range=0.8,  # so that the scores differ
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_reranker_orders_what_was_found_and_leaves_the_same_title_first(catalogue_search, cross_encoder, tmp_path):
    reranker = load_reranker(demo_settings(tmp_path, "--rag.reranker", str(cross_encoder)))
    reranked = catalogue_search.model_copy(update={"reranker": reranker})
    plain = catalogue_search.search("Night Train", 10)
    found = reranked.search("Night Train", 10)
    assert sorted(titles(found)) == sorted(titles(plain))
    assert found[0].product == "Night Train" and found[0].score == 1
    scores = [result.score for result in found]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    texts = [result.text for result in found[1:]]
    alone = [float(score) for score in reranker.predict([("Night Train", text) for text in texts])]
    assert alone == sorted(alone, reverse=True) and len(set(scores)) > 2
    assert titles(found) != titles(plain)


def test_reranker_that_is_not_there_or_not_safetensors_is_refused(cross_encoder, tmp_path):
    for name in ("no/such-model", str(without_safetensors(cross_encoder, tmp_path))):
        with pytest.raises(UserError, match="--rag.reranker"):
            load_reranker(demo_settings(tmp_path, "--rag.reranker", name))


def without_safetensors(source: Path, folder: Path) -> Path:
    import torch

    for file in source.iterdir():
        if file.suffix == ".json":
            (folder / file.name).write_bytes(file.read_bytes())
    torch.save({}, folder / "pytorch_model.bin")
    return folder


# --------------------------------------------------------------------------------------------- LangChain's contract


class TestRetrieverContract(RetrieversIntegrationTests):
    """What LangChain asks of every retriever."""

    @pytest.fixture(autouse=True)
    def _index(self, catalogue_search):
        self.made = catalogue_search

    @property
    def retriever_constructor(self) -> type[ProductRetriever]:
        return ProductRetriever

    @property
    def retriever_constructor_params(self) -> dict:
        return {name: getattr(self.made, name) for name in ("collection", "keywords", "embeddings")}

    @property
    def retriever_query_example(self) -> str:
        return "night train"

    @property
    def num_results_arg_name(self) -> str:
        return "top_k"
