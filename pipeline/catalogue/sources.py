"""Which files a catalogue is: one, several, those of a folder or of a pattern, or a dataset of the hub."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection
from pathlib import Path

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

HUB = "hf://datasets/"
PACKINGS = (".gz", ".zst", ".zip")
FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".parquet", ".xlsx", ".xls")  # in a folder


def files_of(raw_files: list[str], written: Collection[Path]) -> list[Path]:
    """The files that these names, folders and patterns mean, in order and each once.

    A file with exactly this name goes before a pattern. Of a folder and of a pattern, what the scripts write
    (`written`, and meta files) is left out. Raises UserError where a name means no file.
    """
    files: dict[Path, None] = {}
    own = {_place(path) for path in written}
    for name in raw_files:
        if os.path.isdir(name):  # noqa: PTH112 - of any text
            found = [path for path in sorted(Path(name).iterdir()) if path.is_file() and is_catalogue(path)]
        elif not os.path.lexists(name) and glob.has_magic(name):
            found = [Path(path) for path in sorted(glob.glob(name, recursive=True)) if Path(path).is_file()]  # noqa: PTH207
        else:
            files[Path(name)] = None
            continue
        found = [path for path in found if _place(path) not in own and not path.name.endswith(".meta.json")]
        if not found:
            raise UserError(
                _("{path} means no catalogue: no file there ends in one of {endings}.").format(
                    path=name, endings=" ".join(FORMATS)
                )
            )
        files |= dict.fromkeys(found)
    return list(files)


def is_catalogue(path: Path) -> bool:
    """Whether the name of a file in a folder ends as that of a catalogue; a .txt there is more often a note."""
    return suffix_of(path) in FORMATS


def suffix_of(path: Path) -> str:
    """The ending that names the format, without that of the packing."""
    plain = path.with_suffix("") if path.suffix.lower() in PACKINGS else path
    return plain.suffix.lower()


def hub_dataset(raw_files: list[str], split: str | None) -> tuple[str, str] | None:
    """Name and split of the dataset of the hub that is meant; None for files."""
    if len(raw_files) != 1:
        return None
    name = raw_files[0]
    if name.startswith(HUB):
        return name.removeprefix(HUB).strip("/"), split or "train"
    return (name, split) if split and not os.path.lexists(name) else None


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))
