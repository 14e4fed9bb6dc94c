"""Workers on a Ray cluster: the same results as without one, on one machine and on two, one of which dies."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

import psutil
import pytest

from pipeline.runtime.errors import UserError
from tests.pipeline_run import ANSWERS, RECORDS, PipelineRun
from tests.running import (
    DEADLINE,
    DEMO,
    PROJECT,
    Finished,
    assert_refused,
    finish,
    kill_when,
    run_script,
    run_well,
    start,
    write_catalogue,
)
from tests.test_rag_indexing import number_after, stored

ray = pytest.importorskip("ray", reason="requirements-cluster.txt is not installed")

from ray.cluster_utils import Cluster  # noqa: E402

from pipeline.runtime.cluster import ClusterWorkers  # noqa: E402

INDEXING = (*DEMO, "--rag.max_records", "0")
ANSWERING = (*DEMO, *ANSWERS, *RECORDS, "--sample", "20")
NODES = {"num_cpus": 1, "object_store_memory": 100 << 20}


OTHER_VERSION = """
import sys

class Other:
    version_info = (3, 14, 9)

    def __getattr__(self, name):
        return getattr(sys, name)

if any("ray" in word for word in sys.orig_argv):
    import ray
    from ray._private import utils
    from ray.util.client.server import dataservicer

    {changed}
"""


LACKING = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError("No module named " + repr(name))

if any("default_worker" in word for word in sys.orig_argv):
    sys.meta_path.insert(0, Lacking())
"""

DIES_ONCE = """
import os
import sys

if any("specific-server" in word for word in sys.orig_argv):
    try:
        os.mkdir({folder!r})
    except FileExistsError:
        pass
    else:
        os._exit(1)
"""


