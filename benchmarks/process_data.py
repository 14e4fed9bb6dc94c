"""Measure process_data.py: python benchmarks/process_data.py [--records 300000 2250000] [--formats json csv parquet]

Beside it, on the same files in the same run: for JSON lines the straightforward script (json, html.unescape, re, tqdm)
and DuckDB, for CSV and Parquet pandas, for all of them Polars; with the same cleaning as far as theirs goes (entities,
tags, white space; no word on records that cannot be read). Every run is a process of its own; wall-clock and processor
time, and the memory of all its processes together (their proportional set size, looked at every 20 ms; Linux). The
rounds alternate, so that what else the machine does falls on all alike. Needs requirements-dev.txt, and about 2 GB of
disk for each million records.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from benchmarks import make_raw_catalogue  # noqa: E402

LOOK_EVERY = 0.02  # seconds

STRAIGHTFORWARD = r"""
import html, json, re, sys
from tqdm import tqdm
TAGS = re.compile(r"<[^<>]+>")
def clean(text):
    return " ".join(TAGS.sub(" ", html.unescape(html.unescape(text))).split())
records = []
with open(sys.argv[1], encoding="utf-8") as file:
    for line in tqdm(file):
        records.append(json.loads(line))
products = []
for record in tqdm(records):
    if record.get("content") and len(record["content"]) >= 100:
        products.append({"product": clean(record["title"]), "description": clean(record["content"])})
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write("[\n")
    for number, product in enumerate(tqdm(products)):
        file.write((",\n" if number else "") + json.dumps(product, ensure_ascii=False))
    file.write("\n]\n")
"""

# Polars decodes no entities: it gets a table of those of HTML 4, by name and by number, and goes over each text once.
ENTITIES = r"""
import html.entities
names = {}
for name, code in html.entities.name2codepoint.items():
    for entity in (f"&{name};", f"&#{code};", f"&#x{code:x};", f"&#x{code:X};"):
        names[entity] = chr(code)
"""

POLARS = (
    ENTITIES
    + r"""
import sys
import polars as pl
def clean(column):
    text = pl.col(column).str.replace_many(list(names), list(names.values()))
    return text.str.replace_all(r"<[^<>]+>", " ").str.replace_all(r"\s+", " ").str.strip_chars()
if sys.argv[1].endswith(".json"):
    frame = pl.scan_ndjson(sys.argv[1], schema={"title": pl.String, "content": pl.String})
else:
    frame = (pl.scan_csv if sys.argv[1].endswith(".csv") else pl.scan_parquet)(sys.argv[1])
frame = frame.filter(pl.col("content").str.len_chars() >= 100)
frame.select(product=clean("title"), description=clean("content")).sink_ndjson(sys.argv[2])
"""
)

PANDAS = r"""
import html, re, sys
import pandas as pd
TAGS = re.compile(r"<[^<>]+>")
def clean(text):
    return " ".join(TAGS.sub(" ", html.unescape(html.unescape(text))).split())
read = pd.read_parquet if sys.argv[1].endswith(".parquet") else pd.read_csv
options = {"columns": ["title", "content"]} if read is pd.read_parquet else {"usecols": ["title", "content"]}
frame = read(sys.argv[1], **options).dropna()
frame = frame[frame["content"].str.len() >= 100]
frame = pd.DataFrame({"product": frame["title"].map(clean), "description": frame["content"].map(clean)})
frame.drop_duplicates().to_json(sys.argv[2], orient="records", lines=True, force_ascii=False)
"""

DUCKDB = r"""
import sys
import duckdb
import html
def decode(text: str) -> str:
    return html.unescape(html.unescape(text))
database = duckdb.connect()
database.create_function("decode_entities", decode)
text = "if(contains({0}, '&'), decode_entities({0}), {0})"
text = f"trim(regexp_replace(regexp_replace({text}, '<[^<>]+>', ' ', 'g'), '\\s+', ' ', 'g'))"
database.execute(f'''
    COPY (SELECT {text.format("title")} AS product, {text.format("content")} AS description
          FROM read_json('{sys.argv[1]}', format='newline_delimited', columns={{title: 'VARCHAR', content: 'VARCHAR'}})
          WHERE length(content) >= 100) TO '{sys.argv[2]}' (FORMAT json)''')
"""


OTHERS = {
    "json": {"straightforward": STRAIGHTFORWARD, "Polars": POLARS, "DuckDB": DUCKDB},
    "csv": {"pandas": PANDAS, "Polars": POLARS},
    "parquet": {"pandas": PANDAS, "Polars": POLARS},
}


class Run(NamedTuple):
    """Seconds and bytes of one run."""

    wall: float
    processor: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--records", type=int, nargs="+", default=[300_000])
    parser.add_argument("--formats", nargs="+", choices=OTHERS, default=["json"])
    parser.add_argument("--texts", type=Path, default=make_raw_catalogue.BUNDLED)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours-alone", action="store_true", help="leave the others out")
    arguments = parser.parse_args()
    for records, kind in itertools.product(arguments.records, arguments.formats):
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / f"raw.{kind}"
            make_raw_catalogue.write(raw, records, arguments.texts)
            measure(raw, records, {} if arguments.ours_alone else OTHERS[kind], arguments.rounds)


def measure(raw: Path, records: int, others: dict[str, str], rounds: int) -> None:
    """Print a table of the medians of some rounds."""
    folder = raw.parent
    megabytes = raw.stat().st_size / 1e6
    print(f"\n{raw.name}: {records:,} records, {megabytes:.0f} MB, {rounds} rounds, {os.cpu_count()} cores\n")
    ours = [sys.executable, str(PROJECT / "process_data.py"), "--data.raw_file", str(raw), "--work_dir", str(folder)]
    commands = {"process_data.py": ours}
    for name, code in others.items():
        commands[name] = [sys.executable, "-c", code, str(raw), str(folder / "other.json")]
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _round in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command, folder))
    print("| | wall clock, s (lowest to highest) | times ours | processor, s | memory, MB |\n|---|---|---|---|---|")
    median = {name: statistics.median(run.wall for run in of_one) for name, of_one in runs.items()}
    for name, of_one in runs.items():
        walls = sorted(run.wall for run in of_one)
        processor = statistics.median(run.processor for run in of_one)
        memory = max(run.memory for run in of_one) / 1e6
        spread = f"{median[name]:.2f} ({walls[0]:.2f} to {walls[-1]:.2f})"
        ratio = median[name] / median["process_data.py"]
        print(f"| {name} | {spread} | {ratio:.2f} | {processor:.2f} | {memory:.0f} |", flush=True)


def run(command: list[str], folder: Path) -> Run:
    """Run a command to its end."""
    before = os.times()
    start = time.perf_counter()
    memory = 0
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        while process.poll() is None:
            memory = max(memory, memory_of(process.pid))
            time.sleep(LOOK_EVERY)
        wall = time.perf_counter() - start
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode("utf-8", "replace"))
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall, used, memory)


def memory_of(process: int) -> int:
    """Bytes that a process and its children take, pages that they share counted once; 0 where Linux does not say."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    own = next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own + sum(memory_of(int(child)) for child in children)


if __name__ == "__main__":
    main()
