"""What a model says of itself before its weights are loaded: its sizes, its tokenizer and its window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.catalogue.prompts import ALPACA, PromptFormat
from pipeline.model.packaged import install_command, local_folder
from pipeline.model.prompt_format import prompt_format
from pipeline.model.tokens import settle_special_tokens
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    from transformers import GenerationConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


class Configuration(NamedTuple):
    """The configuration of a model with its tokenizer; the model reads `window` tokens at most."""

    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    window: int
    form: PromptFormat = ALPACA


def read_configuration(settings: Settings) -> Configuration:
    """That of the foundation model, without its weights. Raises UserError where it cannot be had, or has no end."""
    from transformers import AutoConfig, AutoTokenizer

    name, revision = settings.model.name, settings.model.revision
    try:
        place = local_folder(name)
        config = AutoConfig.from_pretrained(place, revision=revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise cannot_be_loaded(name, error) from None
    form = prompt_format(tokenizer, settings)
    text = config.get_text_config()
    generation = _generation_config(place, revision)
    require_end(settle_special_tokens(tokenizer, text.vocab_size, generation, text, turn_end=form.end), name)
    return Configuration(config, tokenizer, model_window(config, settings), form)


def cannot_be_loaded(name: str, error: Exception) -> UserError:
    """What to raise where a library cannot load the model `name`."""
    install = install_command(name)
    if not Path(name).exists() and (Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1):
        return UserError(_("There is no folder {name}. Check --model.name.").format(name=name))
    if install:
        return UserError(
            _("The model {name} cannot be loaded: {reason} Install the package that it comes with: {command}").format(
                name=name, reason=first_line(error), command=install
            )
        )
    return UserError(
        _(
            "The model {name} cannot be loaded: {reason} "
            "Check --model.name, and the network if it has to be downloaded from the hub."
        ).format(name=name, reason=first_line(error))
    )


def _generation_config(place: str, revision: str | None) -> GenerationConfig | None:
    """The model's generation_config.json; None where it has none."""
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(place, revision=revision)
    except OSError:
        return None


def require_end(ends: list[int], name: str) -> None:
    """Raise UserError where the model has no token at which an answer ends."""
    if not ends:
        raise UserError(
            _("The model {name} has no end-of-text token, so no answer would end. Take another --model.name.").format(
                name=name
            )
        )


def settle_generation(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, form: PromptFormat, settings: Settings
) -> None:
    """One notion of the ends for training and generation, and one answer to a prompt, without beams.

    Raises UserError where neither the tokenizer nor a configuration names an end-of-text token.
    """
    generation = model.generation_config
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ends = settle_special_tokens(tokenizer, vocabulary, generation, model.config.get_text_config(), turn_end=form.end)
    require_end(ends, settings.model.name)
    generation.eos_token_id = ends if len(ends) > 1 else ends[0]
    generation.pad_token_id = tokenizer.pad_token_id
    generation.num_beams = generation.num_return_sequences = None


def model_window(config: PretrainedConfig, settings: Settings) -> int:
    """The tokens that the model reads at most: as many as it has positions for, where their number is limited."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(settings.model.max_seq_length, positions or settings.model.max_seq_length)
