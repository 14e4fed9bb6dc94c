"""What a model says of itself before its weights are loaded: its sizes, its tokenizer and its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.model.tokens import settle_special_tokens
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    from transformers import GenerationConfig, PretrainedConfig, PreTrainedTokenizerBase


class Configuration(NamedTuple):
    """The configuration of a model with its tokenizer; the model reads `window` tokens at most."""

    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    window: int


def read_configuration(settings: Settings) -> Configuration:
    """That of the foundation model, without its weights. Raises UserError where it cannot be had, or has no end."""
    from transformers import AutoConfig, AutoTokenizer

    name, revision = settings.model.name, settings.model.revision
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise cannot_be_loaded(name, error) from None
    text_config = config.get_text_config()
    require_end(
        settle_special_tokens(tokenizer, text_config.vocab_size, _generation_config(settings), text_config), name
    )
    return Configuration(config, tokenizer, model_window(config, settings))


def cannot_be_loaded(name: str, error: Exception) -> UserError:
    """What to raise where a library cannot load the model `name`."""
    return UserError(
        _(
            "The model {name} cannot be loaded: {reason} "
            "Check --model.name, and the network if it has to be downloaded from the hub."
        ).format(name=name, reason=first_line(error))
    )


def _generation_config(settings: Settings) -> GenerationConfig | None:
    """The model's generation_config.json; None where it has none."""
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(settings.model.name, revision=settings.model.revision)
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


def model_window(config: PretrainedConfig, settings: Settings) -> int:
    """The tokens that the model reads at most: as many as it has positions for, where their number is limited."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(settings.model.max_seq_length, positions or settings.model.max_seq_length)
