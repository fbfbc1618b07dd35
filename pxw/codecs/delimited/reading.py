"""Delimited text as columns: first of text, then of what no cell loses by."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.types as pt

from pxw.codecs.delimited.spelling import Spelling
from pxw.errors import CorruptDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pxw.codecs.base import File
    from pxw.specs import Csv

__all__ = ["Delimited", "cast", "is_utf8", "whole"]

# What a column of text may become, the first that fits; `null` where no cell says anything.
_CANDIDATES: tuple[pa.DataType, ...] = (pa.null(), pa.int64(), pa.float64(), pa.bool_(), pa.string())
# Arrow reads block by block, and a row must not be longer than one.
_BLOCK = 1 << 23
# Numbers that would lose by becoming floats: zeros or a plus sign in front, more digits than a float holds.
_NO_FLOAT = r"^-?0[0-9]|^\+|^-?[0-9]{17,}$"


class Delimited:
    """A delimited file whose cells are all text."""

    def __init__(self, file: File, options: Csv) -> None:
        self.file = file
        self.options = options
        self.bad_rows: list[str] = []
        self.empty_rows = 0
        self.names = self._names()

    def read(self) -> pa.Table:
        """All columns, as text."""
        if not self.names:
            return pa.table({})
        table = self._table(use_threads=True)
        if self.bad_rows:  # only a single thread knows the numbers of rows
            self.bad_rows.clear()
            self._table(use_threads=False)
        self._refuse_bad_rows()
        return table

    def _table(self, *, use_threads: bool) -> pa.Table:
        with self.file.open_read() as stream:
            return pa_csv.read_csv(stream, **self._how(use_threads=use_threads))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The same block by block."""
        if not self.names:
            return
        with self.errors_named(), self.file.open_read() as stream, pa_csv.open_csv(stream, **self._how()) as reader:
            yield from reader
        self._refuse_bad_rows()

    def candidates(self) -> list[Sequence[pa.DataType]]:
        """The types that each column may become; one whose schema knows better stays text."""
        return [_CANDIDATES[-1:] if name in self.file.texts else _CANDIDATES for name in self.names]

    def typed(
        self, column: pa.ChunkedArray, kinds: Sequence[pa.DataType]
    ) -> tuple[Sequence[pa.DataType], pa.ChunkedArray]:
        """The types that still fit after these cells, and the cells as the first of them."""
        for place, kind in enumerate(kinds):
            cells = _exactly(column, kind, self.options.decimal)
            if cells is not None:
                return kinds[place:], cells
        raise AssertionError("every cell is text")

    def spelling(self, cells: Any, kind: pa.DataType) -> Spelling:
        """How the numbers of a column were written."""
        return Spelling.of(cells, kind, self.options.decimal)

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Word what Arrow says of a file that is no delimited text."""
        try:
            yield
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._corrupt(error) from error

    def _corrupt(self, error: Exception) -> CorruptDataError:
        if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
            return CorruptDataError(
                f"{self.file} is not {self.options.encoding} text",
                details=[str(error)],
                help="say how it is written, as in format=pxw.Csv(encoding='latin-1')",
            )
        return CorruptDataError(f"{self.file} is not delimited text", details=[str(error)])

    def _refuse_bad_rows(self) -> None:
        if self.bad_rows:
            raise CorruptDataError(
                f"{len(self.bad_rows)} rows of {self.file} have more or fewer cells than its {len(self.names)} columns",
                details=self.bad_rows[:10],
                help="mend the rows, or say how the file is written: format=pxw.Csv(delimiter=..., quote=...)",
            )

    def _bad_row(self, row: Any) -> str:
        where = f"row {row.number}: " if row.number is not None else ""
        self.bad_rows.append(f"{where}{row.actual_columns} cells: {row.text[:80]}")
        return "skip"

    def _how(self, *, use_threads: bool = False) -> dict[str, Any]:
        options = self.options
        given = not isinstance(options.header, bool) or not options.header
        return {
            "read_options": pa_csv.ReadOptions(
                encoding=options.encoding,
                skip_rows=options.skip_rows + self.empty_rows,
                block_size=_BLOCK,
                use_threads=use_threads,
                column_names=list(self.names) if given else None,
            ),
            "parse_options": pa_csv.ParseOptions(
                delimiter=options.delimiter,
                quote_char=options.quote,
                escape_char=options.escape or False,
                newlines_in_values=True,
                # In a table of one column an empty line is a row without a value.
                ignore_empty_lines=len(self.names) > 1,
                invalid_row_handler=self._bad_row,
            ),
            "convert_options": pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.string()),
                null_values=list(options.null_values),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        }

    def _names(self) -> tuple[str, ...]:
        first = self._first_row()
        if isinstance(self.options.header, tuple):
            return self.options.header
        names = tuple(first) if self.options.header else tuple(f"f{place}" for place in range(len(first)))
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise CorruptDataError(
                f"{len(twice)} columns of {self.file} have the same name: {', '.join(map(repr, twice[:5]))}",
                help="rename them, or give all names: format=pxw.Csv(header=('a', 'b', ...), skip_rows=1)",
            )
        return names

    def _first_row(self) -> list[str]:
        options = self.options
        encoding = "utf-8-sig" if is_utf8(options) else options.encoding
        try:
            with self.file.open_read() as stream, io.TextIOWrapper(stream, encoding, newline="") as text:
                for _ in range(options.skip_rows):
                    text.readline()
                rows = csv.reader(text, delimiter=options.delimiter, quotechar=options.quote, escapechar=options.escape)
                for row in rows:
                    if row:
                        return row
                    self.empty_rows += 1
                return []
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._corrupt(error) from error


def whole(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Numbers in one piece, which a frame can view; texts may be more than one array can hold."""
    return column if pt.is_string(column.type) else column.combine_chunks()


def _exactly(column: pa.ChunkedArray, kind: pa.DataType, decimal: str) -> pa.ChunkedArray | None:
    """The cells as this type, unless one of them would lose by it."""
    if pt.is_string(kind):
        return column
    if _loses(column, kind, decimal):
        return None
    try:
        cells = cast(column, kind, decimal)
    except pa.ArrowInvalid:
        return None
    return None if pt.is_integer(kind) and not _all(pc.equal(pc.cast(cells, pa.string()), column)) else cells


def _loses(column: pa.ChunkedArray, kind: pa.DataType, decimal: str) -> bool:
    """Whether a cell says more than a value of this type would, though it can be read as one."""
    if pt.is_null(kind):
        return bool(column.null_count < len(column))
    if pt.is_boolean(kind):
        return not _all(pc.is_in(column.drop_null(), pa.array(["True", "False"])))
    if pt.is_floating(kind):
        thousands = decimal != "." and _any(pc.match_substring(column, "."))
        return thousands or _any(pc.match_substring_regex(column, _NO_FLOAT))
    return False


def _all(mask: Any) -> bool:
    return pc.all(mask).as_py() is not False


def _any(mask: Any) -> bool:
    return pc.any(mask).as_py() is True


def cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType, decimal: str) -> Any:
    """Cells of text as a type that they fit."""
    if pt.is_null(kind):
        empty = pa.nulls(len(column))
        return pa.chunked_array([empty]) if isinstance(column, pa.ChunkedArray) else empty
    if pt.is_floating(kind) and decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    return pc.cast(column, kind)


def is_utf8(options: Csv) -> bool:
    """Whether Arrow reads and writes the file's encoding by itself."""
    return codecs.lookup(options.encoding).name == "utf-8"
