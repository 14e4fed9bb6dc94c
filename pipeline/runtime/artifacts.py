"""Artifacts: what a script writes and a later one reads.

An artifact gets its name only when it is complete; until then it is written as `NAME.part` in the same folder.
`NAME.meta.json` says what made it, and the hash of what it was made from, so that a later script notices when its
input has changed since.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.packages import file_hash
from pipeline.runtime.rerun import command, word

PACKAGES = ("torch", "transformers", "trl", "peft", "unsloth", "bitsandbytes", "sentence-transformers", "chromadb")
FORMAT = 2  # of the artifacts and their meta files; higher where an older version of this project cannot read them
OUT_OF_SPACE = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
MARKER = ".artifact"  # an empty file in a folder of ours while no meta file stands beside it
PATIENCE = 60  # seconds that a short write waits for another write to finish

_written_here: set[str] = set()  # the artifacts that this process has the right to write


@contextmanager
def sole_writer(path: Path, patience: float = 0) -> Iterator[None]:
    """Keep other runs from writing the artifact `path` while the block runs.

    The lock is released when the process ends, in whatever way; its file is in the system's folder for temporary files.
    Raises UserError if another run still holds it after `patience` seconds.
    """
    from filelock import FileLock, Timeout

    key = os.path.normcase(os.path.realpath(path))
    if key in _written_here:
        yield
        return
    name = f"artifact-{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.lock"
    try:
        with FileLock(Path(tempfile.gettempdir()) / name, timeout=patience):
            _written_here.add(key)
            try:
                yield
            finally:
                _written_here.remove(key)
    except Timeout:
        raise UserError(
            _("{path} is being written by another run. Wait for its end, or choose another --work_dir.").format(
                path=path
            )
        ) from None


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` if the block ends without an error; otherwise the old file stays."""
    with sole_writer(path, PATIENCE):
        part = _part(path)
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            if error.errno in OUT_OF_SPACE and not error.filename:  # writing does not say where
                error.filename = str(path)
            raise
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the name `path` when the block ends well; an older one is replaced by it.

    Raises UserError if `path` is a folder with anything other than an artifact.
    """
    require_replaceable(path)
    with sole_writer(path, PATIENCE):
        yield from _new_folder(path)


def _new_folder(path: Path) -> Iterator[Path]:
    part = _part(path)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / MARKER).touch()
    try:
        yield part
        if path.is_dir():
            (path / MARKER).touch()
        meta_path(path).unlink(missing_ok=True)
        # A folder cannot be replaced in one step: the old one is moved aside first, so that it is never incomplete.
        old = _moved_aside(path)
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.replace(old)
        try:
            part.replace(path)
        except OSError:
            if old.exists():
                old.replace(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def require_replaceable(path: Path) -> None:
    """Raise UserError unless a new folder may take the place of `path`: none, an empty one, or one made here.

    The name under which it would be moved aside must be free in the same sense.
    """
    for folder in (path, _moved_aside(path)):
        if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
            raise UserError(
                _("{path} holds other files, which would be lost. Choose another folder, or empty it.").format(
                    path=folder
                )
            )


def _is_ours(folder: Path) -> bool:
    return (folder / MARKER).exists() or meta_path(folder).exists()


def _moved_aside(path: Path) -> Path:
    return path.with_name(path.name + ".old")


def _part(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".part")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON."""
    with new_file(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1, default=str).encode("utf-8") + b"\n")


def meta_path(path: Path) -> Path:
    """The path of the meta file of the artifact `path`."""
    return path.with_name(path.name + ".meta.json")


def write_meta(
    path: Path, settings: dict, inputs: list[Path], hashes: dict[Path, str] | None = None, **facts: Any
) -> None:
    """Write the meta file of the artifact `path`: script, settings, inputs, and `facts`.

    `hashes`: hashes that the script already knows, so that these files are not read again.
    """
    hashes = hashes or {}

    def hash_of(file: Path) -> str:
        return hashes.get(file) or content_hash(file)

    write_json(
        meta_path(path),
        {
            "format": FORMAT,
            "script": Path(sys.argv[0]).name,
            "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "settings": settings,
            "inputs": {str(file): hash_of(file) for file in inputs},
            "sha256": hash_of(path) if path.is_file() else None,
            **_size_and_time(path),
            **facts,
            "versions": package_versions(),
        },
    )
    if path.is_dir():
        (path / MARKER).unlink(missing_ok=True)


def read_meta(path: Path) -> dict | None:
    """The meta of the artifact `path`, None where there is none; `inputs`, `settings` and `graph` are objects.

    Raises UserError for a damaged one, and for one that a newer version wrote.
    """
    file = meta_path(path)
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(meta, dict):
            raise ValueError("not an object")
        for name, kind in (("format", int), ("inputs", dict), ("settings", dict), ("graph", dict)):
            if not isinstance(meta.setdefault(name, kind()), kind):
                raise ValueError(f'"{name}" has another type')
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise UserError(
            _("{file} is damaged ({reason}). Remove it and make {artifact} again.").format(
                file=file, reason=error, artifact=path
            )
        ) from None
    if meta["format"] > FORMAT:
        raise UserError(
            _("{file} is from a newer version of this project. Use that one, or make {artifact} again.").format(
                file=file, artifact=path
            )
        )
    return meta


def content_hash(path: Path) -> str:
    """SHA-256 of a file, in hex. Taken from its meta file if size and time show that the file has not changed."""
    meta = read_meta(path) or {}
    if meta.get("sha256") and all(meta.get(key) == value for key, value in _size_and_time(path).items()):
        return meta["sha256"]
    return file_hash(path)


def _size_and_time(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    stat = path.stat()
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def require(path: Path, made_by: str) -> Path:
    """`path`, if it is there and of a version that can be read. Raises UserError naming the script that makes it."""
    if not path.exists():
        raise UserError(_("{path} is not there. Run first: {command}").format(path=path, command=command(made_by)))
    read_meta(path)
    return path


def require_made_from(file: Path, path: Path, made_by: str) -> None:
    """Raise UserError if the clean catalogue `file` exists and the artifact `path` was made from other content.

    Paths are not compared, so that the whole work folder can be moved or copied.
    """
    inputs = (read_meta(path) or {}).get("inputs", {})
    if not inputs or not file.is_file() or content_hash(file) in inputs.values():
        return
    for other, digest in inputs.items():
        if Path(other).is_file() and content_hash(Path(other)) == digest:
            raise UserError(
                _(
                    "{file} is not what {artifact} was made from. Add --data.processed_file {other}, "
                    "or run again: {command}"
                ).format(file=file, artifact=path, other=word(other), command=command(made_by))
            )
    raise UserError(
        _(
            "{file} is not what {artifact} was made from: it has changed since, or is another one. Run again: {command}"
        ).format(file=file, artifact=path, command=command(made_by))
    )


def package_versions() -> dict[str, str]:
    """The versions of Python and of the packages that affect the content of an artifact."""
    versions = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
