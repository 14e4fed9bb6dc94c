"""Runs the cases two at a time, and writes docs/reliability.md from what was seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import report
from tests.faults.case import run_case


@pytest.fixture(scope="session")
def endings(request, tmp_path_factory):
    """The ending of each case among the tests of this run; a call waits for it."""
    cases = {
        str(item.callspec.params["case"]): item.callspec.params["case"]
        for item in request.session.items
        if "case" in getattr(getattr(item, "callspec", None), "params", {})
    }
    pipeline_run = None
    if any(case.inputs for case in cases.values()):
        pipeline_run = request.getfixturevalue("pipeline_run")
    with ThreadPoolExecutor(2) as pool:
        futures = {
            name: pool.submit(run_case, case, tmp_path_factory.mktemp("case"), pipeline_run)
            for name, case in cases.items()
        }
        yield lambda case: futures[str(case)].result()
        for future in futures.values():
            future.cancel()


@pytest.fixture
def seen(request):
    """Notes what was tried and how it ended, for docs/reliability.md."""
    return lambda *row: report.ROWS.append(row)


def pytest_sessionfinish(session):
    file = session.config.getoption("--reliability")
    if file:
        report.write(file, session.config.getoption("--faults"))
