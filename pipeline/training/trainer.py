"""TRL's trainer with a held-out loss per token, and how it is configured.

Import this after `choose_backend`: Unsloth, where it is in use, comes before trl and puts its own trainer in its place.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback
from transformers.trainer_utils import EvalLoopOutput
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from config import Settings
from pipeline.model.loading import LanguageModel, resolve_dtype
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.training.cards import GIB, peak_reserved
from pipeline.training.examples import Examples, token_lengths
from pipeline.training.memory_plan import MemoryPlan
from pipeline.training.micro_batches import IGNORED, batch_sampler
from pipeline.training.sharding import keep_sums_precise, trainer_arguments, whole_adapter


class DescriptionTrainer(SFTTrainer):
    """Supervised fine-tuning that knows its loss at every step, its speed, and its loss on products held out.

    `step_loss` is the loss of the current optimizer step so far, in nats per token of a description. `tokens` are those
    that this process has read, prompts and descriptions without padding, in `seconds` of training steps. `plan` says
    how a step is divided into micro-batches.
    """

    step_loss: float | torch.Tensor = 0.0
    tokens: int | torch.Tensor = 0
    seconds = 0.0

    def __init__(self, plan: MemoryPlan, **options):
        super().__init__(**options)
        self.plan = plan
        self.add_callback(MemoryDryRun(self))
        pad = self.processing_class.pad_token_id
        self.data_collator = DataCollatorForLanguageModeling(pad, padding_free=plan.packed)
        if plan.packed and "unsloth" in sys.modules:
            from unsloth.utils.packing import enable_padding_free_metadata

            enable_padding_free_metadata(self.model, self)  # its attention goes by lengths, not by position ids

    def _get_train_sampler(self, train_dataset=None) -> Sampler:
        if not self.plan.packed:
            return super()._get_train_sampler(train_dataset)
        args, plan = self.args, self.plan
        lengths, examples = token_lengths(self.train_dataset), plan.examples_per_step * args.world_size
        return batch_sampler(lengths, examples, plan.micro_batches, args.seed, args.process_index, args.world_size)

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        mask = inputs.get("attention_mask")
        self.tokens += inputs["input_ids"].numel() if mask is None else mask.sum()
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.step_loss += loss
        return loss

    def tokens_per_second(self) -> float:
        """The speed of this run on all processes together; what evaluating and saving took does not count."""
        return int(self.tokens) * self.args.world_size / self.seconds if self.seconds else 0.0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs["tokens_per_second"] = self.tokens_per_second()
        super().log(logs, start_time)

    def _save(self, output_dir=None, state_dict=None) -> None:
        with warnings.catch_warnings():  # peft could not look the foundation model up on the hub, which nothing needs
            warnings.simplefilter("ignore", UserWarning)
            super()._save(output_dir, state_dict)

    def save_model(self, output_dir=None, _internal_call=False) -> None:
        """The adapter; where the model is spread over several cards, without putting all of it together for that."""
        if not self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)
            return
        weights = whole_adapter(self.model)
        if self.args.should_save:
            self._save(output_dir, weights)

    def get_eval_dataloader(self, eval_dataset=None) -> DataLoader:
        """This process's share of the held-out products; none comes twice to fill the last batch.

        Where the model is spread over several cards, each process takes all products: a forward pass needs all of them.
        """
        processes = 1 if self.is_fsdp_enabled else self.args.world_size
        share = self.eval_dataset.shard(processes, self.args.process_index % processes)
        own_seed = torch.Generator()  # so that evaluating draws nothing from the random numbers of training
        return DataLoader(share, self.args.eval_batch_size, collate_fn=self.data_collator, generator=own_seed)

    @torch.no_grad()
    def evaluation_loop(
        self, dataloader, description, prediction_loss_only=None, ignore_keys=None, metric_key_prefix="eval"
    ) -> EvalLoopOutput:
        """The held-out loss: the mean over all tokens of the descriptions, so that long ones weigh more than short."""
        self.model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.args.device)  # the sum of the losses, tokens
        for inputs in dataloader:
            inputs = self._prepare_inputs(inputs)
            tokens = (inputs["labels"][:, 1:] != IGNORED).sum()
            total += torch.stack([self.model(**inputs, use_cache=False).loss * tokens, tokens])
        losses, tokens = self.accelerator.reduce(total, "sum").tolist()
        loss = losses / tokens
        metrics = {
            f"{metric_key_prefix}_loss": loss,
            f"{metric_key_prefix}_perplexity": math.exp(min(loss, 700)),  # above it, a float overflows
        }
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(self.eval_dataset))


class MemoryDryRun(TrainerCallback):
    """A dry run of the largest micro-batch before the first step: it shows whether the training fits the card.

    It waits for the beginning of the training, since the trainer wraps the model only then.
    """

    def __init__(self, trainer: DescriptionTrainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **_kwargs):
        """Raises UserError where the micro-batch does not fit after all, with the settings to lower."""
        plan, device = self.trainer.plan, args.device
        if not plan.parts or device.type != "cuda":
            return
        try:
            self.dry_run(plan, device)
        except torch.cuda.OutOfMemoryError:
            raise UserError(
                _(
                    "A micro-batch of {tokens:,} tokens needs more than the card's {available:.2f} GB, although "
                    "the plan said that it would fit. Lower --training.memory_gb, so that the plan makes smaller "
                    "micro-batches, or lower --model.max_seq_length or --lora.r."
                ).format(tokens=plan.tokens, available=plan.available / GIB)
            ) from None
        finally:
            self.trainer.model.zero_grad(set_to_none=True)
            # Else PyTorch keeps the room of the stand-in, one large block, and the real states of the optimizer, many
            # small tensors, come on top of it.
            torch.cuda.empty_cache()
        print(
            _("Tested: the largest micro-batch, {n:,} tokens, takes {size:.2f} GB; planned: {planned:.2f} GB").format(
                n=plan.tokens, size=max(peak_reserved()) / GIB, planned=plan.needed / GIB
            )
        )

    def dry_run(self, plan: MemoryPlan, device: torch.device) -> None:
        trainer = self.trainer
        batch = trainer.data_collator([trainer.train_dataset[number] for number in plan.largest])
        learned = (batch["labels"] != IGNORED).sum().to(device)
        trainer.current_gradient_accumulation_steps = plan.micro_batches  # what the Trainer sets at its first step
        # The first step makes the states of the optimizer; a training that goes on has them already.
        missing = 0 if trainer.optimizer.state else plan.parts["optimizer"]
        cards = {weight.device for weight in trainer.model.parameters() if weight.requires_grad and weight.is_cuda}
        with torch.random.fork_rng(cards):
            states = [torch.empty(missing, dtype=torch.uint8, device=card) for card in cards]
            trainer.training_step(trainer.model_wrapped, batch, num_items_in_batch=learned)
            torch.cuda.synchronize(device)
            del states


def make_trainer(
    language_model: LanguageModel, examples: Examples, plan: MemoryPlan, folder: Path, settings: Settings
) -> DescriptionTrainer:
    """The trainer of `examples`, divided as `plan` says, with its checkpoints in `folder`."""
    # Beside the checkpoints, which go; the name is the training's own, so that one that goes on adds to its curves.
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.parent / "tensorboard" / folder.name))
    patience = settings.training.early_stopping_patience if examples.held_out is not None else 0
    on_card = language_model.model.device.type == "cuda" or settings.training.fsdp  # it goes there later
    trainer = DescriptionTrainer(
        plan,
        model=language_model.model,
        args=trainer_config(plan, folder, on_card, examples.held_out is not None, settings),
        train_dataset=examples.training,
        eval_dataset=examples.held_out,
        processing_class=language_model.tokenizer,
        callbacks=[EarlyStoppingCallback(patience)] if patience else None,
    )
    trainer.remove_callback(PrinterCallback)
    if settings.training.fsdp:
        keep_sums_precise(trainer)
    return trainer


def trainer_config(plan: MemoryPlan, folder: Path, on_card: bool, evaluates: bool, settings: Settings) -> SFTConfig:
    """The settings of a training under TRL's names."""
    training, dtype = settings.training, resolve_dtype(settings)
    stops_early = evaluates and training.early_stopping_patience > 0
    config = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=training.num_train_epochs,
        max_steps=training.max_steps,
        **plan.trainer_arguments(),
        **trainer_arguments(settings),
        warmup_steps=training.warmup_steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        lr_scheduler_type=training.lr_scheduler_type,
        optim=training.optim,
        max_grad_norm=training.max_grad_norm,
        bf16=on_card and dtype == torch.bfloat16,
        fp16=on_card and dtype == torch.float16,
        use_cpu=not on_card,
        gradient_checkpointing=training.gradient_checkpointing,
        dataloader_pin_memory=on_card,
        ddp_find_unused_parameters=False,
        eval_strategy="steps" if evaluates else "no",
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
    return config
