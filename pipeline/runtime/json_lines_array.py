"""Files that are one JSON array with a record on each line: every JSON reader takes them, and they can be streamed.

[
{"product": "Lamp", "description": "It gives light."},
{"product": "Chair", "description": "It has legs."}
]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command

SEPARATOR = b",\n"  # between two records


@contextmanager
def writing_records(file: BinaryIO) -> Iterator[Callable[[bytes], None]]:
    """Write an array to `file`: gives a function that takes the JSON of a record, or of several with `SEPARATOR`."""
    before = b"[\n"

    def write(records: bytes) -> None:
        nonlocal before
        file.write(before)
        file.write(records)
        before = SEPARATOR

    yield write
    file.write(b"\n]\n" if before == SEPARATOR else b"[\n]\n")


def read_records(path: Path, fields: tuple[str, ...], made_by: str) -> Iterator[tuple[str, ...]]:
    """The texts of these fields of each record; one record is in memory at a time.

    Raises UserError where a line holds no such record, and names the script that makes the file.
    """
    import orjson

    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            line = line.strip().removesuffix(b",")
            if line in (b"[", b"]", b""):
                continue
            try:
                record = orjson.loads(line)
                texts = tuple(record[field] for field in fields)
                if not all(isinstance(text, str) for text in texts):
                    raise TypeError
            except (ValueError, TypeError, KeyError):
                raise UserError(
                    _("{file}, line {line}: no record with {fields}. Make the file again: {command}").format(
                        file=path, line=number, fields=", ".join(fields), command=command(made_by)
                    )
                ) from None
            yield texts