def square_slowly(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    if number < 0:
        raise UserError("a negative number")
    return number**2


def square_with_a_package(number: int) -> int:
    import orjson

    return orjson.loads(orjson.dumps(square_slowly(number, seconds=0.2)))


def square_without_a_package(number: int) -> int:
    if number > 3:
        raise ImportError("\nPyTorch was not found\nCheck the installation page.")
    return number**2


def large_result(task: tuple[int, bytes, int]) -> bytes:
    return bytes(task[2])


@pytest.fixture
def cluster():
    """One with a head that has one core."""
    cluster = Cluster(initialize_head=True, head_node_args=NODES)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def ports():
    """Those of a cluster with two cores, as `ray start` makes it: its own, and the one for scripts from outside."""
    with started_cluster("--num-cpus", "2") as ports:
        yield ports


@pytest.fixture(params=[0, 1], ids=["auto", "ray://"])
def joined(request, ports, monkeypatch):
    """The flags of a script that works on that cluster."""
    cluster, environment = ways_in(*ports)[request.param]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return ("--cluster", cluster)


@pytest.fixture
def ready_to_answer(pipeline_run, tmp_path):
    """A folder with what script 8 needs to ask all systems, and no answers."""
    return with_models_and_index(pipeline_run, tmp_path)


@pytest.fixture(scope="module")
def answered_alone(pipeline_run, tmp_path_factory):
    """What the systems say without a cluster, sorted."""
    folder = with_models_and_index(pipeline_run, tmp_path_factory.mktemp("alone"))
    run_well("compare_models.py", folder, *ANSWERING)
    return sorted(answers_in(folder))


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


def test_work_of_a_machine_that_dies_is_done_by_another(cluster, capsys):
    other = cluster.add_node(**NODES)
    cluster.wait_for_nodes()
    with ClusterWorkers(partial(square_slowly, seconds=0.2), cluster.address) as workers:
        assert len(workers.workers) == 2
        results = workers.in_order(range(30))
        first = [next(results) for _number in range(4)]
        cluster.remove_node(other, allow_graceful=False)
        assert first + list(results) == [number**2 for number in range(30)]
        assert len(workers.workers) == 1
    assert capsys.readouterr().err.count("works no more") == 1


@pytest.mark.slow_fault
def test_work_of_a_machine_that_lacks_a_package_is_done_by_another(cluster, tmp_path, capsys):
    (tmp_path / "sitecustomize.py").write_text(LACKING.format(name="orjson"), encoding="utf-8")
    for _machine in range(2):
        cluster.add_node(**NODES, env_vars={"PYTHONPATH": str(tmp_path)})
    cluster.wait_for_nodes()
    with ClusterWorkers(square_with_a_package, cluster.address) as workers:
        assert len(workers.workers) == 3
        assert list(workers.in_order(range(20))) == [number**2 for number in range(20)]
        assert len(workers.workers) == 1
    assert capsys.readouterr().err.count("works no more (No module named 'orjson')") == 1


@pytest.mark.slow_fault
def test_package_that_is_missing_in_the_middle_is_named(cluster):
    """The first line of what a library says of it: advice may follow."""
    with ClusterWorkers(square_without_a_package, cluster.address) as workers:
        results = workers.in_order(range(9))
        assert [next(results) for _number in range(4)] == [0, 1, 4, 9]
        with pytest.raises(UserError, match=r"is left \(PyTorch was not found\)"):
            next(results)


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
    found = {}
    for name, flags in {"alone": (), "cluster": ("--cluster", "local")}.items():
        folder = write_catalogue(tmp_path / name, products(600))
        flags = (*INDEXING, "--rag.embedding_model", str(small_embedding_model), *flags)
        run_well("rag_indexing.py", folder, *flags)
        found[name] = documents_and_vectors(folder)
    assert len(found["alone"]) > 600  # a description is stored in parts
    assert found["cluster"] == found["alone"]
    assert "Total embeddings generated in this run: 0" in run_well("rag_indexing.py", folder, *flags).screen


@pytest.mark.slow_fault  # each machine of the cluster loads its own model
def test_answers_are_the_same_on_a_cluster(ready_to_answer, answered_alone):
    run_well("compare_models.py", ready_to_answer, *ANSWERING, "--cluster", "local")
    assert len(answered_alone) >= 40
    assert sorted(answers_in(ready_to_answer)) == answered_alone


@pytest.mark.slow_fault
def test_answers_go_on_when_a_machine_dies(cluster, ready_to_answer, answered_alone):
    """What the workers of that machine were asked is asked again, and nothing else."""
    other = cluster.add_node(**NODES)
    cluster.wait_for_nodes()
    flags = (*ANSWERING, "--cluster", "auto")
    process = start("compare_models.py", ready_to_answer, *flags, RAY_ADDRESS=cluster.address)
    wait_until(lambda: answers_in(ready_to_answer), process)
    assert len(workers()) == 2
    cluster.remove_node(other, allow_graceful=False)
    before = answers_in(ready_to_answer)
    done = finish(process)
    assert done.code == 0, done.errors
    assert len(before) < len(answered_alone)
    assert sorted(answers_in(ready_to_answer)) == answered_alone
    assert_workers_end()


@pytest.mark.slow_fault
def test_catalogue_of_a_killed_run_is_made_again(joined, tmp_path):
    """Nothing half written counts, and the workers of the killed run do not keep the cores of the next one."""
    write_raw(tmp_path / "trn.json")
    for name in ("alone", "cluster"):
        (tmp_path / name).mkdir()
    flags = ("--data.raw_file", str(tmp_path / "trn.json"))
    run_well("process_data.py", tmp_path / "alone", *flags)
    process = start("process_data.py", tmp_path / "cluster", *flags, *joined)
    part = tmp_path / "cluster" / "trn_processed.json.part"
    kill_when(process, lambda: part.exists() and part.stat().st_size)
    assert not list((tmp_path / "cluster").glob("trn_processed.json*[!t]"))
    run_after_a_killed_run("process_data.py", tmp_path / "cluster", *flags, *joined)
    names = {file.name for file in (tmp_path / "alone").iterdir()}
    assert {file.name for file in (tmp_path / "cluster").iterdir()} == names
    alone, together = ((tmp_path / name / "trn_processed.json").read_bytes() for name in ("alone", "cluster"))
    assert together == alone


@pytest.mark.slow_fault
def test_index_of_a_killed_run_goes_on(joined, tmp_path, small_embedding_model):
    """What was embedded is not embedded again, by as many workers as before; and the index is the same in the end."""
    flags = (*INDEXING, "--rag.embedding_model", str(small_embedding_model))
    alone, together = (write_catalogue(tmp_path / name, products(3000)) for name in ("alone", "cluster"))
    run_well("rag_indexing.py", alone, *flags)
    process = start("rag_indexing.py", together, *flags, *joined)
    kill_when(process, lambda: any(file.stat().st_size for file in together.rglob("digests.bin")))
    done = run_after_a_killed_run("rag_indexing.py", together, *flags, *joined)
    chunks = number_after("Total chunks", done.screen)
    assert 0 < number_after("generated in this run", done.screen) <= chunks - 512
    assert documents_and_vectors(together) == documents_and_vectors(alone)


@pytest.mark.slow_fault
def test_answers_of_a_killed_run_are_kept(joined, ready_to_answer, answered_alone):
    """They are not asked again, the others by as many workers as before; and none of these is left over."""
    process = start("compare_models.py", ready_to_answer, *ANSWERING, *joined)
    kill_when(process, lambda: answers_in(ready_to_answer))
    before = answers_in(ready_to_answer)
    assert len(before) < len(answered_alone)
    run_after_a_killed_run("compare_models.py", ready_to_answer, *ANSWERING, *joined)
    assert answers_in(ready_to_answer)[: len(before)] == before
    assert sorted(answers_in(ready_to_answer)) == answered_alone


def test_cluster_that_is_not_there_is_refused(tmp_path):
    for cluster, environment in ways_in(1, 1):
        began = time.monotonic()
        done = run_script("process_data.py", tmp_path, *DEMO, "--cluster", cluster, **environment)
        assert_refused(done, "No cluster answers at", "127.0.0.1:1", "docs/several-cards.md")
        assert time.monotonic() - began < 15
    assert not (tmp_path / "trn_processed.json").exists()
    assert_refused(run_script("process_data.py", tmp_path, *DEMO, "--cluster", "somewhere"), "cluster", "ray://")
    folder = write_catalogue(tmp_path / "catalogue", products(3))
    before = sorted(folder.iterdir())
    done = run_script("rag_indexing.py", folder, *DEMO, "--cluster", cluster, **environment)
    assert_refused(done, "No cluster answers at")
    assert sorted(folder.iterdir()) == before


def test_cluster_of_this_machine_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr(ray._private.services, "find_gcs_addresses", cache(set))  # another one may run meanwhile
    with pytest.raises(UserError, match="No cluster runs on this machine"), ClusterWorkers(square_slowly, "auto"):
        pass


@pytest.mark.slow_fault
def test_cluster_is_used_where_parts_of_ray_have_moved(cluster, monkeypatch):
    """As its inner parts may in another version: what is asked before Ray only makes a refusal come sooner."""
    monkeypatch.delattr(ray._private.gcs_utils, "create_gcs_channel")
    monkeypatch.delattr(ray.exceptions, "AuthenticationError")
    with ClusterWorkers(square_slowly, cluster.address) as workers:
        assert list(workers.in_order(range(4))) == [0, 1, 4, 9]


@pytest.mark.slow_fault
def test_cluster_is_not_asked_through_a_proxy(joined, tmp_path):
    proxy = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy"), "http://127.0.0.1:1")
    run_well("process_data.py", tmp_path, *DEMO, *joined, no_proxy="", **proxy)


@pytest.mark.slow_fault
def test_token_of_this_machine_is_taken_in_silence(tmp_path, monkeypatch):
    """With neither RAY_AUTH_MODE nor RAY_ADDRESS, as Ray does: its own line on that is not shown."""
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("token" * 20, encoding="utf-8")
    for name in ("RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # short: Ray's sockets lie there
        own = dict.fromkeys(("HOME", "USERPROFILE"), str(tmp_path)) | {"RAY_TMPDIR": folder}
        with started_cluster("--num-cpus", "2", **own, RAY_AUTH_MODE="token"):
            done = run_well("process_data.py", tmp_path, *DEMO, "--cluster", "auto", **own)
    assert "authentication" not in done.screen + done.errors


@pytest.fixture
def small_disk():
    """Of 40 MB, with a short path: Ray's sockets lie there."""
    disk = Path(tempfile.mkdtemp(dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user cannot mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
    disk.rmdir()


@pytest.mark.slow_fault
@pytest.mark.skipif(sys.platform == "win32", reason="mounts a disk")
@pytest.mark.parametrize(("task", "result"), [(1, 60_000_000), (60_000_000, 1)], ids=["results", "tasks"])
def test_full_memory_and_disk_of_a_machine_are_named(task, result, small_disk, monkeypatch):
    """What neither its shared memory of 100 MB holds nor the disk to which Ray then writes."""
    with started_cluster("--num-cpus", "1", "--temp-dir", str(small_disk)) as ports:
        cluster, environment = ways_in(*ports)[0]
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        tasks = ((number, bytes(task), result) for number in range(8))
        with ClusterWorkers(large_result, cluster) as workers, pytest.raises(UserError, match="auto is full"):
            list(workers.in_order(tasks))


@pytest.mark.slow_fault
@pytest.mark.parametrize("changed", ["utils.sys = dataservicer.sys = Other()", "ray.__version__ = '2.1.0'"])
def test_cluster_of_other_versions_is_refused(changed, tmp_path):
    """One that says so of itself: `sitecustomize` is run by each Python that starts."""
    write_raw(tmp_path / "trn.json")
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSION.format(changed=changed), encoding="utf-8")
    flags = ("--data.raw_file", str(tmp_path / "trn.json"), "--cluster")
    its_version = "Python 3.14.9" if "sys" in changed else "Ray 2.1.0"
    said_by_ray = (its_version, f"this script Ray {ray.__version__}")
    with started_cluster(PYTHONPATH=str(tmp_path)) as ports:
        for (cluster, environment), words in zip(ways_in(*ports), (said_by_ray, ()), strict=True):
            done = run_script("process_data.py", tmp_path, *flags, cluster, **environment)
            assert_refused(done, cluster, *words, "the same versions")  # ray:// may fail before it says its version
            assert not list(tmp_path.glob("*processed*"))


@pytest.mark.slow_fault
@pytest.mark.parametrize("lacking", ["pipeline", "orjson"], ids=["the project", "a package"])
def test_cluster_whose_machines_lack_something_is_refused(lacking, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LACKING.format(name=lacking), encoding="utf-8")
    with started_cluster(PYTHONPATH=str(tmp_path)) as ports:
        for cluster, environment in ways_in(*ports):
            done = run_script("process_data.py", tmp_path, *DEMO, "--cluster", cluster, **environment)
            words = (f"No worker of the cluster {cluster} is left", f"No module named '{lacking}'", str(PROJECT))
            assert_refused(done, *words)
            assert not list(tmp_path.glob("*processed*"))


@pytest.mark.slow_fault
def test_cluster_with_another_token_is_refused(tmp_path):
    """At once, and nothing else is on the screen: Ray tries for half a minute, and says so each time."""
    for name in ("its", "another"):
        (tmp_path / name).write_text(name * 20, encoding="utf-8")
    as_cluster, other = (
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / name)} for name in ("its", "another")
    )
    with started_cluster(**as_cluster) as ports:
        for cluster, environment in ways_in(*ports):
            flags = (*DEMO, "--cluster", cluster)
            for own in (other, {"RAY_AUTH_MODE": "disabled"}, other | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "no")}):
                began = time.monotonic()
                done = run_script("process_data.py", tmp_path, *flags, **(environment | own))
                assert_refused(done, f"The cluster {cluster} refuses this script", "auth_token", "RAY_AUTH_MODE")
                assert done.errors.strip().count("\n") == 0
                assert time.monotonic() - began < 15
            run_well("process_data.py", tmp_path, *flags, **(environment | as_cluster))


