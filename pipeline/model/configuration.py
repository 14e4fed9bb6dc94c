"""What a model says of itself before its weights are loaded: its sizes, its tokenizer and its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


class Configuration(NamedTuple):
    """The configuration of a model with its tokenizer; the model reads `window` tokens at most."""

    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    window: int


def read_configuration(settings: Settings) -> Configuration:
    """That of the foundation model, without its weights. Raises UserError where it cannot be had."""
    from transformers import AutoConfig, AutoTokenizer

    name, revision = settings.model.name, settings.model.revision
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(
            _(
                "The model {name} cannot be loaded: {reason} "
                "Check --model.name, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=(str(error) or type(error).__name__).splitlines()[0])
        ) from None
    return Configuration(config, tokenizer, min(settings.model.max_seq_length, config.max_position_embeddings))
