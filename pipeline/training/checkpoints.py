"""The checkpoints of a training: where they lie, which one is the last, and their end."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path

from config import LEARNED, Settings
from pipeline.runtime.artifacts import content_hash
from pipeline.training.processes import world_size


def datasets_dir(settings: Settings) -> Path:
    """The folder of the tokenised examples of this very catalogue."""
    return _output_dir(settings) / f"examples-{content_hash(settings.training.dataset_file)[:12]}"


def training_dir(fingerprint: str | None, settings: Settings) -> Path:
    """The folder of the checkpoints of this very training: another catalogue, setting or foundation model has another.

    `fingerprint` is that of the foundation model.
    """
    learned = {
        name: group.model_dump(mode="json", include=group.with_role(LEARNED)) for name, group in settings.groups()
    }
    parts = {
        "foundation": fingerprint,
        "data": content_hash(settings.training.dataset_file),
        "processes": str(world_size()),
        **{name: values for name, values in learned.items() if values},
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()
    return _output_dir(settings) / f"training-{digest[:12]}"


def _output_dir(settings: Settings) -> Path:
    # Absolute, since libraries take a path that begins with ~ for one in the user's own folder.
    return settings.training.output_dir.absolute()


def checkpoints(folder: Path) -> list[Path]:
    """Those of a training, the newest first; of the newest, files may be missing."""
    return sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """The optimizer step after which it was saved."""
    return int(checkpoint.name.split("-")[1])


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a training; trainer_state.json is what the trainer writes last."""
    for checkpoint in checkpoints(folder):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
            return checkpoint
        except (OSError, ValueError):
            continue
    return None


def is_of_the_last_step(checkpoint: Path) -> bool:
    """Whether the training was at its end, and only the saving was cut off."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return state["global_step"] >= state["max_steps"]


def remove_checkpoints(folder: Path) -> None:
    """Remove those of a training that starts anew."""
    for checkpoint in checkpoints(folder):
        shutil.rmtree(checkpoint, ignore_errors=True)


def remove_training(folder: Path, settings: Settings) -> None:
    """The adapter is saved, so nothing is left to go on with in `folder`; other trainings' checkpoints stay."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(datasets_dir(settings), ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()
