"""Workers on a Ray cluster, with the same method as worker processes: tasks go out, results come back in order.

Each worker is a Ray actor that holds the function, so that a model is loaded once. Ray Data is not used: it would read
the input itself, while the main process takes the input's hash, counts its lines, and knows what an earlier run did;
and its `map_batches` neither gives the results back one by one nor bounds how far they get ahead of who writes them.

What a task needs travels with it, so the files of the catalogue are only on the main process's machine. The project
and its packages are on all of them, in the same folder. Tasks and results travel as bytes: with `ray://` they pass
through a process of Ray that does not know the project. Ray is imported where a cluster is asked for, and only there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.runtime.cluster_connection import Connection
from pipeline.runtime.errors import first_line, last_line
from pipeline.runtime.messages import _
from pipeline.runtime.progress import print_above_bars
from pipeline.runtime.worker_processes import RESULTS_WAITING, WorkerProcesses, value_of

PROJECT_DIR = Path(__file__).resolve().parents[2]
PATIENCE = 45  # seconds until what an earlier run had counts as free: with `ray://`, 30 after it was killed
STEADY = 0.3  # seconds for which the number of free cores stays the same when it can be believed


def workers_for(
    function: Callable[[Any], Any], cluster: str | None, processes: int = 0, most: int = 0, cards: bool = False
) -> WorkerProcesses | ClusterWorkers:
    """Workers that call `function`: on `cluster`, or without one `processes` processes of this machine.

    On the cluster they are as many as it has free cores, `most` of them where that is not 0; with `cards` as many as
    it has free cards, where it has one.
    """
    return ClusterWorkers(function, cluster, most, cards) if cluster else WorkerProcesses(function, processes)


class Given(NamedTuple):
    """A task that a worker has."""

    number: int
    task: Any
    worker: Any


class ClusterWorkers:
    """Ray actors that call `function`, see `workers_for`. A context manager: they have ended when it exits.

    `cluster` is `local` for one that is started here and ends with the script, `auto` for the one that runs on this
    machine (`ray start --head`), or `ray://HOST:10001` for one elsewhere.
    """

    def __init__(self, function: Callable[[Any], Any], cluster: str, most: int = 0, cards: bool = False):
        self.function, self.most, self.cards = function, most, cards
        self.connection = Connection(cluster)
        self.workers: list = []
        self.told: set[str] = set()  # why workers were lost, each reason once

    def __enter__(self) -> ClusterWorkers:
        self.connection.require_answer()
        self.ray = self.connection.ray
        try:
            self.connection.join()
            with self._faults_named():
                self.workers = self._start()
        except BaseException:
            self.ray.shutdown()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        for worker in self.workers:
            with suppress(Exception):  # the cluster may be gone
                self.ray.kill(worker)
        self.ray.shutdown()

    def _start(self) -> list:
        kind = "GPU" if self.cards and self.ray.cluster_resources().get("GPU", 0) >= 1 else "CPU"
        number = self._free(kind)
        if not number:
            message = _(
                "The cluster {cluster} has no free core or card. Wait for its other work, or add machines to it."
            )
            raise self.connection.error(message)
        needs = {"num_gpus": 1, "num_cpus": 0} if kind == "GPU" else {"num_cpus": 1}
        actor = self.ray.remote(**needs)(_worker())
        function = self.ray.put(self.ray.cloudpickle.dumps(self.function))  # once, whatever the number of workers
        return [actor.remote(str(PROJECT_DIR), function) for _number in range(min(number, self.most or number))]

    def _free(self, kind: str) -> int:
        """How many are free, after those that an earlier run gives back one by one."""
        number, end = 0, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            before, number = number, int(self.ray.available_resources().get(kind, 0))
            if number and number == before:
                break
            time.sleep(STEADY)
        return number

    def in_order(self, tasks: Iterable[Any], tasks_ahead: int = 2) -> Iterator[Any]:
        """`function(task)` for every task, in the order of the tasks; a worker has `tasks_ahead` of them at a time.

        What a worker was at when it died, or cannot do for want of a package, is done by another one. Raises UserError
        when none is left, and what `function` raises of UserError, OSError and MemoryError.
        """
        coming, again = enumerate(tasks), deque()
        given: dict[Any, Given] = {}
        results: dict[int, Any] = {}
        delivered = started = 0
        while True:
            while (worker := self._least_busy(given, tasks_ahead)) is not None:
                if again:
                    number, task = again.popleft()
                elif started - delivered < RESULTS_WAITING * len(self.workers) and (following := next(coming, None)):
                    number, task = following
                    started += 1
                else:
                    break
                with self._faults_named():
                    given[worker.work.remote(self.ray.cloudpickle.dumps(task))] = Given(number, task, worker)
            if not given:
                return
            with self._faults_named():
                [done], _others = self.ray.wait(list(given))
            finished = given.pop(done)
            try:
                with self._faults_named():
                    result = self.ray.cloudpickle.loads(self.ray.get(done))
                if isinstance(result, ImportError):
                    raise WorkerLost(first_line(result))
                results[finished.number] = result
            except WorkerLost as lost:
                self._forget(finished.worker, lost)
                again.append((finished.number, finished.task))
            while delivered in results:
                yield value_of(results.pop(delivered))
                delivered += 1

    def _least_busy(self, given: dict[Any, Given], tasks_ahead: int) -> Any:
        """The worker with the fewest tasks; None where each has `tasks_ahead`."""
        busy = [task.worker for task in given.values()]
        worker = min(self.workers, key=busy.count)
        return worker if busy.count(worker) < tasks_ahead else None

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Raises WorkerLost where a worker is gone or never started, UserError where the cluster cannot go on."""
        errors = self.ray.exceptions
        try:
            yield
        except (errors.RayActorError, errors.ObjectLostError) as error:
            failed = getattr(error, "actor_init_failed", False)  # then the text is a traceback
            raise WorkerLost(last_line(error) if failed else first_line(error).partition(". ")[0].rstrip(".")) from None
        except (errors.OutOfDiskError, errors.ObjectStoreFullError):
            message = _("The disk or the shared memory of a machine of the cluster {cluster} is full: make room.")
            raise self.connection.error(message) from None
        except (errors.RaySystemError, ConnectionError) as error:
            message = _(
                "The cluster {cluster} does not answer any more ({reason}). Start it again if it has ended, and then "
                "run the same command again."
            )
            raise self.connection.error(message, reason=first_line(error)) from None

    def _forget(self, worker: Any, lost: WorkerLost) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
        if not self.workers:
            message = _(
                "No worker of the cluster {cluster} is left ({reason}). See that its machines have the project in the "
                "folder {folder}, its packages, free memory, and the same ~/.ray/auth_token as this one (where that "
                "file is newer than the cluster, start the cluster again). Then run the same command again, or leave "
                "out --cluster."
            )
            raise self.connection.error(message, reason=lost, folder=PROJECT_DIR)
        if str(lost) not in self.told:
            self.told.add(str(lost))
            message = _("A worker of the cluster {cluster} works no more ({reason}). The others do its work.")
            print_above_bars(str(self.connection.error(message, reason=lost)))


class WorkerLost(Exception):
    """A worker died, or its machine did, or lacks a package; the text says what is known of it."""


def _worker() -> type:
    """What runs as an actor; one task at a time.

    Ray sends a class that is made in a function as it stands, so that it can say where the project is before the first
    of the project's modules is needed.
    """

    class Worker:
        def __init__(self, project: str, function: bytes):
            import sys

            import ray

            sys.path.insert(0, project)
            self.function = ray.cloudpickle.loads(function)

        def work(self, task: bytes) -> bytes:
            from ray import cloudpickle

            from pipeline.runtime.worker_processes import outcome

            return cloudpickle.dumps(outcome(self.call, task))

        def call(self, task: bytes) -> Any:
            """What the function returns, or the ImportError that says what this machine lacks: another may have it."""
            from ray import cloudpickle

            try:
                return self.function(cloudpickle.loads(task))
            except ImportError as error:
                return ImportError(str(error))

    return Worker