@pytest.mark.slow_fault
def test_cluster_without_the_token_of_the_script_is_refused(ports, tmp_path):
    """Such a cluster lets the script in, and its workers do not answer it."""
    (tmp_path / "token").write_text("token" * 20, encoding="utf-8")
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    cluster, environment = ways_in(*ports)[0]
    done = run_script("process_data.py", tmp_path, *DEMO, "--cluster", cluster, **(environment | token))
    assert_refused(done, f"No worker of the cluster {cluster} is left", "auth_token")


@pytest.mark.slow_fault
def test_process_for_a_script_from_outside_may_die_at_its_start(tmp_path):
    """As some do, Ray's fault: a second attempt has another one."""
    dies_once = DIES_ONCE.format(folder=str(tmp_path / "died"))
    (tmp_path / "sitecustomize.py").write_text(dies_once, encoding="utf-8")
    with started_cluster(PYTHONPATH=str(tmp_path)) as ports:
        cluster, environment = ways_in(*ports)[1]
        sooner = environment | {"RAY_CLIENT_RECONNECT_GRACE_PERIOD": "2"}  # else Ray waits half a minute more
        run_well("process_data.py", tmp_path, *DEMO, "--cluster", cluster, **sooner)
        assert (tmp_path / "died").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_ends_the_run_and_its_cluster(tmp_path):
    write_raw(tmp_path / "trn.json")
    process = start("process_data.py", tmp_path, "--data.raw_file", str(tmp_path / "trn.json"), "--cluster", "local")
    wait_until(lambda: any("ray::Worker.work" in name for name in cluster_processes(process.pid).values()), process)
    started = [psutil.Process(number) for number in cluster_processes(process.pid)]
    process.send_signal(signal.SIGINT)
    assert_interrupted_quietly(finish(process))
    assert not list(tmp_path.glob("*processed*"))
    assert not psutil.wait_procs(started, timeout=30)[1]


