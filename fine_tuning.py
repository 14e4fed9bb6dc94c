"""Script 3: fine-tune the foundation model on the catalogue with LoRA.

    python fine_tuning.py
    python fine_tuning.py --training.max_steps 60 --model.lora_dir lora_model_trial
    python fine_tuning.py --training.resume never           do not go on with an interrupted training
    python fine_tuning.py --training.plan_only              only say whether it fits the card
    python fine_tuning.py --model.save_merged               also save the merged 16-bit model
    torchrun --nproc_per_node 2 fine_tuning.py              on two cards, each with half of a step's examples
    python fine_tuning.py --model.save_gguf q4_k_m          also save a GGUF file for llama.cpp and Ollama

Supervised fine-tuning on prompts `title -> description`; the loss counts the description only, which ends with the
end-of-text token. Run the same command again after an interruption: it goes on from the last checkpoint. The losses are
in trainer_outputs: loss.png shows them, metrics.jsonl has them line by line.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from config import EXAMPLES, LEARNED, Settings
from pipeline.catalogue.products import Product, is_held_out, read_products
from pipeline.catalogue.prompts import INSTRUCTION, product_prompt
from pipeline.command.script import run, show_settings
from pipeline.model.answers import ask
from pipeline.model.loading import (
    LanguageModel,
    add_lora,
    choose_backend,
    load_foundation_model,
    prepare_for_inference,
    resolve_dtype,
)
from pipeline.runtime.artifacts import (
    OUT_OF_SPACE,
    content_hash,
    new_file,
    new_folder,
    require,
    require_replaceable,
    sole_writer,
    write_meta,
)
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _, localised
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.screen import banner
from pipeline.training.export import export, rehearse_gguf, require_export_tools
from pipeline.training.memory_plan import MemoryPlan, gigabytes, limit_memory, number_of_cards, plan_memory, show_plan
from pipeline.training.micro_batches import tokenise_dataset
from pipeline.training.model_card import write_model_card

if TYPE_CHECKING:
    from accelerate import PartialState
    from datasets import Dataset

    from pipeline.training.trainer import DescriptionTrainer

DESCRIPTION = N_("Script 3: fine-tune the foundation model on the catalogue with LoRA.")

RECOMMENDED_MEMORY_PERCENT = 95  # above it, Windows moves GPU memory into system memory and training crawls


def main(settings: Settings) -> None:
    require(settings.data.processed_file, made_by="process_data.py")
    require_reporter(settings.training.report_to)
    if settings.training.plan_only:
        plan_training(settings)
        return
    require_export_tools(settings)
    require_replaceable(settings.model.lora_dir)
    report_environment(settings)
    report_settings(settings)
    processes = join_processes(settings)
    plan = plan_training(settings)
    language_model = prepare_lora(load_model(plan, settings), settings)
    rehearse_gguf(language_model, settings)
    with sole_writer(settings.training.output_dir) if processes.is_main_process else nullcontext():
        with processes.main_process_first(), full_disk_named():
            if processes.is_main_process:
                write_examples(settings)
            dataset = to_prompts(load_examples(settings), settings)
        with full_disk_named():
            trainer = configure_trainer(language_model, dataset, held_out_prompts(settings), plan, settings)
        train(trainer, settings)
        if processes.is_main_process:
            ask_twice(language_model, settings)
            save(language_model, final_losses(trainer), settings)
            remove_checkpoints(trainer)
    print("\n" + ">" * 29, _("END OF FINE-TUNING"), "<" * 30)
    processes.destroy_process_group()


# -------------------------------------------------------------------------------------------- environment and model


def require_reporter(name: str) -> None:
    """Raise UserError unless the package is there that `training.report_to` names."""
    if name != "none" and not find_spec(name):
        raise UserError(
            _("training.report_to: {package} is not installed. Install it: pip install {package}").format(package=name)
        )


def report_environment(settings: Settings) -> None:
    """Versions and the card, for comparing runs on different machines."""
    banner(_("Information on the environment"))
    choose_backend(settings)
    import torch
    import transformers

    try:
        import triton
    except ImportError:
        triton = None
    facts = {
        _("Python version"): sys.version.replace("\n", ""),
        _("PyTorch version"): torch.__version__,
        _("Triton version"): triton.__version__ if triton else "-",
        _("Transformers version"): transformers.__version__,
        _("CUDA available"): torch.cuda.is_available(),
        _("CUDA version"): torch.version.cuda or "-",
        _("cuDNN version"): torch.backends.cudnn.version() or "-",
        _("Number of GPUs"): torch.cuda.device_count(),
    }
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        facts |= {
            _("Name of GPU 0"): card.name,
            _("Maximum memory"): gigabytes(card.total_memory),
            _("Reserved memory"): gigabytes(torch.cuda.memory_reserved(), digits=1),
        }
    else:
        facts[_("Processor")] = platform.processor() or platform.machine()
    for label, value in facts.items():
        print(f"{label:<22}: {value}")


def report_settings(settings: Settings) -> None:
    banner(_("Creating the Unsloth settings"))
    show_settings(settings, "model", "lora", "training", "generation")


def join_processes(settings: Settings) -> PartialState:
    """Which of the processes this is that torchrun or accelerate launch started, one a card; else the only one."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=settings.model.device_map == "cpu" or not torch.cuda.is_available())


