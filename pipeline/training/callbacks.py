"""Callbacks of the trainer: they show its figures, stop it when its loss goes wrong, and end it at Ctrl-C.

Import this after `choose_backend`, as `pipeline.training.trainer`.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import deque
from pathlib import Path

import torch
from transformers import TrainerCallback

from pipeline.runtime.errors import UserError
from pipeline.runtime.interrupts import FirstInterruptNoted
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar
from pipeline.training.checkpoints import checkpoints, step_of
from pipeline.training.loss_curve import draw_loss_curve
from pipeline.training.sharding import own_part
from pipeline.training.trainer import DescriptionTrainer

METRICS_FILE = "metrics.jsonl"
CURVE_FILE = "loss.png"
SHOWN = ("loss", "grad_norm", "learning_rate", "eval_loss", "eval_perplexity", "tokens_per_second", "epoch")

WINDOW = 20  # steps over which the loss is averaged, since it varies too much from step to step
EXPLOSION = 2.0  # the loss explodes above the lowest mean so far times this, plus 1 nat (for losses near 0)


class ProgressFigures(TrainerCallback):
    """The progress bar, a line of figures at each log, and both as files: JSON lines and the loss curve.

    The files cover the whole training: after an interruption they begin with the figures that the checkpoint holds.
    """

    def __init__(self, trainer: DescriptionTrainer, folder: Path):
        self.trainer, self.metrics_file, self.curve_file = trainer, folder / METRICS_FILE, folder / CURVE_FILE
        self.bar, self.step_began, self.figures = None, 0.0, {}

    def on_train_begin(self, args, state, control, **_kwargs):
        self.trainer.tokens, self.trainer.seconds = 0, 0.0
        if not state.is_world_process_zero:
            return
        self.metrics_file.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(selected(entry)) + "\n" for entry in state.log_history if selected(entry)]
        self.metrics_file.write_text("".join(lines), encoding="utf-8")
        self.bar = progress_bar(_("Training"), total=state.max_steps)
        self.bar.initial = self.bar.n = state.global_step

    def on_step_begin(self, args, state, control, **_kwargs):
        self.step_began = time.perf_counter()

    def on_step_end(self, args, state, control, **_kwargs):
        self.trainer.seconds += time.perf_counter() - self.step_began
        if control.should_save or control.should_training_stop:
            control.should_log = True  # or an interruption, or the end, would leave a loss out of the figures
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs, **_kwargs):
        figures = selected(logs)
        if self.bar is None or not figures:
            return
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures | {"step": state.global_step}) + "\n")
        self.bar.write(str({name: f"{value:.4g}" for name, value in figures.items()}))
        self.figures |= figures
        self.bar.set_postfix_str(self.last_figures())

    def last_figures(self) -> str:
        """The last figure of each kind, for the bar."""
        forms = {
            "loss": _("loss {value:.3f}"),
            "eval_loss": _("held out {value:.3f}"),
            "eval_perplexity": _("perplexity {value:,.0f}"),
            "tokens_per_second": _("{value:,.0f} tokens/s"),
        }
        return ", ".join(form.format(value=self.figures[name]) for name, form in forms.items() if name in self.figures)

    def on_evaluate(self, args, state, control, **_kwargs):
        if self.bar is not None and state.global_step:
            draw_loss_curve(state.log_history, self.curve_file)

    def on_train_end(self, args, state, control, **_kwargs):
        if self.bar is not None:
            self.bar.close()
            draw_loss_curve(state.log_history, self.curve_file)


def selected(entry: dict) -> dict:
    """The figures of a step. The trainer's summary at its end is left out, since it is wrong after an interruption."""
    names = () if "train_loss" in entry else (*SHOWN, "step")
    return {name: entry[name] for name in names if name in entry}


