"""Questions from the page, answered one after the other by the main thread, which holds the model.

The page is served by another thread, so it stays usable while an answer is generated, and Ctrl-C ends both.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from comparison.ask.session import Session, answer, look_up
from comparison.systems import SYSTEMS, System
from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.search.embedding import is_out_of_memory

WAKE_UP_SECONDS = 0.5  # on Windows, Ctrl-C does not wake a thread that waits for ever


class Stopped(Exception):
    """Nobody waits for this answer any more."""


class Job:
    """One title for all systems. `tell` gets what happens: a kind, the system's name where it is of one, and a value.

    `begun`; `found`: the documents; `text`: a piece of an answer; `said`: the whole (a `Said`); `fault`: why there is
    none; `end`. It is called from the main thread.
    """

    def __init__(self, title: str, settings: Settings, tell: Callable[[str, str, Any], None]) -> None:
        self.title, self.settings, self.tell = title, settings, tell
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the answer at the next token; a job that still waits is not begun."""
        self._stopped.set()

    def run(self, session: Session) -> None:
        """Ask the systems one after the other, until the last one has answered or `stop` was called."""
        try:
            if not self._stopped.is_set():
                self.tell("begun", "", None)
                self._ask_all(session)
        except Stopped:
            pass
        finally:
            self.tell("end", "", self._stopped.is_set())

    def _ask_all(self, session: Session) -> None:
        found = []
        try:
            found = look_up(session, self.title, self.settings)
            if session.search:
                self.tell("found", "", found)
            retrieval_fault = None
        except UserError as error:
            retrieval_fault = str(error)
        for system in SYSTEMS:
            fault = session.missing.get(system.name) or (system.retrieval and retrieval_fault)
            try:
                if fault:
                    raise UserError(fault)
                said = answer(session, system, self.title, found, self.settings, partial(self._show, system))
                self.tell("said", system.name, said)
            except UserError as error:
                self.tell("fault", system.name, str(error))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self.tell("fault", system.name, _("The memory is full. Choose a lower max_new_tokens or top_k."))

    def _show(self, system: System, text: str) -> None:
        if self._stopped.is_set():
            raise Stopped
        self.tell("text", system.name, text)


class Desk:
    """The jobs that wait, first come first served."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Job] = queue.Queue()

    def put(self, job: Job) -> bool:
        """Take in a job; returns whether it has to wait for another one."""
        waits = self._waiting.unfinished_tasks > 0
        self._waiting.put(job)
        return waits

    def serve(self, session: Session) -> None:
        """Run the jobs as they come, for ever."""
        while True:
            try:
                job = self._waiting.get(timeout=WAKE_UP_SECONDS)
            except queue.Empty:
                continue
            job.run(session)
            self._waiting.task_done()
