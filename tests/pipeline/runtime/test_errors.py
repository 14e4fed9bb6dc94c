"""What is quoted of the errors of libraries."""

from __future__ import annotations

from pipeline.runtime.errors import first_line, last_line


def test_error_that_says_nothing_is_named_by_its_kind():
    assert first_line(ImportError()) == last_line(ImportError("\n")) == "ImportError"
