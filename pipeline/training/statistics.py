"""What a training took and reached: time, speed, losses and memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from pipeline.runtime.messages import _, localised
from pipeline.training.cards import peak_reserved
from pipeline.training.memory_plan import gigabytes

if TYPE_CHECKING:
    from pipeline.training.trainer import DescriptionTrainer

RECOMMENDED_MEMORY_PERCENT = 95  # above it, Windows moves GPU memory into system memory and training crawls


class TrainingStatistics:
    """Made before the first step, printed after the last one; `steps_before` were done by an earlier run."""

    def __init__(self, trainer: DescriptionTrainer, steps_before: int):
        self.trainer, self.steps_before = trainer, steps_before
        self.on_card = trainer.args.device.type == "cuda"
        self.reserved_before = peak_reserved() if self.on_card else []
        self.start, self.seconds = time.perf_counter(), 0.0

    def stop_the_clock(self) -> None:
        self.seconds = time.perf_counter() - self.start

    def report(self) -> None:
        """Print them."""
        print_statistics(_("Training statistics"), self.of_training())
        if self.on_card:
            report_memory(self.reserved_before)

    def of_training(self) -> dict[str, str]:
        """Time, speed and losses."""
        trainer = self.trainer
        steps = trainer.state.global_step - self.steps_before
        samples = steps * trainer.plan.examples_per_step * trainer.args.world_size
        losses = final_losses(trainer)
        facts = {
            _("Total training time"): _("{s:.2f} seconds ({m:.2f} min)").format(s=self.seconds, m=self.seconds / 60),
            _("Processing speed"): _("{examples:.2f} samples/s, {tokens:,.0f} tokens/s").format(
                examples=samples / self.seconds, tokens=trainer.tokens_per_second()
            ),
            _("Final training loss"): localised(losses["training"], ".4f") if "training" in losses else "-",
        }
        held_out = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
        if held_out:
            first, final = held_out[0], held_out[-1]
            facts[_("Held-out loss")] = change(first["eval_loss"], final["eval_loss"], ".4f")
            facts[_("Held-out perplexity")] = change(first["eval_perplexity"], final["eval_perplexity"], ",.1f")
        return facts


def final_losses(trainer: DescriptionTrainer) -> dict[str, float]:
    """The mean training loss over the last tenth of the steps, which single batches do not sway, and the last held-out
    loss, in nats per token; without what was never logged."""
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    last = losses[-max(1, len(losses) // 10) :]
    held_out = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    return ({"training": sum(last) / len(last)} if last else {}) | ({"held out": held_out[-1]} if held_out else {})


def report_memory(reserved_before: list[int]) -> None:
    """Peak of the memory that PyTorch reserved on the fullest card, in all and since before training: GiB, percent."""
    peaks = peak_reserved()
    peak = max(peaks)
    fullest = peaks.index(peak)
    card, in_training = torch.cuda.get_device_properties(fullest).total_memory, peak - reserved_before[fullest]
    print_statistics(
        _("GPU memory statistics"),
        {
            _("Peak reserved memory"): gigabytes(peak),
            _("Peak memory for training"): gigabytes(in_training),
            _("Share of maximum memory"): localised(peak / card, ".3%"),
            _("Share used for training"): localised(in_training / card, ".3%"),
        },
    )
    if 100 * peak / card > RECOMMENDED_MEMORY_PERCENT:
        print("\n" + _("WARNING: memory use went above the recommended limit!"))


def print_statistics(title: str, facts: dict[str, str]) -> None:
    print(f"\n{title}\n{'=' * len(title)}")
    for label, value in facts.items():
        print(f"{label:<33}: {value}")


def change(first: float, final: float, form: str) -> str:
    return f"{localised(first, form)} -> {localised(final, form)}"
