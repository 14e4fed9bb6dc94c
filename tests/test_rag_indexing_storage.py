"""Script 5 and what it stores in: kills, kept vectors, a server, and indices that cannot be used."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.command.command_line import read_settings
from pipeline.runtime.artifacts import sole_writer
from pipeline.runtime.errors import UserError
from tests.running import (
    DEMO,
    assert_refused,
    close_chroma,
    finish,
    kill_when,
    run_here,
    run_script,
    run_well_here,
    start,
)
from tests.test_rag_indexing import added_and_removed, number_after, stored, texts_of, write_catalogue

pytestmark = pytest.mark.filterwarnings("ignore:legacy embedding function config")  # Chroma about itself

# More than Chroma keeps in memory before it writes its graph: 1,000.
PRODUCTS = [(f"Lamp {number}", f"Light of {number * 7} lumen.") for number in range(1100)]
FEW_KILLS, MANY_KILLS = 1, 20  # many with --faults all


@pytest.fixture(scope="module")
def indexed(small_embedding_model, tmp_path_factory) -> tuple[Path, tuple[str, ...]]:
    """A folder with an index of `PRODUCTS`, and the flags that it was made with."""
    folder = tmp_path_factory.mktemp("indexed")
    write_catalogue(folder, PRODUCTS)
    flags = (*DEMO, "--rag.max_records", "0", "--rag.embedding_model", str(small_embedding_model))
    done = run_well_here("rag_indexing.py", folder, *flags)
    assert number_after("generated in this run", done.screen) == len(PRODUCTS)
    return folder, flags


def copy_of(indexed: tuple[Path, tuple[str, ...]], folder: Path) -> tuple[Path, tuple[str, ...]]:
    return shutil.copytree(indexed[0], folder / "copy"), indexed[1]


def test_killed_at_random_moments_ends_with_exactly_the_same_documents(indexed, tmp_path, request):
    _, flags = indexed
    kills = FEW_KILLS if request.config.getoption("--faults") == "quick" else MANY_KILLS
    write_catalogue(tmp_path, PRODUCTS)
    chance = random.Random()
    for _ in range(kills):
        process = start("rag_indexing.py", tmp_path, *flags)
        next(line for line in process.stdout if b"Adding the documents" in line)  # a new run has to get there each time
        time.sleep(chance.uniform(0, 2))
        process.kill()
        finish(process)
    run_well_here("rag_indexing.py", tmp_path, *flags)
    undisturbed, index = stored(indexed[0]), stored(tmp_path)
    assert index.keys() == undisturbed.keys()
    assert len({document["text"] for document in index.values()}) == len(PRODUCTS)


def test_killed_within_one_product_goes_on_within_it(small_embedding_model, tmp_path):
    """A product of megabytes is minutes of work: its documents are kept and shown a part at a time."""
    write_catalogue(tmp_path, [*PRODUCTS[:3], ("Atlas", " ".join(f"{number} maps." for number in range(20_000)))])
    flags = (*DEMO, "--rag.max_records", "0", "--rag.embedding_model", str(small_embedding_model))
    process = start("rag_indexing.py", tmp_path, *flags)
    kill_when(process, lambda: any(file.stat().st_size for file in tmp_path.rglob("digests.bin")))
    done = run_well_here("rag_indexing.py", tmp_path, *flags)
    assert 0 < number_after("generated in this run", done.screen) <= number_after("Total chunks", done.screen) - 1024
    assert re.search(r"0/4 .* 1,024 documents", done.errors)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a process otherwise there")
def test_ctrl_c_says_that_the_index_is_not_complete_and_the_same_command_goes_on(indexed, tmp_path):
    _, flags = indexed
    write_catalogue(tmp_path, PRODUCTS)
    process = start("rag_indexing.py", tmp_path, *flags)
    next(line for line in process.stdout if b"Adding the documents" in line)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert "The index is not complete" in done.errors
    assert "half written" not in done.errors
    assert_refused(run_here("rag_search_vs.py", tmp_path, *flags), "not complete", "python rag_indexing.py")
    run_well_here("rag_indexing.py", tmp_path, *flags)
    assert stored(tmp_path).keys() == stored(indexed[0]).keys()


def test_a_catalogue_of_other_products_takes_the_place_of_the_first(indexed, tmp_path):
    """More are added and removed than Chroma keeps in memory before it writes its graph."""
    folder, flags = copy_of(indexed, tmp_path)
    others = [(f"Chair {number}", f"It carries {number} kg.") for number in range(len(PRODUCTS))]
    write_catalogue(folder, others)
    done = run_well_here("rag_indexing.py", folder, *flags)
    assert added_and_removed(done.screen) == (len(others), len(PRODUCTS))
    assert {document["text"] for document in stored(folder).values()} == texts_of(others)  # reads their vectors too


def test_another_collection_embeds_nothing_again(indexed, tmp_path):
    folder, flags = copy_of(indexed, tmp_path)
    done = run_well_here("rag_indexing.py", folder, *flags, "--rag.collection", "others")
    assert number_after("generated in this run", done.screen) == 0
    assert added_and_removed(done.screen) == (len(PRODUCTS), 0)


@pytest.mark.slow_fault
def test_a_model_that_changed_under_its_name_is_noticed(indexed, tmp_path):
    """Search refuses the index; indexing makes all of it anew."""
    from safetensors.numpy import load_file, save_file

    folder, flags = copy_of(indexed, tmp_path)
    shutil.copytree(flags[-1], tmp_path / "model")
    flags = (*flags[:-1], str(tmp_path / "model"))
    run_well_here("rag_indexing.py", folder, *flags)
    [weights] = (tmp_path / "model").rglob("*.safetensors")
    tensors = load_file(weights)
    save_file({name: tensor[..., ::-1].copy() for name, tensor in tensors.items()}, weights, {"format": "pt"})
    assert_refused(run_here("rag_search_vs.py", folder, *flags), "has changed since", "python rag_indexing.py")
    done = run_well_here("rag_indexing.py", folder, *flags)
    assert number_after("generated in this run", done.screen) == len(PRODUCTS)
    assert added_and_removed(done.screen) == (len(PRODUCTS), 0)


def test_index_of_another_file_is_refused(indexed, tmp_path):
    folder, flags = copy_of(indexed, tmp_path)
    other = shutil.copy(folder / "trn_processed.json", folder / "other.json")
    with Path(other).open("a", encoding="utf-8") as file:
        file.write("\n")
    done = run_here("rag_search_vs.py", folder, *flags, "--data.processed_file", "other.json")
    assert_refused(done, "other.json is not what", "python rag_indexing.py")


def test_the_search_and_its_store_stand_in_chains_of_langchain(indexed, tmp_path):
    from langchain_core.runnables import RunnableLambda

    from pipeline.search.retriever import open_search

    folder, flags = copy_of(indexed, tmp_path)
    retriever = open_search(read_settings("", [*flags, "--language", "en", "--work_dir", str(folder)]))
    chain = retriever | RunnableLambda(lambda documents: [document.metadata["product"] for document in documents])
    assert chain.invoke("Lamp 77")[0] == "Lamp 77"
    [document] = retriever.store.similarity_search(f"Product: {PRODUCTS[77][0]} - Description: {PRODUCTS[77][1]}", k=1)
    assert document.metadata["product"] == "Lamp 77"
    close_chroma()


# --------------------------------------------------------------------------------------- indices that cannot be used


@pytest.mark.slow_fault
def test_damaged_index_is_refused(indexed, tmp_path):
    folder, flags = copy_of(indexed, tmp_path)
    [graph] = folder.glob("chroma_db/*/index_metadata.pickle")
    graph.write_bytes(b"0" * graph.stat().st_size)
    for script in ("rag_search_vs.py", "rag_indexing.py"):
        assert_refused(run_here(script, folder, *flags), "chroma_db", "cannot be read", "python rag_indexing.py")


@pytest.mark.parametrize("damage", ["lost", "cut off"])
def test_index_whose_vectors_are_not_all_there_is_refused_and_indexing_makes_it_anew(indexed, tmp_path, damage):
    """Chroma itself would find nothing, or less."""
    folder, flags = copy_of(indexed, tmp_path)
    [vectors] = folder.glob("chroma_db/*/data_level0.bin")
    if damage == "lost":
        shutil.rmtree(vectors.parent)
    else:
        os.truncate(vectors, vectors.stat().st_size // 2)
    done = run_here("rag_search_vs.py", folder, *flags, "--rag.method", "dense")
    assert_refused(done, "data_level0.bin" if damage == "cut off" else "missing", "anew: python rag_indexing.py")
    assert "emove" not in done.errors
    done = run_well_here("rag_indexing.py", folder, *flags)
    assert number_after("generated in this run", done.screen) == 0
    assert added_and_removed(done.screen) == (len(PRODUCTS), 0)
    assert texts_of(PRODUCTS) == {document["text"] for document in stored(folder).values()}


def test_index_that_another_program_holds_is_refused(indexed, tmp_path):
    folder, flags = copy_of(indexed, tmp_path)
    with closing(sqlite3.connect(folder / "chroma_db" / "chroma.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        done = run_script("rag_indexing.py", folder, *flags)
    assert_refused(done, "chroma_db", "in use by another program")


def test_two_runs_at_the_same_time_are_one_too_many(indexed, tmp_path):
    folder, flags = copy_of(indexed, tmp_path)
    with sole_writer(folder / "chroma_db"):
        assert_refused(run_script("rag_indexing.py", folder, *flags), "chroma_db", "another run")


def test_too_little_room_is_said_before_the_start(tmp_path):
    from pipeline.search.writer import Catalogue, check_free_disk

    settings = read_settings("", [*DEMO, "--language", "en", "--work_dir", str(tmp_path)])
    settings.rag.chroma_dir.mkdir()
    check_free_disk(Catalogue(1000, 500_000), 0, 384, settings)
    with pytest.raises(UserError, match=r"needs about .* MB, and .* MB are free in .*--rag\.max_records"):
        check_free_disk(Catalogue(10**12, 10**15), 0, 384, settings)


# ------------------------------------------------------------------------------------------------------- the server


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """A real Chroma server on a free port of this machine alone; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = shutil.which("chroma", path=str(Path(sys.executable).parent))
    command = [program, "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def test_server_instead_of_the_folder(indexed, tmp_path):
    """Indexing starts while the server is still starting, and search finds what it stored; then the server is gone."""
    folder, flags = copy_of(indexed, tmp_path)
    shutil.rmtree(folder / "chroma_db")
    with chroma_server(tmp_path / "server") as address:
        flags = (*flags, "--rag.server", address)
        done = run_well_here("rag_indexing.py", folder, *flags)
        assert added_and_removed(done.screen) == (len(PRODUCTS), 0)
        assert number_after("generated in this run", done.screen) == 0
        done = run_well_here("rag_search_vs.py", folder, *flags, "--products", "Lamp 77")
        assert "* Product: Lamp 77 - Description: Light of 539 lumen." in done.screen
    assert not (folder / "chroma_db" / "chroma.sqlite3").exists()
    for script in ("rag_indexing.py", "rag_search_vs.py"):
        done = run_here(script, folder, *flags)
        assert_refused(done, "No Chroma server answers at", address, "chroma run --host 127.0.0.1")


def test_address_of_the_server_is_checked(tmp_path):
    done = run_here("rag_indexing.py", tmp_path, *DEMO, "--rag.server", "127.0.0.1:8000")
    assert_refused(done, "rag.server")
    assert re.search("https?", done.errors)
