"""Damaged, foreign and hostile files: each run ends in a result or in a sentence that names file and place."""

from __future__ import annotations

import sys

import pytest

from tests.faults.artifacts import ARTIFACTS, no_code_ran
from tests.faults.case import Case, assert_ended_as_expected
from tests.faults.raw_files import RAW_FILES
from tests.faults.tables import TABLES

CASES = [
    pytest.param(case, id=str(case), marks=[pytest.mark.slow_fault] if case.slow else [])
    for case in [*RAW_FILES, *TABLES, *ARTIFACTS]
]


def test_there_are_many():
    assert len(CASES) >= 60


@pytest.mark.skipif(sys.platform == "win32", reason="links and named pipes are made otherwise there")
@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: Case, endings, seen):
    ending = endings(case)
    assert_ended_as_expected(case, ending)
    no_code_ran(ending.folder)
    result = f"refused: {ending.message}" if case.words else "a result: " + result_of(case, ending)
    seen(case.script, case.name + (" *" if case.slow else ""), result)


def result_of(case: Case, ending) -> str:
    lines = [" ".join(line.split()) for line in ending.done.screen.splitlines()]
    kept = next((line for line in lines if line.startswith("Total records processed")), "")
    rejected = next((line.partition(" (")[0] for line in lines if line.startswith("Records that could not")), "")
    reason = next((line for line in lines if line.startswith(("line ", "record ", "row "))), "")
    return "; ".join(part for part in (kept, rejected, reason) if part)