@pytest.mark.slow_fault
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all processes of a console")
@pytest.mark.parametrize("working", [False, True], ids=["starting", "working"])
def test_ctrl_c_gives_back_what_the_run_had_of_a_cluster(joined, working, tmp_path):
    write_raw(tmp_path / "trn.json")
    process = start("process_data.py", tmp_path, "--data.raw_file", str(tmp_path / "trn.json"), *joined)
    part = tmp_path / "trn_processed.json.part"
    wait_until(lambda: part.exists() and part.stat().st_size if working else workers(), process)
    process.send_signal(signal.SIGINT)
    assert_interrupted_quietly(finish(process))
    assert not list(tmp_path.glob("*processed*"))
    assert_workers_end()


@pytest.mark.slow_fault
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_while_indexing(joined, tmp_path, small_embedding_model):
    flags = (*INDEXING, "--rag.embedding_model", str(small_embedding_model))
    folder = write_catalogue(tmp_path / "run", products(3000))
    process = start("rag_indexing.py", folder, *flags, *joined)
    wait_until(lambda: any(file.stat().st_size for file in folder.rglob("digests.bin")), process)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert_interrupted_quietly(done)
    assert "The index is not complete" in done.errors
    assert_workers_end()


def assert_interrupted_quietly(done: Finished) -> None:
    assert done.code == 130, done
    assert done.errors.count("Interrupted. ") == 1
    said = [line for line in done.errors.splitlines() if line.strip() and "|" not in line and "it/s" not in line]
    assert len(said) == 1, said