class LossWatch(TrainerCallback):
    """Ends a training whose loss becomes NaN or infinite, or explodes; it keeps only the checkpoints from before.

    A step computes its loss before it changes the weights. So a bad loss means that the step before went wrong.
    """

    def __init__(self, trainer: DescriptionTrainer):
        self.trainer = trainer
        self.losses: deque[float] = deque(maxlen=WINDOW)
        self.lowest = math.inf  # of the means over a whole window, and of the first step
        self.bad_since: int | None = None

    def on_step_begin(self, args, state, control, **_kwargs):
        self.trainer.step_loss = 0.0

    def on_pre_optimizer_step(self, args, state, control, **_kwargs):
        loss = self.trainer.accelerator.gather(torch.as_tensor(self.trainer.step_loss)).mean().item()
        self.losses.append(loss)
        mean = sum(self.losses) / len(self.losses)
        if math.isfinite(loss) and loss <= self.limit():
            self.bad_since = None
        else:
            self.bad_since = self.bad_since or state.global_step + 1
            if not math.isfinite(mean) or mean > self.limit():
                self.end(args, state.global_step + 1, loss)
        if len(self.losses) in (1, WINDOW):
            self.lowest = min(self.lowest, mean)

    def on_step_end(self, args, state, control, model, **_kwargs):
        if not control.should_save:
            return
        if self.bad_since:
            control.should_save = False
        elif not self.all_finite(model):
            self.bad_since = state.global_step + 1
            self.end(args, state.global_step, math.nan)

    def all_finite(self, model) -> bool:
        """Whether the weights of the adapter are numbers, in the parts of all processes."""
        weights = (own_part(weight) for weight in model.parameters() if weight.requires_grad)
        here = torch.tensor([all(weight.isfinite().all() for weight in weights)], device=self.trainer.args.device)
        return bool(self.trainer.accelerator.gather(here).all())

    def on_evaluate(self, args, state, control, metrics, **_kwargs):
        if not math.isfinite(metrics["eval_loss"]):
            self.bad_since = self.bad_since or state.global_step + 1
            self.end(args, state.global_step, metrics["eval_loss"])

    def limit(self) -> float:
        return EXPLOSION * self.lowest + 1

    def end(self, args, step: int, loss: float) -> None:
        if self.trainer.is_world_process_zero():
            for checkpoint in checkpoints(Path(args.output_dir)):
                if step_of(checkpoint) >= self.bad_since - 1:
                    shutil.rmtree(checkpoint, ignore_errors=True)
        raise UserError(
            _(
                "The loss exploded at step {step}: {loss:.4g}; the lowest before was {lowest:.4g}. Lower "
                "--training.learning_rate (now {rate}) or --training.max_grad_norm (now {norm}). What was saved "
                "before is kept in {folder}"
            ).format(
                step=step,
                loss=loss,
                lowest=self.lowest,
                rate=args.learning_rate,
                norm=args.max_grad_norm,
                folder=args.output_dir,
            )
        )


class StopRequest(TrainerCallback):
    """Ctrl-C during training: the step is finished and saved; a second one stops at once.

    `requested` says afterwards whether it was pressed. With several processes, all stop at the same step.
    """

    def __init__(self, trainer: DescriptionTrainer):
        self.trainer, self.requested = trainer, False
        self.interrupt = FirstInterruptNoted(
            lambda: print("\n" + _("Finishing this step, then saving. Ctrl-C again stops at once."), flush=True)
        )

    def on_train_begin(self, args, state, control, **_kwargs):
        self.interrupt.hold()

    def on_step_end(self, args, state, control, **_kwargs):
        self.requested = self.interrupt.requested
        if args.world_size > 1:
            requested = torch.tensor(int(self.requested), device=args.device)
            self.requested = bool(self.trainer.accelerator.reduce(requested, "sum").item())
        if self.requested:
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args, state, control, **_kwargs):
        self.release()

    def release(self) -> None:
        """Ctrl-C means again what it meant before the training."""
        self.interrupt.release()