def plan_training(settings: Settings) -> MemoryPlan:
    """Print what the training needs of the card's memory, and see to it that it gets no more."""
    banner(_("Planning the memory..."))
    if next(training_products(settings), None) is None:
        raise UserError(_("{file} holds no product to train on.").format(file=settings.data.processed_file))
    plan = plan_memory(training_products(settings), settings)
    show_plan(plan)
    limit_memory(plan)
    return plan


def load_model(plan: MemoryPlan, settings: Settings) -> LanguageModel:
    banner(_("Loading the model and the tokenizer..."))
    language_model = load_foundation_model(settings, offload_embedding=plan.offload_embedding)
    print("\n" + _("Model {name} and its tokenizer loaded!").format(name=settings.model.name))
    return language_model


def prepare_lora(language_model: LanguageModel, settings: Settings) -> LanguageModel:
    banner(_("Preparing the model for fine-tuning with LoRA (Low Rank Adaptation)..."))
    language_model = add_lora(language_model, settings)
    trainable = sum(weight.numel() for weight in language_model.model.parameters() if weight.requires_grad)
    print(_("Model prepared for fine-tuning with LoRA (Low Rank Adaptation)"))
    print(_("Trainable parameters: {n:,}").format(n=trainable))
    return language_model


# --------------------------------------------------------------------------------------------------------- examples


def training_products(settings: Settings) -> Iterator[Product]:
    """The first products of the catalogue that are not held out: those of `write_examples`, in their order."""
    products = read_products(settings.data.processed_file)
    kept = (product for product in products if not is_held_out(product.product, settings.training.held_out_percent))
    return islice(kept, settings.training.max_examples or None)


def write_examples(settings: Settings) -> None:
    """Write the training examples: the first products of the catalogue that are not held out."""
    training = settings.training
    banner(_("Creating the training data..."))
    examples, held_out = [], 0
    with progress_bar(_("Processing lines"), read_products(settings.data.processed_file)) as products:
        for product, description in products:
            if training.max_examples and len(examples) == training.max_examples:
                break
            if is_held_out(product, training.held_out_percent):
                held_out += 1
            else:
                examples.append({"instruction": INSTRUCTION, "input": product, "output": description})
    print("\n" + _("Products kept out of training: {n:,}").format(n=held_out))

    banner(_("Writing the file with the training data..."))
    with new_file(training.dataset_file) as file:
        for number, example in enumerate(progress_bar(_("Saving records"), examples)):
            file.write(b",\n" if number else b"[\n")
            file.write(json.dumps(example, ensure_ascii=False).encode("utf-8"))
        file.write(b"\n]\n")
    write_meta(
        training.dataset_file,
        training.model_dump(mode="json", include=training.with_role(EXAMPLES)),
        [settings.data.processed_file],
        records=len(examples),
        held_out=held_out,
    )
    print("\n" + _("Dataset saved to").ljust(45) + f": {training.dataset_file}")


