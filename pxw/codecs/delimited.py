"""Delimited text: `.csv` and `.tsv`, read so that writing them again gives the same values.

Every column is read as text first; it then becomes numbers or booleans only where no cell loses by it: `007` stays
text, whole numbers with gaps stay whole numbers, a quoted empty cell is an empty text and a bare one a null.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.types as pt

from pxw.codecs.base import File, TableCodec
from pxw.errors import ConversionError, CorruptDataError
from pxw.specs import Csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["CsvCodec", "TsvCodec"]


class CsvCodec(TableCodec):
    """Comma separated values."""

    format = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def read_table(self, file: File) -> pa.Table:
        """Read everything; a column's type is found by looking at every cell."""
        text = self._text(file)
        with text.errors_named():
            table = text.read()
        cells = zip(table.columns, text.candidates(), strict=True)
        return pa.table([_whole(text.typed(column, kinds)[1]) for column, kinds in cells], names=table.column_names)

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Read the file twice: for the types, then for the rows."""
        text = self._text(file)
        left = text.candidates()
        for batch in text.batches():
            left = [text.typed(column, kinds)[0] for column, kinds in zip(batch.columns, left, strict=True)]
        schema = pa.schema([(name, kinds[0]) for name, kinds in zip(text.names, left, strict=True)])

        def typed() -> Iterator[pa.RecordBatch]:
            for batch in text.batches():
                columns = zip(batch.columns, schema.types, strict=True)
                yield pa.record_batch(
                    [_cast(column, kind, text.options.decimal) for column, kind in columns], schema=schema
                )

        return pa.RecordBatchReader.from_batches(schema, typed())

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write a header and the rows, quoted where it is needed."""
        options = self._options(file)
        encode = codecs.getincrementalencoder(options.encoding)().encode  # a byte order mark comes once
        with file.open_write() as stream:
            for text in _lines(batches, options):
                stream.write(text if _is_utf8(options) else _encoded(text, encode, options, file))

    def header(self, file: File) -> pa.Schema:
        """The names are in the first row; the types only the cells tell."""
        return pa.schema([(name, pa.null()) for name in self._text(file).names])

    def _options(self, file: File) -> Csv:
        return file.options(Csv)

    def _text(self, file: File) -> _Text:
        return _Text(file, self._options(file))


class TsvCodec(CsvCodec):
    """Tab separated values."""

    format = "tsv"
    suffixes = (".tsv", ".tab")

    def _options(self, file: File) -> Csv:
        return file.spec.format if isinstance(file.spec.format, Csv) else Csv(name="tsv", delimiter="\t")


# What a column of text may become, the first that fits; `null` where no cell says anything.
_CANDIDATES: tuple[pa.DataType, ...] = (pa.null(), pa.int64(), pa.float64(), pa.bool_(), pa.string())
# Arrow reads block by block, and a row must not be longer than one.
_BLOCK = 1 << 23
# Numbers that would lose by becoming floats: zeros or a plus sign in front, more digits than a float holds.
_NO_FLOAT = r"^-?0[0-9]|^\+|^-?[0-9]{17,}$"


class _Text:
    """A delimited file whose cells are all text."""

    def __init__(self, file: File, options: Csv) -> None:
        self.file = file
        self.options = options
        self.bad_rows: list[str] = []
        self.empty_rows = 0
        self.names = self._names()

    def read(self) -> pa.Table:
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

    @contextmanager
    def errors_named(self) -> Iterator[None]:
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
        encoding = "utf-8-sig" if _is_utf8(options) else options.encoding
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


