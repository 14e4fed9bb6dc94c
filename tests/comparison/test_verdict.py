"""The verdict: it says where the measures disagree, and by which training both was made."""

from __future__ import annotations

from comparison.cases import Case
from comparison.intervals import Estimate
from comparison.judging import Difference, Judgement
from comparison.systems import RAG, RAG_FINE_TUNED, labels
from comparison.verdict import verdict
from pipeline.runtime.artifacts import write_meta
from tests.running import demo_settings


def judgement(**results: str) -> Judgement:
    """Retrieval with fine-tuning against retrieval, with these results by metric."""
    systems = [RAG, RAG_FINE_TUNED]
    differences = [
        Difference(metric, RAG_FINE_TUNED.name, RAG.name, Estimate(5 if result == "better" else -5, 1, 9, 40), result)
        for metric, result in results.items()
    ]
    of_systems = {system.name: {} for system in systems}
    return Judgement([Case("Lamp", "It shines.", True)], systems, [], [True], {}, differences, of_systems, {})


def test_measures_that_find_otherwise_are_named(tmp_path):
    settings = demo_settings(tmp_path)
    told = verdict(judgement(chrf="better", facts_recall="worse", rouge_l="better", meaning="tie"), [], settings)
    assert told.findings == [
        "The measures disagree: by other ones than chrF (Facts found), retrieval is better than "
        "retrieval with the fine-tuned model."
    ]
    assert verdict(judgement(chrf="better", facts_recall="better", meaning="tie"), [], settings).findings == []


def test_reader_learns_whether_both_was_trained_with_documents(tmp_path):
    settings = demo_settings(tmp_path)
    cautions = "\n".join(verdict(judgement(chrf="better"), [], settings).cautions)
    assert "favours copying" in cautions
    assert "--training.retrieval_share 0.5" in cautions
    assert labels(settings)["rag_fine_tuned"] == "Retrieval + fine-tuning"
    settings.model.lora_dir.mkdir()
    write_meta(settings.model.lora_dir, {"training": {"retrieval_share": 0.5}}, [])
    assert "--training.retrieval_share" not in "\n".join(verdict(judgement(chrf="better"), [], settings).cautions)
    assert labels(settings)["rag_fine_tuned"] == "Retrieval + fine-tuning, 50% with documents"