def load_examples(settings: Settings) -> Dataset:
    """The examples as a Hugging Face dataset of `instruction`, `input`, `output`, kept on disk, not in memory."""
    from datasets import load_dataset

    banner(_("Generating the dataset for training..."))
    dataset = load_dataset(
        "json",
        data_files=str(settings.training.dataset_file),
        split="train",
        cache_dir=str(training_dir(settings) / "datasets"),
    )
    print("\n" + _("Dataset generated: {dataset}").format(dataset=dataset))
    return dataset


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Raise the OSError that says that the disk is full, where `datasets` hides it behind an error of its own."""
    try:
        yield
    except Exception as error:
        while error and getattr(error, "errno", None) not in OUT_OF_SPACE:
            error = error.__cause__ or error.__context__
        if error:
            raise error from None
        raise


def to_prompts(dataset: Dataset, settings: Settings) -> Dataset:
    """`dataset` with the columns that TRL trains on: `prompt`, which is read, and `completion`, which is learned."""
    banner(_("Converting the dataset into prompts..."))
    dataset = dataset.map(
        lambda example: {"prompt": product_prompt(example["input"]), "completion": example["output"]},
        desc=_("Formatting prompts"),
        num_proc=processes(settings),
    )
    print("\n" + _("Dataset converted: {dataset}").format(dataset=dataset))
    return dataset.select_columns(["prompt", "completion"])


def held_out_prompts(settings: Settings) -> Dataset | None:
    """The first products of the catalogue that are held out, as `to_prompts` gives examples; None where there are none.

    They are the same ones however many products are trained on.
    """
    from datasets import Dataset

    training = settings.training
    products = read_products(settings.data.processed_file)
    held_out = (product for product in products if is_held_out(product.product, training.held_out_percent))
    rows = [
        {"prompt": product_prompt(product), "completion": description}
        for product, description in islice(held_out, training.eval_examples)
    ]
    return Dataset.from_list(rows) if rows else None


def processes(settings: Settings) -> int | None:
    """For `datasets`, None is this process; 1 would start another one."""
    return settings.training.dataset_num_proc if settings.training.dataset_num_proc > 1 else None


# --------------------------------------------------------------------------------------------------------- training


def configure_trainer(
    language_model: LanguageModel, dataset: Dataset, held_out: Dataset | None, plan: MemoryPlan, settings: Settings
) -> DescriptionTrainer:
    """The trainer with the configured parameters; its checkpoints lie in a folder of this very training.

    `dataset` and `held_out` are prompts and completions; `plan` says how the examples of a step are dealt out.
    """
    import torch
    from transformers import EarlyStoppingCallback, PrinterCallback
    from trl import SFTConfig

    from pipeline.training.trainer import DescriptionTrainer

    banner(_("Configuring the SFT trainer (Supervised Fine-Tuning)..."))
    training = settings.training
    on_card = language_model.model.device.type == "cuda"
    stops_early = training.early_stopping_patience > 0 and held_out is not None
    tokenizer, window = language_model.tokenizer, language_model.window
    dataset = tokenise_dataset(dataset, tokenizer, window, desc=_("Tokenising"), num_proc=processes(settings))
    if held_out is not None:
        held_out = tokenise_dataset(held_out, tokenizer, window)
    folder = training_dir(settings)
    # Beside the checkpoints, which go; the name is the training's own, so that one that goes on adds to its curves.
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(training.output_dir / "tensorboard" / folder.name))
    config = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=training.num_train_epochs,
        max_steps=training.max_steps,
        **plan.trainer_arguments(),
        warmup_steps=training.warmup_steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        lr_scheduler_type=training.lr_scheduler_type,
        optim=training.optim,
        max_grad_norm=training.max_grad_norm,
        bf16=on_card and resolve_dtype(settings) == torch.bfloat16,
        fp16=on_card and resolve_dtype(settings) == torch.float16,
        use_cpu=not on_card,
        gradient_checkpointing=training.gradient_checkpointing,
        dataloader_pin_memory=on_card,
        ddp_find_unused_parameters=False,
        eval_strategy="steps" if held_out is not None else "no",
        eval_steps=training.eval_steps,
        per_device_eval_batch_size=1,  # nothing is padded, and it takes less memory than a step of training
        logging_steps=training.logging_steps,
        logging_nan_inf_filter=False,  # LossWatch sees to it
        save_steps=training.eval_steps if stops_early else training.save_steps,  # the best one has to be there
        save_total_limit=2,
        load_best_model_at_end=stops_early,
        metric_for_best_model="loss" if stops_early else None,
        restore_callback_states_from_checkpoint=stops_early,
        seed=training.seed,
        disable_tqdm=True,
        report_to=training.report_to,
        project="fine_tuning",  # in trackio
        run_name=folder.name,
    )
    config._n_gpu = min(1, config.n_gpu)  # several cards take several processes; one does not spread over them
    trainer = DescriptionTrainer(
        plan,
        model=language_model.model,
        args=config,
        train_dataset=dataset,
        eval_dataset=held_out,
        processing_class=tokenizer,
        callbacks=[EarlyStoppingCallback(training.early_stopping_patience)] if stops_early else None,
    )
    trainer.remove_callback(PrinterCallback)
    print("\n" + _("SFT trainer configured!"))
    return trainer


def training_dir(settings: Settings) -> Path:
    """The folder of the checkpoints of this very training: another catalogue or setting has another one."""
    learned = {
        name: group.model_dump(mode="json", include=group.with_role(LEARNED)) for name, group in settings.groups()
    }
    parts = {
        "data": content_hash(settings.training.dataset_file),
        "processes": str(number_of_cards()),
        **{name: values for name, values in learned.items() if values},
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()
    return settings.training.output_dir / f"training-{digest[:12]}"


def train(trainer: DescriptionTrainer, settings: Settings) -> None:
    """Train from the start or from the last checkpoint, and print the statistics of time, loss and memory.

    Raises KeyboardInterrupt after Ctrl-C, when the step is finished and saved.
    """
    import torch

    from pipeline.training.callbacks import LossWatch, ProgressFigures, StopRequest

    banner(_("Training the SFT trainer (Supervised Fine-Tuning)..."))
    folder = Path(trainer.args.output_dir)
    if settings.training.resume == "never" and trainer.is_world_process_zero():
        shutil.rmtree(folder, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    checkpoint = last_checkpoint(folder)
    if checkpoint:
        print(_("Going on from {checkpoint}; --training.resume never starts anew.").format(checkpoint=checkpoint))
        if is_complete(checkpoint):
            trainer.model.load_adapter(str(checkpoint), "default", is_trainable=True)
            print("\n" + _("Training completed!"))
            return
    on_card = trainer.model.device.type == "cuda"
    reserved_before = torch.cuda.max_memory_reserved() if on_card else 0
    steps_before = int(checkpoint.name.split("-")[1]) if checkpoint else 0
    trainer.args.eval_on_start = trainer.eval_dataset is not None and not checkpoint
    stop = StopRequest(trainer)
    for callback in (stop, LossWatch(trainer), ProgressFigures(trainer, settings.training.output_dir)):
        trainer.add_callback(callback)
    start = time.perf_counter()
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        stop.release()
    report_training(trainer, time.perf_counter() - start, steps_before)
    if on_card:
        report_memory(reserved_before)
    if stop.requested:
        if saved := last_checkpoint(folder):
            print("\n" + _("Saved as {checkpoint}: the same command goes on from there.").format(checkpoint=saved))
        raise KeyboardInterrupt
    if trainer.state.global_step < trainer.state.max_steps:
        print(
            "\n"
            + _("Stopped early: the held-out loss was lowest at step {step}, whose adapter is kept.").format(
                step=trainer.state.best_global_step
            )
        )
    print("\n" + _("Training completed!"))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a training; trainer_state.json is what the trainer writes last."""
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for checkpoint in checkpoints:
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
            return checkpoint
        except (OSError, ValueError):
            continue
    return None


