"""A program of its own: read the first rows of an untrusted file and print them as JSON.

It runs in a process with little memory and time, because a hostile file may make a reader crash or swell; the server
only ever sees the text that comes out. It imports nothing of pxw, and pyarrow only where a format needs it.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

__all__ = ["main"]

ROWS = 50
COLUMNS = 1_000
CELL = 200  # characters
HEAD = 1024 * 1024  # bytes of a text that are looked at
TEXT = 16 * 1024  # characters of a text that are shown
MEMORY = 1024**3  # bytes of address space, and as many as the file has, which may be mapped
SECONDS = 10


def _limit(size: int) -> None:
    for what, most in ((resource.RLIMIT_AS, MEMORY + size), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(ValueError, OSError):  # not every system lets a process limit itself
            resource.setrlimit(what, (most, most))


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= CELL else f"{text[:CELL]}…"


def _table(schema: pa.Schema, batch: pa.RecordBatch | pa.Table | None, total: int | None) -> dict[str, Any]:
    columns = [{"name": field.name, "type": str(field.type)[:CELL]} for field in list(schema)[:COLUMNS]]
    rows: list[list[str]] = []
    if batch is not None:
        batch.validate(full=True)
        cells = [column.slice(0, ROWS).to_pylist() for column in batch.columns[:COLUMNS]]
        rows = [[_cell(value) for value in row] for row in zip(*cells, strict=True)]
    return {"columns": columns, "rows": rows, "total": total}


def _records(records: list[dict[str, Any]], total: int | None) -> dict[str, Any]:
    names = list(dict.fromkeys(name for record in records for name in record))[:COLUMNS]
    kinds = {name: {type(record[name]).__name__ for record in records if name in record} for name in names}
    columns = [{"name": name, "type": " | ".join(sorted(kinds[name]))} for name in names]
    return {"columns": columns, "rows": [[_cell(r.get(n)) for n in names] for r in records], "total": total}


def _head(path: Path) -> tuple[bytes, bool]:
    with path.open("rb") as file:
        head = file.read(HEAD + 1)
    return head[:HEAD], len(head) > HEAD


def _text(path: Path) -> dict[str, Any]:
    head, _ = _head(path)
    return {"text": head.decode(errors="replace")[:TEXT]}


def _separated(path: Path, delimiter: str) -> dict[str, Any]:
    from pyarrow import csv  # noqa: PLC0415 - JSON and text do without

    head, is_cut = _head(path)
    if is_cut:
        head = head[: head.rfind(b"\n") + 1]
    table = csv.read_csv(
        BytesIO(head),
        read_options=csv.ReadOptions(use_threads=False, block_size=2 * HEAD),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )
    return _table(table.schema, table.slice(0, ROWS), None if is_cut else table.num_rows)


def _json(path: Path) -> dict[str, Any]:
    head, is_cut = _head(path)
    if is_cut:
        return _text(path)
    value = json.loads(head)
    if value and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return _records(value[:ROWS], len(value))
    return {"text": json.dumps(value, indent=2, ensure_ascii=False)[:TEXT]}


def _json_lines(path: Path) -> dict[str, Any]:
    head, is_cut = _head(path)
    lines = [line for line in (head[: head.rfind(b"\n")] if is_cut else head).splitlines() if line.strip()]
    return _records([json.loads(line) for line in lines[:ROWS]], None if is_cut else len(lines))


def _parquet(path: Path) -> dict[str, Any]:
    from pyarrow import parquet  # noqa: PLC0415 - JSON and text do without

    with parquet.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=ROWS, use_threads=False)
        return _table(file.schema_arrow, next(batches, None), file.metadata.num_rows)


def _arrow(path: Path) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - JSON and text do without

    with pa.memory_map(str(path)) as source:
        try:
            reader: Any = pa.ipc.open_file(source)
            batches: Iterable[pa.RecordBatch] = map(reader.get_batch, range(reader.num_record_batches))
        except pa.ArrowInvalid:
            source.seek(0)
            reader = pa.ipc.open_stream(source)
            batches = reader
        first = next((batch for batch in batches if batch.num_rows), None)
        is_only = getattr(reader, "num_record_batches", None) == 1
        return _table(reader.schema, first, first.num_rows if first is not None and is_only else None)


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "arrow": _arrow,
    "csv": lambda path: _separated(path, ","),
    "feather": _arrow,
    "ipc": _arrow,
    "json": _json,
    "jsonl": _json_lines,
    "log": _text,
    "md": _text,
    "ndjson": _json_lines,
    "parquet": _parquet,
    "tsv": lambda path: _separated(path, "\t"),
    "txt": _text,
    "xml": _text,
    "yaml": _text,
    "yml": _text,
}


def main(path: Path, suffix: str) -> None:
    """Print what is to be seen of a file; a text that its reader refuses is shown as text."""
    _limit(path.stat().st_size)
    try:
        seen = READERS[suffix](path)
    except Exception as error:
        seen = {"note": f"not readable as {suffix}: {_cell(str(error))}"}
        if suffix in {"csv", "tsv", "json", "jsonl", "ndjson"}:
            seen |= _text(path)
    sys.stdout.buffer.write(json.dumps(seen).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
