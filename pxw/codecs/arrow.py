"""Arrow IPC and Parquet files."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import pyarrow as pa

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
        batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        return pa.RecordBatchReader.from_batches(reader.schema, batches)

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write batch by batch."""
        compression = file.options(Arrow).compression
        options = pa.ipc.IpcWriteOptions(compression=None if compression == "none" else compression)
        with file.open_sink() as sink, pa.ipc.new_file(sink, batches.schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)

    def header(self, file: File) -> pa.Schema:
        """The schema is in the footer."""
        return _open(file).schema


def _open(file: File) -> pa.RecordBatchFileReader:
    return pa.ipc.open_file(pa.BufferReader(_mapped(file)))


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
    """Parquet files."""

    format = "parquet"
    suffixes = (".parquet", ".pq")
    is_exact = True

    def read_table(self, file: File) -> pa.Table:
        """Read all row groups, on all cores."""
        with self._open(file) as parquet:
            return parquet.read()

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Yield batches of at most 64 Ki rows."""
        parquet = self._open(file)

        def batches() -> Iterator[pa.RecordBatch]:
            with parquet:
                yield from parquet.iter_batches()

        return pa.RecordBatchReader.from_batches(parquet.schema_arrow, batches())

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
            return parquet.schema_arrow

    def _open(self, file: File) -> Any:
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above

        if file.compression == "none":
            return pq.ParquetFile(file.path, memory_map=True)
        with file.open_read() as stream:
            return pq.ParquetFile(pa.BufferReader(stream.read()))
