"""Vectors kept from one run to the next: whatever changes in the index, no text is embedded twice.

Two files that only ever grow, in a folder of their own for each embedding model: `digests.bin` (16 bytes of SHA-256 a
text) and `vectors.bin` (float16). A row counts when both files have it whole, and the vectors reach the disk before
the digests do; so a run that is killed loses at most what it was writing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DIGEST_BYTES = 16
FLOAT16_BYTES = 2


class VectorCache:
    """The vectors of one embedding model. In memory are the digests, 24 bytes a text."""

    def __init__(self, folder: Path, dimension: int):
        import numpy as np

        folder.mkdir(parents=True, exist_ok=True)
        self._dimension = dimension
        self._row_bytes = dimension * FLOAT16_BYTES
        self._digests, self._vectors = ((folder / name).open("a+b") for name in ("digests.bin", "vectors.bin"))
        rows = min(_size(self._digests) // DIGEST_BYTES, _size(self._vectors) // self._row_bytes)
        self._digests.truncate(rows * DIGEST_BYTES)
        self._vectors.truncate(rows * self._row_bytes)
        self._digests.seek(0)
        self.digests, self._rows = sorted_digests(self._digests.read())
        self.added = 0
        self._np = np

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._digests.close()
        self._vectors.close()

    def find(self, digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of `digests` were kept when the cache was opened, and the vectors of those: (n,) bool, (found, dim)."""
        np = self._np
        places, found = find_digests(self.digests, digests)
        vectors = np.empty((int(found.sum()), self._dimension), np.float16)
        for vector, row in zip(vectors, self._rows[places[found]], strict=True):
            self._vectors.seek(int(row) * self._row_bytes)
            self._vectors.readinto(vector)
        return found, vectors.astype(np.float32)

    def add(self, digests: np.ndarray, vectors: np.ndarray) -> None:
        """Keep `vectors` (n, dim), safe from a power cut when this returns."""
        for file, rows in ((self._vectors, vectors.astype(self._np.float16)), (self._digests, digests)):
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())
        self.added += len(vectors)


def _size(file) -> int:
    return file.seek(0, os.SEEK_END)


def digests_of(ids: Iterable[str]) -> np.ndarray:
    """The digests (n,) of documents with these ids, 32 hex digits each."""
    import numpy as np

    return np.frombuffer(b"".join(map(bytes.fromhex, ids)), f"S{DIGEST_BYTES}")


def ids_of(digests: np.ndarray) -> list[str]:
    """The reverse of `digests_of`."""
    digits, size = digests.tobytes().hex(), 2 * DIGEST_BYTES
    return [digits[start : start + size] for start in range(0, len(digits), size)]


def sorted_digests(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The digests in `data`, sorted, and the place of each before."""
    import numpy as np

    digests = np.frombuffer(data, f"S{DIGEST_BYTES}")
    order = np.argsort(digests, kind="stable")
    return digests[order], order


def find_digests(digests: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `wanted` stands in the sorted `digests`, and whether it does: (n,) int, (n,) bool."""
    import numpy as np

    if not len(digests):
        return np.zeros(len(wanted), int), np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(digests, wanted), len(digests) - 1)
    return places, digests[places] == wanted
