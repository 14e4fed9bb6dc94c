"""The verdict in sentences: which system is better and by how much, and what limits this conclusion."""

from __future__ import annotations

from typing import NamedTuple

from comparison.judging import FEWEST_PRODUCTS, MAIN_METRIC, METRICS, Difference, Judgement, Share
from comparison.systems import BY_NAME, RAG, RAG_FINE_TUNED, System, share_with_documents
from config import Settings
from pipeline.runtime.messages import _, localised
from pipeline.runtime.rerun import command

TOLD = 3  # questions that get a sentence, the first as the headline; the page's table has all of them


class Verdict(NamedTuple):
    """`headline` is one sentence; `findings` are the other answers, `cautions` what limits them."""

    headline: str
    findings: list[str]
    cautions: list[str]


def verdict(judgement: Judgement, notes: list[str], settings: Settings) -> Verdict:
    """The verdict on all pairs of systems; `notes` are the faults that were found while the answers were read."""
    differences = [difference for difference in judgement.differences if difference.metric == MAIN_METRIC.name]
    sentences = [in_words(difference) for difference in differences]
    findings = abstentions(judgement)
    for place, difference in enumerate(differences[:TOLD]):
        told = disagreements(difference, judgement)
        findings = [*told, *findings] if place == 0 else [*findings, sentences[place], *told]
    headline = sentences[0] if sentences else _("Nothing can be concluded: no product was answered by two systems.")
    return Verdict(
        headline,
        findings,
        [*limits(judgement, differences, settings), *notes],
    )


def in_words(difference: Difference) -> str:
    """One sentence on a pair; the better system is its subject."""
    first, second = BY_NAME[difference.first], BY_NAME[difference.second]
    mean, low, high, n = difference.estimate
    if difference.result == "worse":
        first, second, (mean, low, high) = second, first, (-mean, -high, -low)
    sentence = {
        "better": _(
            "{First} is better than {second} by {mean} chrF (95% interval {low} to {high}), "
            "on {n:,} products not seen in training."
        ),
        "tie": _(
            "{First} and {second} are tied: they differ by {mean} chrF (95% interval {low} to {high}), on {n:,} "
            "products not seen in training."
        ),
        "few": _(
            "Whether {first} or {second} is better cannot be concluded from {n:,} products not seen in training: "
            "{mean} chrF between them (95% interval {low} to {high})."
        ),
        "single": _(
            "Whether {first} or {second} is better cannot be concluded from a single product: {mean} chrF between them."
        ),
    }["single" if n == 1 else "better" if difference.result == "worse" else difference.result]
    return sentence.format(
        First=first.in_sentence(first=True),
        first=first.in_sentence(),
        second=second.in_sentence(),
        mean=number(mean),
        low=number(low),
        high=number(high),
        n=n,
    )


def disagreements(main: Difference, judgement: Judgement) -> list[str]:
    """Where other measures find better what the main one does not, of the same two systems."""
    names = {metric.name: _(metric.label) for metric in METRICS}
    by_winner: dict[str, list[str]] = {}
    for other in judgement.differences:
        if (other.first, other.second) == (main.first, main.second) and winner(other) not in (None, winner(main)):
            by_winner.setdefault(winner(other), []).append(names[other.metric])
    return [
        _("The measures disagree: by other ones than chrF ({measures}), {first} is better than {second}.").format(
            measures=", ".join(measures),
            first=BY_NAME[better].in_sentence(),
            second=BY_NAME[main.second if better == main.first else main.first].in_sentence(),
        )
        for better, measures in by_winner.items()
    ]


def winner(difference: Difference) -> str | None:
    """The system that is better in a metric; None where it is a tie, or where that is not known."""
    return {"better": difference.first, "worse": difference.second}.get(difference.result)


def abstentions(judgement: Judgement) -> list[str]:
    """How well products in the index are told from others: both systems share the search, a model may notice more."""
    told = [system for system in (RAG, RAG_FINE_TUNED) if system in judgement.systems]
    if len(told) == 2 and len({judgement.shares[system.name].get("abstained_right") for system in told}) == 1:
        told = told[:1]
    return [sentence for system in told for sentence in abstentions_of(system, judgement.shares[system.name])]


