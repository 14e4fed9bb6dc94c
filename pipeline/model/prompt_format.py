"""The form of prompts that the settings ask for: the project's own, or the chat template of the model."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from config import Settings
from pipeline.catalogue.prompts import ALPACA, PromptFormat
from pipeline.model.tokens import cut_at_control_tokens
from pipeline.runtime.artifacts import read_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

REQUEST, ANSWER = "A request of somebody", "The answer to it"  # stand for the texts while the template is read
BETWEEN = "\n\n"  # the instruction and the input in the one message of the user


def prompt_format(tokenizer: PreTrainedTokenizerBase, settings: Settings) -> PromptFormat:
    """What `model.prompt_format` means for this model.

    Raises UserError where it has no chat template, or one that takes no request of a user alone.
    """
    wanted, name = settings.model.prompt_format, settings.model.name
    if wanted == "alpaca" or (wanted == "auto" and not tokenizer.chat_template):
        return ALPACA
    if not tokenizer.chat_template:
        raise UserError(
            _("The tokenizer of {name} has no chat template. Add --model.prompt_format alpaca.").format(name=name)
        )
    try:
        return _read_template(tokenizer)
    except Exception as error:  # a template is a program of the model's author
        raise UserError(
            _("The chat template of {name} cannot be used ({reason}). Add --model.prompt_format alpaca.").format(
                name=name, reason=" ".join(str(error).split())[:200] or type(error).__name__
            )
        ) from None


def require_trained_with(name: str, settings: Settings) -> None:
    """Raise UserError unless the adapter has learned from prompts of the form `name`; old ones do not say alpaca."""
    lora_dir = settings.model.lora_dir
    meta = read_meta(lora_dir)
    if meta is None:  # an adapter from elsewhere
        return
    learned = meta["settings"].get("model", {}).get("prompt_format", ALPACA.name)
    if learned != name:
        raise UserError(
            _(
                "The adapter in {folder} was trained with the prompt format {learned}, not with {name}. "
                "Add --model.prompt_format {learned}, or train again: {command}"
            ).format(folder=lora_dir, learned=learned, name=name, command=command("fine_tuning.py"))
        )


def _read_template(tokenizer: PreTrainedTokenizerBase) -> PromptFormat:
    """What the template puts before and after a request. Raises ValueError where the request is not found in it."""
    asked = [{"role": "user", "content": REQUEST}]
    text = _render(tokenizer, asked, add_generation_prompt=True)
    if text.count(REQUEST) != 1:
        raise ValueError(_("it does not show the text of the user once"))
    before, _request, after = text.partition(REQUEST)
    whole = _render(tokenizer, [*asked, {"role": "assistant", "content": ANSWER}])
    runs = cut_at_control_tokens(tokenizer, whole.partition(ANSWER)[2])
    end = next((run for run in runs if isinstance(run, int)), None)
    return PromptFormat("chat", before, BETWEEN, after, _marks(tokenizer, before, after), end)


def _render(tokenizer: PreTrainedTokenizerBase, messages: list[dict], **options) -> str:
    """The messages in the template; today's date, which some put in, would make each day's answers others."""
    return tokenizer.apply_chat_template(
        messages, tokenize=False, enable_thinking=False, strftime_now=date(2024, 7, 26).strftime, **options
    )


def _marks(tokenizer: PreTrainedTokenizerBase, before: str, after: str) -> tuple[str, ...]:
    """The words around a request, where no control token ends it: a text that held them could break out."""
    following = cut_at_control_tokens(tokenizer, after)[:1]
    if not following or isinstance(following[0], int):
        return ()
    preceding = [run for run in cut_at_control_tokens(tokenizer, before)[-1:] if isinstance(run, str)]
    lines = [*following[0].strip().splitlines(), *(run.strip().rpartition("\n")[2] for run in preceding)]
    return tuple(line.strip() for line in lines if line.strip())
