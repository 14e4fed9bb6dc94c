"""From the answers to the figures: measures each answer, then takes means, differences and shares with intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison.cases import Case
from comparison.facts import NAMES as FACTS
from comparison.facts import Source, measure_facts
from comparison.intervals import Estimate, bootstrap, share_interval
from comparison.metrics import measure, measure_abstention, words
from comparison.systems import QUESTIONS, SYSTEMS, System
from config import Settings
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from pipeline.model.answers import Answer
from pipeline.runtime.messages import N_, _
from pipeline.runtime.progress import progress_bar

if TYPE_CHECKING:
    from langchain_huggingface import HuggingFaceEmbeddings

EMBEDDED_AT_ONCE = 256  # between two moves of the bar
FEWEST_PRODUCTS = 20  # with fewer, the interval itself is too uncertain to base a verdict on


class Metric(NamedTuple):
    """A figure from 0 to 100, averaged over the products; `label` and `short` are message ids."""

    name: str
    label: str
    short: str
    higher_is_better: bool = True


METRICS = (
    Metric("chrf", "chrF", "chrF"),
    Metric("rouge_l", "ROUGE-L", "ROUGE-L"),
    Metric("meaning", N_("Similarity of meaning"), N_("meaning")),
    Metric("facts_recall", N_("Facts found"), N_("facts found")),
    Metric("facts_precision", N_("Facts that are true"), N_("true facts")),
    Metric("distractors", N_("Facts of another product"), N_("facts of others"), higher_is_better=False),
    Metric("grounded", N_("Groundedness"), N_("grounded")),
    Metric("repetition", N_("Repetition"), N_("repetition"), higher_is_better=False),
)
MAIN_METRIC = METRICS[0]  # the verdict rests on this one, chosen before any answer was seen


class Share(NamedTuple):
    """How many of `n` answers, with the 95 % interval of the share in percent."""

    hits: int
    n: int
    low: float
    high: float


class Difference(NamedTuple):
    """`first` minus `second` in one metric, on the same products; `result` is better, worse, tie or few."""

    metric: str
    first: str
    second: str
    estimate: Estimate
    result: str


class Judgement(NamedTuple):
    """All figures; those by system are named by the system, then by the metric.

    `measured` has an entry for each case: by system, the figures of its answer. `counted` says which cases enter the
    means: those with a reference that were not trained on and are in the index, since retrieval cannot know others.
    `differences` are in the order of `QUESTIONS`, and of `METRICS` within a question. `lengths` are the mean numbers of
    words of each system's answers and of the `reference`.
    """

    cases: list[Case]
    systems: list[System]
    measured: list[dict[str, dict[str, Any]]]
    counted: list[bool]
    means: dict[str, dict[str, Estimate | None]]
    differences: list[Difference]
    shares: dict[str, dict[str, Share]]
    lengths: dict[str, Estimate | None]


def judge(
    cases: list[Case],
    repeated: dict[tuple[str, bool], set[str]],
    embedding_model: Callable[[], HuggingFaceEmbeddings],
    settings: Settings,
) -> Judgement:
    """Measure all answers, and calculate means, differences and shares."""
    systems = [system for system in SYSTEMS if any(system.name in case.answers for case in cases)]
    measured = [
        {name: measure_answer(case, answer, settings) for name, answer in case.answers.items()}
        for case in progress_bar(_("Measuring the answers"), cases)
    ]
    meanings = similarities_of_meaning(cases, embedding_model, settings)
    for case, by_system, meaning in zip(cases, measured, meanings, strict=True):
        for name, of_answer in by_system.items():
            of_answer.setdefault("meaning", meaning.get(name))  # an abstention has one already
            of_answer["repeats_example"] = name in repeated.get(case.key, ())
    with_retrieval = any(system.retrieval for system in systems)
    counted = [
        case.reference is not None and not case.trained_on and (case.indexed or not with_retrieval) for case in cases
    ]
    means, differences = averages(cases, systems, measured, counted)
    of_systems = shares(cases, systems, measured, counted)
    lengths = mean_lengths(cases, systems, measured, counted)
    return Judgement(cases, systems, measured, counted, means, differences, of_systems, lengths)


def measure_answer(case: Case, answer: Answer, settings: Settings) -> dict[str, Any]:
    """The figures that follow from the text of an answer."""
    retrieved = [Source(document["product"], document["text"]) for document in answer.retrieved]
    of_facts = measure_facts(answer.answer, case.reference, case.product, retrieved)
    if answer.answer == NOT_IN_CATALOGUE:
        wrong = case.indexed and case.reference is not None
        missed = of_facts["facts_recall"] if wrong else None  # it has none of the facts
        return measure_abstention(answer.answer, wrong) | dict.fromkeys(FACTS) | {"facts_recall": missed}
    return of_facts | measure(
        answer.answer,
        case.reference,
        case.product,
        [document.text for document in retrieved],
        answer.tokens,
        answer.settings.get("max_new_tokens", settings.generation.max_new_tokens),
    )


def similarities_of_meaning(
    cases: list[Case], embedding_model: Callable[[], HuggingFaceEmbeddings], settings: Settings
) -> list[dict[str, float]]:
    """By case and system: the cosine of the embeddings of answer and reference, times 100; 0 for an empty answer."""
    from pipeline.search.embedding import embed

    texts = {
        text
        for case in cases
        if case.reference is not None
        for text in [case.reference, *(answer.answer for answer in case.answers.values())]
        if text
    }
    if not texts:
        return [{} for _case in cases]
    embeddings = embedding_model()
    order = sorted(texts, key=len)  # texts of similar length share a batch, which needs less padding
    vectors: dict[str, Any] = {}
    with progress_bar(_("Embedding the answers"), total=len(order)) as bar:
        for start in range(0, len(order), EMBEDDED_AT_ONCE):
            part = order[start : start + EMBEDDED_AT_ONCE]
            vectors.update(zip(part, embed(embeddings, part, settings.rag.embedding_batch_size), strict=True))
            bar.update(len(part))
    return [
        {
            name: 100.0 * float(vectors[case.reference] @ vectors[answer.answer])
            if case.reference and answer.answer
            else 0.0
            for name, answer in case.answers.items()
            if case.reference is not None
        }
        for case in cases
    ]


def averages(
    cases: list[Case], systems: list[System], measured: list[dict], counted: list[bool]
) -> tuple[dict[str, dict[str, Estimate | None]], list[Difference]]:
    """The mean of each system in each metric, and the difference of each pair of systems, over the counted cases."""
    import numpy as np

    rows = [(case, figures) for case, figures, counts in zip(cases, measured, counted, strict=True) if counts]
    if not rows:
        return {system.name: {metric.name: None for metric in METRICS} for system in systems}, []

    def column(system: System, metric: Metric) -> np.ndarray:
        values = [
            None if system.name in case.stale else figures.get(system.name, {}).get(metric.name)
            for case, figures in rows
        ]
        return np.array(values, dtype=float)  # None becomes NaN

    columns = {(system, metric): column(system, metric) for system in systems for metric in METRICS}
    asked = [pair for pair in QUESTIONS if set(pair) <= set(systems)]
    pairs = [(metric, first, second) for first, second in asked for metric in METRICS]
    differing = [columns[first, metric] - columns[second, metric] for metric, first, second in pairs]
    estimates = bootstrap(np.stack([*columns.values(), *differing], axis=1))
    of_systems = dict(zip(columns, estimates, strict=False))
    means = {system.name: {metric.name: of_systems[system, metric] for metric in METRICS} for system in systems}
    differences = [
        Difference(metric.name, first.name, second.name, estimate, result_of(estimate, metric))
        for (metric, first, second), estimate in zip(pairs, estimates[len(columns) :], strict=True)
        if estimate is not None
    ]
    return means, differences


def mean_lengths(
    cases: list[Case], systems: list[System], measured: list[dict], counted: list[bool]
) -> dict[str, Estimate | None]:
    """The mean number of words of the reference and of each system's answers, over the counted cases.

    An abstention is no description, and has no length.
    """
    import numpy as np

    names = ["reference", *(system.name for system in systems)]
    rows = [
        [
            len(words(case.reference)),
            *(
                None if name in case.stale or figures.get(name, {}).get("abstained", True) else figures[name]["words"]
                for name in names[1:]
            ),
        ]
        for case, figures, counts in zip(cases, measured, counted, strict=True)
        if counts
    ]
    return dict(zip(names, bootstrap(np.array(rows, dtype=float)), strict=True)) if rows else {}


def result_of(estimate: Estimate, metric: Metric) -> str:
    """`better`, `worse`, `tie` where the interval contains 0, or `few` where there are too few products to say."""
    if estimate.n < FEWEST_PRODUCTS:
        return "few"
    if estimate.low <= 0 <= estimate.high:
        return "tie"
    return "better" if (estimate.mean > 0) == metric.higher_is_better else "worse"


def shares(
    cases: list[Case], systems: list[System], measured: list[dict], counted: list[bool]
) -> dict[str, dict[str, Share]]:
    """By system, how many answers loop, stop in mid-sentence, repeat a training example, abstain rightly or wrongly.

    An abstention is right for a product that the index does not hold, and wrong for one that it does. Where the search
    has found similar products instead, the model itself has to notice: `abstained_similar`, for all systems.
    """
    found: dict[str, dict[str, Share]] = {}
    similar = {
        case.key
        for case in cases
        if not (case.indexed or case.trained_on) and any(answer.retrieved for answer in case.answers.values())
    }
    for system in systems:
        present = [
            (case, figures[system.name], counts)
            for case, figures, counts in zip(cases, measured, counted, strict=True)
            if system.name in figures and system.name not in case.stale
        ]
        of_counted = [figures for _case, figures, counts in present if counts]
        unseen = [(case.indexed, figures["abstained"]) for case, figures, _counts in present if not case.trained_on]
        groups = {
            "loops": [figures["loops"] for figures in of_counted],
            "cut_off": [figures["cut_off"] for figures in of_counted],
        }
        groups["abstained_similar"] = [
            figures["abstained"] for case, figures, _counts in present if case.key in similar
        ]
        if system.adapter:
            groups["repeats_example"] = [figures["repeats_example"] for _case, figures, _counts in present]
        if system.retrieval:
            groups["abstained_right"] = [abstained for indexed, abstained in unseen if not indexed]
            groups["abstained_wrong"] = [abstained for indexed, abstained in unseen if indexed]
        found[system.name] = {}
        for name, values in groups.items():
            known = [value for value in values if value is not None]
            if known:
                low, high = share_interval(sum(known), len(known))
                found[system.name][name] = Share(sum(known), len(known), 100 * low, 100 * high)
    return found
