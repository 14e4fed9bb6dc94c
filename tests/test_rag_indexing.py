"""Script 5."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.search.embedding import MINILM_PACKAGE
from tests.pipeline_run import RECORDS
from tests.running import DEMO, assert_refused, close_chroma, kill_when, run_here, run_well, run_well_here, start

pytestmark = pytest.mark.filterwarnings("ignore:legacy embedding function config")  # Chroma about itself

DOCUMENTS = 5_600  # more than Chroma takes in one call (5,461)


def stored(folder: Path) -> dict[str, dict]:
    """Id -> product, text and vector of every document of an index."""
    import chromadb

    client = chromadb.PersistentClient(
        path=str(folder / "chroma_db"), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    collection = client.get_collection("products", embedding_function=None)
    assert collection.configuration["hnsw"]["space"] == "cosine"
    found = {}
    for offset in range(0, collection.count(), 5000):
        page = collection.get(limit=5000, offset=offset, include=["documents", "metadatas", "embeddings"])
        rows = zip(page["ids"], page["documents"], page["metadatas"], page["embeddings"], strict=True)
        found |= {id_: {"text": text, "vector": vector, **metadata} for id_, text, metadata, vector in rows}
    close_chroma()
    return found


def write_catalogue(folder: Path, products: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"product": title, "description": text}, ensure_ascii=False) for title, text in products]
    (folder / "trn_processed.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8", newline="\n")


def texts_of(products: list[tuple[str, str]]) -> set[str]:
    return {f"Product: {title} - Description: {text}" for title, text in products}


def added_and_removed(screen: str) -> tuple[int, int]:
    return number_after("documents added", screen), number_after("documents removed", screen)


def number_after(label: str, screen: str) -> int:
    return int(re.search(rf"{label}.*: ([\d,]+)\n", screen)[1].replace(",", ""))


# ------------------------------------------------------------------------------------------- the bundled catalogue


def test_screen(pipeline_run):
    done = pipeline_run.done["rag_indexing.py"]
    assert done.code == 0, done.errors
    first = pipeline_run.products[0]
    position = 0
    for line in (
        "Settings in use:",
        "Loading the data from the processed file...",
        "Total records: 24",
        "Creating the embedding model...",
        "Example record:",
        "Splitting JSON documents into chunks...",
        f"Example chunk:\nProduct: {first.product} - Description: ",
        "Generating embeddings for the chunks...",
        "Example embedding:\n[",
        "(384 numbers)",
        "Converting json_data into lc_documents...",
        "Example lc_document:\nDocument(",
        "Creating the vector_store for the embeddings_model...",
        "vector_store created!",
        "Populating the vector_store...",
        "Adding the documents to the vector_store...",
        "Total chunks: ",
        "Documents loaded!",
    ):
        assert line in done.screen[position:], line
        position = done.screen.index(line, position)
    assert re.search(r"Indexing products +: 100%.* 24/24 ", done.errors)


@pytest.fixture(scope="module")
def documents_of_the_run(pipeline_run, tmp_path_factory) -> dict[str, dict]:
    return stored(pipeline_run.copy(tmp_path_factory.mktemp("opened"), "chroma_db"))


def test_documents_hold_the_catalogue_within_the_window(pipeline_run, documents_of_the_run):
    """Every part carries the title and fits the embedding model's 256 tokens; the parts make up the description."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(find_spec(MINILM_PACKAGE).origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    documents = documents_of_the_run.values()
    total = re.search(r"Total chunks: (\d+)", pipeline_run.done["rag_indexing.py"].screen)[1]
    assert len(documents) == int(total) > 24  # some were split
    parts: dict[str, list[str]] = {}
    for document in documents:
        assert len(tokenizer.encode(document["text"]).ids) <= 256
        start_ = f"Product: {document['product']} - Description: "
        assert document["text"].startswith(start_)
        parts.setdefault(document["product"], []).append(document["text"].removeprefix(start_))
    for product in pipeline_run.products[:24]:
        rest = product.description
        while rest:
            part = next(part for part in parts[product.product] if rest.startswith(part))
            rest = rest.removeprefix(part).lstrip()
    assert parts.keys() == {product.product for product in pipeline_run.products[:24]}


def test_vectors_have_length_one(documents_of_the_run):
    for document in documents_of_the_run.values():
        assert sum(float(number) ** 2 for number in document["vector"]) == pytest.approx(1, abs=1e-3)


def test_second_run_adds_nothing(pipeline_run, documents_of_the_run, tmp_path):
    """Also where the system has no locale."""
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db", "vectors")
    done = run_well("rag_indexing.py", folder, *DEMO, *RECORDS, PYTHONUTF8="0", LC_ALL="C")
    assert added_and_removed(done.screen) == (0, 0)
    assert pipeline_run.products[0].description[:40] in done.screen.replace("'\n                '", "")
    assert stored(folder).keys() == documents_of_the_run.keys()


