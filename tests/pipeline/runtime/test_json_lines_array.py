"""Arrays with a record on each line: what is written is valid JSON and is read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import UserError
from pipeline.runtime.json_lines_array import SEPARATOR, read_records, writing_records

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(records=st.lists(st.tuples(texts, texts)), at_a_time=st.integers(1, 3))
def test_what_is_written_is_one_array_and_is_read_back(tmp_path_factory, records, at_a_time):
    path = tmp_path_factory.mktemp("array") / "records.json"
    lines = [json.dumps({"a": a, "other": 1, "b": b}, ensure_ascii=False).encode() for a, b in records]
    with path.open("wb") as file, writing_records(file) as write:
        for start in range(0, len(lines), at_a_time):
            write(SEPARATOR.join(lines[start : start + at_a_time]))
    written = path.read_bytes()
    assert [(entry["a"], entry["b"]) for entry in json.loads(written)] == records
    assert written.count(b"\n") == len(records) + 2
    assert list(read_records(path, ("a", "b"), "process_data.py")) == records


def test_an_array_that_fails_half_way_is_not_closed(tmp_path):
    with pytest.raises(ValueError), (tmp_path / "x").open("wb") as file, writing_records(file) as write:
        write(b"1")
        raise ValueError
    assert (tmp_path / "x").read_bytes() == b"[\n1"


@pytest.mark.parametrize("line", ['{"input": "b"}', '{"input": 1, "output": "x"}', '["b", "x"]', '{"in', "7", "null"])
def test_line_without_these_texts_is_named(tmp_path, line):
    file = tmp_path / "examples.json"
    file.write_text('[\n{"input": "a", "output": "x"},\n' + line + "\n]\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"examples\.json, line 3: no record with input, output.*python fine_tuning\.py"
    ):
        list(read_records(file, ("input", "output"), "fine_tuning.py"))
