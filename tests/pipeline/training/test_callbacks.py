"""What a training tells of itself, and how it ends when its loss goes wrong or stops falling."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
from itertools import islice

import pytest

import fine_tuning
from pipeline.catalogue.products import is_held_out
from pipeline.runtime.errors import UserError
from tests.pipeline_run import ANSWERS, TRAINING
from tests.running import DEMO, PROJECT, assert_refused, demo_settings, run_script
from tests.test_fine_tuning import metrics, trainer_of
from tests.test_foundation_model import PROMPT


def losses(folder, name: str = "loss") -> dict[int, float]:
    """The loss of each step."""
    return {entry["step"]: entry[name] for entry in metrics(folder) if name in entry}


# ----------------------------------------------------------------------------------------------------------- figures


def test_figures_of_every_step_are_printed_and_kept(pipeline_run):
    screen = pipeline_run.done["fine_tuning.py"].screen
    assert list(losses(pipeline_run.folder)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(losses(pipeline_run.folder, "eval_loss")) == [0, 3, 6, 8]
    for entry in metrics(pipeline_run.folder):
        name = "loss" if "loss" in entry else "eval_loss"
        assert f"{{'{name}': '{entry[name]:.4g}', " in screen
        if name == "eval_loss":
            assert entry["eval_perplexity"] == pytest.approx(math.exp(entry["eval_loss"]))
        else:
            assert entry["tokens_per_second"] > 0
    assert "train_runtime" not in screen
    held_out = losses(pipeline_run.folder, "eval_loss")
    assert re.search(rf"Held-out loss +: {held_out[0]:.4f} -> {held_out[8]:.4f}\n", screen)
    bar = pipeline_run.done["fine_tuning.py"].errors
    assert re.search(r"8/8 .*loss [\d.]+, held out [\d.]+, perplexity [\d,]+, [\d,]+ tokens/s", bar)


def test_loss_curve_is_a_picture(pipeline_run):
    from PIL import Image

    with Image.open(pipeline_run.folder / "trainer_outputs" / "loss.png") as picture:
        picture.load()
        colours = {colour for _count, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert {(31, 119, 180), (255, 127, 14)} <= colours  # a line each for training and for what is held out


def test_held_out_loss_is_that_of_the_saved_adapter_on_products_never_trained_on(pipeline_run, tmp_path):
    """Computed anew by plain transformers and peft: the mean over all tokens of all descriptions."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = demo_settings(tmp_path).model.name
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(model, pipeline_run.folder / "lora_model_demo")
    held_out = list(islice((product for product in pipeline_run.products if is_held_out(product.product, 20)), 6))
    total = {"foundation": 0.0, "adapted": 0.0}
    tokens = 0
    with torch.no_grad():
        for product, description in held_out:
            prompt = tokenizer(PROMPT.format(product=product))["input_ids"]
            text = tokenizer(PROMPT.format(product=product) + description + tokenizer.eos_token)["input_ids"]
            ids = torch.tensor([text])
            learned = ids[0, len(prompt) :]
            for which in total:
                if which == "foundation":
                    with adapted.disable_adapter():
                        logits = adapted(ids).logits[0]
                else:
                    logits = adapted(ids).logits[0]
                total[which] += torch.nn.functional.cross_entropy(
                    logits[len(prompt) - 1 : -1], learned, reduction="sum"
                ).item()
            tokens += len(learned)
    figures = losses(pipeline_run.folder, "eval_loss")
    assert figures[0] == pytest.approx(total["foundation"] / tokens, abs=1e-3)
    assert figures[8] == pytest.approx(total["adapted"] / tokens, abs=1e-3)
    trained = {example["input"] for example in pipeline_run.answers("trn_processed_dataset.json")}
    assert not trained & {product.product for product in held_out}


def test_reporter_that_is_not_installed_is_refused(pipeline_run, tmp_path):
    pytest.importorskip("pip")
    folder = pipeline_run.copy(tmp_path, "trn_processed.json")
    done = run_script("fine_tuning.py", folder, *DEMO, "--training.report_to", "trackio")
    assert_refused(done, "trackio", "pip install trackio")


# ------------------------------------------------------------------------------------------------ how a training ends


