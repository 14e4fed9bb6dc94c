"""Script 1."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import DataSettings
from pipeline.catalogue import json_lines, raw_file
from pipeline.catalogue.cleaning import clean_original, clean_readable
from process_data import clean_block
from tests import plain_cleaning
from tests.running import DEADLINE, DEMO, PROJECT, assert_refused, contents, finish, run_script, run_well, start

# Two records of the catalogue that the first version of this pipeline was made for, and what it made of them.
SEED = """\
{"uid": "0001360000", "title": "Mog's Kittens", "content": "Judith Kerr&#8217;s best&#8211;selling adventures of that endearing (and exasperating) cat Mog have entertained children for more than 30 years. Now, even infants and toddlers can enjoy meeting this loveable feline. These sturdy little board books&#8212;with their bright, simple pictures, easy text, and hand&#8211;friendly formats&#8212;are just the thing to delight the very young. Ages 6 months&#8211;2 years.", "target_ind": [146, 147, 148, 149, 495], "target_rel": [1.0, 1.0, 1.0, 1.0, 1.0]}
{"uid": "0000031895", "title": "Girls Ballet Tutu Neon Blue", "content": "Dance tutu for girls ages 2-8 years. Perfect for dance practice, recitals and performances, costumes or just for fun!", "target_ind": [12, 13, 14, 15], "target_rel": [1.0, 1.0, 1.0, 1.0]}
"""  # noqa: E501
SEED_ORIGINAL = """\
[
{"product": "Mogs Kittens", "description": "Judith Kerr8217s best8211selling adventures of that endearing and exasperating cat Mog have entertained children for more than 30 years Now even infants and toddlers can enjoy meeting this loveable feline These sturdy little board books8212with their bright simple pictures easy text and hand8211friendly formats8212are just the thing to delight the very young Ages 6 months82112 years"},
{"product": "Girls Ballet Tutu Neon Blue", "description": "Dance tutu for girls ages 28 years Perfect for dance practice recitals and performances costumes or just for fun"}
]
"""  # noqa: E501
SEED_READABLE = """\
[
{"product": "Mog's Kittens", "description": "Judith Kerr’s best–selling adventures of that endearing (and exasperating) cat Mog have entertained children for more than 30 years. Now, even infants and toddlers can enjoy meeting this loveable feline. These sturdy little board books—with their bright, simple pictures, easy text, and hand–friendly formats—are just the thing to delight the very young. Ages 6 months–2 years."},
{"product": "Girls Ballet Tutu Neon Blue", "description": "Dance tutu for girls ages 2-8 years. Perfect for dance practice, recitals and performances, costumes or just for fun!"}
]
"""  # noqa: E501

LONG = "A content that is long enough to be kept. " * 3


def record(title: object = "Lamp", content: object = LONG) -> str:
    return json.dumps({"title": title, "content": content})


def process(folder: Path, raw: str | bytes, *flags: str, name: str = "trn.json", **environment: str):
    """Run the script on a raw file with these contents."""
    (folder / name).write_bytes(raw.encode("utf-8") if isinstance(raw, str) else raw)
    return run_script("process_data.py", folder, *DEMO, "--data.raw_file", name, *flags, **environment)


def opened(file: Path) -> raw_file.RawCatalogue:
    return raw_file.open_raw(DataSettings(raw_file=str(file)))


def processed(folder: Path) -> list[dict[str, str]]:
    return json.loads((folder / "trn_processed.json").read_text(encoding="utf-8"))


def rejected(folder: Path) -> dict[int, str]:
    """Line (or record) number -> reason, as trn_rejected.jsonl has them."""
    lines = (folder / "trn_rejected.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return {entry.get("line") or entry.get("record"): entry["reason"] for entry in entries}


# --------------------------------------------------------------------------------------------------------- cleaning


@pytest.mark.parametrize(("flags", "expected"), [((), SEED_READABLE), (("original",), SEED_ORIGINAL)])
def test_seed_records(tmp_path, flags, expected):
    assert process(tmp_path, SEED, *(flag for name in flags for flag in ("--data.cleaning", name))).code == 0
    assert (tmp_path / "trn_processed.json").read_bytes().decode("utf-8") == expected


def test_bundled_catalogue_becomes_readable(pipeline_run):
    for text in (text for product in pipeline_run.products for text in product):
        assert html.unescape(text) == text
        assert not re.search(r"</?(p|b|i|br|ul|li|div|span|em|strong|h\d)\b", text)
        assert text == " ".join(text.split())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("x &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "x bold"),
        ("caf&eacute; &#x201C;noir&#x201D; &#150; 5", "café “noir” – 5"),
        ("<p>One.</p><p>Two.</p><ul><li>Three</li></ul>", "One. Two. Three"),
        ("H<sub>2</sub>O in <b>b</b>old", "H2O in bold"),
        ("before<script>alert('x')</script><style>p {}</style><!-- note -->after", "before after"),
        ("1 < 2, 3 > 2, I <3 it & more; 50% #1 2-8", "1 < 2, 3 > 2, I <3 it & more; 50% #1 2-8"),
        ("  a\t\tb\r\n c&nbsp;d\u00a0", "a b c d"),
        ("nul\x00 bell\x07", "nul bell"),
        ("e\u0301", "é"),
    ],
)
def test_readable_cleaning(raw, expected):
    assert clean_readable(raw) == expected


# Texts as catalogues have them: words and punctuation of many languages, between tags and entities.
TAGS = [
    "<p>",
    "</p>",
    "<br>",
    "<br/>",
    "<b>",
    "</B>",
    "<li>",
    '<a href="x?a=1&b=2">',
    "</a>",
    "<!-- n1 -->",
    "<IMG SRC=x>",
    '<img alt="a > b" src=x>',
    "<a title='1 > 0'>",
]
ENTITIES = [
    "&amp;",
    "&#8217;",
    "&#x2014;",
    "&nbsp;",
    "&eacute;",
    "&amp;amp;",
    "&amp;lt;b&amp;gt;",
    "&lt;p&gt;",
    "&quot;",
]
words = st.text(st.characters(whitelist_categories=["L", "N"]), min_size=1)
punctuation = st.sampled_from(
    [" ", ". ", ", ", "-", "'", "’", " & ", " < ", " > ", "; ", "# ", "% ", "\n", "\t", "\u00a0"]
)
catalogue_texts = st.lists(
    st.one_of(words, words, punctuation, st.sampled_from(TAGS), st.sampled_from(ENTITIES)), max_size=20
)


markup = st.lists(
    st.one_of(
        st.sampled_from(["<script>", "</script >", "<style", "</STYLE>", "<!--", "-->"]),
        st.sampled_from(["&amp", "&#38;", "&lt", "amp;"]),
        st.sampled_from(['<a b="', "<img alt='>", "<![CDATA[", "]]>", "&quot;>"]),
        st.text("<>&;#x0123456789ampltgbr/!- \"'\x00\x7f\x85\u00a0\u0301\u037e", max_size=5),
    ),
    max_size=12,
).map("".join)
any_text = st.one_of(st.text(), markup, catalogue_texts.map("".join))


@given(any_text)
def test_cleaning_never_raises_and_is_idempotent(text):
    for clean in (clean_readable, clean_original):
        once = clean(text)
        assert clean(once) == once


@settings(max_examples=300)
@given(any_text)
def test_readable_cleaning_is_that_of_the_plain_one(text):
    assert clean_readable(text) == plain_cleaning.clean_readable(text)


@given(any_text)
def test_readable_cleaning_leaves_nothing_that_a_browser_would_decode(text):
    cleaned = clean_readable(text)
    assert html.unescape(cleaned) == cleaned
    assert not re.search(r"</?(p|br|b|li|a|img)\b[^<>]*>", cleaned, re.IGNORECASE)


@given(catalogue_texts)
def test_readable_cleaning_loses_no_word(parts):
    cleaned = clean_readable("".join(parts))
    assert "<!--" not in cleaned

    def letters(text: str) -> str:
        return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text)))

    text_alone = "".join(html.unescape(html.unescape(part)) for part in parts if part not in TAGS)
    assert letters(cleaned) == letters(re.sub(r"<[bp]>", "", text_alone))


@pytest.mark.parametrize(
    "part",
    ["<!-- ", "<script>", "<STYLE ", "</script", "<b", "<<b>b>", "&", "&amp;", "amp;", "&#38;#38;", "  ", "&lt;b&gt;"]
    + ['<a b="', "<a b='>", '<a b="<i>" ', "<a =", "<!-->", "--> <!--", "<script></script", "<![CDATA[", "<a\n\n\n"],
)
def test_cleaning_takes_time_that_grows_with_the_text_only(part):
    """Quadratic, each of these would take minutes."""
    cleaned = clean_readable("&" + part * (1_000_000 // len(part)))
    assert clean_readable(cleaned) == cleaned


@given(st.text())
def test_original_cleaning_deletes_punctuation_only(text):
    assert clean_original(text) == "".join(c for c in text if c == "_" or c.isalnum() or re.match(r"[\w\s]", c))


# ----------------------------------------------------------------------------------------------------- shapes of files

AS_LINES = "\n".join([record("One"), record("Two — ção"), record("Three")]) + "\n"
AS_ARRAY = "[" + ",\n ".join(AS_LINES.splitlines()) + "]"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (AS_LINES.encode(), "trn.json"),
        (AS_LINES.rstrip("\n").encode(), "trn.json"),
        (AS_LINES.replace("\n", "\r\n").encode(), "trn.json"),
        (("\n\n" + AS_LINES.replace("\n", "\n   \n")).encode(), "trn.json"),
        (b"\xef\xbb\xbf" + AS_LINES.encode(), "trn.json"),
        (gzip.compress(AS_LINES.encode()), "trn.json.gz"),
        (gzip.compress(b"\xef\xbb\xbf" + AS_LINES.encode()), "catalogue"),
        (AS_ARRAY.encode(), "trn.json"),
        (b"\xef\xbb\xbf\r\n " + AS_ARRAY.replace("\n", "\r\n").encode(), "trn.json"),
        (gzip.compress(AS_ARRAY.encode()), "trn.json.gz"),
    ],
    ids=[
        "lines",
        "no-last-newline",
        "crlf",
        "empty-lines",
        "bom",
        "gz",
        "gz-without-suffix",
        "array",
        "array-bom",
        "array-gz",
    ],
)
def test_every_shape_gives_the_same_catalogue(tmp_path, raw, name):
    done = process(tmp_path, raw, name=name)
    assert done.code == 0, done.errors
    assert [entry["product"] for entry in processed(tmp_path)] == ["One", "Two — ção", "Three"]
    assert not (tmp_path / "trn_rejected.jsonl").exists()


def test_content_is_measured_raw_and_in_characters(tmp_path):
    contents = {
        "short": "x" * 99,
        "long": "x" * 100,
        "short, more bytes": "é" * 99,
        "long by its entities": "x" * 80 + "&amp;" * 4,
        "empty": "",
        "null": None,
    }
    lines = [record(title, content) for title, content in contents.items()] + ['{"title": "no content"}']
    done = process(tmp_path, "\n".join(lines))
    assert [entry["product"] for entry in processed(tmp_path)] == ["long", "long by its entities"]
    assert "could not be read" not in done.screen  # short ones are dropped, not faulty


def test_minimum_is_a_setting(tmp_path):
    process(tmp_path, record("a", "x" * 20) + "\n" + record("b", "x" * 19), "--data.min_content_chars", "20")
    assert [entry["product"] for entry in processed(tmp_path)] == ["a"]


# ------------------------------------------------------------------------------------------------------ faulty records

FAULTY_LINES = {
    3: b'{"title": "broken", "content": ',
    4: b'{"content": "no title"}',
    5: b'["a", "list"]',
    7: b'{"title": 7, "content": "x"}',
    8: b'{"title": "x", "content": {"text": "x"}}',
    9: b'{"title": "invalid \xff UTF-8", "content": "x"}',
    11: b'{"title": "half \\ud83d character", "content": "x"}',
    12: b'{"title": "", "content": "x"}',
}


def test_faulty_lines_are_reported_and_passed_over(tmp_path):
    blank = {1: b"", 2: b"  ", 6: b""}  # they count as lines, not as records
    lines = [(blank | FAULTY_LINES).get(number, record(f"Good {number}").encode()) for number in range(1, 24)]
    done = process(tmp_path, b"\n".join(lines))
    assert done.code == 0
    assert [entry["product"] for entry in processed(tmp_path)] == [
        f"Good {number}" for number in range(1, 24) if number not in blank | FAULTY_LINES
    ]
    reasons = rejected(tmp_path)
    assert list(reasons) == list(FAULTY_LINES)
    assert reasons[4] == reasons[12] == "no title"
    assert reasons[5] == "not an object"
    assert (reasons[7], reasons[8]) == ("title is not a text", "content is not a text")
    for number in list(FAULTY_LINES)[:5]:
        assert f"line {number}: {reasons[number]}" in done.screen
    assert re.search(r"could not be read +: 6 \(.*trn_rejected\.jsonl\)", done.screen)
    assert re.search(r"without a title +: 2 \(.*trn_rejected\.jsonl\)", done.screen)
    sources = [json.loads(line)["source"] for line in (tmp_path / "trn_rejected.jsonl").read_bytes().splitlines()]
    assert sources[0] == '{"title": "broken", "content":'


def test_faulty_elements_of_an_array(tmp_path):
    faulty = {1: '"text"', 3: '{"title": null}', 6: "[" * 3000 + "]" * 3000}
    done = process(tmp_path, "[" + ",".join(faulty.get(n, record(f"Good {n}")) for n in range(1, 12)) + "]")
    assert done.code == 0, done.errors
    assert len(processed(tmp_path)) == 11 - len(faulty)
    assert list(rejected(tmp_path)) == list(faulty)
    assert "record 1: not an object" in done.screen


def test_array_that_breaks_off_is_refused(tmp_path):
    done = process(tmp_path, "[" + ",".join([record()] * 5) + ', {"title": "x", ')
    assert_refused(done, "trn.json", "after record 5")
    assert set(contents(tmp_path)) == {"trn.json"}


def test_rejected_records_of_an_earlier_run_disappear(tmp_path):
    process(tmp_path, "\n".join([record(), record(), "broken"]))
    assert (tmp_path / "trn_rejected.jsonl").exists()
    process(tmp_path, record())
    assert not (tmp_path / "trn_rejected.jsonl").exists()


@pytest.mark.parametrize("setting", ["processed_file", "rejected_file"])
def test_a_file_of_the_user_is_not_replaced(tmp_path, setting):
    (tmp_path / "notes.txt").write_text("my notes", encoding="utf-8")
    done = process(tmp_path, record(), f"--data.{setting}", "notes.txt")
    assert_refused(done, "notes.txt", f"--data.{setting}")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "my notes"


# ------------------------------------------------------------------------------------------------------ hopeless files


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (record() + "\n" + "broken\n" * 3, ["3 of 4", "line 2", "title and content"]),
        ("broken\n" * 5000, ["5,000 of 5,000", "line 1"]),
        (gzip.compress(AS_LINES.encode() * 500)[:-20], ["damaged", "again"]),
        (AS_LINES.encode("utf-16"), ["UTF-16", "UTF-8"]),
        (AS_LINES.encode("utf-16-le"), ["UTF-16", "UTF-8"]),
        (b"", ["holds no records"]),
        (b"[]", ["holds no records"]),
        (record("a", "short"), ["at least 100 characters"]),
        (json.dumps({"title": "pretty", "content": LONG}, indent=2), ["cannot be read"]),
    ],
    ids=[
        "most-lines",
        "long-file",
        "truncated-gzip",
        "utf-16",
        "utf-16-without-mark",
        "empty",
        "empty-array",
        "all-short",
        "pretty",
    ],
)
def test_hopeless_file_stops_and_leaves_the_older_output(tmp_path, raw, words):
    assert process(tmp_path, AS_LINES).code == 0
    before = (tmp_path / "trn_processed.json").read_bytes()
    assert_refused(process(tmp_path, raw, name="other.json"), "other.json", *words)
    assert (tmp_path / "trn_processed.json").read_bytes() == before
    assert set(contents(tmp_path)) == {"trn.json", "other.json", "trn_processed.json", "trn_processed.json.meta.json"}


def test_half_of_the_bundled_catalogue(tmp_path):
    bundled = (PROJECT / "demo" / "trn.json.gz").read_bytes()
    assert_refused(process(tmp_path, bundled[: len(bundled) // 2]), "trn.json", "damaged or incomplete")
    assert not (tmp_path / "trn_processed.json").exists()


def test_missing_file(tmp_path):
    done = run_script("process_data.py", tmp_path)
    assert_refused(done, "trn.json", "--data.raw_file", "--profile demo")
    assert contents(tmp_path) == {}


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    assert_refused(run_script("process_data.py", tmp_path, *DEMO, "--work_dir", str(tmp_path / "file" / "x")), "file")


# ------------------------------------------------------------------------------------------------------ screen and file


def test_screen_and_file(pipeline_run):
    done, folder = pipeline_run.done["process_data.py"], pipeline_run.folder
    lines = (folder / "trn_processed.json").read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in lines[1:-1]] == json.loads("\n".join(lines))
    assert all(list(json.loads(line.rstrip(","))) == ["product", "description"] for line in lines[1:-1])

    with gzip.open(PROJECT / "demo" / "trn.json.gz") as raw:
        read = sum(1 for line in raw if line.strip())
    kept = len(lines) - 2
    bars = (
        "Reading the records of the file",
        "Processing the records read",
        "Saving the processed records to the file",
    )
    for label, total in zip(bars, (read, read, kept), strict=True):
        assert re.search(rf"{label} *: 100%.*\b{total}/{total}\b", done.errors)
    assert re.search(rf"^Total records in the original file +: {read:,}$", done.screen, re.MULTILINE)
    assert re.search(rf"^Total records processed \(not empty\) +: {kept:,}$", done.screen, re.MULTILINE)
    assert re.search(r"^Processed file saved to +: .*trn_processed\.json$", done.screen, re.MULTILINE)
    reasons = list(rejected(folder).values())
    unreadable = len(reasons) - reasons.count("no title")
    assert f"Records that could not be read             : {unreadable} " in done.screen
    assert "'cleaning': 'readable'" in done.screen


def test_meta_says_what_made_the_file(pipeline_run):
    meta = json.loads((pipeline_run.folder / "trn_processed.json.meta.json").read_text(encoding="utf-8"))
    assert meta["script"] == "process_data.py"
    assert meta["records"] == len(pipeline_run.products)
    assert meta["settings"]["cleaning"] == "readable"
    assert [Path(name).name for name in meta["inputs"]] == ["trn.json.gz"]


def test_same_file_gives_the_same_bytes(pipeline_run, tmp_path):
    run_well("process_data.py", tmp_path, *DEMO)
    assert (tmp_path / "trn_processed.json").read_bytes() == (pipeline_run.folder / "trn_processed.json").read_bytes()


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=["c-locale", "ascii-output"])
def test_surroundings_without_utf8(tmp_path, locale):
    folder = tmp_path / "saída de Ação"
    folder.mkdir()
    done = process(folder, SEED, name="catálogo.json", PYTHONUTF8="0", **locale)
    assert done.code == 0, done.errors
    assert (folder / "trn_processed.json").read_text(encoding="utf-8") == SEED_READABLE
    assert "saída de Ação" in done.screen
    done = run_script("process_data.py", folder, "--data.raw_file", "não.json", PYTHONUTF8="0", **locale)
    assert_refused(done, "não.json is not there")


# -------------------------------------------------------------------------------------------------------- large files

# Runs a command and prints the most memory that it took, in KiB on Linux, in bytes on macOS.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def write_large(file: Path, records: int, as_array: bool) -> None:
    line = record("Title {}", LONG + LONG)
    with file.open("w", encoding="utf-8", newline="\n") as raw:
        raw.write("[\n" if as_array else "")
        for number in range(records):
            raw.write(line.replace("{}", str(number), 1) + (",\n" if as_array and number < records - 1 else "\n"))
        raw.write("]\n" if as_array else "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
@pytest.mark.parametrize("as_array", [False, True], ids=["lines", "array"])
def test_memory_does_not_grow_with_the_file(tmp_path, as_array):
    peaks = []
    for records in (10_000, 120_000):
        write_large(tmp_path / "trn.json", records, as_array)
        command = [sys.executable, str(PROJECT / "process_data.py"), *DEMO, "--data.raw_file", "trn.json"]
        measured = [sys.executable, "-c", MEASURED, *command, "--work_dir", str(tmp_path)]
        peaks.append(int(subprocess.run(measured, check=True, cwd=tmp_path, capture_output=True).stdout))
        assert len((tmp_path / "trn_processed.json").read_bytes().splitlines()) == records + 2
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (peaks[1] - peaks[0]) * unit
    assert grown < 0.2 * (tmp_path / "trn.json").stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a process otherwise there")
def test_ctrl_c_leaves_the_older_output(tmp_path):
    process(tmp_path, AS_LINES)
    before = (tmp_path / "trn_processed.json").read_bytes()
    write_large(tmp_path / "large.json", 300_000, as_array=False)
    process_ = start("process_data.py", tmp_path, *DEMO, "--data.raw_file", "large.json")
    while not (tmp_path / "trn_processed.json.part").exists():
        assert process_.poll() is None
    process_.send_signal(signal.SIGINT)
    done = finish(process_)
    assert done.code == 130
    assert "Traceback" not in done.errors
    assert "No file is incomplete" in done.errors
    assert (tmp_path / "trn_processed.json").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a process otherwise there")
def test_ctrl_c_within_a_destructor_ends_the_run_too(tmp_path):
    """Python prints an exception that leaves a destructor, and goes on: the interrupt was lost."""
    command = [sys.executable, "-c", INTERRUPTED_IN_A_DESTRUCTOR, str(PROJECT), "--work_dir", str(tmp_path)]
    english = os.environ | {"DESCRIBE_LANGUAGE": "en"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=DEADLINE, env=english)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines() == ["", "Interrupted. No file is incomplete; you can run the same command again."]


# ------------------------------------------------------------------------------------------------------ many processes

UNDER_SPAWN = """
import multiprocessing, sys
sys.path.insert(0, sys.argv.pop(1))
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    import process_data
    from pipeline.command.script import run
    run(process_data.main, process_data.DESCRIPTION)