def _whole(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Numbers in one piece, which a frame can view; texts may be more than one array can hold."""
    return column if pt.is_string(column.type) else column.combine_chunks()


def _exactly(column: pa.ChunkedArray, kind: pa.DataType, decimal: str) -> pa.ChunkedArray | None:
    """The cells as this type, unless one of them would lose by it."""
    if pt.is_string(kind):
        return column
    if _loses(column, kind, decimal):
        return None
    try:
        cells = _cast(column, kind, decimal)
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


def _cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType, decimal: str) -> Any:
    if pt.is_null(kind):
        empty = pa.nulls(len(column))
        return pa.chunked_array([empty]) if isinstance(column, pa.ChunkedArray) else empty
    if pt.is_floating(kind) and decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    return pc.cast(column, kind)


def _is_utf8(options: Csv) -> bool:
    return codecs.lookup(options.encoding).name == "utf-8"


def _encoded(text: pa.Buffer, encode: Callable[[str], bytes], options: Csv, file: File) -> bytes:
    try:
        return encode(text.to_pybytes().decode())
    except UnicodeEncodeError as error:
        raise ConversionError(
            f"{error.object[error.start : error.end]!r} cannot be written as {options.encoding}",
            at=str(file),
            help="choose another encoding, such as utf-8",
        ) from error


def _lines(batches: pa.RecordBatchReader, options: Csv) -> Iterator[pa.Buffer]:
    names = batches.schema.names
    if not names:
        return
    if options.header is True:
        nulls = () if len(names) > 1 else ("",)  # an empty line would be no header
        yield _joined([_quoted(pa.array([name], pa.large_string()), options, nulls) for name in names], options)
    for batch in batches:
        for start in range(0, len(batch), 1 << 16):
            part = batch.slice(start, 1 << 16)
            cells = zip(names, part.columns, strict=True)
            yield _joined([_cells(name, column, options) for name, column in cells], options)


def _joined(columns: list[pa.Array], options: Csv) -> pa.Buffer:
    """The rows as one text: Arrow keeps the strings of an array side by side."""
    lines = _glued(pc.binary_join_element_wise(*columns, _sign(options.delimiter)), _sign("\n"))
    size = pc.sum(pc.binary_length(lines)).as_py()
    return lines.buffers()[2].slice(0, size)


def _sign(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _glued(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _sign(""))


def _cells(name: str, column: pa.Array, options: Csv) -> pa.Array:
    kind = column.type
    if pt.is_dictionary(kind):
        return _cells(name, column.dictionary_decode(), options)
    if pt.is_boolean(kind):
        text = pc.if_else(column, "True", "False").cast(pa.large_string())
    elif pt.is_floating(kind):
        text = _numbers(column, options)
    else:
        text = _quoted(_as_text(name, column), options, ("", *options.null_values))
    return text.fill_null(options.null_values[0] if options.null_values else "")


def _as_text(name: str, column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ConversionError(
            f"column {name!r} ({column.type}) has no form in delimited text",
            help="save it as .parquet, .arrow or .jsonl, or turn the column into text",
        ) from error


def _numbers(column: pa.Array, options: Csv) -> pa.Array:
    """Floats in their shortest exact form, whole ones with `.0` so that they are floats when read again."""
    known = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    text = known.cast(pa.large_string())
    whole = pc.match_substring_regex(text, "^-?[0-9]+$")
    text = pc.if_else(whole, _glued(text, _sign(".0")), text)
    return pc.replace_substring(text, ".", options.decimal) if options.decimal != "." else text


def _quoted(text: pa.Array, options: Csv, nulls: Sequence[str]) -> pa.Array:
    """Quote cells that hold the file's own signs, or that would read as a null."""
    quote = options.quote
    special = "".join(f"\\x{{{ord(sign):x}}}" for sign in f"{options.delimiter}{quote}\r\n{options.escape or ''}")
    needed = pc.or_(
        pc.match_substring_regex(text, f"[{special}]"),
        pc.is_in(text, pa.array(nulls, pa.large_string())),
    )
    if not pc.any(needed).as_py():
        return text
    inner = pc.replace_substring(text, options.escape, options.escape * 2) if options.escape else text
    inner = pc.replace_substring(inner, quote, quote * 2)
    return pc.if_else(needed, _glued(_sign(quote), inner, _sign(quote)), text)
