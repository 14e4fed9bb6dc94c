"""The formats of raw catalogues: the same table gives the same clean catalogue, whatever it was written as."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import process_data
from config import DataSettings
from demo import make_catalogue
from pipeline.catalogue import delimited, raw_file, sources
from pipeline.catalogue.columns import HubDataset
from pipeline.catalogue.duplicates import Seen
from pipeline.catalogue.raw_file import open_raw
from pipeline.catalogue.records import Fields
from pipeline.runtime.errors import UserError
from tests.running import PROJECT
from tests.tables import FORMATS, excel, write_table
from tests.tables import delimited as as_csv

LONG = "A content that is long enough to be kept. " * 3
FIELDS = {"title_field": "name", "content_field": ["text"]}


def processed(folder: Path, raw: str | list[str], **changed) -> tuple[bytes, process_data.Counts]:
    """What script 1 makes of `raw`."""
    outputs = {"processed_file": folder / "out.json", "rejected_file": folder / "rejected.jsonl"}
    data = DataSettings(raw_file=raw, **(outputs | changed))
    counts = process_data.process(open_raw(data), data)
    return (folder / "out.json").read_bytes(), counts


def titles(written: bytes) -> list[str]:
    return [product["product"] for product in json.loads(written)]


def accounted_for(counts: process_data.Counts) -> int:
    return sum(
        (counts.kept, counts.no_title, counts.empty, counts.short, counts.duplicates, counts.variants)
        + (counts.unreadable,)
    )


# A zero byte and a lone CR do not survive an XML file, and control characters have no place in one.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from('\n\t",;|<&'))
rows = st.lists(
    st.fixed_dictionaries({"id": st.just("x"), "name": texts, "text": texts | texts.map(lambda text: text + LONG)}),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_every_format_gives_the_same_catalogue(tmp_path, table):
    good = [{"id": "0", "name": f"Good {n}", "text": LONG} for n in range(9)]  # a run with too few is refused
    table = [*good, *table]
    results = {}
    for ending in FORMATS:
        written, counts = processed(tmp_path, str(write_table(tmp_path, ending, table)), **FIELDS)
        assert accounted_for(counts) == counts.read == len(table)
        results[ending] = written
    assert len(set(results.values())) == 1, results


@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_worker_processes_give_what_one_process_gives(tmp_path, ending):
    table = [{"name": f"T{n % 1500}", "text": f"{n % 1500} {LONG}"} for n in range(2000)]
    file = str(write_table(tmp_path, ending, table))
    alone, counts = processed(tmp_path, file, num_proc=1)
    assert counts.duplicates == 500
    assert processed(tmp_path, file, num_proc=2)[0] == alone


def test_dataset_of_the_hub(tmp_path):
    """`datasets` reads a folder as it reads the hub."""
    write_table(tmp_path, "parquet", [{"name": "One", "text": LONG}, {"name": "One", "text": ""}])
    file = HubDataset(str(tmp_path), "train", Fields("name", ("text",)))
    [readings] = [file.read(block) for block in file.blocks()]
    assert [tuple(record) for record in readings.records] == [("One", LONG)]
    assert readings.variants == 1


@pytest.mark.parametrize("size", [7, 100, 1000])
def test_rows_are_the_same_wherever_a_table_is_cut(tmp_path, monkeypatch, size):
    rng = random.Random(size)
    table = [{"name": f"T{n}", "text": f'{LONG}, "{n}"\n\n' * rng.randrange(1, 4)} for n in range(40)]
    file = write_table(tmp_path, "csv", table)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", size)
    assert titles(processed(tmp_path, str(file))[0]) == [f"T{n}" for n in range(40)]


def test_variants_are_counted_where_a_block_ends_between_them(tmp_path, monkeypatch):
    shop = [{"name": "One", "text": LONG}, *[{"name": "One", "text": ""}] * 30, {"name": "Two", "text": LONG}]
    file = write_table(tmp_path, "csv", shop)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 20)
    written, counts = processed(tmp_path, str(file))
    assert titles(written) == ["One", "Two"]
    assert (counts.variants, counts.empty) == (30, 0)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_utf_8_is_never_taken_for_utf_16(text):
    assert not raw_file._is_utf_16(text.encode("utf-8"))


# ------------------------------------------------------------------------------------------------- shapes of catalogues


def test_export_of_a_shop(tmp_path):
    written, counts = processed(tmp_path, str(PROJECT / "demo" / "shop_export.csv"))
    assert counts.read == accounted_for(counts) == 50
    assert counts.variants > 10
    assert counts.kept > 20
    assert b"<p>" not in written


def test_bundled_export_is_what_the_generator_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(make_catalogue, "SHOP_EXPORT", tmp_path / "export.csv")
    make_catalogue._write_shop_export(random.Random(make_catalogue.SEED + 2))
    assert (tmp_path / "export.csv").read_bytes() == (PROJECT / "demo" / "shop_export.csv").read_bytes()


def test_market_place_with_other_texts_in_its_columns(tmp_path):
    table = [
        {
            "uniq_id": f"{n:032x}",
            "crawl_timestamp": "2016-03-25 22:59:23 +0000",
            "product_url": f"http://shop.example/{n}",
            "product_name": f"Shorts {n}",
            "product_category_tree": '["Clothing >> Women\'s Clothing >> Shorts"]',
            "description": f"Key   Features of {n}   {LONG}",
            "product_specifications": '{"product_specification"=>[{"key"=>"Type", "value"=>"Cycling Shorts"}]}',
        }
        for n in range(5)
    ]
    written, _counts = processed(tmp_path, str(write_table(tmp_path, "csv", table)))
    assert titles(written) == [f"Shorts {n}" for n in range(5)]
    assert b"Key Features of 0 A content" in written


def chosen(folder: Path, records: list[dict], **wanted) -> Fields:
    (folder / "raw.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return open_raw(DataSettings(raw_file=str(folder / "raw.jsonl"), **wanted)).files[0].fields


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"title": "A", "content": LONG, "name": "B", "description": LONG}, Fields("title", ("content",))),
        ({"title": "A", "description": LONG, "name": "B"}, Fields("title", ("description",))),
        ({"nome": "A", "descri\u00e7\u00e3o": LONG}, Fields("nome", ("descri\u00e7\u00e3o",))),
        ({"product": {"name": "A"}, "about": [LONG, LONG]}, Fields("product.name", ("about",))),
        ({"id": 1, "artikel": "Red lamp", "beschreibung": LONG}, Fields("artikel", ("beschreibung",))),
    ],
)
def test_fields_are_found(tmp_path, record, fields):
    records = [{k: v + f" {n}" if isinstance(v, str) else v for k, v in record.items()} for n in range(5)]
    assert chosen(tmp_path, records) == fields


def test_fields_that_are_not_clear_are_asked_for(tmp_path):
    records = [{"label": f"Red lamp {n}", "model": f"Big lamp {n}", "description": LONG} for n in range(5)]
    with pytest.raises(UserError, match=r"label, model\. Name one of them: --data\.title_field label"):
        chosen(tmp_path, records)
    assert chosen(tmp_path, records, title_field="model") == Fields("model", ("description",))
    with pytest.raises(UserError, match=r"has no field x\. Its fields are: label, model, description"):
        chosen(tmp_path, records, title_field="x")


def test_several_contents_are_joined_in_their_order(tmp_path):
    records = [{"info": {"name": "A"}, "b": "Second. " * 20, "a": ["First.", "More."], "n": 1}]
    (tmp_path / "raw.json").write_text(json.dumps(records), encoding="utf-8")
    wanted = {"title_field": "info.name", "content_field": ["a", "b"]}
    written, _counts = processed(tmp_path, str(tmp_path / "raw.json"), **wanted)
    [product] = json.loads(written)
    assert product["product"] == "A"
    assert product["description"].startswith("First. More. Second.")


# ------------------------------------------------------------------------------------------------------- several files


def test_folder_pattern_and_list_of_files(tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    for name, ending in (("One", "csv"), ("Two", "jsonl"), ("Three", "parquet")):
        write_table(exports, ending, [{"name": name, "text": f"{name} {LONG}"}]).rename(exports / f"{name}.{ending}")
    (exports / "notes.md").write_text("no catalogue", encoding="utf-8")
    everything = ["One", "Three", "Two"]
    assert titles(processed(exports, str(exports))[0]) == everything
    again = processed(exports, str(exports), rejected_file=exports / "r.jsonl")  # what it wrote is no catalogue
    assert titles(again[0]) == everything
    assert titles(processed(tmp_path, str(exports / "T*"))[0]) == ["Three", "Two"]
    files = [str(exports / "Two.jsonl"), str(exports / "One.csv")]
    assert titles(processed(tmp_path, files)[0]) == ["Two", "One"]


def test_file_whose_name_is_a_pattern(tmp_path):
    for name in ("a[1].csv", "a1.csv"):
        (tmp_path / name).write_text(as_csv([{"name": name, "text": LONG}]), encoding="utf-8")
    assert titles(processed(tmp_path, str(tmp_path / "a[1].csv"))[0]) == ["a[1].csv"]


def test_rejections_name_the_file_where_there_are_several(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(f"name,text\nA {name},{LONG}\n,{LONG}\n", encoding="utf-8")
    _written, counts = processed(tmp_path, [str(tmp_path / "one.csv"), str(tmp_path / "two.csv")])
    assert [line.endswith("row 3: no title") for line in counts.first_rejections] == [True, True]
    assert "two.csv" in counts.first_rejections[1]


def test_names_of_the_hub():
    assert sources.hub_dataset(["hf://datasets/user/name"], None) == ("user/name", "train")
    assert sources.hub_dataset(["user/name"], "test") == ("user/name", "test")
    assert sources.hub_dataset(["trn.json"], None) is None


# ---------------------------------------------------------------------------------------------------------- duplicates


@given(st.lists(st.lists(st.integers(0, 50), max_size=20)), st.integers(0, 2**64 - 60))
def test_seen_says_what_a_set_says(batches, start):
    import numpy as np

    seen, plain = Seen(), set()
    for batch in batches:
        hashes = [max(1, start + number) for number in batch]
        expected = [not (h in plain or plain.add(h)) for h in hashes]
        assert seen.new(np.array(hashes, np.uint64)).tolist() == expected


def test_seen_grows():
    import numpy as np

    seen = Seen()
    hashes = np.random.default_rng(1).integers(1, 2**63, 50_000).astype(np.uint64)
    assert all(seen.new(part).all() for part in np.array_split(hashes, 100))
    assert not any(seen.new(part).any() for part in np.array_split(hashes, 100))


@pytest.mark.parametrize("form", FORMATS)
def test_one_field_cannot_be_both(tmp_path, form):
    file = write_table(tmp_path, form, [{"name": "Lamp", "text": LONG}])
    with pytest.raises(UserError, match="name cannot be both"):
        processed(tmp_path, str(file), title_field="name", content_field=["name"])


def test_an_empty_name_of_a_field_is_none(tmp_path):
    file = write_table(tmp_path, "csv", [{"name": "Lamp", "text": LONG}])
    assert titles(processed(tmp_path, str(file), content_field=[""])[0]) == ["Lamp"]


def test_a_note_in_a_folder_is_no_catalogue(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    write_table(folder, "csv", [{"name": "Lamp", "text": LONG}])
    (folder / "readme.txt").write_text("hello", encoding="utf-8")
    assert titles(processed(tmp_path, str(folder))[0]) == ["Lamp"]


def test_a_workbook_without_rows_is_refused(tmp_path):
    (tmp_path / "raw.xlsx").write_bytes(excel([{}]))
    with pytest.raises(UserError, match="holds no records"):
        processed(tmp_path, str(tmp_path / "raw.xlsx"))
