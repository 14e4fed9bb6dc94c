"""Tables that other programs keep in columns or sheets: Parquet, Excel, datasets of the Hugging Face hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.catalogue.packed import require_unchanged, size_and_time
from pipeline.catalogue.records import (
    Fields,
    Readings,
    Record,
    row_reading,
    sorted_out_rows,
    value_at,
    without_variants,
)
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _
from pipeline.runtime.packages import file_hash

ROWS_LOOKED_AT = 200
BLOCK_ROWS = 500


class _Rows:
    """What these formats have in common: rows that the main process hands on to the workers."""

    place_name = "row"
    hands_on_places = False
    workers_help = True
    first_place = 1

    def __init__(self, path: Path, fields: Fields):
        self.path, self.fields = path, fields
        self.rows_read = 0
        self.size_and_time = size_and_time(path)

    @property
    def total(self) -> int:
        raise NotImplementedError

    @property
    def share_read(self) -> float:
        """0 to 1."""
        return min(1.0, self.rows_read / max(1, self.total))

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file. Raises UserError where the file has changed meanwhile."""
        digest = file_hash(self.path)
        require_unchanged(self.path, self.size_and_time)
        return digest


class Parquet(_Rows):
    """A Parquet file, read batch by batch and only in the columns that are wanted."""

    def __init__(self, path: Path, fields: Fields):
        super().__init__(path, fields)
        self.file = _parquet(path)

    @property
    def total(self) -> int:
        return self.file.metadata.num_rows

    @property
    def read(self):
        return partial(read_batch, fields=self.fields)

    def blocks(self) -> Iterator[Any]:
        """Record batches of Arrow."""
        names = set(self.file.schema_arrow.names)
        columns = [name if name in names else name.partition(".")[0] for name in self.fields.names]
        with _parquet_faults(self.path):
            for batch in self.file.iter_batches(BLOCK_ROWS, columns=list(dict.fromkeys(columns)), use_threads=False):
                self.rows_read += len(batch)
                yield batch

    @staticmethod
    def first_rows(path: Path) -> list[dict]:
        """Raises UserError where the file is damaged."""
        with _parquet_faults(path):
            return next((batch.to_pylist() for batch in _parquet(path).iter_batches(ROWS_LOOKED_AT)), [])

    @staticmethod
    def names(path: Path) -> list[str]:
        return _parquet(path).schema_arrow.names


class _parquet_faults:
    """Turns what a damaged Parquet file raises into a UserError."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind, error, _traceback) -> None:
        import pyarrow

        if isinstance(error, pyarrow.ArrowException) or (isinstance(error, OSError) and not error.filename):
            raise UserError(
                _("{path} is damaged or incomplete ({reason}). Download it again.").format(
                    path=self.path, reason=first_line(error)
                )
            ) from None


def _parquet(path: Path):
    from pyarrow import parquet

    with _parquet_faults(path):
        return parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)


def read_batch(batch, fields: Fields) -> Readings:
    """The records of a record batch of Arrow."""
    import pyarrow

    kinds = (pyarrow.string(), pyarrow.large_string())
    names = batch.schema.names
    if len(fields.contents) == 1 and all(
        name in names and batch.schema.field(name).type in kinds for name in fields.names
    ):
        titles, texts = (batch.column(name).to_pylist() for name in fields.names)
        if all(titles):
            return without_variants(Readings(list(map(Record, titles, texts)), [], len(titles)))
    rows = batch.to_pylist()
    return sorted_out_rows(
        [row_reading(value_at(row, fields.title), [value_at(row, name) for name in fields.contents]) for row in rows]
    )


class Excel(_Rows):
    """The first sheet of an Excel file that has rows."""

    workers_help = False  # most of the time goes by while the sheet is read

    def __init__(self, path: Path, fields: Fields):
        super().__init__(path, fields)
        self.header, self.header_row, self.rows = _sheet(path)
        self.first_place = self.header_row + 1

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def read(self):
        return sorted_out_rows

    def blocks(self) -> Iterator[list]:
        """Readings of rows; none where the file has no row, and so perhaps no header."""
        columns = [self.header.index(name) for name in self.fields.names] if self.rows else []
        rows = iter(self.rows)
        while block := list(islice(rows, BLOCK_ROWS)):
            self.rows_read += len(block)
            readings = []
            for row in block:
                title, *contents = (row[column] for column in columns)
                readings.append(row_reading(title, contents) if any(cell != "" for cell in row) else None)
            yield readings

    @staticmethod
    def beginning(path: Path) -> tuple[list[str], list[dict]]:
        """The header and the first rows."""
        header, _row, rows = _sheet(path)
        return header, [dict(zip(header, row, strict=True)) for row in rows[:ROWS_LOOKED_AT]]


def _sheet(path: Path) -> tuple[list[str], int, list[list]]:
    """The names in the header, its number, and the rows below it."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(str(path))
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for number, row in enumerate(rows):
                if any(cell != "" for cell in row):
                    return [str(cell) for cell in row], number + 1, rows[number + 1 :]
    except CalamineError as error:
        raise UserError(
            _("{path} is damaged or incomplete ({reason}). Download it again.").format(
                path=path, reason=first_line(error)
            )
        ) from None
    return [], 0, []


class HubDataset:
    """A dataset of the Hugging Face hub, read while it is downloaded."""

    place_name = "row"
    hands_on_places = False
    workers_help = True
    first_place = 1

    def __init__(self, name: str, split: str, fields: Fields):
        self.name, self.split, self.fields = name, split, fields
        self.digest = hashlib.sha256()

    @property
    def share_read(self) -> float:
        return 1.0  # how many rows there are is not known

    @property
    def content_hash(self) -> str:
        """SHA-256 of what was read."""
        return self.digest.hexdigest()

    @property
    def read(self):
        return partial(read_batch, fields=self.fields)

    def blocks(self) -> Iterator[Any]:
        """Record batches of Arrow."""
        dataset = _dataset(self.name, self.split)
        names = dataset.column_names or []
        columns = {name if name in names else name.partition(".")[0] for name in self.fields.names}
        for table in dataset.select_columns(sorted(columns)).with_format("arrow").iter(BLOCK_ROWS):
            for batch in table.to_batches():
                self.digest.update(batch.serialize())
                yield batch

    @staticmethod
    def first_rows(name: str, split: str) -> list[dict]:
        """Raises UserError where the hub has no such dataset, or no such split of it."""
        return list(_dataset(name, split).take(ROWS_LOOKED_AT))


def _dataset(name: str, split: str):
    import datasets

    try:
        return datasets.load_dataset(name, split=split, streaming=True)
    except Exception as error:  # of the hub, of the network, of the dataset's own files: they have no common class
        raise UserError(
            _("The dataset {name} with the split {split} cannot be read from the hub: {reason}").format(
                name=name, split=split, reason=first_line(error)
            )
        ) from None
