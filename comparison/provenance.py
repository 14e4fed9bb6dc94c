"""Whether an answer is up to date: made with the present settings, model, adapter, index and catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from comparison.systems import System
from config import ANSWERED, Settings
from pipeline.runtime.artifacts import content_hash, meta_path, read_meta
from pipeline.runtime.messages import _


class Source(NamedTuple):
    """What an answer was made with: groups of settings, and the hashes of the artifacts that it depends on."""

    settings: dict[str, dict]
    inputs: dict[str, str]


def present_source(system: System, settings: Settings) -> Source:
    """What an answer of `system` would be made with now."""
    groups = ["model", "generation"] + ["rag"] * system.retrieval
    return Source(
        settings.model_dump(mode="json", include=set(groups)),
        {str(file): content_hash(file) for file in rests_on(system, settings) if file.is_file()},
    )


def rests_on(system: System, settings: Settings) -> list[Path]:
    """The files whose hashes say which adapter and which index a system has."""
    adapter = [settings.model.lora_dir / "adapter_model.safetensors"] * system.adapter
    return adapter + [meta_path(settings.rag.chroma_dir)] * system.retrieval


def faults(source: Source, system: System, settings: Settings) -> list[str]:
    """In words, what has changed since an answer was made; empty where nothing has."""
    found = []
    for group in ["model", "generation"] + ["rag"] * system.retrieval:
        then, now = source.settings.get(group, {}), getattr(settings, group)
        answered = now.with_role(ANSWERED)
        changed = [
            f"{group}.{name}"
            for name, value in now
            if name in answered and then.get(name, now.before(name)) != value
            if not _same_model(name, then.get(name), value)
        ]
        if changed:
            found.append(_("other settings: {names}").format(names=", ".join(changed)))
    digests = set(source.inputs.values())
    for file in rests_on(system, settings):
        if file.is_file() and content_hash(file) not in digests:
            found.append(
                _("an older adapter than that in {folder}").format(folder=settings.model.lora_dir)
                if file.suffix == ".safetensors"
                else _("an older index than that in {folder}").format(folder=settings.rag.chroma_dir)
            )
    return found


def _same_model(name: str, then: Any, now: Any) -> bool:
    """A hub name and a folder with a copy of that model are the same model."""
    return name == "name" and Path(str(then)).name == Path(str(now)).name


def catalogue_faults(settings: Settings) -> list[str]:
    """In words which artifacts were made from another catalogue than the present one."""
    catalogue = settings.data.processed_file
    if not catalogue.is_file():
        return []
    found = []
    for artifact in (settings.model.lora_dir, settings.rag.chroma_dir):
        inputs = (read_meta(artifact) or {}).get("inputs", {})
        digests = [digest for name, digest in inputs.items() if Path(name).name == catalogue.name]
        if artifact.exists() and digests and content_hash(catalogue) not in digests:
            found.append(
                _("{artifact} was made from another catalogue than {catalogue}").format(
                    artifact=artifact, catalogue=catalogue
                )
            )
    return found
