"""Workers on a Ray cluster: the same results as without one, on one machine and on two, one of which dies."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from functools import partial

import psutil
import pytest

from pipeline.runtime.errors import UserError
from tests.pipeline_run import ANSWERS, RECORDS
from tests.running import DEADLINE, DEMO, assert_refused, finish, run_script, run_well, start, write_catalogue

ray = pytest.importorskip("ray", reason="requirements-cluster.txt is not installed")

from ray.cluster_utils import Cluster  # noqa: E402

from pipeline.runtime.cluster import ClusterWorkers  # noqa: E402

NODES = {"num_cpus": 1, "object_store_memory": 100 << 20}


def square_slowly(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    if number < 0:
        raise UserError("a negative number")
    return number**2


@pytest.fixture
def cluster():
    """One with a head that has one core."""
    cluster = Cluster(initialize_head=True, head_node_args=NODES)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_results_come_in_order_and_errors_as_they_are(cluster):
    with ClusterWorkers(square_slowly, cluster.address) as workers:
        assert list(workers.in_order(range(20))) == [number**2 for number in range(20)]
    with ClusterWorkers(square_slowly, cluster.address) as workers, pytest.raises(UserError, match="a negative number"):
        list(workers.in_order([1, -1, 2]))


def test_work_ahead_is_bounded(cluster):
    """A source of any length: no more is taken from it than the workers need."""
    taken = []
    with ClusterWorkers(square_slowly, cluster.address) as workers:
        results = workers.in_order(taken.append(number) or number for number in range(1000))
        next(results)
        assert len(taken) <= 5


def test_work_of_a_machine_that_dies_is_done_by_another(cluster):
    other = cluster.add_node(**NODES)
    cluster.wait_for_nodes()
    with ClusterWorkers(partial(square_slowly, seconds=0.2), cluster.address) as workers:
        assert len(workers.workers) == 2
        results = workers.in_order(range(30))
        first = [next(results) for _number in range(4)]
        cluster.remove_node(other, allow_graceful=False)
        assert first + list(results) == [number**2 for number in range(30)]
        assert len(workers.workers) == 1


def test_catalogue_is_the_same_on_a_cluster(tmp_path):
    """Script 1 as a user runs it: lines, an array, and what cannot be read."""
    (tmp_path / "alone").mkdir()
    (tmp_path / "cluster").mkdir()
    alone = run_well("process_data.py", tmp_path / "alone", *DEMO)
    together = run_well("process_data.py", tmp_path / "cluster", *DEMO, "--cluster", "local")
    for name in ("trn_processed.json", "trn_rejected.jsonl"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "cluster" / name).read_bytes()
    assert "ray" not in (together.screen + together.errors).lower().replace("array", "")
    assert alone.screen.count("\n") == together.screen.count("\n")


@pytest.mark.slow_fault  # each machine of the cluster loads its own model
def test_index_is_the_same_on_a_cluster(tmp_path, small_embedding_model):
    """The same documents with the same vectors; and a second run embeds nothing."""
    import chromadb

    words = ["lamp", "red", "large", "old", "glass"]
    products = {f"Lamp {n}": " ".join(words[k % 5] for k in range(n, n + 20 + n % 7)) for n in range(600)}
    stored = {}
    for name, flags in {"alone": (), "cluster": ("--cluster", "local")}.items():
        folder = write_catalogue(tmp_path / name, products)
        flags = (*DEMO, "--rag.embedding_model", str(small_embedding_model), "--rag.max_records", "0", *flags)
        run_well("rag_indexing.py", folder, *flags)
        collection = chromadb.PersistentClient(str(folder / "chroma_db")).get_collection("products")
        found = collection.get(include=["embeddings", "documents"])
        stored[name] = {
            key: (text, vector.tobytes())
            for key, text, vector in zip(found["ids"], found["documents"], found["embeddings"], strict=True)
        }
    assert len(stored["alone"]) > 600  # a description is stored in parts
    assert stored["cluster"] == stored["alone"]
    assert "Total embeddings generated in this run: 0" in run_well("rag_indexing.py", folder, *flags).screen


@pytest.mark.slow_fault  # each machine of the cluster loads its own model
def test_answers_are_the_same_on_a_cluster(pipeline_run, tmp_path):
    kept = {}
    for name, flags in {"alone": (), "cluster": ("--cluster", "local")}.items():
        (tmp_path / name).mkdir()
        files = ("trn_processed.json", "trn_processed.json.meta.json", "lora_model_demo", "lora_model_demo.meta.json")
        files = (*files, "trn_processed_dataset.json", "chroma_db", "chroma_db.*")
        folder = pipeline_run.copy(tmp_path / name, *files)
        run_well("compare_models.py", folder, *DEMO, *ANSWERS, *RECORDS, "--sample", "20", *flags)
        lines = (folder / "comparison_answers.jsonl").read_text(encoding="utf-8").splitlines()
        answers = [entry["answer"] for line in lines if line and "answer" in (entry := json.loads(line))]
        kept[name] = sorted((answer["product"], answer["prompt"], answer["answer"]) for answer in answers)
    assert len(kept["alone"]) >= 40
    assert kept["cluster"] == kept["alone"]


def test_cluster_that_is_not_there_is_refused(tmp_path):
    for address in ("auto", "ray://127.0.0.1:1"):
        assert_refused(run_script("process_data.py", tmp_path, *DEMO, "--cluster", address), address, "--cluster")
    assert not (tmp_path / "trn_processed.json").exists()
    assert_refused(run_script("process_data.py", tmp_path, *DEMO, "--cluster", "somewhere"), "cluster", "ray://")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_ends_the_run_and_its_cluster(tmp_path):
    line = json.dumps({"title": "Lamp", "content": "bright &amp; warm " * 40}) + "\n"
    (tmp_path / "trn.json").write_text(line * 200_000, encoding="utf-8")
    process = start("process_data.py", tmp_path, "--data.raw_file", str(tmp_path / "trn.json"), "--cluster", "local")
    end = time.monotonic() + DEADLINE
    while not any("ray::Worker.work" in name for name in cluster_processes(process.pid).values()):
        assert time.monotonic() < end and process.poll() is None, finish(process)
        time.sleep(0.02)
    started = [psutil.Process(number) for number in cluster_processes(process.pid)]
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.code == 130, done
    assert done.errors.count("Interrupted. ") == 1
    assert "Traceback" not in done.errors
    assert not list(tmp_path.glob("*processed*"))
    assert not psutil.wait_procs(started, timeout=30)[1]


def cluster_processes(script: int) -> dict[int, str]:
    """What a script has started, and what that has: the numbers of the processes and their command lines."""
    found = {}
    for process in psutil.Process(script).children(recursive=True):
        with suppress(psutil.Error):
            found[process.pid] = " ".join(process.cmdline())
    return found