"""


ENDS_AT_ONCE = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pipeline.runtime.interrupts import end_at_sigterm_as_at_ctrl_c
from pipeline.runtime.worker_processes import WorkerProcesses
if __name__ == "__main__":
    end_at_sigterm_as_at_ctrl_c()
    for _time in range(3):
        with WorkerProcesses(abs, 2):
            pass
"""

INTERRUPTED_IN_A_DESTRUCTOR = """
import os, signal, sys, time
sys.path.insert(0, sys.argv.pop(1))
from pipeline.command.script import run

class Interrupted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

def main(settings):
    Interrupted()
    time.sleep(60)
    print("not ended")

if __name__ == "__main__":
    run(main, "")
"""


def catalogue_with_faults(file: Path) -> None:
    """About 3 MB, more than one block for each of eight processes, with faults, empty lines and a line of 600 KB."""
    records = [record(f"Title {number}", f"<b>{LONG}</b> &amp;amp; &#8217;\u2019" * 3) for number in range(6000)]
    lines = [line.encode() for line in records]
    for number in range(17, 6000, 500):
        lines[number] = list(FAULTY_LINES.values())[number // 500 % len(FAULTY_LINES)]
    lines[100:100] = [b"", b"  "] * 50
    lines[3000] = record("Long", "x" * 600_000).encode()
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "wb") as raw:
        raw.write(b"\n".join(lines))


