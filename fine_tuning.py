"""Script 3: fine-tune the foundation model on the catalogue with LoRA.

    python fine_tuning.py
    python fine_tuning.py --training.max_steps 60 --model.lora_dir lora_model_trial
    python fine_tuning.py --training.resume never           do not go on with an interrupted training
    python fine_tuning.py --training.plan_only              only say whether it fits the card
    python fine_tuning.py --training.retrieval_share 0.5    half of the examples teach to read what retrieval finds
    python fine_tuning.py --model.save_merged               also save the merged 16-bit model
    torchrun --nproc_per_node 2 fine_tuning.py              on two cards (docs/several-cards.md: also of two machines,
                                                            and a model that is too large for one card)
    python fine_tuning.py --model.save_gguf q4_k_m          also save a GGUF file for llama.cpp and Ollama

Supervised fine-tuning on prompts `title -> description`, or in part on `title and documents -> description`; the
loss counts only the description, which ends with the token that ends an answer. After an interruption, run the same
command again: it continues from the last checkpoint. In trainer_outputs, loss.png shows the losses as curves and
metrics.jsonl has them line by line.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from config import Settings
from pipeline.catalogue.prompts import product_prompt
from pipeline.command.script import run, show_settings
from pipeline.model.answers import Question, ask, prompt_length
from pipeline.model.configuration import Configuration, read_configuration
from pipeline.model.loading import (
    LanguageModel,
    announce_settings,
    load_foundation_model,
    prepare_for_inference,
)
from pipeline.model.lora import add_lora, require_layers
from pipeline.runtime.artifacts import require, require_replaceable, sole_writer
from pipeline.runtime.messages import N_, _
from pipeline.runtime.screen import banner
from pipeline.training.adapter import save_adapter, settings_of_the_adapter
from pipeline.training.cards import limit_memory
from pipeline.training.checkpoints import datasets_dir, remove_training, training_dir
from pipeline.training.environment import report_environment, require_reporter
from pipeline.training.examples import (
    Examples,
    full_disk_named,
    held_out_examples,
    load_examples,
    require_usable_path,
    select_examples,
    to_prompts,
    token_lengths,
    tokenise_prompts,
    write_examples,
    write_examples_file,
)
from pipeline.training.export import export, rehearse_gguf, require_export_tools
from pipeline.training.memory_plan import MemoryPlan, padded, plan_memory, show_plan
from pipeline.training.processes import join_processes, require_shared
from pipeline.training.sharding import require_shardable, whole_adapter

if TYPE_CHECKING:
    from accelerate import PartialState
    from datasets import Dataset
    from torch import Tensor

    from pipeline.training.statistics import TrainingStatistics
    from pipeline.training.trainer import DescriptionTrainer

DESCRIPTION = N_("Script 3: fine-tune the foundation model on the catalogue with LoRA.")


def main(settings: Settings) -> None:
    require(settings.data.processed_file, made_by="process_data.py")
    require_reporter(settings.training.report_to)
    require_shardable(settings)
    if settings.training.plan_only:
        plan_only(settings)
        return
    require_export_tools(settings)
    require_replaceable(settings.model.lora_dir)
    require_usable_path(settings)
    report_environment_and_settings(settings)
    processes = join_processes(settings)
    foundation = read_configuration(settings)
    settings.model.prompt_format = foundation.form.name  # what `auto` means here, for all that is written
    with sole_writer(settings.training.output_dir) if processes.is_main_process else nullcontext():
        examples = make_examples(foundation, processes, settings)
        plan = plan_training(examples.training, foundation, settings)
        language_model = prepare_lora(load_model(plan, settings), settings)
        rehearse_gguf(language_model, settings)
        trainer = configure_trainer(language_model, examples, plan, foundation, settings)
        statistics = train(trainer, settings)
        weights = whole_adapter(language_model.model) if settings.training.fsdp else None
        if processes.is_main_process:
            finish(trainer, statistics, language_model, weights, settings)
    print("\n" + ">" * 29, _("END OF FINE-TUNING"), "<" * 30)
    processes.destroy_process_group()


# -------------------------------------------------------------------------------------------- environment and settings


def report_environment_and_settings(settings: Settings) -> None:
    banner(_("Information on the environment"))
    report_environment(settings)
    announce_settings(settings)
    show_settings(settings, "model", "lora", "training", "generation")


# --------------------------------------------------------------------------------------------------- examples and plan


def make_examples(foundation: Configuration, processes: PartialState, settings: Settings) -> Examples:
    """Write the examples and tokenise them; the first of several processes does it, and the others read its files."""
    if processes.is_main_process:
        save_examples(settings)
    processes.wait_for_everyone()
    require_shared(settings.training.dataset_file)
    with processes.main_process_first(), full_disk_named():
        prompts = convert_to_prompts(open_examples(settings), foundation, settings)
        return Examples(tokenise_prompts(prompts, foundation, settings), held_out_examples(foundation, settings))


def save_examples(settings: Settings) -> None:
    banner(_("Creating the training data..."))
    examples, held_out = select_examples(settings)
    print("\n" + _("Products kept out of training: {n:,}").format(n=held_out))

    banner(_("Writing the file with the training data..."))
    write_examples(examples, held_out, settings)
    print("\n" + _("Dataset saved to").ljust(45) + f": {settings.training.dataset_file}")


def open_examples(settings: Settings) -> Dataset:
    banner(_("Generating the dataset for training..."))
    dataset = load_examples(settings.training.dataset_file, datasets_dir(settings))
    print("\n" + _("Dataset generated: {dataset}").format(dataset=dataset))
    return dataset


def convert_to_prompts(dataset: Dataset, foundation: Configuration, settings: Settings) -> Dataset:
    banner(_("Converting the dataset into prompts..."))
    prompts = to_prompts(dataset, foundation, settings)
    print("\n" + _("Dataset converted: {dataset}").format(dataset=prompts))
    return prompts


def plan_training(tokenised: Dataset, foundation: Configuration, settings: Settings) -> MemoryPlan:
    """Print what the training needs of the card's memory, and see to it that it gets no more.

    Raises UserError where an adapter is wanted in a layer that the model does not have.
    """
    require_layers(foundation.config, settings.lora.layers_to_transform)
    banner(_("Planning the memory..."))
    plan = plan_memory(token_lengths(tokenised), foundation.config, settings)
    show_plan(plan)
    limit_memory(plan.available, settings)
    return plan


def plan_only(settings: Settings) -> None:
    """Print the plan for the examples that a training would have. Nothing is left behind."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, full_disk_named():
        plan_in(Path(folder), settings)  # which closes its files: Windows removes none that is open


