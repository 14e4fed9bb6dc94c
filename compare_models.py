"""Script 8: which system describes the products best, by how much, and how certain that is.

    python compare_models.py
    python compare_models.py --sample 200        first have all systems asked about 200 held-out products
    python compare_models.py --ask               a page to ask all systems about titles of your own
    python compare_models.py --ask terminal      the same without a page

Reads the answers of scripts 2, 4 and 7 and adds the fourth system, retrieval with the fine-tuned model. Writes a page
to show to others (comparison.html), and the same as comparison.json, .csv and .md. Every generated answer is kept: an
interrupted run continues, and a second run does not ask the same question again.
"""

from __future__ import annotations

from typing import Any

from comparison.answering import answer_missing, collect
from comparison.ask.opening import ask_on_page
from comparison.ask.session import open_session
from comparison.ask.terminal import ask_in_terminal
from comparison.cases import Case
from comparison.judging import judge
from comparison.page import write_page
from comparison.provenance import catalogue_faults, rests_on
from comparison.report import build_report, print_report, write_csv, write_json, write_markdown
from comparison.systems import RAG_FINE_TUNED
from comparison.training_examples import mark_trained_on, repeated_examples
from comparison.verdict import verdict
from config import Settings
from pipeline.command.script import run, show_settings
from pipeline.model.answers import save_answers
from pipeline.runtime.cluster_connection import require_cluster
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _
from pipeline.runtime.rerun import command
from pipeline.runtime.screen import banner

DESCRIPTION = N_("Script 8: compare the systems: which describes the products best, and how certain that is.")


def main(settings: Settings) -> None:
    if settings.comparison.ask:
        ask(settings)
        return
    require_cluster(settings.cluster)
    show_settings(settings, "comparison", "answers")
    cases, notes = collect_answers(settings)
    speeds, embedding_model = answer_missing(cases, settings)
    save_fourth_system(cases, settings)
    banner(_("Comparing the answers"))
    mark_trained_on(cases, settings)
    judgement = judge(cases, repeated_examples(cases, settings), embedding_model, settings)
    report = build_report(judgement, verdict(judgement, notes, settings), speeds, settings)
    print_report(report)
    write(report, settings)


def ask(settings: Settings) -> None:
    """Titles of one's own, asked of all four systems at once, until the user ends it."""
    show_settings(settings, "model", "generation", "rag")
    if settings.comparison.ask == "page":
        ask_on_page(settings)
    else:
        ask_in_terminal(open_session(settings))


def collect_answers(settings: Settings) -> tuple[list[Case], list[str]]:
    """The products with their answers, and what is wrong with these. Raises UserError if there are none."""
    cases, notes = collect(settings)
    if not cases:
        raise UserError(
            _("There are no answers to compare. Run first: {command}, or add --sample 200.").format(
                command=command("foundation_model.py")
            )
        )
    notes = [*catalogue_faults(settings), *notes]
    for note in notes:
        print("\n" + note)
    return cases, notes


def save_fourth_system(cases: list[Case], settings: Settings) -> None:
    """Save the fourth system's answers about the products of script 7, as scripts 2, 4 and 7 save theirs."""
    name = RAG_FINE_TUNED.name
    answers = [case.answers[name] for case in cases if name in case.answers and not case.sampled]
    if answers:
        save_answers(settings.answers.rag_fine_tuned_file, answers, settings, rests_on(RAG_FINE_TUNED, settings))


def write(report: dict[str, Any], settings: Settings) -> None:
    write_json(report, settings)
    write_csv(report, settings)
    write_markdown(report, settings)
    write_page(report, settings)
    files = settings.comparison
    others = (files.json_file, files.csv_file, files.md_file)
    print("\n" + _("Saved: {files}").format(files=", ".join(map(str, others))))
    print(_("The page to look at and to show: {file}").format(file=files.html_file.resolve()), flush=True)


if __name__ == "__main__":
    run(main, DESCRIPTION)
