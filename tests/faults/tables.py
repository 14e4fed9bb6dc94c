"""Catalogues as they come, in every format: what process_data.py makes of each."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from pipeline.catalogue.raw_file import OLD_EXCEL
from tests.faults.case import Case
from tests.faults.raw_files import BYTES, LINES, TEXT, kept
from tests.tables import FORMATS, Row, delimited, excel, parquet

NAMES = ("One", "Two", "Three")


def rows(title: str = "product_name", content: str = "description", **changed: str | None) -> list[Row]:
    """Three products; `changed` are other contents of some."""
    return [{"id": f"{number}", title: name, content: changed.get(name, TEXT)} for number, name in enumerate(NAMES)]


def table(name: str, ending: str, content: bytes | list[Row], words: tuple = (), check: Callable | None = None, **more):
    """A case whose raw file is this table, or has these bytes."""
    file = f"raw.{ending}"
    data = content if isinstance(content, bytes) else FORMATS[ending](content)

    def write(folder: Path) -> None:
        (folder / file).write_bytes(data)

    flags = ("--data.raw_file", file, *more.pop("flags", ()))
    return Case("process_data.py", f"{ending}: {name}", write, words, check, flags=flags, **more)


def described(text: str, shown: str) -> Callable[[Path], None]:
    """A check: the second product has this description, as cleaned."""

    def check(folder: Path) -> None:
        kept(*NAMES)(folder)
        assert shown in (folder / "trn_processed.json").read_text(encoding="utf-8")

    return check


ALL = kept(*NAMES)
LARGE = "A long text, with a comma. " * 40_000  # 1 MB
TWO_TITLES = [{"title": name, "product_name": f"{name} x", "description": TEXT} for name in NAMES]
SHOP = [
    {"Handle": "one", "Title": "One", "Body (HTML)": f"<p>{TEXT}</p>", "Variant SKU": "1"},
    {"Handle": "one", "Title": "", "Body (HTML)": "", "Variant SKU": "2"},
    {"Handle": "one", "Title": "One", "Body (HTML)": "", "Variant SKU": "3"},
    {"Handle": "two", "Title": "Two", "Body (HTML)": f"<p>{TEXT}</p>", "Variant SKU": "4"},
]
PORTUGUESE = {"title": "Nome do Produto", "content": "Descri\u00e7\u00e3o"}
LAMPS = {f"Lamp {n}": f'Lamp {n},"'.encode() + f"{TEXT} {n}\n".encode() * 60 + b'"\n' for n in range(300)}
GOOD_ROWS = f'"{TEXT[:11]}","{TEXT}"\n'.encode() * 50_000
PORTUGUESE_TABLE = delimited(rows(**PORTUGUESE), ";")

TABLES = [
    case
    for ending in FORMATS
    for case in (
        table("plain", ending, rows(), (), ALL),
        table(
            "entities and tags",
            ending,
            rows(Two=f"<p>Caf&eacute; &amp; tea</p> {TEXT}"),
            (),
            described("Two", "Caf\u00e9 & tea A desc"),
        ),
        table(
            "line breaks and quotation marks in cells",
            ending,
            rows(Two=f'first\nsecond\r\n\nthird, "quoted"; {TEXT}'),
            (),
            described("Two", r"first second third, \"quoted\"; A desc"),
        ),
        table("empty cells", ending, rows(Two=""), (), kept("One", "Three")),
        table("cell of 1 MB", ending, rows(Two=LARGE), (), ALL),
        table("no column of contents", ending, [{"id": "1", "product_name": "One"}] * 3, ("no field", "product_name")),
        table(
            "field that is not there",
            ending,
            rows(),
            ("id, product_name, description",),
            flags=("--data.title_field", "x"),
        ),
        table("two columns that could be the title", ending, TWO_TITLES, ("title, product_name", "--data.title_field")),
        table("one of two titles named", ending, TWO_TITLES, (), ALL, flags=("--data.title_field", "title")),
        table("headers in Portuguese", ending, rows(**PORTUGUESE), (), ALL),
        table("variants of a shop's export", ending, SHOP, (), None if "json" in ending else kept("One", "Two")),
    )
] + [
    table("byte order mark", "csv", b"\xef\xbb\xbf" + delimited(rows()).encode(), (), ALL),
    table("lines that end with CR LF", "csv", delimited(rows(), lineterminator="\r\n").encode(), (), ALL),
    table("lines that end with CR", "csv", delimited(rows(), lineterminator="\r").encode(), (), ALL),
    table("without its last line break", "csv", delimited(rows()).rstrip().encode(), (), ALL),
    table("Windows-1252", "csv", PORTUGUESE_TABLE.encode("cp1252"), (), ALL),
    table("UTF-16", "csv", delimited(rows()).encode("utf-16"), ("UTF-16", "UTF-8")),
    table("UTF-16 without its mark", "csv", PORTUGUESE_TABLE.encode("utf-16-le"), ("raw.csv is UTF-16", "UTF-8")),
    table(
        "UTF-16 without its mark, big-endian",
        "csv",
        PORTUGUESE_TABLE.encode("utf-16-be"),
        ("raw.csv is UTF-16", "UTF-8"),
    ),
    table("header alone", "csv", b"title,content\n", ("holds no records",)),
    table("empty file", "csv", b"", ("holds no records",)),
    table("one column", "csv", b"title\nOne\nTwo\n", ("no table",)),
    table(
        "quotation mark in a cell that is not quoted",
        "csv",
        f'title,content\nOne 5" tube,{TEXT}\nTwo 7",{TEXT}\nThree,"{TEXT}"\nFour 9",{TEXT}\n'.encode(),
        (),
        kept('One 5" tube', 'Two 7"', "Three", 'Four 9"'),
    ),
    table(
        "quotation mark in a cell that is not quoted, above cells of many lines, 2 MB",
        "csv",
        f'title,content\nPipe 5",{TEXT}\n'.encode() + b"".join(LAMPS.values()),
        (),
        kept('Pipe 5"', *LAMPS),
    ),
    table(
        "quotation mark that is never closed",
        "csv",
        f'title,content\nOne,{TEXT}\nTwo,"{TEXT}\nThree,{TEXT}\n'.encode(),
        ("raw.csv, line 3", "never closed", "Close it"),
    ),
    table(
        "quotation mark that is never closed, below rows of several lines",
        "csv",
        f'\n\ntitle,content\n"On\ne","{TEXT}\n\n"\n"T\nwo","{TEXT}\nThree,{TEXT}\n'.encode(),
        ("raw.csv, line 9", "never closed"),
    ),
    table(
        "quotation mark that is never closed, and the next cell in quotation marks",
        "csv",
        f'title,content\nOne,"{TEXT}"\nTwo,"{TEXT}\nThree,"{TEXT}"\nFour,"{TEXT}"\n'.encode(),
        ("raw.csv, line 3", "never closed"),
    ),
    table(
        "quotation mark that is never closed, all cells in quotation marks, gzip",
        "csv.gz",
        gzip.compress(f'"title","content"\n"One","{TEXT}\n"Two","{TEXT}"\n"Three","{TEXT}"\n'.encode()),
        ("raw.csv.gz, line 2", "never closed"),
    ),
    table(
        "quotation mark that is never closed, in the header",
        "csv",
        f'title,"content\nOne,{TEXT}\nTwo,{TEXT}\n'.encode(),
        ("raw.csv, line 1", "never closed"),
    ),
    table(
        "quotation mark that is never closed, in the header above 2 MB",
        "csv",
        b'title,"content\n' + f"Two,{TEXT}\n".encode() * 15_000,
        ("raw.csv, line 1", "never closed"),
    ),
    table(
        "quotation mark that is never closed, before a title",
        "csv",
        f'title,content\n"One,{TEXT}\nTwo,{TEXT}\n'.encode(),
        ("raw.csv, line 2", "never closed"),
    ),
    table(
        "quotation mark that is never closed, between 100,000 good rows",
        "csv",
        b"title,content\n" + GOOD_ROWS + f'Two,"{TEXT}\n'.encode() + GOOD_ROWS + f'Three,"{TEXT}"\n'.encode(),
        ("raw.csv, line 50002", "never closed"),
    ),
    table(
        "quotation marks within a quoted cell, single ones",
        "csv",
        f'title,content\nOne,"for\na 5" tube, {TEXT}"\nTwo,"{TEXT}"\n'.encode(),
        (),
        kept("Two", rejected={2: "more cells"}),
    ),
    table(
        "row with more cells than the header",
        "csv",
        f"title,content\nOne,{TEXT}\nTwo,{TEXT},x,y\nThree,{TEXT}\n".encode(),
        (),
        kept("One", "Three", rejected={3: "more cells"}),
    ),
    table("row with fewer cells", "csv", f"title,content,x\nOne,{TEXT}\nTwo\n".encode(), (), kept("One")),
    table(
        "content without a title",
        "csv",
        f"title,content\nOne,{TEXT}\n,{TEXT}\nThree,{TEXT}\n".encode(),
        (),
        kept("One", "Three", rejected={3: "no title"}),
    ),
    table("wrong byte in a file of UTF-8", "csv", b"\x00\x01\x02", ("no table",)),
    table("cut off", "parquet", parquet(rows())[:-20], ("damaged",)),
    table("cut off", "xlsx", excel(rows())[:-40], ("damaged",)),
    *(
        table(f"{name} in place of it", ending, content, (f"raw.{ending} is not {kind}", remedy))
        for ending, kind in (("xlsx", "an Excel workbook"), ("parquet", "a Parquet file"), ("xls", "an Excel workbook"))
        for name, content, remedy in (
            ("random bytes", BYTES, "Download it again"),
            ("page of HTML", b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "Download it again"),
        )
    ),
    table("CSV in place of it", "xlsx", delimited(rows()).encode(), ("is not an Excel workbook", ".csv")),
    table("CSV in place of it", "parquet", delimited(rows()).encode(), ("is not a Parquet file", ".csv")),
    table("JSON lines in place of it", "xlsx", LINES.encode(), ("is not an Excel workbook", ".json")),
    table("CSV in place of it", "xls", delimited(rows()).encode(), (), ALL),
    table("empty file", "xlsx", b"", ("is not an Excel workbook", "Download it again")),
    table("another zip archive in place of it", "xlsx", FORMATS["csv.zip"](rows()), ("is not an Excel workbook",)),
    table(
        "old or locked workbook",
        "xlsx",
        OLD_EXCEL + BYTES,
        ("raw.xlsx is not an Excel workbook", "password", "save it as .xlsx"),
    ),
    table("packed", "xlsx.gz", gzip.compress(excel(rows())), ("raw.xlsx.gz is packed", "Unpack it")),
    table("rows twice", "csv", rows() + rows(), (), ALL, flags=("--data.duplicates", "drop")),
    table(
        "rows twice, and kept", "csv", rows() + rows(), (), kept(*NAMES, *NAMES), flags=("--data.duplicates", "keep")
    ),
]