def test_index_of_another_embedding_model_is_refused(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db*")
    for script in ("rag_search_vs.py", "rag_model_retriever.py"):
        done = run_here(script, folder, *DEMO, "--rag.embedding_model", "another/model")
        assert_refused(done, "all-MiniLM-L6-v2", "another/model", "python rag_indexing.py")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[\n{"product": "a", "description": "b"},\n{"product": "a"}\n]\n', ["line 3", "python process_data.py"]),
        ('[\n{"product": "a", "descr', ["line 2", "python process_data.py"]),
        ("[\n]\n", ["no product"]),
    ],
)
def test_damaged_catalogue(tmp_path, content, words):
    (tmp_path / "trn_processed.json").write_text(content, encoding="utf-8")
    assert_refused(run_here("rag_indexing.py", tmp_path, *DEMO), "trn_processed.json", *words)


# ------------------------------------------------------------------------------------------------ a long catalogue


@pytest.fixture(scope="module")
def long_catalogue() -> list[tuple[str, str]]:
    """`DOCUMENTS` products, some more that stand in it twice, and one that is too long for one document."""
    products = [(f"Lamp {number}", f"Light of {number * 7} lumen.") for number in range(DOCUMENTS - 1)]
    return [*products, *products[100:110], ("Lamp x", " ".join(f"Bright {n}." for n in range(40)))]


@pytest.fixture(scope="module")
def interrupted_index(pipeline_run, long_catalogue, small_embedding_model, tmp_path_factory):
    """A folder in which the indexing of that catalogue was killed when some of the documents were stored.

    Before that, the folder held a whole index of the bundled catalogue, made with another embedding model.
    """
    folder = pipeline_run.copy(tmp_path_factory.mktemp("interrupted"), "chroma_db*")
    write_catalogue(folder, long_catalogue)

    def some_are_stored() -> bool:
        with closing(sqlite3.connect(f"file:{folder}/chroma_db/chroma.sqlite3?mode=ro", uri=True)) as database:
            query = "SELECT count(*) FROM embedding_metadata WHERE key = 'product' AND string_value LIKE 'Lamp %'"
            return database.execute(query).fetchone()[0] > 0

    flags = (*DEMO, "--rag.max_records", "0", "--rag.embedding_model", str(small_embedding_model))
    kill_when(start("rag_indexing.py", folder, *flags), some_are_stored)
    return folder, flags


def test_incomplete_index_is_refused(interrupted_index):
    folder, flags = interrupted_index
    for script in ("rag_search_vs.py", "rag_model_retriever.py"):
        assert_refused(run_here(script, folder, *flags), "chroma_db", "not complete", "python rag_indexing.py")


def test_interrupted_indexing_goes_on_and_follows_the_catalogue(interrupted_index, long_catalogue):
    folder, flags = interrupted_index
    already = len(stored(folder))
    assert 0 < already < DOCUMENTS
    done = run_well_here("rag_indexing.py", folder, *flags)
    index = stored(folder)
    texts = {document["text"] for document in index.values()}
    assert len(index) == len(texts) > 5461
    assert {len(document["vector"]) for document in index.values()} == {16}  # MiniLM's have 384
    whole = set(long_catalogue[:-1])
    assert texts_of(whole) < texts
    parts = texts - texts_of(whole)
    assert len(parts) > 1
    assert all(part.startswith("Product: Lamp x - Description: Bright ") for part in parts)
    assert added_and_removed(done.screen) == (len(index) - already, 0)

    # One product changes, one leaves, one comes.
    changed = [("Lamp 0", "Out of order."), *long_catalogue[2:], ("Lamp new", "Just in.")]
    write_catalogue(folder, changed)
    refused = run_here("rag_search_vs.py", folder, *flags)
    assert_refused(refused, "trn_processed.json is not what", "chroma_db", "python rag_indexing.py")
    done = run_well_here("rag_indexing.py", folder, *flags)
    assert added_and_removed(done.screen) == (2, 2)
    assert {document["text"] for document in stored(folder).values()} == texts - texts_of(
        long_catalogue[:2]
    ) | texts_of([changed[0], changed[-1]])
    assert index.keys() - stored(folder).keys() == {
        id_ for id_, document in index.items() if document["product"] in ("Lamp 0", "Lamp 1")
    }


def test_slices_of_long_products_are_short():
    from pipeline.catalogue.products import Product
    from rag_indexing import SLICE, SLICE_CHARACTERS, slices

    products = [Product("Lamp", "x" * (SLICE_CHARACTERS // 3 if number < 7 else 10)) for number in range(SLICE + 20)]
    parts = list(slices(iter(products)))
    assert [product for part in parts for product in part] == products
    assert [len(part) for part in parts][:2] == [3, 3]
    assert max(len(part) for part in parts) == SLICE
