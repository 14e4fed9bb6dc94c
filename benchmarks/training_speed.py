"""Tokens of data trained per second within the memory of an 8 GB card, against plain TRL + PEFT + bitsandbytes.

    python benchmarks/training_speed.py --records trn.json
    python benchmarks/training_speed.py --model FOLDER --records trn.json --steps 20

In one run: the rate of a large bf16 matrix product; TRL's SFTTrainer as the first version had it (2 x 4 padded
examples, gradient checkpointing, no limit of memory), and the same without cuDNN's attention, which plans anew for each
length; fine_tuning.py's training as it is set by default, planned for 8 GB, with the same 8 examples a step and with
64. Each on the records, and on 5,000 generated ones of the same lengths. A token counts once, padding not at all; 6
FLOP a parameter and token, since with checkpointing the forward pass is computed twice and the frozen weights need no
gradients. The first steps, which compile, are left out; speeds are the median of the others.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

WARM_UP = 3  # steps
GENERATED = 5000
PLAIN = 8  # examples a step, as two on the card four times
OURS = (8, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unsloth/llama-3-8b-bnb-4bit")
    parser.add_argument("--records", type=Path, required=True, help="raw catalogue, as script 1 reads it")
    parser.add_argument("--steps", type=int, default=12, help="measured ones")
    parser.add_argument("--flags", nargs=argparse.REMAINDER, default=[], help="further settings, last on the line")
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)  # in a process of its own: what, folder, examples
    options = parser.parse_args()
    if options.part:
        print(json.dumps(run_part(*options.part, options)))
        return
    with tempfile.TemporaryDirectory() as name:
        folders = write_catalogues(Path(name), options)
        rate = part("matrix", Path(name), 0)["flops"]
        print(f"bf16 matrix product, 8192 x 8192 x 8192: {rate / 1e12:.0f} TFLOP/s", flush=True)
        for folder in folders:
            plain = part("plain", folder, PLAIN)
            report(folder, "plain TRL, 2 x 4", plain, plain, rate)
            report(folder, "the same without cuDNN", part("plain-without-cudnn", folder, PLAIN), plain, rate)
            for examples in OURS:
                report(folder, f"ours, {examples} a step, 8 GB", part("ours", folder, examples), plain, rate)


def part(what: str, folder: Path, examples: int) -> dict:
    command = [sys.executable, *sys.argv[:1], "--part", what, str(folder), str(examples), *sys.argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        sys.exit(f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(folder: Path, name: str, result: dict, plain: dict, rate: float) -> None:
    speed, seconds = speed_of(result), [seconds for _tokens, seconds in result["steps"]]
    print(
        f"{folder.name}: {name}: {speed:,.0f} tokens/s ({speed / speed_of(plain):.1f} times), "
        f"{100 * 6 * result['parameters'] * speed / rate:.0f} % of the matrix rate, "
        f"{min(seconds):.2f} to {max(seconds):.2f} s a step, {result['reserved']:.2f} GB reserved",
        flush=True,
    )


def speed_of(result: dict) -> float:
    """Tokens per second: the median of the steps, since a step may compile kernels for a new length."""
    return statistics.median(tokens / seconds for tokens, seconds in result["steps"])


def write_catalogues(folder: Path, options: argparse.Namespace) -> list[Path]:
    """Two folders with a clean catalogue: the records, and generated ones of their lengths and words."""
    real, generated = folder / "records", folder / "generated"
    real.mkdir()
    script = [sys.executable, str(PROJECT / "process_data.py"), "--work_dir", str(real)]
    subprocess.run([*script, "--data.raw_file", str(options.records.resolve())], check=True, capture_output=True)
    rows = json.loads((real / "trn_processed.json").read_text(encoding="utf-8"))
    chance = random.Random(3407)
    words = [word for row in rows for word in row["description"].split()]
    drawn = [chance.choice(rows) for _number in range(GENERATED * 2)]  # a tenth is held out
    generated.mkdir()
    lines = (
        json.dumps(
            {
                "product": f"{row['product']} {number}",
                "description": " ".join(chance.choices(words, k=len(row["description"].split()))),
            }
        )
        for number, row in enumerate(drawn)
    )
    text = ",\n".join(lines)
    (generated / "trn_processed.json").write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")
    return [real, generated]


# --------------------------------------------------------------------------------------------- in a process of its own


def run_part(what: str, folder: str, examples: str, options: argparse.Namespace) -> dict:
    from pipeline.command.command_line import read_settings

    if what == "matrix":
        return {"flops": matrix_rate()}
    settings = read_settings(
        "",
        [
            *("--model.name", options.model, "--work_dir", folder, "--language", "en"),
            *("--training.max_steps", str(options.steps + WARM_UP), "--training.save_steps", "1000000"),
            *("--training.gradient_accumulation_steps", str(int(examples) // 2), *options.flags),
        ],
    )
    if what == "ours":
        return clocked(our_trainer(settings))
    return clocked(plain_trainer(settings, with_cudnn=what == "plain"))


def matrix_rate() -> float:
    """FLOP a second of a product of random bf16 matrices, the mean of twenty."""
    import torch

    size, device = (8192, "cuda") if torch.cuda.is_available() else (512, "cpu")
    one, other = (torch.randn(size, size, dtype=torch.bfloat16, device=device) for _matrix in range(2))
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for repetitions in (3, 20):
        wait()
        start = time.perf_counter()
        for _repetition in range(repetitions):
            one @ other
        wait()
    return 2 * size**3 * repetitions / (time.perf_counter() - start)


def our_trainer(settings):
    """What fine_tuning.py trains with, held to the memory that is left on an 8 GB card."""
    import fine_tuning
    from pipeline.model.loading import choose_backend

    if settings.model.device_map != "cpu":
        settings.training.memory_gb = 8
    choose_backend(settings)
    lend_attention_by_lengths()
    foundation = fine_tuning.read_configuration(settings)
    examples = fine_tuning.make_examples(foundation, fine_tuning.join_processes(settings), settings)
    examples = examples._replace(held_out=None)
    plan = fine_tuning.plan_training(examples.training, foundation, settings)
    language_model = fine_tuning.prepare_lora(fine_tuning.load_model(plan, settings), settings)
    return fine_tuning.configure_trainer(language_model, examples, plan, foundation, settings)


def lend_attention_by_lengths() -> None:
    """Let Unsloth have PyTorch's attention over examples of unequal lengths, where PyTorch is older than 2.12.

    That one takes as many keys as queries only, so they are repeated here. The PyTorch of requirements.txt needs none
    of this.
    """
    import inspect

    if "unsloth" not in sys.modules:
        return
    from torch.nn.attention.varlen import varlen_attn
    from unsloth.utils import attention_dispatch

    if "enable_gqa" in inspect.signature(varlen_attn).parameters:
        return

    def attention(queries, keys, values, *args, enable_gqa: bool, **options):
        if enable_gqa:
            groups = queries.shape[1] // keys.shape[1]
            keys, values = (tensor.repeat_interleave(groups, dim=1) for tensor in (keys, values))
        return varlen_attn(queries, keys, values, *args, **options)

    print("PyTorch before 2.12: its attention over unequal lengths is lent to Unsloth", file=sys.stderr)
    attention_dispatch._TORCH_VARLEN_ATTN = attention


def plain_trainer(settings, with_cudnn: bool):
    """TRL's trainer on padded examples, with the model and the adapter as transformers and peft give them."""
    import torch
    from peft import LoraConfig, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    import fine_tuning

    torch.backends.cuda.enable_cudnn_sdp(with_cudnn)
    lora, training, on_card = settings.lora, settings.training, torch.cuda.is_available()
    fine_tuning.save_examples(settings)
    dataset = fine_tuning.convert_to_prompts(
        fine_tuning.open_examples(settings), fine_tuning.read_configuration(settings), settings
    )
    dataset = dataset.select_columns(["prompt", "completion"])
    name = settings.model.name
    model = AutoModelForCausalLM.from_pretrained(
        name, dtype=torch.bfloat16 if on_card else torch.float32, device_map="cuda" if on_card else "cpu"
    )
    if settings.model.load_in_4bit:  # the weights themselves are in 4 bits
        model = prepare_model_for_kbit_training(model, training.gradient_checkpointing)

    class CountingTrainer(SFTTrainer):
        tokens = 0

        def training_step(self, model, inputs, num_items_in_batch=None):
            self.tokens += inputs["attention_mask"].sum()
            return super().training_step(model, inputs, num_items_in_batch)

    config = SFTConfig(
        output_dir=str(settings.training.output_dir / "plain"),
        max_steps=training.max_steps,
        per_device_train_batch_size=training.per_device_train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        learning_rate=training.learning_rate,
        optim=training.optim,
        max_grad_norm=training.max_grad_norm,
        bf16=on_card,
        use_cpu=not on_card,
        gradient_checkpointing=training.gradient_checkpointing,
        max_length=settings.model.max_seq_length,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        seed=training.seed,
    )
    projections = lora.target_modules
    adapter = LoraConfig(r=lora.r, lora_alpha=lora.lora_alpha, target_modules=projections, task_type="CAUSAL_LM")
    tokenizer = AutoTokenizer.from_pretrained(name)
    return CountingTrainer(
        model=model, args=config, train_dataset=dataset, processing_class=tokenizer, peft_config=adapter
    )


def clocked(trainer) -> dict:
    """Train; tokens and seconds of each step after the warm-up."""
    import torch
    from transformers import TrainerCallback

    marks = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **_kwargs):
            if state.global_step >= WARM_UP:
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                marks.append((time.perf_counter(), int(trainer.tokens)))

    trainer.add_callback(Clock())
    trainer.train()
    parameters = {id(weight): weight for weight in trainer.model.parameters() if not weight.requires_grad}
    return {
        "steps": [
            (tokens - tokens_before, ended - began)
            for (began, tokens_before), (ended, tokens) in zip(marks, marks[1:], strict=False)
        ],
        "reserved": torch.cuda.max_memory_reserved() / 1024**3 if torch.cuda.is_available() else 0,
        # a 4-bit weight is stored as bytes that hold two
        "parameters": sum(w.numel() * (2 if w.dtype == torch.uint8 else 1) for w in parameters.values()),
    }


if __name__ == "__main__":
    main()
