"""Script 5 in a Chroma folder, or on a server, that holds collections of other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import DEMO, assert_refused, close_chroma, run_here, run_well_here
from tests.test_rag_indexing import added_and_removed, number_after, write_catalogue
from tests.test_rag_indexing_storage import chroma_server

pytestmark = pytest.mark.filterwarnings("ignore:legacy embedding function config")  # Chroma about itself

PRODUCTS = [(f"Lamp {number}", f"Light of {number * 7} lumen.") for number in range(30)]
MANY = 1500  # documents; with so many, Chroma writes a graph


@pytest.fixture
def flags(tmp_path, small_embedding_model) -> tuple[str, ...]:
    """Of a run in `tmp_path`, which holds a catalogue of `PRODUCTS`."""
    write_catalogue(tmp_path, PRODUCTS)
    return (*DEMO, "--rag.embedding_model", str(small_embedding_model))


@contextmanager
def chroma_in(folder: Path) -> Iterator:
    """The client of another program; closed at the end, since the scripts write to the folder next."""
    import chromadb

    settings = chromadb.Settings(anonymized_telemetry=False)
    yield chromadb.PersistentClient(path=str(folder / "chroma_db"), settings=settings)
    close_chroma()


def add_documents(client, name: str, count: int) -> None:
    """More documents of the other program: three numbers a vector."""
    collection = client.get_or_create_collection(name, metadata={"owner": "a diary"}, embedding_function=None)
    start = collection.count()
    ids = [str(start + number) for number in range(count)]
    collection.add(ids, embeddings=[[1.0, 2.0, number] for number in range(count)])


def count_of(folder: Path, name: str) -> int:
    with chroma_in(folder) as client:
        return client.get_collection(name, embedding_function=None).count()


def test_a_collection_of_the_same_name_is_refused(flags, tmp_path):
    with chroma_in(tmp_path) as client:
        add_documents(client, "products", 500)
    assert_refused(run_here("rag_indexing.py", tmp_path, *flags), "products", "chroma_db", "--rag.collection")
    assert count_of(tmp_path, "products") == 500
    run_well_here("rag_indexing.py", tmp_path, *flags, "--rag.collection", "lamps")
    assert (count_of(tmp_path, "products"), count_of(tmp_path, "lamps")) == (500, len(PRODUCTS))


def test_a_collection_in_the_place_of_ours_is_refused(flags, tmp_path):
    """It is said to be another program's, not to be damaged."""
    run_well_here("rag_indexing.py", tmp_path, *flags)
    with chroma_in(tmp_path) as client:
        client.delete_collection("products")
        add_documents(client, "products", len(PRODUCTS))
    for script in ("rag_search_vs.py", "rag_indexing.py"):
        assert_refused(run_here(script, tmp_path, *flags), "another program", "--rag.collection")
    assert count_of(tmp_path, "products") == len(PRODUCTS)


def test_another_collection_in_the_folder_grows_after_indexing(flags, tmp_path):
    with chroma_in(tmp_path) as client:
        add_documents(client, "diary", MANY)
    others = set(tmp_path.glob("chroma_db/*/"))
    run_well_here("rag_indexing.py", tmp_path, *flags)
    before = sizes(tmp_path)
    note_sizes_as_earlier_versions(tmp_path, before)
    with chroma_in(tmp_path) as client:
        add_documents(client, "diary", MANY)
    assert sizes(tmp_path) != before
    done = run_well_here("rag_search_vs.py", tmp_path, *flags, "--products", "Lamp 7")
    assert "* Product: Lamp 7 - Description: Light of 49 lumen." in done.screen
    assert added_and_removed(run_well_here("rag_indexing.py", tmp_path, *flags).screen) == (0, 0)

    [ours] = {folder for folder in tmp_path.glob("chroma_db/*/") if folder.is_dir()} - others
    (ours / "header.bin").write_bytes(b"")
    done = run_here("rag_search_vs.py", tmp_path, *flags)
    assert_refused(done, "header.bin", "not as long", "python rag_indexing.py")
    assert "emove" not in done.errors
    assert added_and_removed(run_well_here("rag_indexing.py", tmp_path, *flags).screen) == (len(PRODUCTS), 0)
    assert count_of(tmp_path, "diary") == 2 * MANY


def sizes(folder: Path) -> dict[Path, int]:
    """Of the files of all graphs."""
    return {file: file.stat().st_size for file in folder.glob("chroma_db/*/*")}


def note_sizes_as_earlier_versions(folder: Path, files: dict[Path, int]) -> None:
    """Those of all collections."""
    meta = folder / "chroma_db.meta.json"
    graph = {file.relative_to(folder / "chroma_db").as_posix(): size for file, size in files.items()}
    content = json.loads(meta.read_text(encoding="utf-8"))
    meta.write_text(json.dumps(content | {"graph": graph}), encoding="utf-8")


def test_two_collections_of_ours_in_one_folder(flags, tmp_path):
    run_well_here("rag_indexing.py", tmp_path, *flags)
    run_well_here("rag_indexing.py", tmp_path, *flags, "--rag.collection", "lamps", "--rag.max_records", "10")
    done = run_here("rag_search_vs.py", tmp_path, *flags)
    assert_refused(done, "lamps", "products", "--rag.collection", "python rag_indexing.py")
    done = run_well_here("rag_indexing.py", tmp_path, *flags)
    assert number_after("generated in this run", done.screen) == 0
    assert added_and_removed(done.screen) == (0, 0)
    assert (count_of(tmp_path, "products"), count_of(tmp_path, "lamps")) == (len(PRODUCTS), 10)


def test_a_collection_of_another_program_on_a_server_is_refused(flags, tmp_path):
    import chromadb

    with chroma_server(tmp_path / "server") as address:
        flags = (*flags, "--rag.server", address)
        run_well_here("rag_indexing.py", tmp_path, *flags, "--rag.collection", "lamps")  # waits for the server's start
        port = int(address.rpartition(":")[2])
        settings = chromadb.Settings(anonymized_telemetry=False)
        add_documents(chromadb.HttpClient("127.0.0.1", port, settings=settings), "products", 5)
        assert_refused(run_here("rag_indexing.py", tmp_path, *flags), "products", address, "--rag.collection")
        client = chromadb.HttpClient("127.0.0.1", port, settings=settings)
        assert client.get_collection("products", embedding_function=None).count() == 5
        run_well_here("rag_search_vs.py", tmp_path, *flags, "--rag.collection", "lamps")  # its index is still complete