def products(number: int) -> dict[str, str]:
    words = ["lamp", "red", "large", "old", "glass"]
    return {f"Lamp {n}": " ".join(words[k % 5] for k in range(n, n + 20 + n % 7)) for n in range(number)}


def with_models_and_index(run: PipelineRun, folder: Path) -> Path:
    files = ("trn_processed.json", "trn_processed.json.meta.json", "lora_model_demo", "lora_model_demo.meta.json")
    return run.copy(folder, *files, "trn_processed_dataset.json", "chroma_db", "chroma_db.*")


def answers_in(folder: Path) -> list[tuple[str, str, str, str]]:
    """Each answer that script 8 has kept: its system, product, prompt and text."""
    found, system = [], ""
    file = folder / "comparison_answers.jsonl"
    for line in file.read_bytes().splitlines() if file.exists() else []:
        with suppress(ValueError):  # a line that is being written, or was when the script was killed
            entry = json.loads(line)
            system = entry.get("system", system)
            if "answer" in entry:
                answer = entry["answer"]
                found.append((system, answer["product"], answer["prompt"], answer["answer"]))
    return found


def documents_and_vectors(folder: Path) -> dict[str, tuple[str, bytes]]:
    return {key: (document["text"], document["vector"].tobytes()) for key, document in stored(folder).items()}


