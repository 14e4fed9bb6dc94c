"""Reads the answers that scripts 2, 4 and 7 kept, and generates those that are still missing.

Each new answer is appended at once to `comparison.sample_file`, one JSON object a line, so an interrupted run continues
where it stopped. Each run first writes a line that says which model, adapter, index and settings it uses, so outdated
answers are recognised.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from comparison.asking import Here, OnCluster, Speed, asker
from comparison.cases import Case, find_products, sample_cases
from comparison.provenance import Source, faults, present_source
from comparison.questions import question_for
from comparison.systems import BY_NAME, RAG_FINE_TUNED, SYSTEMS, System
from config import Settings
from pipeline.model.adapter import require_adapter
from pipeline.model.answers import Answer, not_in_catalogue
from pipeline.model.loading import choose_backend
from pipeline.runtime.artifacts import content_hash, meta_path, read_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _, localised
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.rerun import command
from pipeline.runtime.screen import banner
from pipeline.search.embedding import load_embedding_model, model_of
from pipeline.search.store import chroma_faults, require_index

if TYPE_CHECKING:
    from langchain_huggingface import HuggingFaceEmbeddings

    from pipeline.search.retriever import Retrieved

# ------------------------------------------------------------------------------------------- what the scripts kept


def collect(settings: Settings) -> tuple[list[Case], list[str]]:
    """The products that the scripts were asked about and the sample, with their answers; and what is wrong with them.

    An outdated answer is marked as stale; for a sampled product it is dropped, and so it is generated again.
    """
    cases = {case.key: case for case in sample_cases(settings)}
    kept = {system: kept_answers(system, settings) for system in SYSTEMS if system is not RAG_FINE_TUNED}
    found = find_products({answer.product for answers, _faults in kept.values() for answer in answers}, settings)
    notes = []
    some = any(answers for answers, _wrong in kept.values())
    for system, (answers, wrong) in kept.items():
        file = system.answers_file(settings)
        if some and not file.is_file():
            notes.append(
                _("{file} is not there, so answers are missing. Make them: {command}").format(
                    file=file.name, command=command(system.script)
                )
            )
        if wrong:
            notes.append(
                _(
                    "{file} was made with {what}: its answers are shown and not counted. Make them again: {command}"
                ).format(file=file.name, what="; ".join(wrong), command=command(system.script))
            )
        for answer in answers:
            product = found.get(answer.product)
            indexed = product is not None and product.indexed
            new = Case(answer.product, product.description if product else None, indexed)
            case = cases.setdefault(new.key, new)
            if not (wrong and case.sampled):
                case.answers[system.name] = answer
                if wrong:
                    case.stale.add(system.name)
    return sorted(cases.values(), key=lambda case: case.sampled), notes


def kept_answers(system: System, settings: Settings) -> tuple[list[Answer], list[str]]:
    """The answers that a script wrote, and in words why they are outdated. Raises UserError if the file is damaged."""
    file = system.answers_file(settings)
    meta = read_meta(file)
    if not file.is_file():
        return [], []
    try:
        answers = [Answer(**answer) for answer in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise UserError(
            _("{file} holds no answers ({reason}). Make it again: {command}").format(
                file=file, reason=error, command=command(system.script)
            )
        ) from None
    if meta is None:
        return answers, [_("unknown settings, since {file} is missing").format(file=meta_path(file).name)]
    wrong = faults(Source(meta["settings"], meta["inputs"]), system, settings)
    if meta["sha256"] != content_hash(file):
        wrong.append(_("changes by hand"))
    return answers, wrong


# ------------------------------------------------------------------------------------------------ what is missing


def answer_missing(
    cases: list[Case], settings: Settings
) -> tuple[dict[str, Speed], Callable[[], HuggingFaceEmbeddings]]:
    """Generate the missing answers: of all systems about the sample, of the fourth about what script 7 was asked.

    The search runs first, and the embedding model leaves the card before the language model is loaded. That one is
    loaded once: with its adapter switched off it is the foundation model. Returns the speed of each system, and a
    function that returns the embedding model. After a language model was loaded, the embedding model is on the CPU:
    of the 4.8 GiB that Llama-3-8B in 4 bits needs, 3.5 GiB stay on the card even after it is released.
    """
    speeds = read_sample_file(cases, settings)
    missing = {system: [case for case in cases if is_missing(system, case)] for system in SYSTEMS}
    missing = without_unavailable({system: wanted for system, wanted in missing.items() if wanted}, settings)
    if not missing:
        return speeds, lambda: load_embedding_model(settings)
    banner(_("Asking the models what they have not been asked yet"))
    for system, wanted in missing.items():
        print(f"{_(system.label):<43}: {localised(len(wanted), ',')}")
    if not settings.cluster:
        choose_backend(settings)  # before the embedding model, since Unsloth must be the first to import transformers
    found, embeddings = search_all(missing, settings)
    if embeddings:
        model_of(embeddings).to("cpu")
    speeds |= ask_all(missing, found, settings)
    return speeds, lambda: embeddings or load_embedding_model(settings, "cpu")


def is_missing(system: System, case: Case) -> bool:
    return system.name not in case.answers and (case.sampled or (system is RAG_FINE_TUNED and "rag" in case.answers))


def without_unavailable(missing: dict[System, list[Case]], settings: Settings) -> dict[System, list[Case]]:
    """`missing` without the systems whose adapter or index does not exist; prints which, and what to run."""
    for part, check in (("adapter", require_adapter), ("retrieval", require_index)):
        if any(getattr(system, part) for system in missing):
            try:
                check(settings)
            except UserError as error:
                print(
                    _("Left out: {systems}. {reason}").format(
                        systems=", ".join(_(system.label) for system in missing if getattr(system, part)), reason=error
                    )
                )
                missing = {system: wanted for system, wanted in missing.items() if not getattr(system, part)}
    return missing


def search_all(
    missing: dict[System, list[Case]], settings: Settings
) -> tuple[dict[tuple[str, bool], list[Retrieved]], HuggingFaceEmbeddings | None]:
    """What the search finds for each case, and its embedding model; a case that is not indexed cannot find itself."""
    cases = {case.key: case for system, wanted in missing.items() if system.retrieval for case in wanted}
    if not cases:
        return {}, None
    from pipeline.search.retriever import open_search

    search = open_search(settings)
    with chroma_faults(settings):
        found = {
            key: search.search(case.product, settings.rag.top_k, without=() if case.indexed else (case.product,))
            for key, case in progress_bar(_("Searching the index"), cases.items())
        }
    return found, search.embeddings


def ask_all(
    missing: dict[System, list[Case]], found: dict[tuple[str, bool], list[Retrieved]], settings: Settings
) -> dict[str, Speed]:
    """Load the language model and have each system answer what it has not answered yet."""
    banner(_("Loading the model and the tokenizer..."))
    speeds = {}
    with asker(any(system.adapter for system in missing), settings) as model:
        for system, cases in missing.items():
            print("\n" + _("Asking: {system}").format(system=_(system.label)), flush=True)
            speeds[system.name] = answer_as(system, cases, found, model, settings)
    return speeds


def answer_as(
    system: System,
    cases: list[Case],
    found: dict[tuple[str, bool], list[Retrieved]],
    model: Here | OnCluster,
    settings: Settings,
) -> Speed:
    """Ask one system about `cases`, keep each answer at once, and measure speed and memory."""
    asked, questions = [], []
    with sample_file(system, settings) as write:

        def keep(case: Case, answer: Answer) -> None:
            write({"indexed": case.indexed, "answer": asdict(answer)})
            case.answers[system.name] = answer

        for case in cases:
            question = question_for(system, case.product, found.get(case.key, []), model.reader, settings)
            if question is None:
                keep(case, not_in_catalogue(case.product, settings.generation))
            else:
                asked.append(case)
                questions.append(question)
        for index, answer in model.answers(system, questions):
            keep(asked[index], answer)
        write({"speed": model.speed._asdict()})
    return model.speed


# --------------------------------------------------------------------------------------- the file of the sample


@contextmanager
def sample_file(system: System, settings: Settings) -> Iterator[Callable[[dict], None]]:
    """A function that appends an object to the file at once, so that an interruption loses nothing."""
    path = settings.comparison.sample_file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:

        def write(value: dict) -> None:
            file.write(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8") + b"\n")
            file.flush()

        if file.tell():
            file.write(b"\n")  # an interruption may have cut the last line short
        write({"system": system.name, **present_source(system, settings)._asdict()})
        yield write


def read_sample_file(cases: list[Case], settings: Settings) -> dict[str, Speed]:
    """Give each case the answers that an earlier run generated for it; returns the speed of each system.

    Outdated answers are not used; a message says how many there are, and why.
    """
    import orjson

    path = settings.comparison.sample_file
    if not path.is_file():
        return {}
    by_key = {case.key: case for case in cases}
    speeds: dict[str, Speed] = {}
    outdated: dict[str, set] = defaultdict(set)
    system, wrong = "", [""]
    with path.open("rb") as file:
        for line in file:
            try:
                entry = orjson.loads(line)
            except ValueError:  # an interruption cut the line short
                continue
            if "system" in entry:
                system = entry["system"]
                source = Source(entry["settings"], entry["inputs"])
                wrong = faults(source, BY_NAME[system], settings)
            elif wrong:
                if "answer" in entry:
                    outdated["; ".join(wrong)].add((system, entry["indexed"], entry["answer"]["product"]))
            elif "speed" in entry:
                speeds[system] = Speed(**entry["speed"])
            else:
                answer = Answer(**entry["answer"])
                case = by_key.get((answer.product, entry["indexed"]))
                if case is not None:
                    case.answers.setdefault(system, answer)
    for what, answers in outdated.items():
        print(
            _("{n:,} answers in {file} were made with {what}: they are not used.").format(
                n=len(answers), file=path.name, what=what
            )
        )
    return speeds