def abstentions_of(system: System, shares: dict[str, Share]) -> list[str]:
    sentences = []
    if right := shares.get("abstained_right"):
        sentences.append(
            _(
                "{System} recognised {hits:,} of {n:,} products that are not in the index "
                "(95% interval {low}% to {high}%)."
            ).format(
                System=system.in_sentence(first=True),
                hits=right.hits,
                n=right.n,
                low=number(right.low, 0),
                high=number(right.high, 0),
            )
        )
    if (wrong := shares.get("abstained_wrong")) and wrong.hits:
        sentences.append(
            _("{System} did not find {hits:,} of {n:,} products that are in the index.").format(
                System=system.in_sentence(first=True), hits=wrong.hits, n=wrong.n
            )
        )
    return sentences


def limits(judgement: Judgement, differences: list[Difference], settings: Settings) -> list[str]:
    """What cannot be concluded, and what was left out of the verdict."""
    cases, found = judgement.cases, []
    if not any(judgement.counted):
        found.append(_("No product both has a reference and was kept out of training, so quality cannot be measured."))
    elif any(difference.result == "few" for difference in differences):
        found.append(
            _("Fewer than {n} products are too few to decide. Ask about more: {command}").format(
                n=FEWEST_PRODUCTS, command="python compare_models.py --sample 200"
            )
        )
    found += limits_of_retrieval(judgement, settings)
    sampled = sum(case.sampled for case in cases)
    if sampled < settings.comparison.sample:
        found.append(
            _("The catalogue holds {n:,} of the {wanted:,} held-out products that were asked for.").format(
                n=sampled, wanted=settings.comparison.sample
            )
        )
    if trained_on := sum(case.trained_on for case in cases):
        found.append(_("Shown and not counted, since the model was trained on them: {n:,}.").format(n=trained_on))
    if without := sum(case.reference is None for case in cases):
        found.append(
            _("Shown and not counted, since the catalogue has no description of them: {n:,}.").format(n=without)
        )
    if any(not case.indexed for case in cases) and any(system.retrieval for system in judgement.systems):
        found.append(
            _(
                "Products that are not in the index count only for the abstentions. For half of the sampled "
                "products, the search leaves out the product's own documents, as if they were not in the index."
            )
        )
    for name, shares in judgement.shares.items():
        share = shares.get("repeats_example")
        if share and share.hits:
            found.append(
                _("{system}: {hits:,} of {n:,} answers repeat a training example word for word.").format(
                    system=_(BY_NAME[name].label), hits=share.hits, n=share.n
                )
            )
    return found


def limits_of_retrieval(judgement: Judgement, settings: Settings) -> list[str]:
    """What favours the systems with retrieval, and what holds the one with fine-tuning back."""
    found = []
    if any(judgement.counted) and any(system.retrieval for system in judgement.systems):
        found.append(
            _(
                "The verdict rests on chrF against a text that stands in the index, which favours copying: an answer "
                "that copies the document word for word has 100."
            )
        )
    if RAG_FINE_TUNED in judgement.systems and not share_with_documents(settings):
        found.append(
            _(
                "The fine-tuned model has never seen documents in training, so it may not read those that retrieval "
                "gives it. Train it with documents: {command}"
            ).format(command=command("fine_tuning.py") + " --training.retrieval_share 0.5")
        )
    return found


def number(value: float, digits: int = 1) -> str:
    """`value` with the decimal mark of the language; a value that rounds to zero has no sign."""
    text = localised(value, f".{digits}f")
    return text.lstrip("-") if round(float(value), digits) == 0 else text.replace("-", "\u2212")


def interval(low: float, high: float, digits: int = 1, unit: str = "") -> str:
    """The ends of an interval in brackets."""
    return _("[{low}, {high}]").format(low=number(low, digits) + unit, high=number(high, digits) + unit)
