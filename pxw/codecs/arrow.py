"""Arrow IPC and Parquet files."""

from __future__ import annotations

import mmap
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pxw.codecs.base import File, TableCodec
from pxw.specs import Arrow, Parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ArrowCodec", "ParquetCodec"]


class ArrowCodec(TableCodec):
    """Arrow IPC files (Feather V2): the format of intermediates, read by mapping them into memory."""

    format = "arrow"
    suffixes = (".arrow", ".feather", ".ipc")
    is_exact = True

    def read_table(self, file: File) -> pa.Table:
        """Map the file privately: nothing is read until touched, and writing into a page copies that page alone."""
        return _open(file).read_all()

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Yield the file's record batches, each mapped."""
        reader = _open(file)
        if isinstance(reader, pa.RecordBatchReader):
            return reader
        batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        return pa.RecordBatchReader.from_batches(reader.schema, batches)

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write batch by batch."""
        compression = file.options(Arrow).compression
        options = pa.ipc.IpcWriteOptions(compression=None if compression == "none" else compression)
        with file.open_sink() as sink, pa.ipc.new_file(sink, batches.schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)

    def write_table(self, table: pa.Table, file: File) -> None:
        """Write everything; a table without rows as one empty batch, which carries its categories."""
        if len(table):
            super().write_table(table, file)
        else:
            empty = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
            batch = pa.RecordBatch.from_arrays(empty, schema=table.schema)
            self.write_batches(pa.RecordBatchReader.from_batches(table.schema, [batch]), file)

    def header(self, file: File) -> pa.Schema:
        """The schema is in the footer."""
        return _open(file).schema


def _open(file: File) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    buffer = _mapped(file)
    is_file = bytes(memoryview(buffer)[:6]) == b"ARROW1"  # others write Arrow's stream format under the same suffix
    return (pa.ipc.open_file if is_file else pa.ipc.open_stream)(pa.BufferReader(buffer))


def _mapped(file: File) -> pa.Buffer:
    with file.open_read() as stream:
        if file.compression != "none":
            return pa.py_buffer(stream.read())
        size = file.path.stat().st_size
        if size == 0:
            return pa.py_buffer(b"")
        try:
            return pa.py_buffer(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_COPY))
        except OSError:  # a private mapping must fit into memory and swap; a read-only one need not
            return pa.py_buffer(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ))


class ParquetCodec(TableCodec):
    """Parquet files.

    Parquet has fewer types than Arrow and no categories: a table written here carries both, and has them again when
    it is read.
    """

    format = "parquet"
    suffixes = (".parquet", ".pq")
    is_exact = True

    def read_table(self, file: File) -> pa.Table:
        """Read all row groups, on all cores."""
        with self._open(file) as parquet:
            return _as_written(parquet.read(), parquet)

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Yield batches of at most 64 Ki rows."""
        parquet = self._open(file)

        def batches() -> Iterator[pa.RecordBatch]:
            with parquet:
                for batch in parquet.iter_batches():
                    yield from _as_written(pa.Table.from_batches([batch]), parquet).to_batches()

        return pa.RecordBatchReader.from_batches(_schema(parquet), batches())

    def write_table(self, table: pa.Table, file: File) -> None:
        """Write everything, and the categories beside it."""
        table = table.unify_dictionaries()
        kept = {f"{_CATEGORIES}{field.name}": _packed(table.column(field.name)) for field in _encoded(table.schema)}
        super().write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **kept}), file)

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write row groups of `row_group_rows` rows, holding one of them."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - 40 ms that only Parquet pays

        options = file.options(Parquet)
        pending: list[pa.RecordBatch] = []
        with (
            file.open_sink() as sink,
            pq.ParquetWriter(sink, batches.schema, compression=options.compression, store_schema=True) as writer,
        ):
            for batch in batches:
                pending.append(batch)
                if sum(map(len, pending)) >= options.row_group_rows:
                    writer.write_table(pa.Table.from_batches(pending), options.row_group_rows)
                    pending = []
            if pending:
                writer.write_table(pa.Table.from_batches(pending), options.row_group_rows)

    def header(self, file: File) -> pa.Schema:
        """The schema is in the footer."""
        with self._open(file) as parquet:
            return _schema(parquet)

    def _open(self, file: File) -> Any:
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above

        if file.compression == "none":
            return pq.ParquetFile(file.path, memory_map=True)
        with file.open_read() as stream:
            return pq.ParquetFile(pa.BufferReader(stream.read()))


_CATEGORIES = "pxw:categories:"


def _encoded(schema: pa.Schema) -> list[pa.Field]:
    return [field for field in schema if pt.is_dictionary(field.type)]


def _packed(column: pa.ChunkedArray) -> bytes:
    """The categories of a column as Arrow's own bytes in Base64, for a schema's metadata."""
    categories = column.chunk(0).dictionary if column.num_chunks else pa.array([], column.type.value_type)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("", categories.type)])) as writer:
        writer.write_batch(pa.record_batch([categories], names=[""]))
    return b64encode(sink.getvalue())


def _schema(parquet: Any) -> pa.Schema:
    """The schema of the table that was written, if Arrow wrote it; Parquet's own otherwise."""
    own = parquet.schema_arrow
    packed = (parquet.metadata.metadata or {}).get(b"ARROW:schema")
    if packed is None:
        return own
    written = pa.ipc.read_schema(pa.py_buffer(b64decode(packed)))
    kept = {key: value for key, value in (own.metadata or {}).items() if not key.startswith(_CATEGORIES.encode())}
    return (written if written.names == own.names else own).with_metadata(kept or None)


def _as_written(table: pa.Table, parquet: Any) -> pa.Table:
    schema = _schema(parquet)
    categories = parquet.schema_arrow.metadata or {}
    for place, field in enumerate(schema):
        packed = categories.get(f"{_CATEGORIES}{field.name}".encode())
        if pt.is_dictionary(field.type) and packed is not None:
            table = table.set_column(place, field, _categorical(table.column(place), field.type, packed))
        elif table.schema.field(place).type != field.type:
            table = table.set_column(place, field, table.column(place).cast(field.type))
    return table.replace_schema_metadata(schema.metadata)


def _categorical(column: pa.ChunkedArray, kind: pa.DictionaryType, packed: bytes) -> pa.ChunkedArray:
    with pa.ipc.open_stream(b64decode(packed)) as reader:
        categories = reader.read_all().column(0).combine_chunks()
    codes = pc.index_in(column.cast(kind.value_type), categories).cast(kind.index_type).combine_chunks()
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, categories, ordered=kind.ordered)])
