"""TRL's trainer with a held-out loss per token.

Import this after `choose_backend`: Unsloth, where it is in use, comes before trl and puts its own trainer in its place.
"""

from __future__ import annotations

import math
import sys

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import TrainerCallback
from transformers.trainer_utils import EvalLoopOutput
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from pipeline.training.memory_plan import MemoryPlan, prove
from pipeline.training.micro_batches import batch_sampler


class DescriptionTrainer(SFTTrainer):
    """Supervised fine-tuning that knows its loss at every step, its speed, and its loss on products held out.

    `step_loss` is the loss of the current optimizer step so far, in nats per token of a description. `tokens` are those
    that this process has read, prompts and descriptions without padding, in `seconds` of training steps. `plan` says
    how the examples of a step are dealt out.
    """

    step_loss: float | torch.Tensor = 0.0
    tokens: int | torch.Tensor = 0
    seconds = 0.0

    def __init__(self, plan: MemoryPlan, **options):
        super().__init__(**options)
        self.plan = plan
        self.add_callback(MemoryProof(self))
        pad = self.processing_class.pad_token_id
        self.data_collator = DataCollatorForLanguageModeling(pad, padding_free=plan.packed)
        if plan.packed and "unsloth" in sys.modules:
            from unsloth.utils.packing import enable_padding_free_metadata

            enable_padding_free_metadata(self.model, self)  # its attention goes by lengths, not by position ids

    def _get_train_sampler(self, train_dataset=None) -> Sampler:
        if not self.plan.packed:
            return super()._get_train_sampler(train_dataset)
        args, plan = self.args, self.plan
        examples = plan.examples_per_step * args.world_size
        return batch_sampler(plan.lengths, examples, plan.micro_batches, args.seed, args.process_index, args.world_size)

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

    def get_eval_dataloader(self, eval_dataset=None) -> DataLoader:
        """This process's share of the held-out products; none comes twice to fill the last batch."""
        share = self.eval_dataset.shard(self.args.world_size, self.args.process_index)
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
            tokens = (inputs["labels"][:, 1:] != -100).sum()
            total += torch.stack([self.model(**inputs, use_cache=False).loss * tokens, tokens])
        losses, tokens = self.accelerator.reduce(total, "sum").tolist()
        loss = losses / tokens
        metrics = {
            f"{metric_key_prefix}_loss": loss,
            f"{metric_key_prefix}_perplexity": math.exp(min(loss, 700)),  # above it, a float overflows
        }
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(self.eval_dataset))


class MemoryProof(TrainerCallback):
    """Tries the largest micro-batch before the first step."""

    def __init__(self, trainer: DescriptionTrainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **_kwargs):
        prove(self.trainer.plan, self.trainer)
