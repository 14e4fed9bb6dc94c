"""The loss curve of a training: its loss and the held-out loss, step by step."""

from __future__ import annotations

from pathlib import Path

from pipeline.runtime.artifacts import new_file
from pipeline.runtime.messages import _, localised

SMOOTHED_SHARE = 0.03  # of all steps: so many on either side of a step are averaged with it


def draw_loss_curve(entries: list[dict], path: Path) -> None:
    """Draw the `loss` and `eval_loss` of `entries`, which carry their `step`, as a PNG at `path`.

    The training loss is a thin line and, over it, its mean over the neighbouring steps.
    """
    from matplotlib.figure import Figure

    trained = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
    held_out = [(entry["step"], entry["eval_loss"]) for entry in entries if "eval_loss" in entry]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel=_("step"), ylabel=_("loss (nats per token)"))
    if trained:
        steps, losses = zip(*trained, strict=True)
        axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=0.8)
        axes.plot(steps, smoothed(losses), color="tab:blue", linewidth=1.8, label=_("training, smoothed"))
    if held_out:
        axes.plot(*zip(*held_out, strict=True), color="tab:orange", marker="o", markersize=5, label=_("held out"))
        step, loss = held_out[-1]
        axes.annotate(localised(loss, ".2f"), (step, loss), textcoords="offset points", xytext=(8, 0), va="center")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with new_file(path) as file:
        figure.savefig(file, format="png", dpi=120)


def smoothed(values: tuple[float, ...]) -> list[float]:
    """Each value averaged with its neighbours; with fewer of them at the start, where the loss falls fast."""
    most = round(SMOOTHED_SHARE * len(values))
    reaches = (min(most, i) for i in range(len(values)))
    windows = (values[i - reach : i + reach + 1] for i, reach in enumerate(reaches))
    return [sum(window) / len(window) for window in windows]
