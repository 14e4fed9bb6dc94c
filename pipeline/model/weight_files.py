"""The safetensors files of a model: whether they are whole, and the fingerprint of the model that they make.

Two models of one name or path are told apart by their fingerprints, since an adapter and a checkpoint hold what was
learned on top of certain weights, and are of no use on top of others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config import Settings
from pipeline.model.packaged import local_folder
from pipeline.runtime.messages import _
from pipeline.runtime.packages import file_hash

SAMPLE = 4096  # bytes at the beginning, in the middle and at the end of each tensor: 4 MB of a model of 16 GB
WRITTEN_BY = ("_name_or_path", "transformers_version")  # of a configuration: who saved it, not what the model is
VOCABULARY = ("chat_template.jinja", "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt")


def require_safetensors(folder: Path) -> None:
    """Raise OSError unless every weight file of `folder` opens as safetensors: no other format is ever loaded."""
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise OSError(_("there is no .safetensors file in {folder}").format(folder=folder))
    for file in files:
        try:
            with safe_open(file, framework="numpy"):
                pass
        except SafetensorError as error:
            raise OSError(f"{file}: {error}") from None


def weights_fingerprint(settings: Settings) -> str | None:
    """What tells the foundation model of these settings from another one, in hex: weights, configuration, vocabulary.

    The weights count by name, type, shape and a sample of each tensor, so that neither the place of a copy nor the
    names and number of its files matter. None where the model is on the hub and was not downloaded yet.
    Raises OSError, ValueError, KeyError or TypeError where a file is damaged.
    """
    folder = _model_folder(settings)
    files = _weight_files(folder) if folder else []
    if not folder or not files or not all(file.is_file() for file in files):
        return None
    digest = hashlib.sha256()
    for tensor in sorted(tensor for file in files for tensor in _tensors(file)):
        digest.update(tensor)
    digest.update(_configuration(folder / "config.json"))
    for name in VOCABULARY:
        if (folder / name).is_file():
            digest.update(f"{name} {file_hash(folder / name)}".encode())
    return digest.hexdigest()


def _model_folder(settings: Settings) -> Path | None:
    """The folder that holds the foundation model: its own, or one of the hub's cache; None where it is in neither."""
    from huggingface_hub import try_to_load_from_cache

    name = local_folder(settings.model.name)
    if Path(name).is_dir():
        return Path(name)
    file = try_to_load_from_cache(name, "config.json", revision=settings.model.revision)
    return Path(file).parent if isinstance(file, str) else None


def _weight_files(folder: Path) -> list[Path]:
    """The files that are loaded, by the rules of transformers: one whole file, else the shards of the index."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return sorted(folder.glob("*.safetensors"))
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(names))]


def _tensors(file: Path) -> Iterator[bytes]:
    """For each tensor of a safetensors file, a hash of its name, type, shape and sample.

    The file begins with the length of the header, in 8 bytes; the header is JSON and says where each tensor lies behind
    it: https://github.com/huggingface/safetensors#format
    """
    with file.open("rb") as weights:
        header = json.loads(weights.read(int.from_bytes(weights.read(8), "little")))
        start = weights.tell()
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            first, end = entry["data_offsets"]
            digest = hashlib.sha256(json.dumps([name, entry["dtype"], entry["shape"], end - first]).encode())
            for offset in (first, (first + end) // 2, max(first, end - SAMPLE)):
                weights.seek(start + offset)
                digest.update(weights.read(min(SAMPLE, end - offset)))
            yield digest.digest()


def _configuration(file: Path) -> bytes:
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return json.dumps({key: value for key, value in config.items() if key not in WRITTEN_BY}, sort_keys=True).encode()
