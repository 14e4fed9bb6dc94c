"""The processes that train together, a card each, on one machine or several; without torchrun there is only one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings
from pipeline.runtime.artifacts import content_hash
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    from accelerate import PartialState


def world_size() -> int:
    """How many processes train together, a card each: `torchrun` and `accelerate launch` say so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(settings: Settings) -> PartialState:
    """Join the processes that torchrun or accelerate launch started; says which of them this one is."""
    import torch
    from accelerate import PartialState

    on_processor = settings.model.device_map == "cpu" or not torch.cuda.is_available()
    if on_processor:  # else accelerate numbers it, and PyTorch cannot load a checkpoint onto cpu:0
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    return PartialState(cpu=on_processor)


def require_shared(file: Path) -> None:
    """Raise UserError unless all processes read the same `file`; every process calls it."""
    from accelerate.utils import gather_object

    found = gather_object([content_hash(file) if file.is_file() else None])
    if None in found or len(set(found)) > 1:
        raise UserError(
            _(
                "The machines of this training do not read the same {file}. Give them one shared folder for what the "
                "scripts write: --work_dir"
            ).format(file=file)
        )