@contextmanager
def started_cluster(*flags: str, **environment: str) -> Iterator[tuple[int, int]]:
    ports = free_ports(2)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"),
            *("--node-ip-address", "127.0.0.1", "--port", str(ports[0]), "--ray-client-server-port", str(ports[1])),
            *("--include-dashboard", "false", "--object-store-memory", str(NODES["object_store_memory"]), *flags),
        ],
        env=os.environ | {"RAY_AUTH_MODE": "disabled"} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for port in ports:
            wait_until(lambda port=port: answers(port), process)
        yield ports
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(60)
        for left in psutil.wait_procs(started, timeout=30)[1]:
            left.kill()


def ways_in(port: int, port_from_outside: int) -> list[tuple[str, dict[str, str]]]:
    """What a script's --cluster may be for a cluster with these ports, and its environment then."""
    environment = {"RAY_AUTH_MODE": "disabled"}
    return [
        ("auto", environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"}),
        (f"ray://127.0.0.1:{port_from_outside}", environment),
    ]


def free_ports(number: int) -> list[int]:
    """Below those that the system gives to whoever asks: on Linux from 32768, on Windows and macOS from 49152.

    Ray's own processes ask before these ports are used.
    """
    free: set[int] = set()
    while len(free) < number:
        port = random.randrange(25_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            free.add(port)
    return list(free)


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def run_after_a_killed_run(script: str, folder: Path, *flags: str) -> Finished:
    """It has to succeed, on as many workers as the killed one had, and leave none of either behind."""
    left = workers()
    process = start(script, folder, *flags)
    wait_until(lambda: len(workers() - left) == 2, process)
    done = finish(process)
    assert done.code == 0, done.errors
    assert_workers_end()
    return done


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, finish(process)
        assert time.monotonic() < end
        time.sleep(0.02)


def write_raw(file: Path) -> None:
    lines = (json.dumps({"title": f"Lamp {n}", "content": "bright &amp; warm " * 40}) + "\n" for n in range(200_000))
    file.write_text("".join(lines), encoding="utf-8")


def workers() -> set[int]:
    """The processes of this test's cluster that work for a script."""
    return {number for number, name in cluster_processes(os.getpid()).items() if name.startswith("ray::Worker")}


def assert_workers_end() -> None:
    end = time.monotonic() + 30
    while left := workers():
        assert time.monotonic() < end, left
        time.sleep(0.1)


def cluster_processes(script: int) -> dict[int, str]:
    """What a script has started, and what that has: the numbers of the processes and their command lines."""
    found = {}
    for process in psutil.Process(script).children(recursive=True):
        with suppress(psutil.Error):
            found[process.pid] = " ".join(process.cmdline())
    return found
