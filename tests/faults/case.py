"""One thing that goes wrong before a script is started, and how the run has to end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.pipeline_run import PipelineRun
from tests.running import DEMO, PROJECT, Finished, contents, run_script

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # names a folder of Chroma's


@dataclass(frozen=True)
class Case:
    """A row of docs/reliability.md.

    `words` are those that the message of a refused run has; without any, the run ends well and `check` looks at its
    result. `inputs` are the artifacts that the stage reads, with what lies beside them, whole before `damage` comes.
    """

    script: str
    name: str
    damage: Callable[[Path], None]
    words: tuple[str, ...] = ()
    check: Callable[[Path], None] | None = None
    inputs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    slow: bool = False  # not in every run of the tests

    def __str__(self) -> str:
        return f"{self.script}: {self.name}"


@dataclass(frozen=True)
class Ending:
    """How the run of a case ended."""

    done: Finished
    before: dict[str, tuple[int, int]]  # every file, with its size and time
    after: dict[str, tuple[int, int]]
    folder: Path

    @property
    def message(self) -> str:
        """The sentence of a refused run, without what differs from one run or machine to the next."""
        sentence = self.done.errors.partition("Error: ")[2].strip()
        for path, shown in ((f"{self.folder}/", ""), (str(self.folder), "the folder"), (f"{PROJECT}/", "")):
            sentence = sentence.replace(path, shown)
        return UUID.sub("…", sentence)


def run_case(case: Case, folder: Path, pipeline_run: PipelineRun | None) -> Ending:
    """Make the inputs, damage them, run the script."""
    if case.inputs:
        pipeline_run.copy(folder, *(f"{name}*" for name in case.inputs))
    case.damage(folder)
    before = contents(folder)
    done = run_script(case.script, folder, *DEMO, *case.flags)
    return Ending(done, before, contents(folder), folder)


def assert_ended_as_expected(case: Case, ending: Ending) -> None:
    done = ending.done
    assert "Traceback" not in done.errors, done.errors
    assert "\x1b" not in done.screen
    assert not [name for name in ending.after if ".part" in name or ".old" in name]
    if case.words:
        assert done.code == 2, done
        for word in case.words:
            assert word in ending.message
        lost = {
            name
            for name, size_and_time in ending.before.items()
            if ending.after.get(name) != size_and_time and not name.startswith("chroma_db/")  # opening it writes to it
        }
        assert not lost, lost
    else:
        assert done.code == 0, done.errors
        if case.check:
            case.check(ending.folder)
