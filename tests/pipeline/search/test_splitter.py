"""Products as documents: nothing is lost, everything is read, and time and space grow with the text alone."""

from __future__ import annotations

import random

import pytest

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import document_text
from pipeline.search.embedding import load_embedding_model, model_of
from pipeline.search.splitter import splitter_for
from tests.running import demo_settings

TEXTS = {
    "sentences": "A lamp for the desk. It is bright!  It costs 7.50; is it worth it? Yes, " * 9,
    "list of parts": "  ".join(f"| {n} x M{n}   screw |" for n in range(90)),
    "no blanks": "x1y2" * 400,
    "Japanese": "このランプは明るいです。机の上に置いてください、とても便利です" * 20,
    "emoji": "\N{FAMILY}\u200d\N{WOMAN}🏽" * 300,
    "blanks": "  a  " * 500,
    "signs": ".,;!? " * 300,
    "title and text alike": " - Description: Product: " * 40,
}
TITLES = {"short": "Lamp", "half": "Lamp " * 9, "long": "Lamp of many words " * 60}


@pytest.fixture(scope="module")
def embeddings(small_embedding_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("splitter")
    return load_embedding_model(demo_settings(folder, "--rag.embedding_model", str(small_embedding_model)))


def whole_text(documents) -> str:
    """The text of a product from its documents, as the search puts it together."""
    first, *rest = documents
    parts = [part.page_content.removeprefix(document_text(part.metadata["product"], "")) for part in rest]
    return first.page_content + "".join(parts)


def assert_read_whole(documents, embeddings) -> None:
    """No document is longer than what the model reads, but for a title that is."""
    tokenizer, window = model_of(embeddings).tokenizer, model_of(embeddings).max_seq_length
    title_alone = documents[0].page_content == document_text(documents[0].metadata["product"], "")
    for document in documents[title_alone:]:
        assert len(tokenizer(document.page_content)["input_ids"]) <= window


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("description", TEXTS.values(), ids=TEXTS)
def test_documents_are_the_product_character_by_character(embeddings, title, description):
    [documents] = splitter_for(embeddings)([Product(title, description)])
    assert len(documents) > 1
    assert whole_text(documents) == document_text(title, description)
    assert documents[0].metadata["product"] == title
    assert_read_whole(documents, embeddings)


def test_any_text(embeddings):
    chance = random.Random(0)
    alphabet = "ab1 .,;!?。、ガ゛é\u0301\u200b\u3000|\N{GRINNING FACE}\xa0-"
    products = [
        Product(
            "".join(chance.choices(alphabet, k=chance.choice((1, 20, 200)))),
            "".join(chance.choices(alphabet, k=chance.choice((0, 1, 70, 900)))),
        )
        for _ in range(150)
    ]
    for product, documents in zip(products, splitter_for(embeddings)(products), strict=True):
        assert whole_text(documents) == document_text(*product)
        assert_read_whole(documents, embeddings)


def test_parts_end_with_sentences_where_they_can(embeddings):
    [documents] = splitter_for(embeddings)([Product("Lamp", "It is bright. " * 30)])
    assert all(document.page_content.endswith("It is bright. ") for document in documents)


def test_a_long_title_is_stored_once_and_vectors_differ(embeddings):
    title = "Lamp of many words " * 1300  # 25 KB
    description = " ".join(f"Bright {number}." for number in range(400))
    [documents] = splitter_for(embeddings)([Product(title, description)])
    stored = sum(len(document.page_content) + len(document.metadata["product"]) for document in documents)
    assert stored < 2 * len(title) + 5 * len(description)
    vectors = embeddings.embed_documents([document.page_content for document in documents])
    assert len({tuple(vector) for vector in vectors}) == len(documents)


def test_the_same_text_of_another_title_is_another_document(embeddings):
    products = [Product("A", "B - Description: C"), Product("A - Description: B", "C"), Product("A", "B")]
    ids = {documents[0].id for documents in splitter_for(embeddings)([*products, Product("A", "B")])}
    assert len(ids) == len(products)


def test_time_grows_evenly_with_the_text(embeddings, monkeypatch):
    """Counted in characters that are tokenised, since clocks depend on the machine."""
    from pipeline.search import splitter

    read = []
    count = splitter.token_counter(model_of(embeddings))

    def counting(texts: list[str]) -> list[int]:
        read.append(sum(map(len, texts)))
        return count(texts)

    monkeypatch.setattr(splitter, "token_counter", lambda _model: counting)
    split = splitter.splitter_for(embeddings)
    for text in ("x1y2", "Bright. ", "ランプ"):
        totals = []
        for length in (20_000, 200_000):
            read.clear()
            split([Product("Lamp", text * (length // len(text)))])
            totals.append(sum(read))
        assert totals[1] < 11 * totals[0]
        assert max(read) < 2000
