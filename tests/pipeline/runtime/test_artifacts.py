"""Artifacts appear whole or not at all, and a change of what they were made from is noticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.runtime.artifacts import (
    MARKER,
    content_hash,
    meta_path,
    new_file,
    new_folder,
    read_meta,
    require_made_from,
    write_meta,
)
from pipeline.runtime.errors import UserError


def test_file_that_fails_half_way_leaves_the_older_one(tmp_path):
    path = tmp_path / "sub" / "artifact.json"
    with new_file(path) as file:
        file.write(b"old")
    with pytest.raises(RuntimeError), new_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["artifact.json"]


def test_folder_that_fails_half_way_leaves_the_older_one_and_its_meta(tmp_path):
    path = tmp_path / "artifact"
    with new_folder(path) as folder:
        (folder / "weights").write_bytes(b"old")
    write_meta(path, {}, [])
    with pytest.raises(RuntimeError), new_folder(path) as folder:
        (folder / "weights").write_bytes(b"half")
        raise RuntimeError
    assert (path / "weights").read_bytes() == b"old"
    assert {entry.name for entry in tmp_path.iterdir()} == {"artifact", "artifact.meta.json"}


def test_new_folder_replaces_the_older_one_as_a_whole(tmp_path):
    path = tmp_path / "artifact"
    for name in ("old", "new"):
        with new_folder(path) as folder:
            (folder / name).touch()
        if name == "old":
            write_meta(path, {}, [])
    assert names(path) == {"new"}
    assert names(tmp_path) == {"artifact"}  # the meta told of the older one


def test_leftovers_of_a_killed_run_are_no_obstacle(tmp_path):
    (tmp_path / "artifact.part").mkdir()
    (tmp_path / "artifact.part" / "half").touch()
    (tmp_path / "artifact.old").mkdir()
    with new_folder(tmp_path / "artifact") as folder:
        (folder / "whole").touch()
    assert names(tmp_path / "artifact") == {"whole"}
    assert names(tmp_path) == {"artifact"}


def names(folder: Path) -> set[str]:
    """What is in `folder`, but for the mark that it has until its meta file is written."""
    return {entry.name for entry in folder.iterdir()} - {MARKER}


def foreign_folder(path: Path, file: str) -> Path:
    path.mkdir()
    (path / file).write_bytes(b"somebody's")
    return path


@pytest.mark.parametrize("file", ["model.safetensors", "adapter_model.safetensors", "config.json", ".hidden"])
@pytest.mark.parametrize("name", ["model", "model.old"])
def test_folder_of_another_program_is_never_replaced(tmp_path, name, file):
    other = foreign_folder(tmp_path / name, file)
    with pytest.raises(UserError, match=f"{name} holds other files"), new_folder(tmp_path / "model"):
        pytest.fail("nothing may be made for a folder that cannot be replaced")
    assert (other / file).read_bytes() == b"somebody's"


def test_folder_made_here_is_replaced_with_and_without_its_meta(tmp_path):
    path = tmp_path / "model"
    with new_folder(path) as folder:
        (folder / "model.safetensors").touch()
    with new_folder(path):  # as after a kill: no meta was written
        pass
    write_meta(path, {}, [])
    assert list(path.iterdir()) == []
    (path / "model.safetensors").touch()
    with new_folder(path) as folder:
        (folder / "new").touch()
    assert names(path) == {"new"}


def test_old_folder_that_a_kill_left_aside_is_no_obstacle(tmp_path, monkeypatch):
    path = tmp_path / "model"
    with new_folder(path) as folder:
        (folder / "old").touch()
    write_meta(path, {}, [])
    monkeypatch.setattr(shutil, "rmtree", lambda *_args, **_more: None)  # a kill: nothing is put away
    with new_folder(path) as folder:
        (folder / "newer").touch()
    monkeypatch.undo()
    assert names(tmp_path) == {"model", "model.old"}
    with new_folder(path) as folder:
        (folder / "newest").touch()
    assert names(tmp_path) == {"model"}
    assert names(path) == {"newest"}


def test_changed_input_is_noticed_even_at_the_same_size(tmp_path):
    catalogue, artifact = tmp_path / "catalogue.json", tmp_path / "artifact"
    catalogue.write_bytes(b"one")
    write_meta(catalogue, {}, [])
    artifact.touch()
    write_meta(artifact, {}, [catalogue])
    require_made_from(catalogue, artifact, made_by="script.py")

    os.utime(catalogue, ns=(0, 0))  # touched, not changed
    require_made_from(catalogue, artifact, made_by="script.py")
    catalogue.write_bytes(b"two")
    moved = artifact.rename(tmp_path / "moved")
    meta_path(artifact).rename(meta_path(moved))
    with pytest.raises(UserError, match=r"catalogue\.json is not what .*moved was made from.*python script\.py"):
        require_made_from(catalogue, moved, made_by="script.py")


def test_the_file_that_an_artifact_was_made_from_is_named_where_it_is_still_there(tmp_path):
    one, other, artifact = tmp_path / "the one.json", tmp_path / "other.json", tmp_path / "artifact"
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    artifact.touch()
    write_meta(artifact, {}, [one])
    with pytest.raises(UserError, match=r'other\.json is not what .*--data\.processed_file ".*the one\.json", or run'):
        require_made_from(other, artifact, made_by="script.py")


def test_hash_of_a_file_does_not_depend_on_its_meta(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    fresh = content_hash(path)
    write_meta(path, {}, [])
    assert content_hash(path) == fresh
    path.write_bytes(b"y" * 3_000_000)
    assert content_hash(path) != fresh


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_damaged_meta_is_named(tmp_path, content):
    meta_path(tmp_path / "artifact").write_bytes(content)
    with pytest.raises(UserError, match=r"artifact\.meta\.json is damaged"):
        read_meta(tmp_path / "artifact")
