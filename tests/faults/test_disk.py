"""Disks that are full, folders that cannot be written, parents that are not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.raw_files import LINES, record
from tests.faults.stages import CATALOGUE, INDEX, STAGES
from tests.pipeline_run import RECORDS
from tests.running import DEMO, PROJECT, Finished, assert_refused, contents, finish, run_script, run_well

# Files cannot grow beyond some bytes: what a script then sees is what a full disk shows it.
LIMITED = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""

LIMITS = {
    "process_data.py": 50_000,
    "foundation_model.py": 10,
    "fine_tuning.py": 20_000,
    "ft_test_trained_model.py": 10,
    "rag_model_retriever.py": 10,
}


def message(done: Finished, folder: Path) -> str:
    return done.errors.partition("Error: ")[2].strip().replace(f"{folder}/", "")


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits for files")
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(stage, id=stage.script, marks=[] if stage is STAGES[0] else pytest.mark.slow_fault)
        for stage in STAGES
        if stage.script in LIMITS
    ],
)
def test_full_disk(stage, tmp_path, request, seen):
    script, inputs, _artifact, flags = stage
    limit = LIMITS[script]
    if inputs:
        request.getfixturevalue("pipeline_run").copy(tmp_path, *inputs)
    (tmp_path / "raw.json").write_text("".join(record(f"T{n}") + "\n" for n in range(2000)), encoding="utf-8")
    before = contents(tmp_path)
    command = [sys.executable, "-c", LIMITED, str(limit), str(PROJECT / script), "--work_dir", str(tmp_path)]
    done = finish(
        subprocess.Popen(
            [*command, *DEMO, *flags],
            cwd=tmp_path,
            env=os.environ | {"DESCRIBE_LANGUAGE": "en"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    assert_refused(done, "the disk is full" if INDEX in inputs else "File too large")
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if ".part" in name]
    note = "" if script == "process_data.py" else " *"
    seen(script, f"disk full after {limit:,} bytes{note}", f"refused: {message(done, tmp_path)}")
    run_well(script, tmp_path, *DEMO, *flags)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 700 KB, and a function that makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user cannot mount a disk")
    yield disk, lambda: subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow_fault
def test_full_disk_while_indexing(small_disk, tmp_path, pipeline_run, seen):
    """Chroma's database sees the disk, not a limit for files; what was done before is not lost."""
    disk, make_room = small_disk
    pipeline_run.copy(tmp_path, CATALOGUE)
    flags = (*DEMO, *RECORDS, "--data.processed_file", str(tmp_path / "trn_processed.json"))
    done = run_script("rag_indexing.py", disk, *flags)
    assert_refused(done, "the disk is full", "the same command goes on")
    seen("rag_indexing.py", "disk full after 700,000 bytes *", f"refused: {message(done, disk)}")
    make_room()
    run_well("rag_indexing.py", disk, *flags)


@pytest.mark.skipif(sys.platform == "win32", reason="rights are set otherwise there")
def test_folder_that_cannot_be_written(tmp_path, seen):
    folder = tmp_path / "protected"
    folder.mkdir()
    (tmp_path / "raw.json").write_text(LINES, encoding="utf-8")
    protect = ["chattr", "+i"] if os.geteuid() == 0 else ["chmod", "a-w"]
    if not shutil.which(protect[0]) or subprocess.run([*protect, folder], capture_output=True).returncode:
        pytest.skip("nothing here keeps this user from writing")
    try:
        done = run_script("process_data.py", folder, *DEMO, "--data.raw_file", str(tmp_path / "raw.json"))
    finally:
        subprocess.run([protect[0], "-i" if protect[0] == "chattr" else "u+w", folder], check=True)
    assert_refused(done, "trn_processed.json")
    assert contents(folder) == {}
    seen("process_data.py", "folder without the right to write", f"refused: {message(done, folder)}")


def test_parent_folders_are_made(tmp_path, seen):
    (tmp_path / "raw.json").write_text(LINES, encoding="utf-8")
    folder = tmp_path / "não há" / "ainda"
    flags = (*DEMO, "--data.raw_file", "raw.json", "--work_dir", str(folder))
    run_well("process_data.py", tmp_path, *flags)
    assert (folder / "trn_processed.json").exists()
    seen("process_data.py", "parent folders that are not there, with blanks and accents", "they are made")


def test_folder_of_other_files_is_not_replaced(tmp_path, seen):
    from pipeline.runtime.artifacts import new_folder
    from pipeline.runtime.errors import UserError

    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "one.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match="photographs holds other files"), new_folder(tmp_path / "photographs"):
        pass
    assert (tmp_path / "photographs" / "one.jpg").exists()
    seen(
        "fine_tuning.py", "adapter folder that holds other files", "refused: it holds other files, which would be lost"
    )


@pytest.mark.parametrize("kind", ["lora", "merged", "gguf"])
def test_folder_of_other_files_is_refused_before_the_training(kind, tmp_path):
    product = '[\n{"product": "A", "description": "B"}\n]\n'
    (tmp_path / "trn_processed.json").write_text(product, encoding="utf-8")
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "one.jpg").write_bytes(b"x")
    wanted = {"lora": (), "merged": ("--model.save_merged",), "gguf": ("--model.save_gguf", "f16")}[kind]
    before = contents(tmp_path)
    done = run_script("fine_tuning.py", tmp_path, *DEMO, f"--model.{kind}_dir", "photographs", *wanted)
    assert_refused(done, "photographs holds other files, which would be lost")
    assert contents(tmp_path) == before
