"""One JSON array of records, also below a key ({"products": [...]}): read element by element."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pipeline.catalogue.packed import HashedFile, ReadFromDisk
from pipeline.catalogue.records import Fields, reading_of, sorted_out
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

BLOCK_ELEMENTS = 1000
DEEPEST = 8  # what lies deeper in a record holds no title


@dataclass(frozen=True)
class JsonArray(ReadFromDisk):
    """An open file with an array."""

    fields: Fields
    disk_file: HashedFile
    text: BinaryIO
    keys: tuple[str, ...]  # the array lies below them

    place_name = "record"
    first_place = 1
    hands_on_places = False
    workers_help = False  # the main process reads the array itself, which takes most of the time

    @property
    def read(self):
        return read_readings

    def blocks(self) -> Iterator[list]:
        """Raises UserError where the JSON is broken: nothing tells where the next element would start."""
        import ijson

        wanted = {part for name in self.fields.names for part in (name, name.partition(".")[0])}
        number, block = 0, []
        try:
            for value in elements(ijson.basic_parse(self.text), self.keys, wanted):
                number += 1
                block.append(reading_of(value, self.fields))
                if len(block) == BLOCK_ELEMENTS:
                    yield block
                    block = []
            yield block
        except (ijson.JSONError, UnicodeDecodeError) as error:
            reason = error.args[0] if isinstance(error.args[0], bytes) else str(error).encode()  # ijson gives either
            raise UserError(
                _(
                    "{path}: the JSON array is broken after record {number} ({reason}). Correct it or download it "
                    "again."
                ).format(
                    path=self.disk_file.path,
                    number=number,
                    reason=reason.splitlines()[0].decode("utf-8", "replace").strip(),
                )
            ) from None


def read_readings(block: list):
    """What the main process has read already."""
    return sorted_out(enumerate(block), len(block))


def elements(
    events: Iterator[tuple[str, Any]], keys: tuple[str, ...] = (), wanted: Collection[str] | None = None
) -> Iterator[Any]:
    """The elements of the array below `keys`; of an object, only the fields `wanted` (None: all of them).

    What lies deeper than DEEPEST is left out: ijson could build elements whole, which takes memory by the square of
    their depth.
    """
    for key in keys:
        _enter(events, key)
    if next(events, (None, None))[0] != "start_array":
        return
    holders: list = []  # the objects and arrays that are open, from the element inwards; False for one left out
    names: list = []  # the last key in each
    for event, value in events:
        if event == "map_key":
            names[-1] = value
        elif event in ("end_map", "end_array"):
            if not holders:
                break
            finished = holders.pop()
            names.pop()
            if not holders:
                yield finished
        else:
            opened = {} if event == "start_map" else [] if event == "start_array" else None
            value = value if opened is None else opened
            if not holders and opened is None:
                yield value
            elif holders and not _put(holders, names, value, wanted) and opened is not None:
                opened = False
            if opened is not None:
                holders.append(opened)
                names.append(None)
    for _event in events:  # what stands behind the array has to be JSON too
        pass


def _put(holders: list, names: list, value: Any, wanted: Collection[str] | None) -> bool:
    """Put a value into the innermost object or array that is open; False where it is left out."""
    holder = holders[-1]
    if holder is False or len(holders) > DEEPEST or (len(holders) == 1 and isinstance(holder, list)):
        return False
    if isinstance(holder, list):
        holder.append(value)
    elif len(holders) > 1 or wanted is None or names[-1] in wanted:
        holder[names[-1]] = value
    else:
        return False
    return True


def _enter(events: Iterator[tuple[str, Any]], key: str) -> None:
    """Go on in `events` to the value of `key` in the object that starts there."""
    depth = 0
    for event, value in events:
        if event in ("start_map", "start_array"):
            depth += 1
        elif event in ("end_map", "end_array"):
            depth -= 1
        elif event == "map_key" and depth == 1 and value == key:
            return


def keys_of_array(events: Iterator[tuple[str, Any]]) -> tuple[str, ...] | None:
    """The keys below which the first array of objects lies in an object, at most two; None where there is none."""
    path: list = []
    before = None
    for event, value in events:
        if event == "map_key":
            path[-1] = value
        elif event == "start_map":
            keys = tuple(path[:-1])
            if before == "start_array" and len(keys) in (1, 2) and None not in keys:
                return keys
            path.append(None)
        elif event == "start_array":
            path.append(None)
        elif event in ("end_map", "end_array"):
            path.pop()
        before = event
    return None
