"""What a codec is, and the file that it reads or writes."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar, cast

from pxw.specs import Dataset

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pydantic import BaseModel

__all__ = ["Codec", "File", "TableCodec"]

T = TypeVar("T", bound="BaseModel")


@dataclass(frozen=True)
class File:
    """A file of this machine that holds, or is about to hold, a dataset.

    Args:
        path: where it is.
        spec: what the user said of it.
        compression: of the file as a whole: `none`, `gzip` or `zstd`.
        name: how the user knows it, for errors.
        trusted: whether what it holds may run as code.
        texts: columns that stay text where a format has only text: their schema says what they are.
    """

    path: Path
    spec: Dataset = field(default_factory=Dataset)
    compression: str = "none"
    name: str = ""
    trusted: bool = False
    texts: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name or str(self.path)

    def options(self, kind: type[T]) -> T:
        """The format's options as the user gave them, or their defaults."""
        return self.spec.format if isinstance(self.spec.format, kind) else kind()

    def open_read(self) -> BinaryIO:
        """Open for reading, decompressed: a stream in constant memory."""
        import pyarrow as pa  # noqa: PLC0415 - not paid for by whoever only imports codecs

        if self.compression == "none":
            return self.path.open("rb")
        if not self.path.stat().st_size:
            raise EOFError(f"an empty file is not what {self.compression} makes")
        # Buffered, since Arrow's own streams cannot be read by lines.
        return io.BufferedReader(pa.input_stream(self.path, compression=self.compression))

    def open_write(self) -> BinaryIO:
        """Open for writing; what is written is compressed on its way."""
        import pyarrow as pa  # noqa: PLC0415 - as above

        if self.compression == "none":
            return self.path.open("wb")
        return cast("BinaryIO", pa.output_stream(self.path, compression=self.compression))

    def open_sink(self) -> pa.NativeFile:
        """Open for writing by Arrow, without Python in between."""
        import pyarrow as pa  # noqa: PLC0415 - as above

        if self.compression != "none":
            return pa.output_stream(self.path, compression=self.compression)
        # By appending: an empty file that is opened to be truncated is written to disk by ext4 when it is closed.
        if self.path.exists() and self.path.stat().st_size:
            os.truncate(self.path, 0)
        return pa.OSFile(str(self.path), "ab")


class Codec(ABC):
    """Turns Python values into the bytes of one format and back.

    Attributes:
        format: the format's name.
        suffixes: of file names that mean this format.
        types: Python types whose values take this format where nobody names one.
        runs_code: whether reading may run what the file holds, so that only trusted files are read.
    """

    format: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    types: ClassVar[tuple[type, ...]] = ()
    runs_code: ClassVar[bool] = False

    @abstractmethod
    def read(self, file: File, as_: Any) -> Any:
        """Read the value; `as_` is the type that the caller asked for, `None` if it did not care."""

    @abstractmethod
    def write(self, value: Any, file: File) -> None:
        """Write the value as the whole of the file."""


class TableCodec(ABC):
    """A codec for tables: it speaks Arrow, and the data plane turns Arrow into frames.

    Attributes:
        format, suffixes: as in `Codec`.
        is_exact: whether files keep Arrow's types and a frame's row labels; text does not.
    """

    format: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    runs_code: ClassVar[bool] = False
    is_exact: ClassVar[bool] = False

    @abstractmethod
    def read_table(self, file: File) -> pa.Table:
        """Read everything, without a copy where that can be."""

    @abstractmethod
    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Read piece by piece, in constant memory."""

    @abstractmethod
    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write piece by piece, in constant memory."""

    @abstractmethod
    def header(self, file: File) -> pa.Schema:
        """Read only what tells the columns; a type that only the data would tell is `null`."""

    def write_table(self, table: pa.Table, file: File) -> None:
        """Write everything."""
        self.write_batches(table.to_reader(), file)