@pytest.mark.parametrize("name", ["raw.json", "raw.json.gz"])
def test_same_bytes_with_any_number_of_processes(tmp_path, name):
    catalogue_with_faults(tmp_path / name)
    results = set()
    for processes in ("1", "2", "8"):
        run_well("process_data.py", tmp_path, "--data.raw_file", name, "--data.num_proc", processes)
        results.add(tuple((tmp_path / file).read_bytes() for file in ("trn_processed.json", "trn_rejected.jsonl")))
    assert len(results) == 1
    numbers = [number for number, _reason in sorted(rejected(tmp_path).items())]
    lines = (gzip.open if name.endswith(".gz") else open)(tmp_path / name, "rb").read().split(b"\n")
    assert [lines[number - 1] in FAULTY_LINES.values() for number in numbers] == [True] * 12


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_same_bytes_with_any_way_to_start_processes(tmp_path, method):
    catalogue_with_faults(tmp_path / "raw.json")
    run_well("process_data.py", tmp_path, "--data.raw_file", "raw.json", "--data.num_proc", "1")
    expected = (tmp_path / "trn_processed.json").read_bytes()
    (tmp_path / "trn_processed.json").unlink()
    (tmp_path / "start.py").write_text(UNDER_SPAWN, encoding="utf-8")
    flags = ("--data.raw_file", "raw.json", "--data.num_proc", "2")
    subprocess.run([sys.executable, "start.py", str(PROJECT), method, *flags], cwd=tmp_path, check=True)
    assert (tmp_path / "trn_processed.json").read_bytes() == expected


