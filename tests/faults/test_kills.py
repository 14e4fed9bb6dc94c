"""Every stage is killed at random moments: nothing half written appears, and the next run ends as if nothing was."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from pipeline.runtime.artifacts import MARKER
from tests.faults.raw_files import record
from tests.faults.stages import STAGES, Stage
from tests.pipeline_run import PipelineRun
from tests.running import DEMO, contents, finish, run_well, start

SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT] if sys.platform != "win32" else []
SEED = 20261123
FEW, MANY, MANY_OF_SLOW_STAGES = 4, 60, 6


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(stage, id=stage.script, marks=[pytest.mark.slow_fault] if stage.inputs or number else [])
        for number, stage in enumerate(STAGES)
    ],
)
def test_killed_at_random_moments(stage, tmp_path, request, seen):
    first = stage is STAGES[0]
    times = FEW if request.config.getoption("--faults") == "quick" else MANY if first else MANY_OF_SLOW_STAGES
    base = None if not stage.inputs else request.getfixturevalue("pipeline_run")
    rng = random.Random(SEED)
    undisturbed = new_folder(tmp_path / "undisturbed", stage, base)
    began = time.monotonic()
    run_well(stage.script, undisturbed, *DEMO, *stage.flags)
    duration = time.monotonic() - began
    expected = state(undisturbed / stage.artifact)
    complete = 0
    for number in range(times):
        folder = new_folder(tmp_path / f"killed {number}", stage, base)
        previous = None
        if first and number % 2:  # every other time there is an older artifact
            run_well(stage.script, folder, *DEMO, *stage.flags, "--data.min_content_chars", "300")
            previous = state(folder / stage.artifact)
        kind = SIGNALS[number % len(SIGNALS)]
        process = start(stage.script, folder, *DEMO, *stage.flags)
        time.sleep(rng.uniform(0, duration))
        process.send_signal(kind)
        done = finish(process)
        if done.screen:  # before its first line, Python may still be starting
            assert "Traceback" not in done.errors, done.errors
        assert done.code in (0, 130, -kind), done
        if done.code == 130:
            assert not leftovers(folder), leftovers(folder)
        found = state(folder / stage.artifact)
        assert found in (None, previous) or found == expected
        complete += found == expected
        run_well(stage.script, folder, *DEMO, *stage.flags)
        assert state(folder / stage.artifact) == expected
        assert not leftovers(folder), leftovers(folder)
    star = "" if first else " *"
    seen(
        stage.script,
        f"killed {times} times by SIGKILL, SIGTERM and SIGINT in turn, at random moments{star}",
        f"nothing, the older or the new {stage.artifact} ({complete} times), whole; the next run ends as an "
        "undisturbed one and leaves no temporary file",
    )


def new_folder(folder: Path, stage: Stage, base: PipelineRun | None) -> Path:
    folder.mkdir()
    if stage.inputs:
        base.copy(folder, *stage.inputs)
    if stage is STAGES[0]:
        lines = (record(f"Title {number}", "A description. " * (15 + number % 10)) + "\n" for number in range(30_000))
        (folder / "raw.json").write_text("".join(lines), encoding="utf-8")
    return folder


def leftovers(folder: Path) -> list[str]:
    return [name for name in contents(folder) if ".part" in name or ".old" in name]


def state(artifact: Path):
    """What of an artifact is the same after every undisturbed run; None where there is none."""
    if not artifact.exists():
        return None
    if artifact.is_dir():
        return sorted((file.name, file.stat().st_size) for file in artifact.rglob("*") if file.name != MARKER)
    if artifact.name.startswith("answers_"):
        return [answer["answer"] for answer in json.loads(artifact.read_bytes())]
    if artifact.name.endswith(".meta.json"):
        return json.loads(artifact.read_bytes())["documents"]
    return artifact.read_bytes()