def is_complete(checkpoint: Path) -> bool:
    """Whether it is that of the last step, after which only the saving was cut off."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return state["global_step"] >= state["max_steps"]


def report_training(trainer: DescriptionTrainer, seconds: float, steps_before: int) -> None:
    """Time, speed and losses."""
    args, steps = trainer.args, trainer.state.global_step - steps_before
    samples = steps * trainer.plan.examples_per_step * args.world_size
    losses = final_losses(trainer)
    held_out = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    facts = {
        _("Total training time"): _("{s:.2f} seconds ({m:.2f} min)").format(s=seconds, m=seconds / 60),
        _("Processing speed"): _("{examples:.2f} samples/s, {tokens:,.0f} tokens/s").format(
            examples=samples / seconds, tokens=trainer.tokens_per_second()
        ),
        _("Final training loss"): localised(losses["training"], ".4f") if "training" in losses else "-",
    }
    if held_out:
        first, final = held_out[0], held_out[-1]
        facts[_("Held-out loss")] = change(first["eval_loss"], final["eval_loss"], ".4f")
        facts[_("Held-out perplexity")] = change(first["eval_perplexity"], final["eval_perplexity"], ",.1f")
    print_statistics(_("Training statistics"), facts)


def final_losses(trainer: DescriptionTrainer) -> dict[str, float]:
    """The mean training loss over the last tenth of the steps, which single batches do not sway, and the last held-out
    loss, in nats per token; without what was never logged."""
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    last = losses[-max(1, len(losses) // 10) :]
    held_out = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    return ({"training": sum(last) / len(last)} if last else {}) | ({"held out": held_out[-1]} if held_out else {})


def report_memory(reserved_before: int) -> None:
    """Peak of the memory that PyTorch reserved on the card, in all and since before training, in GiB and percent."""
    import torch

    card, peak = torch.cuda.get_device_properties(0).total_memory, torch.cuda.max_memory_reserved()
    in_training = peak - reserved_before
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


def remove_checkpoints(trainer: DescriptionTrainer) -> None:
    """The adapter is saved, so nothing is left to go on with; other trainings' checkpoints stay."""
    folder = Path(trainer.args.output_dir)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