def test_blocks_give_what_whole_files_give(tmp_path, monkeypatch):
    """Wherever a block ends, its records are those that stand there, and the numbers of the lines are right."""
    lines = [record(f"T{number}").encode() if number % 4 else b"broken" for number in range(1, 30)] + [b"", b"\r", b""]
    file = tmp_path / "trn.json"
    file.write_bytes(b"\r\n\n" + b"\n".join(lines))
    for size in (1, 7, 100, 333, 4096):
        monkeypatch.setattr(json_lines, "BLOCK_BYTES", size)
        raw = opened(file)
        products, numbers, place = [], [], raw.files[0].first_place
        for block in raw.blocks():
            cleaned = clean_block(block, "readable", 100)
            products += json.loads(b"[" + cleaned.records + b"]")
            numbers += [place + number for number, _unreadable in cleaned.unreadable]
            place += cleaned.places
        assert [product["product"] for product in products] == [f"T{n}" for n in range(1, 30) if n % 4]
        assert numbers == [number + 2 for number in range(4, 30, 4)]
        assert raw.hashes()[file] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 1000)
    lines = [record("One"), record("Two", "x" * 5000), record("Three"), record("Four", "x" * 1000), record("Five")]
    for name, written in (("a.json", "\n".join(lines).encode()), ("a.gz", gzip.compress("\n".join(lines).encode()))):
        (tmp_path / name).write_bytes(written)
        raw = opened(tmp_path / name)
        cleaned = [clean_block(block, "readable", 100) for block in raw.blocks()]
        assert b"".join(block.records for block in cleaned).count(b"product") == 3
        assert sum(block.places for block in cleaned) == 5
        assert [reading.fault for block in cleaned for _place, reading in block.unreadable] == ["longer than 32 MB"] * 2


