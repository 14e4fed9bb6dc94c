"""The four systems that are compared: with or without retrieval, with or without the fine-tuned adapter."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from config import Settings
from pipeline.runtime.artifacts import read_meta
from pipeline.runtime.messages import N_, _, localised


class System(NamedTuple):
    """One way to answer. `label` heads a column, `noun` stands in a sentence; both are message ids."""

    name: str
    label: str
    noun: str
    adapter: bool
    retrieval: bool
    script: str

    def answers_file(self, settings: Settings) -> Path:
        return getattr(settings.answers, f"{self.name}_file")

    def in_sentence(self, first: bool = False) -> str:
        """The system's name within a sentence, or as its first words."""
        noun = _(self.noun)
        return noun[0].upper() + noun[1:] if first else noun


FOUNDATION = System(
    "foundation", N_("Foundation model"), N_("the foundation model"), False, False, "foundation_model.py"
)
FINE_TUNED = System("fine_tuned", N_("Fine-tuning"), N_("fine-tuning"), True, False, "ft_test_trained_model.py")
RAG = System("rag", N_("Retrieval"), N_("retrieval"), False, True, "rag_model_retriever.py")
RAG_FINE_TUNED = System(
    "rag_fine_tuned",
    N_("Retrieval + fine-tuning"),
    N_("retrieval with the fine-tuned model"),
    True,
    True,
    "compare_models.py",
)
SYSTEMS = (FOUNDATION, FINE_TUNED, RAG, RAG_FINE_TUNED)
BY_NAME = {system.name: system for system in SYSTEMS}


def share_with_documents(settings: Settings) -> float:
    """The share of the present adapter's training examples that had documents in the prompt; 0 without an adapter."""
    made_with = (read_meta(settings.model.lora_dir) or {}).get("settings", {}).get("training", {})
    return made_with.get("retrieval_share", settings.training.before("retrieval_share"))


def labels(settings: Settings) -> dict[str, str]:
    """What heads the column of each system; that of retrieval with fine-tuning also says how it learned to read."""
    headings = {system.name: _(system.label) for system in SYSTEMS}
    if share := share_with_documents(settings):
        headings[RAG_FINE_TUNED.name] = _("{system}, {percent}% with documents").format(
            system=headings[RAG_FINE_TUNED.name], percent=localised(100 * share, "g")
        )
    return headings


# Every pair, as it is compared everywhere: the first system minus the second. The question that the project asks comes
# first: the first pair that has answers gives the headline, the next ones are told below it.
QUESTIONS = (
    (RAG, FINE_TUNED),
    (RAG_FINE_TUNED, RAG),
    (FINE_TUNED, FOUNDATION),
    (RAG_FINE_TUNED, FINE_TUNED),
    (RAG, FOUNDATION),
    (RAG_FINE_TUNED, FOUNDATION),
)