# ------------------------------------------------------------------------------------------------- trying and saving


def ask_twice(language_model: LanguageModel, settings: Settings) -> None:
    """Ask for the second configured product (the first, if there is one only), whole and then streamed."""
    banner(_("Preparing the model for inference (predictions)..."))
    prepare_for_inference(language_model, settings)
    print(_("Model prepared for inference!"))
    product = settings.products[min(1, len(settings.products) - 1)]
    for stream in (False, True):
        banner(_("Preparing {product!r} to be tokenized and answered...").format(product=product))
        prompt = product_prompt(product)
        print(_("Tokenized!"))
        if not stream:
            banner(_("Asking the model..."))
        else:
            print(flush=True)
        answer = ask(language_model, product, prompt, settings.generation, stream=stream)
        print("\n" + _("Answer received!"))
        if not stream:
            print("\n" + _("The model's answer: [{answer}]").format(answer=answer.answer))


def save(language_model: LanguageModel, losses: dict[str, float], settings: Settings) -> None:
    """Save the adapter with its tokenizer and model card and, where asked for, the model in other forms."""
    lora_dir = settings.model.lora_dir
    banner(_("Saving the trained model to {folder}...").format(folder=lora_dir))
    with new_folder(lora_dir) as folder:
        language_model.model.save_pretrained(folder)
        language_model.tokenizer.save_pretrained(folder)
        write_model_card(folder, settings, losses)
    meta = settings.model_dump(mode="json", include={"profile", "model", "lora", "training"})
    write_meta(lora_dir, meta, [settings.data.processed_file])
    export(language_model, meta, settings)
    print(_("Done."))


if __name__ == "__main__":
    run(main, DESCRIPTION)
