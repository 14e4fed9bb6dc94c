"""Tables that other programs keep in columns or sheets: Parquet, Excel, datasets of the Hugging Face hub."""

from __future__ import annotations

import hashlib
import zipfile
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
from pipeline.runtime.messages import N_, _
from pipeline.runtime.packages import file_hash

ROWS_LOOKED_AT = 200
BLOCK_ROWS = 500
WORKBOOK, PARQUET = N_("an Excel workbook"), N_("a Parquet file")


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

    def __init__(self, sheet: Sheet, fields: Fields):
        super().__init__(sheet.path, fields)
        self.size_and_time = sheet.size_and_time
        self.sheet = sheet
        self.first_place = sheet.header_row + 1

    @property
    def total(self) -> int:
        return self.sheet.total

    @property
    def read(self):
        return sorted_out_rows

    def blocks(self) -> Iterator[list]:
        """Readings of rows; none where the file has no row, and so perhaps no header."""
        columns = [self.sheet.header.index(name) for name in self.fields.names] if self.total else []
        rows = self.sheet.rows()
        while block := list(islice(rows, BLOCK_ROWS)):
            self.rows_read += len(block)
            readings = []
            for row in block:
                title, *contents = (row[column] for column in columns)
                readings.append(row_reading(title, contents) if any(cell != "" for cell in row) else None)
            yield readings


class Sheet:
    """The first sheet of an Excel file that has rows, below a header.

    calamine holds the cells of the whole sheet; the rows are made of them one by one, since a list of all would take
    as much memory again.
    """

    def __init__(self, path: Path):
        from python_calamine import CalamineError, CalamineWorkbook

        self.path, self.size_and_time = path, size_and_time(path)
        self.header: list[str] = []
        self.header_row = 0  # from 1
        self.total = 0  # rows below it
        try:
            workbook = CalamineWorkbook.from_path(str(path))
            for name in workbook.sheet_names:
                self.cells = workbook.get_sheet_by_name(name)
                if self._found_header():
                    return
        except CalamineError as error:
            if _is_other_archive(path):
                raise not_as_named(path, WORKBOOK) from None
            raise UserError(
                _("{path} is damaged or incomplete ({reason}). Download it again.").format(
                    path=path, reason=first_line(error)
                )
            ) from None

    def _found_header(self) -> bool:
        for number, row in enumerate(self.cells.iter_rows(), start=1):
            if any(cell != "" for cell in row):
                self.header, self.header_row = [str(cell) for cell in row], number
                self.total = self.cells.end[0] + 1 - number
                return True
        return False

    def rows(self) -> Iterator[list]:
        return islice(self.cells.iter_rows(), self.header_row, None) if self.total else iter(())

    def first_rows(self) -> list[dict]:
        return [dict(zip(self.header, row, strict=True)) for row in islice(self.rows(), ROWS_LOOKED_AT)]


def _is_other_archive(path: Path) -> bool:
    """Whether the file is a zip archive, as a workbook is one, and holds something else."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not any(name.startswith("xl/") for name in archive.namelist())


def not_as_named(path: Path, kind: str) -> UserError:
    """What to raise where a file is not of the `kind` (a message id) that its ending names."""
    return UserError(
        _(
            "{path} is not {kind}, whatever its ending says. Download it again, or give it the ending of what it is, "
            "such as .csv or .json."
        ).format(path=path, kind=_(kind))
    )


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