def plan_in(folder: Path, settings: Settings) -> None:
    foundation = read_configuration(settings)
    file = folder / "examples.json"
    write_examples_file(select_examples(settings)[0], file, settings)
    prompts = to_prompts(load_examples(file, folder), foundation, settings)
    plan_training(tokenise_prompts(prompts, foundation, settings), foundation, settings)


# --------------------------------------------------------------------------------------------------- model and trainer


def load_model(plan: MemoryPlan, settings: Settings) -> LanguageModel:
    banner(_("Loading the model and the tokenizer..."))
    language_model = load_foundation_model(settings, plan.offload_embedding, sharded=settings.training.fsdp)
    print("\n" + _("Model {name} and its tokenizer loaded!").format(name=settings.model.name))
    return language_model


def prepare_lora(language_model: LanguageModel, settings: Settings) -> LanguageModel:
    banner(_("Preparing the model for fine-tuning with LoRA (Low Rank Adaptation)..."))
    language_model = add_lora(language_model, settings)
    trainable = sum(weight.numel() for weight in language_model.model.parameters() if weight.requires_grad)
    print(_("Model prepared for fine-tuning with LoRA (Low Rank Adaptation)"))
    print(_("Trainable parameters: {n:,}").format(n=trainable))
    return language_model


def configure_trainer(
    language_model: LanguageModel, examples: Examples, plan: MemoryPlan, foundation: Configuration, settings: Settings
) -> DescriptionTrainer:
    """The trainer with the configured parameters; its checkpoints lie in a folder of this very training.

    Where the model does not keep packed examples apart, they are padded, against the plan.
    """
    from pipeline.training.packing import packed_examples_mix
    from pipeline.training.trainer import make_trainer

    banner(_("Configuring the SFT trainer (Supervised Fine-Tuning)..."))
    folder = training_dir(language_model.fingerprint, settings)
    trainer = make_trainer(language_model, examples, plan, folder, settings)
    if plan.packed and packed_examples_mix(trainer):
        print(_("In this model, packed examples would see each other, so they are padded instead."))
        plan = padded(plan, token_lengths(examples.training), foundation.config, settings)
        show_plan(plan)
        trainer = make_trainer(language_model, examples, plan, folder, settings)
    print("\n" + _("SFT trainer configured!"))
    return trainer


def train(trainer: DescriptionTrainer, settings: Settings) -> TrainingStatistics | None:
    """Train from the start or from the last checkpoint; None where there was no step left to take."""
    from pipeline.training.resuming import train_or_resume

    banner(_("Training the SFT trainer (Supervised Fine-Tuning)..."))
    return train_or_resume(trainer, settings)


# ------------------------------------------------------------------------------------------------- trying and saving


def finish(
    trainer: DescriptionTrainer,
    statistics: TrainingStatistics | None,
    language_model: LanguageModel,
    weights: dict[str, Tensor] | None,
    settings: Settings,
) -> None:
    """Show what came of the training and save it: the adapter whatever goes wrong before that.

    Where the model is spread over several cards, none can answer alone; `weights` are then the adapter's, put together.
    """
    from pipeline.training.statistics import final_losses

    try:
        if statistics:
            statistics.report()
        print("\n" + _("Training completed!"))
        if weights is None:
            ask_twice(language_model, settings)
        banner(_("Saving the trained model to {folder}...").format(folder=settings.model.lora_dir))
    finally:
        save_adapter(language_model, weights, final_losses(trainer), settings)
    export(language_model, settings_of_the_adapter(settings), settings)
    print(_("Done."))
    remove_training(Path(trainer.args.output_dir), settings)


def ask_twice(language_model: LanguageModel, settings: Settings) -> None:
    """Ask for the second configured product (the first, if there is one only), whole and then streamed."""
    banner(_("Preparing the model for inference (predictions)..."))
    prepare_for_inference(language_model, settings)
    print(_("Model prepared for inference!"))
    product = settings.products[min(1, len(settings.products) - 1)]
    for stream in (False, True):
        banner(_("Preparing {product!r} to be tokenized and answered...").format(product=product))
        prompt = product_prompt(product, language_model.form)
        prompt_length(language_model, Question(product, prompt), settings.generation)
        print(_("Tokenized!"))
        if not stream:
            banner(_("Asking the model..."))
        else:
            print(flush=True)
        answer = ask(language_model, product, prompt, settings.generation, stream=stream)
        print("\n" + _("Answer received!"))
        if not stream:
            print("\n" + _("The model's answer: [{answer}]").format(answer=answer.answer))


if __name__ == "__main__":
    run(main, DESCRIPTION)
