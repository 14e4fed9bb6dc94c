"""Writing the same table in every format that script 1 reads."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

Row = dict[str, str | None]


def delimited(rows: list[Row], delimiter: str = ",", lineterminator: str = "\n") -> str:
    """As CSV; the header is that of the first row."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator=lineterminator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def json_lines(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def parquet(rows: list[Row]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    columns = {name: pyarrow.array([row[name] for row in rows], pyarrow.string()) for name in rows[0]}
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def excel(rows: list[Row]) -> bytes:
    """The least that Excel itself opens: texts stand in the cells."""
    names = list(rows[0])
    lines = [names, *([row[name] for name in names] for row in rows)]
    cells = "".join(f"<row>{''.join(map(_cell, line))}</row>" for line in lines)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Products" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return file.getvalue()


def _cell(text: str | None) -> str:
    if not text:
        return "<c/>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def zstd(data: bytes) -> bytes:
    import pyarrow

    return pyarrow.Codec("zstd").compress(data, asbytes=True)


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalogue", data)
    return file.getvalue()


# Ending of the name -> the bytes of a file with these rows.
FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "jsonl": lambda rows: json_lines(rows).encode(),
    "json": lambda rows: json.dumps(rows).encode(),
    "below.json": lambda rows: json.dumps({"shop": "x", "products": rows, "total": len(rows)}, indent=1).encode(),
    "csv": lambda rows: delimited(rows).encode(),
    "semicolon.csv": lambda rows: delimited(rows, ";", "\r\n").encode("utf-8-sig"),
    "tsv": lambda rows: delimited(rows, "\t").encode(),
    "parquet": parquet,
    "xlsx": excel,
    "csv.gz": lambda rows: gzip.compress(delimited(rows).encode()),
    "csv.zip": lambda rows: zipped(delimited(rows).encode()),
    "jsonl.zst": lambda rows: zstd(json_lines(rows).encode()),
}


def write_table(folder: Path, ending: str, rows: list[Row]) -> Path:
    """A file in `folder` with these rows, in the format of the ending."""
    file = folder / f"catalogue.{ending}"
    file.write_bytes(FORMATS[ending](rows))
    return file
