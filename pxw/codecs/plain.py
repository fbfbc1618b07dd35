"""Bytes and text as they are."""

from __future__ import annotations

import shutil
from typing import Any

from pxw.codecs.base import Codec, File
from pxw.errors import ConversionError, CorruptDataError, FormatError
from pxw.specs import Text

__all__ = ["BytesCodec", "TextCodec"]


class BytesCodec(Codec):
    """Bytes, or a stream of them."""

    format = "bytes"
    suffixes = (".bin",)

    def read(self, file: File, as_: Any) -> bytes:
        """Read everything."""
        del as_
        with file.open_read() as stream:
            return stream.read()

    def write(self, value: Any, file: File) -> None:
        """Write bytes, or copy a stream in constant memory."""
        with file.open_write() as sink:
            if hasattr(value, "read"):
                shutil.copyfileobj(value, sink, 1 << 20)
            else:
                try:
                    sink.write(memoryview(value))
                except TypeError:
                    raise FormatError(
                        f"a {type(value).__name__} is not bytes",
                        at=str(file),
                        help="return bytes, or name another format",
                    ) from None


class TextCodec(Codec):
    """Text, without any change of line ends."""

    format = "text"
    suffixes = (".txt", ".md", ".log", ".html", ".xml", ".yaml", ".yml", ".toml")

    def read(self, file: File, as_: Any) -> str:
        """Read and decode everything."""
        del as_
        encoding = getattr(file.spec.format, "encoding", "utf-8")  # delimited text can be read as text, too
        with file.open_read() as stream:
            data = stream.read()
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise CorruptDataError(
                f"{file} is not {encoding} text",
                details=[str(error)],
                help="say how it is written, as in format=pxw.Text(encoding='latin-1')",
            ) from error

    def write(self, value: Any, file: File) -> None:
        """Encode and write."""
        if not isinstance(value, str):
            raise FormatError(
                f"a {type(value).__name__} is not text", at=str(file), help="return str, or name another format"
            )
        encoding = file.options(Text).encoding
        try:
            data = value.encode(encoding)
        except UnicodeEncodeError as error:
            raise ConversionError(
                f"{error.object[error.start : error.end]!r} cannot be written as {encoding}", at=str(file)
            ) from error
        with file.open_write() as sink:
            sink.write(data)
