"""Training from the start or from the last checkpoint.

Import this after `choose_backend`, as `pipeline.training.trainer`.
"""

from __future__ import annotations

from pathlib import Path

from transformers import TrainerState

from config import Settings
from pipeline.runtime.messages import _
from pipeline.training.callbacks import LossWatch, ProgressFigures, StopRequest
from pipeline.training.checkpoints import is_of_the_last_step, last_checkpoint, remove_checkpoints, step_of
from pipeline.training.statistics import TrainingStatistics
from pipeline.training.trainer import DescriptionTrainer


def train_or_resume(trainer: DescriptionTrainer, settings: Settings) -> TrainingStatistics | None:
    """Train from the start or from the last checkpoint; None where that was of the last step already.

    Raises KeyboardInterrupt after Ctrl-C, when the step is finished and saved.
    """
    folder = Path(trainer.args.output_dir)
    if settings.training.resume == "never" and trainer.is_world_process_zero():
        remove_checkpoints(folder)
    trainer.accelerator.wait_for_everyone()
    checkpoint = last_checkpoint(folder)
    if checkpoint:
        print(
            _("Continuing from {checkpoint}; to start again from the beginning, add --training.resume never.").format(
                checkpoint=checkpoint
            )
        )
        if is_of_the_last_step(checkpoint):
            trainer.model.load_adapter(str(checkpoint), "default", is_trainable=True)
            trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
            return None
    return take_steps(trainer, checkpoint, settings)


def take_steps(trainer: DescriptionTrainer, checkpoint: Path | None, settings: Settings) -> TrainingStatistics:
    """Train, after `checkpoint` where there is one. Raises KeyboardInterrupt as `train_or_resume`."""
    trainer.args.eval_on_start = trainer.eval_dataset is not None and not checkpoint
    stop = StopRequest(trainer)
    for callback in (stop, LossWatch(trainer), ProgressFigures(trainer, settings.training.output_dir)):
        trainer.add_callback(callback)
    statistics = TrainingStatistics(trainer, steps_before=step_of(checkpoint) if checkpoint else 0)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        stop.release()
    statistics.stop_the_clock()
    if stop.requested:
        statistics.report()
        if saved := last_checkpoint(Path(trainer.args.output_dir)):
            print("\n" + _("Saved as {checkpoint}: the same command goes on from there.").format(checkpoint=saved))
        raise KeyboardInterrupt
    if trainer.state.global_step < trainer.state.max_steps:
        print(
            "\n"
            + _("Stopped early: the held-out loss was lowest at step {step}, whose adapter is kept.").format(
                step=trainer.state.best_global_step
            )
        )
    return statistics
