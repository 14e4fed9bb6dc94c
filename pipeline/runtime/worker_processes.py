"""Worker processes that compute results for the main process, which gets them in order.

Each worker has one pipe. If a worker dies, its pipe closes, and the main process notices at once; if the main process
dies, the pipes close too, and the workers end.
"""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from pipeline.runtime.errors import UserError
from pipeline.runtime.interrupts import InterruptsHeldBack, leave_interrupts_to_the_main_process
from pipeline.runtime.messages import _

MOST_PROCESSES = 8  # the main process cannot keep more workers busy
RESULTS_WAITING = 4  # per worker: how far the others may get ahead of a slow one


def number_of_processes(wanted: int) -> int:
    """`wanted`, or for 0 as many as the machine has cores for, up to MOST_PROCESSES."""
    if wanted:
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_PROCESSES)


class Worker(NamedTuple):
    process: multiprocessing.Process
    pipe: Connection
    tasks: deque[int]  # the numbers of its tasks, in the order of their results


class WorkerProcesses:
    """`processes` workers that call `function`; with none, the main process does it itself.

    `start_method` is the system's own where it is None; a process that has threads may only spawn others.
    A context manager: all workers have ended when it exits, also after an exception.
    """

    def __init__(self, function: Callable[[Any], Any], processes: int, start_method: str | None = None):
        self.function = function
        self.workers: list[Worker] = []
        self.processes = processes
        self.start_method = start_method

    def __enter__(self) -> WorkerProcesses:
        with InterruptsHeldBack():  # a worker that is starting would show a traceback
            for _number in range(self.processes):
                self._start()
        return self

    def __exit__(self, *_exception) -> None:
        for worker in self.workers:
            worker.process.kill()  # a forked worker that has just started may lose a SIGTERM and would then never end
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()

    def _start(self) -> None:
        context = multiprocessing.get_context(self.start_method)
        ours, theirs = context.Pipe()
        # A forked worker also inherits our ends of the pipes: they would stay open after we have died.
        inherited = [ours, *(worker.pipe for worker in self.workers)] if context.get_start_method() == "fork" else []
        process = context.Process(target=_work, args=(self.function, theirs, inherited), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(Worker(process, ours, deque()))

    def call(self, task: Any) -> Any:
        """`function(task)` of the only worker. Raises what `in_order` raises."""
        [worker] = self.workers
        _send(worker.pipe, task)
        return value_of(_receive(worker.pipe))

    def in_order(self, tasks: Iterable[Any], tasks_ahead: int = 1) -> Iterator[Any]:
        """`function(task)` for every task, in the order of the tasks.

        `tasks_ahead`: how many a worker is given at a time. More than one only for small ones, which a pipe takes in
        even while its worker is busy. Raises UserError where a worker was ended from outside, and what `function`
        raises of UserError, OSError and MemoryError.
        """
        if not self.workers:
            yield from map(self.function, tasks)
            return
        tasks = enumerate(tasks)
        results: dict[int, Any] = {}
        given = delivered = 0
        while True:
            for wanted in range(1, tasks_ahead + 1):
                for worker in self.workers:
                    if len(worker.tasks) < wanted and given - delivered < RESULTS_WAITING * len(self.workers):
                        for number, task in _next(tasks):
                            _send(worker.pipe, task)
                            worker.tasks.append(number)
                            given += 1
            busy = {worker.pipe: worker for worker in self.workers if worker.tasks}
            if not busy:
                return
            for pipe in wait(list(busy)):
                results[busy[pipe].tasks.popleft()] = _receive(pipe)
            while delivered in results:
                yield value_of(results.pop(delivered))
                delivered += 1


@contextmanager
def _ended_workers_named() -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError):
        raise UserError(
            _(
                "A worker process was ended from outside, as the system does when memory runs out. "
                "Close other programs and run again; script 1 needs less with --data.num_proc 1."
            )
        ) from None


def _send(pipe: Connection, task: Any) -> None:
    with _ended_workers_named():
        pipe.send(task)


def _receive(pipe: Connection) -> Any:
    with _ended_workers_named():
        return pipe.recv()


def _next(tasks: Iterator) -> list:
    """A list with the next task; empty after the last task."""
    return [task for task in [next(tasks, None)] if task is not None]


def outcome(function: Callable[[Any], Any], task: Any) -> Any:
    """What a worker sends back: `function(task)`, or the error instead; any but the user's with its traceback."""
    try:
        return function(task)
    except (UserError, OSError, MemoryError) as error:
        return error
    except Exception:
        return RuntimeError(traceback.format_exc())


def value_of(outcome: Any) -> Any:
    """What the function returned. Raises the error that it raised."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _work(function: Callable[[Any], Any], pipe: Connection, inherited: list[Connection]) -> None:
    """What a worker does until its pipe closes."""
    leave_interrupts_to_the_main_process()
    for connection in inherited:
        connection.close()
    try:
        while True:
            pipe.send(outcome(function, pipe.recv()))
    except (EOFError, ConnectionError):
        return