def test_training_that_breaks_stops_and_keeps_what_was_good(pipeline_run, tmp_path):
    """The rate is 0 in the first step and absurd in the second, whose checkpoint must not stay."""
    flags = ("--training.learning_rate", "1e30", "--training.save_steps", "1", "--training.eval_steps", "100")
    trainer = trainer_of(pipeline_run, tmp_path, *flags)
    with pytest.raises(
        UserError, match=r"step 3: nan; the lowest before was \d+\..* --training\.learning_rate \(now 1e\+30\)"
    ):
        fine_tuning.train(trainer, demo_settings(tmp_path, *TRAINING, *flags))
    [checkpoint] = (tmp_path / "trainer_outputs").glob("training-*/checkpoint-*")
    assert checkpoint.name == "checkpoint-1"
    trainer.model.load_adapter(str(checkpoint), "default", is_trainable=True)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(losses(tmp_path, "eval_loss")[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("course", "ends_at"),
    [
        ([3.2, 5, 2, 6, 1.8, 3] * 10, None),  # single steps sway
        ([*[3.0] * 30, *[9.0] * 5, *[2.9] * 30], None),  # a bad stretch that passes
        ([0.02, 0.5, 0.9] * 10, None),  # hardly anything left to learn
        ([*[3.0] * 30, *[12.0] * 30], 39),
        ([3.0, 40.0], 2),
        ([3.0, math.inf], 2),
        ([math.nan], 1),
    ],
)
def test_what_counts_as_an_exploding_loss(pipeline_run, bare_trainer, course, ends_at):
    from pipeline.training.callbacks import LossWatch

    watch = LossWatch(bare_trainer)
    args, state, control = bare_trainer.args, bare_trainer.state, bare_trainer.control

    def follow() -> None:
        for state.global_step, loss in enumerate(course):
            watch.on_step_begin(args, state, control)
            bare_trainer.step_loss += loss
            watch.on_pre_optimizer_step(args, state, control)

    if ends_at:
        with pytest.raises(UserError, match=f"at step {ends_at}:"):
            follow()
    else:
        follow()


@pytest.fixture(scope="module")
def bare_trainer(pipeline_run, tmp_path_factory):
    return trainer_of(pipeline_run, tmp_path_factory.mktemp("bare"))


def test_training_stops_early_and_keeps_the_best(pipeline_run, tmp_path):
    flags = ("--training.learning_rate", "0.3", "--training.early_stopping_patience", "2")
    flags += ("--training.eval_steps", "1", "--training.eval_examples", "3")
    flags += ("--training.max_steps", "12", "--training.warmup_steps", "10")  # the rate soon is too high
    trainer = trainer_of(pipeline_run, tmp_path, *flags)
    fine_tuning.train(trainer, demo_settings(tmp_path, *TRAINING, *flags))
    held_out = losses(tmp_path, "eval_loss")
    best = min(held_out, key=held_out.get)
    assert max(held_out) == best + 2 < 12
    assert trainer.evaluate()["eval_loss"] == pytest.approx(held_out[best], rel=1e-4)


def test_ctrl_c_finishes_the_step_and_saves(pipeline_run, tmp_path, capsys):
    """The same command goes on from there; cut off after the last step, it has no step more than it was asked for."""
    from transformers import TrainerCallback

    class Press(TrainerCallback):
        def on_step_begin(self, args, state, control, **_kwargs):
            if state.global_step == 1:
                signal.raise_signal(signal.SIGINT)

    flags = ("--training.max_steps", "3", "--training.save_steps", "100")
    settings = demo_settings(tmp_path, *TRAINING, *flags)
    trainers = [trainer_of(pipeline_run, tmp_path, *flags) for _run in range(3)]
    trainers[0].add_callback(Press)
    with pytest.raises(KeyboardInterrupt):
        fine_tuning.train(trainers[0], settings)
    screen = capsys.readouterr().out
    assert "Finishing this step, then saving. Ctrl-C again stops at once." in screen
    assert re.search(r"Saved as .*checkpoint-2: the same command goes on from there\.", screen)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    for trainer in trainers[1:]:
        fine_tuning.train(trainer, settings)
    assert list(losses(tmp_path)) == [1, 2, 3]
    assert list(losses(tmp_path, "eval_loss")) == [0, 3]
    weights = dict(trainers[1].model.named_parameters())
    for name, weight in trainers[2].model.named_parameters():
        assert weight.equal(weights[name]), name


def test_second_ctrl_c_stops_at_once(bare_trainer, monkeypatch):
    from pipeline.runtime import interrupts
    from pipeline.training.callbacks import StopRequest

    stop = StopRequest(bare_trainer)
    stop.on_train_begin(bare_trainer.args, bare_trainer.state, bare_trainer.control)
    try:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # the same, which a launcher sent on
        monkeypatch.setattr(interrupts, "SECONDS_OF_ONE_PRESS", -1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        stop.release()


# ------------------------------------------------------------------------------------------------- several processes


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch for Windows starts several processes only with libuv")
def test_two_processes_train_as_one_does(pipeline_run, tmp_path):
    """Half of each step's examples each: the same losses; artifacts, lines and bars once."""
    folder = pipeline_run.copy(tmp_path, "trn_processed.json")
    flags = (*DEMO, *TRAINING, *ANSWERS, "--training.per_device_train_batch_size", "1", "--training.max_steps", "3")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        + [str(PROJECT / "fine_tuning.py"), "--language", "en", "--work_dir", str(folder), *flags],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for line in ("Trainable parameters: ", "Training statistics", "END OF FINE-TUNING"):
        assert done.stdout.count(line) == 1
    assert done.stderr.count("Saving records") <= 2  # one bar, at its start and at its end
    for name, steps in (("loss", [1, 2, 3]), ("eval_loss", [0, 3])):
        alone = losses(pipeline_run.folder, name)
        assert losses(folder, name) == pytest.approx({step: alone[step] for step in steps}, rel=0.01)
    assert (folder / "lora_model_demo" / "adapter_model.safetensors").exists()
    assert not list(folder.rglob("*.part"))
    assert not list((folder / "trainer_outputs").rglob("checkpoint-*"))
