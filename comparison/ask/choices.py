"""The settings that a question can have of its own; all others are those of the run."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from config import Group, Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

GENERATION = ("temperature", "repetition_penalty", "max_new_tokens", "seed")
RAG = ("method", "top_k")


def with_choices(settings: Settings, chosen: dict[str, Any]) -> Settings:
    """`settings` with `chosen`, values by the names above. Raises UserError for a value that is not allowed."""
    generation = _changed(settings.generation, {name: chosen[name] for name in GENERATION})
    rag = _changed(settings.rag, {name: chosen[name] for name in RAG})
    return settings.model_copy(update={"generation": generation, "rag": rag})


def _changed(group: Group, changes: dict[str, Any]) -> Group:
    try:
        return type(group)(**(group.model_dump() | changes))
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(
            _("{setting}: {value!r} is not allowed.").format(setting=fault["loc"][0], value=fault["input"])
        ) from None