def test_run_that_ends_as_soon_as_its_workers_have_started_ends(tmp_path):
    """Workers that have hardly started are not waited for in vain."""
    (tmp_path / "start.py").write_text(ENDS_AT_ONCE, encoding="utf-8")
    subprocess.run([sys.executable, "start.py", str(PROJECT)], cwd=tmp_path, check=True, timeout=DEADLINE)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers below /proc")
@pytest.mark.parametrize("victim", ["worker", "main process"])
def test_killed_process_leaves_no_other_behind(tmp_path, victim):
    write_large(tmp_path / "large.json", 300_000, as_array=False)
    process_ = start("process_data.py", tmp_path, "--data.raw_file", "large.json", "--data.num_proc", "3")
    children = Path(f"/proc/{process_.pid}/task/{process_.pid}/children")
    while not (tmp_path / "trn_processed.json.part").exists():
        assert process_.poll() is None
    workers = [int(child) for child in children.read_text().split()]
    assert len(workers) == 3
    os.kill(workers[1] if victim == "worker" else process_.pid, signal.SIGKILL)
    done = finish(process_)
    if victim == "worker":
        assert_refused(done, "worker process", "--data.num_proc 1")
        assert set(contents(tmp_path)) == {"large.json"}
    deadline = time.monotonic() + 10
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process_id: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False


def test_second_run_at_the_same_time_is_refused(tmp_path):
    write_large(tmp_path / "large.json", 300_000, as_array=False)
    first = start("process_data.py", tmp_path, "--data.raw_file", "large.json")
    while not (tmp_path / "trn_processed.json.part").exists():
        assert first.poll() is None
    second = run_script("process_data.py", tmp_path, "--data.raw_file", "large.json")
    assert_refused(second, "trn_processed.json", "another run")
    assert finish(first).code == 0
    assert len(processed(tmp_path)) == 300_000
