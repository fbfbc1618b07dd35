"""Delimited text: `.csv` and `.tsv`, read so that writing them again gives the same text.

Every column is read as text first; it then becomes numbers or booleans only where no cell loses by it: `007` stays
text, whole numbers with gaps stay whole numbers, a quoted empty cell is an empty text and a bare one a null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from pxw.codecs.base import File, TableCodec
from pxw.codecs.delimited.reading import Delimited, cast, whole
from pxw.codecs.delimited.spelling import Spelling
from pxw.codecs.delimited.writing import encoded_lines
from pxw.specs import Csv

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        fields, columns = [], []
        for name, cells, kinds in zip(table.column_names, table.columns, text.candidates(), strict=True):
            column = text.typed(cells, kinds)[1]
            fields.append(text.spelling(cells, column.type).noted(pa.field(name, column.type)))
            columns.append(whole(column))
        return pa.table(columns, schema=pa.schema(fields))

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Read the file twice: for the types, then for the rows."""
        text = self._text(file)
        left, spellings = text.candidates(), [Spelling() for _ in text.names]
        for batch in text.batches():
            for place, cells in enumerate(batch.columns):
                left[place], column = text.typed(cells, left[place])
                spellings[place] |= text.spelling(cells, column.type)
        fields = [pa.field(name, kinds[0]) for name, kinds in zip(text.names, left, strict=True)]
        schema = pa.schema([spelling.noted(field) for spelling, field in zip(spellings, fields, strict=True)])

        def rows() -> Iterator[pa.RecordBatch]:
            for batch in text.batches():
                columns = zip(batch.columns, schema.types, strict=True)
                yield pa.record_batch(
                    [cast(column, kind, text.options.decimal) for column, kind in columns], schema=schema
                )

        return pa.RecordBatchReader.from_batches(schema, rows())

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write a header and the rows, quoted where it is needed."""
        with file.open_write() as stream:
            for lines in encoded_lines(batches, self._options(file), file):
                stream.write(lines)

    def header(self, file: File) -> pa.Schema:
        """The names are in the first row; the types only the cells tell."""
        return pa.schema([(name, pa.null()) for name in self._text(file).names])

    def _options(self, file: File) -> Csv:
        return file.options(Csv)

    def _text(self, file: File) -> Delimited:
        return Delimited(file, self._options(file))


class TsvCodec(CsvCodec):
    """Tab separated values."""

    format = "tsv"
    suffixes = (".tsv", ".tab")

    def _options(self, file: File) -> Csv:
        return file.spec.format if isinstance(file.spec.format, Csv) else Csv(name="tsv", delimiter="\t")
