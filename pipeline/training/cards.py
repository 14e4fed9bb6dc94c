"""The memory of the cards on which this process trains: what is free, what PyTorch may take, and what it took."""

from __future__ import annotations

from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

GIB = 1024**3
CONTEXT = int(0.6 * GIB)  # of a card's memory, what the CUDA context and a screen take before the first tensor


def cards_in_use(settings: Settings) -> list[int]:
    """The numbers of the cards that this process puts a part of the model on."""
    import torch

    if settings.model.device_map == "balanced" and torch.cuda.device_count():
        return list(range(torch.cuda.device_count()))
    return [torch.cuda.current_device() if torch.cuda.is_available() else 0]


def available_memory(settings: Settings) -> int | None:
    """What PyTorch may reserve on the card, the present or the planned one; None where a processor trains."""
    import torch

    planned = settings.training.memory_gb
    if settings.model.device_map == "cpu":
        if planned:
            raise UserError(_("training.memory_gb plans for a card, and model.device_map is cpu: drop one of them."))
        return None
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    if together:
        from accelerate import PartialState

        PartialState().wait_for_everyone()  # so that the memory is measured after NCCL has taken its own part
    present = None
    if torch.cuda.is_available():
        present = min(torch.cuda.mem_get_info(card)[0] for card in cards_in_use(settings))
    if not planned and present is None and settings.training.plan_only:
        raise UserError(_("There is no card here to plan for. Name the memory of one: --training.memory_gb 8"))
    of_the_planned = int(planned * GIB) - CONTEXT if planned else None
    limits = [memory for memory in (present, of_the_planned) if memory is not None]
    if limits and together:
        everywhere: list = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(everywhere, min(limits))  # so that all divide alike
        limits = everywhere
    return min(limits, default=None)


def limit_memory(available: int | None, settings: Settings) -> None:
    """From here on, more than the planned `available` is an error: never moved to system memory by the driver."""
    import torch

    if available is not None and torch.cuda.is_available():
        for card in cards_in_use(settings):
            total = torch.cuda.get_device_properties(card).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, max(available, 0) / total), card)


def peak_reserved() -> list[int]:
    """The most bytes that PyTorch has reserved for this process so far, on each card of the machine."""
    import torch

    return [torch.cuda.max_memory_reserved(card) for card in range(torch.cuda.device_count())]
