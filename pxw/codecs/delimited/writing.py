"""Columns as delimited text."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pxw.codecs.delimited.reading import is_utf8
from pxw.codecs.delimited.spelling import decimals_of, spelled
from pxw.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pxw.codecs.base import File
    from pxw.specs import Csv

__all__ = ["encoded_lines"]


def encoded_lines(batches: pa.RecordBatchReader, options: Csv, file: File) -> Iterator[pa.Buffer | bytes]:
    """The header and the rows, some at a time, quoted where it is needed."""
    encode = codecs.getincrementalencoder(options.encoding)().encode  # a byte order mark comes once
    for lines in _lines(batches, options):
        yield lines if is_utf8(options) else _encoded(lines, encode, options, file)


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
            cells = zip(batch.schema, part.columns, strict=True)
            yield _joined([_cells(field, column, options) for field, column in cells], options)


def _joined(columns: list[pa.Array], options: Csv) -> pa.Buffer:
    """The rows as one text: Arrow keeps the strings of an array side by side."""
    lines = _glued(pc.binary_join_element_wise(*columns, _sign(options.delimiter)), _sign("\n"))
    size = pc.sum(pc.binary_length(lines)).as_py()
    return lines.buffers()[2].slice(0, size)


def _sign(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _glued(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _sign(""))


def _cells(field: pa.Field, column: pa.Array, options: Csv) -> pa.Array:
    kind = column.type
    if pt.is_dictionary(kind):
        return _cells(field, column.dictionary_decode(), options)
    if pt.is_boolean(kind):
        text = pc.if_else(column, "True", "False").cast(pa.large_string())
    elif pt.is_floating(kind):
        text = _numbers(column, decimals_of(field), options)
    else:
        text = _quoted(_as_text(field.name, column), options, ("", *options.null_values))
    return text.fill_null(options.null_values[0] if options.null_values else "")


def _as_text(name: str, column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ConversionError(
            f"column {name!r} ({column.type}) has no form in delimited text",
            help="save it as .parquet, .arrow or .jsonl, or turn the column into text",
        ) from error


def _numbers(column: pa.Array, decimals: int | None, options: Csv) -> pa.Array:
    """Floats in their shortest exact form, as they were spelled, or so that they are floats when read again."""
    known = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    text = spelled(known.cast(pa.large_string()), decimals)
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
