"""Models that come with a Python package, so that nothing has to be downloaded from the hub."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from pipeline.runtime.messages import _


def packaged_file(package: str, file: str, sha256: str) -> Path | None:
    """The file `file` of the installed Python package `package`, which is not imported; None where it is not installed.

    Raises OSError where the file is another one than that of `sha256` (64 hex digits).
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / file
    digest = file_hash(path)
    if digest != sha256:
        raise OSError(
            _("{folder} is not the model it claims to be (SHA-256 {digest}).").format(folder=path.parent, digest=digest)
        )
    return path


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
