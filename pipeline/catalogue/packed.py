"""Files as they lie on the disk, plain or packed (gzip, zstd, zip): reading what is in them, and their hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _
from pipeline.runtime.packages import file_hash

BLOCK_BYTES = 1 << 18  # small enough for a processor's cache

GZIP, ZSTD, ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


class HashedFile(io.RawIOBase):
    """A file on disk that takes the SHA-256 of what is read from it, as long as it is read from start to end."""

    def __init__(self, path: Path):
        self.path = path
        self.size_and_time = size_and_time(path)
        self.file = path.open("rb", buffering=0)
        self.digest: hashlib._Hash | None = hashlib.sha256()
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self.file.readinto(buffer)
        if self.digest:
            self.digest.update(memoryview(buffer)[:count])
        self.bytes_read += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = self.file.tell()
        position = self.file.seek(offset, whence)
        if position != before:  # zip archives are read from their end
            self.digest = None
        return position

    def tell(self) -> int:
        return self.file.tell()

    @property
    def share_read(self) -> float:
        """0 to 1."""
        return min(1.0, self.bytes_read / max(1, self.size_and_time[0]))

    def content_hash(self) -> str:
        """SHA-256 of the file, once it has been read. Raises UserError where the file has changed meanwhile."""
        while self.digest and self.read(BLOCK_BYTES):
            pass
        digest = self.digest.hexdigest() if self.digest else file_hash(self.path)
        require_unchanged(self.path, self.size_and_time)
        return digest


class ReadFromDisk:
    """What all formats share that are read from `disk_file`, a HashedFile, from its start to its end."""

    disk_file: HashedFile

    @property
    def share_read(self) -> float:
        """0 to 1."""
        return self.disk_file.share_read

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file, once it has been read. Raises UserError where the file has changed meanwhile."""
        return self.disk_file.content_hash()


def require_unchanged(path: Path, before: tuple[int, int]) -> None:
    """Raise UserError where size and time of the file are not those `before` it was read."""
    if size_and_time(path) != before:
        raise UserError(_("{path} was changed while it was read. Run again when it is complete.").format(path=path))


def size_and_time(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def unpacked(disk_file: HashedFile) -> tuple[BinaryIO, bool]:
    """What is in a file, with a `peek`, and whether it was packed; its first bytes tell, not its name."""
    buffered = io.BufferedReader(disk_file, BLOCK_BYTES)
    beginning = buffered.peek(4)[:4]
    if beginning[:2] == GZIP:
        from isal import igzip

        return igzip.GzipFile(fileobj=buffered), True
    if beginning == ZSTD:
        import pyarrow

        return io.BufferedReader(_Readable(pyarrow.CompressedInputStream(buffered, "zstd")), BLOCK_BYTES), True
    if beginning == ZIP:
        return _only_member(disk_file), True
    return buffered, False


class _Readable(io.RawIOBase):
    """A stream of Arrow's as one of Python's."""

    def __init__(self, stream):
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _only_member(disk_file: HashedFile) -> BinaryIO:
    archive = zipfile.ZipFile(disk_file)
    members = [member for member in archive.infolist() if not member.is_dir() and "__MACOSX" not in member.filename]
    if len(members) != 1:
        raise UserError(
            _("{path} is a zip archive with {n} files. Unpack it, and name one of them or their folder.").format(
                path=disk_file.path, n=len(members)
            )
        )
    if members[0].flag_bits & 1:
        raise UserError(_("{path} is locked with a password. Unpack it first.").format(path=disk_file.path))
    return archive.open(members[0])


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a damaged packed file raises into a UserError."""
    from isal import isal_zlib

    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, isal_zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(_damaged(path, first_line(error))) from None
    except OSError as error:
        if error.errno or error.filename:  # Arrow's own have none
            raise
        raise UserError(_damaged(path, first_line(error))) from None


def _damaged(path: Path, reason: str) -> str:
    return _("{path} is damaged or incomplete ({reason}). Download it again.").format(path=path, reason=reason)
