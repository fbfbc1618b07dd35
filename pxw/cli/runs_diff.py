"""`pxw runs diff`: what differs between two runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pxw.addresses import is_url
from pxw.cli.console import out, print_json, size, value
from pxw.cli.told import given, moment, printable
from pxw.errors import PxwError
from pxw.runs.comparing import compare
from pxw.runs.finding import find, short
from pxw.settings import load_settings
from pxw.specs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pxw.data.comparing import TableDifference
    from pxw.runs.comparing import Difference, OutputPair
    from pxw.runs.history import History, Saved

__all__ = ["diff"]

_FEW = 8  # columns of one table that are told


def diff(a: str = "last~1", b: str = "last", /, *, no_data: bool = False, json: bool = False) -> None:
    """What differs between two runs: parameters, versions, tasks with their code and inputs, outputs.

    Outputs are compared by their digests. Tables of this machine that differ and are still there are read to count the
    values that differ. Without arguments, the last run is compared with the one before it.

    Parameters
    ----------
    a
        The first run, as of `pxw runs show`.
    b
        The second run.
    no_data
        Read no tables.
    json
        Print one JSON object: `a`, `b` (ids), `facts`, `parameters`, `versions` (each a pair), `tasks` (`task`, `only`,
        `facts`), `outputs` (`name`, `verdict`, `a`, `b`, `content` or why there is none).
    """
    settings = load_settings()
    found = compare(find(a, settings), find(b, settings))
    contents = [_content(pair) if not no_data and pair.verdict == "different" else None for pair in found.outputs]
    if json:
        print_json(_as_json(found, contents))
        return
    out().print(_head(found))
    parts = {
        "run": found.facts,
        "parameters": found.parameters,
        "versions": found.versions,
        **{f"task {each.task}": each.facts for each in found.tasks},
    }
    for name, facts in parts.items():
        if facts:
            out().print(Text(f"\n{printable(name)}", style="bold"))
            out().print(_pairs(facts, found))
    _print_alone(found)
    _print_outputs(found, contents)


def _as_json(found: Difference, contents: list[TableDifference | str | None]) -> dict[str, Any]:
    outputs = [
        {**asdict(pair), "verdict": pair.verdict, "content": it if it is None or isinstance(it, str) else asdict(it)}
        for pair, it in zip(found.outputs, contents, strict=True)
    ]
    told = {name: getattr(found, name) for name in ("facts", "parameters", "versions")}
    tasks = [asdict(task) for task in found.tasks]
    return {"a": found.a.id, "b": found.b.id, **told, "tasks": tasks, "outputs": outputs}


def _content(pair: OutputPair) -> TableDifference | str | None:
    """What differs in two tables, or why that cannot be told."""
    sides = {"a": pair.a, "b": pair.b}
    if any(each is None or not each.place or each.columns is None for each in sides.values()):
        return None
    from pxw import data  # noqa: PLC0415 - brings pyarrow
    from pxw.data.comparing import difference  # noqa: PLC0415 - as above

    refs = []
    for side, saved in sides.items():
        assert saved is not None  # noqa: S101 - for the type checker
        if is_url(saved.place):
            return f"{side} is elsewhere, and is not read"
        refs.append(_ref(saved))
        try:
            data.verify(refs[-1])
        except PxwError as error:
            is_there = type(error).__name__ != "MissingDataError"
            return f"the data of {side} was {'written over since' if is_there else 'removed'}"
    try:
        return difference(*refs)
    except PxwError as error:
        return error.message


def _ref(saved: Saved) -> Ref:
    names = ("place", "format", "compression", "size", "rows", "digest", "columns", "task", "output")
    return Ref(**{name: getattr(saved, name) for name in names})


# How it looks --------------------------------------------------------------------------------------------------------


def _head(found: Difference) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for side, run, style in (("a", found.a, "red"), ("b", found.b, "green")):
        words = f"{printable(run.flow)}  {run.state}  {moment(run.began)}"
        grid.add_row(Text(side, style=style), Text(short(run.id), style="cyan"), Text(words))
    return grid


def _pairs(facts: Mapping[str, tuple[Any, Any]], found: Difference) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, max_width=24)
    grid.add_column(overflow="fold")
    for name, (a, b) in facts.items():
        if name == "code":
            grid.add_row("  code", "changed")
            continue
        shown = _told(a, found.a), _told(b, found.b)
        if shown[0] == shown[1]:
            shown = f"{shown[0]} {_aside(a)}".strip(), f"{shown[1]} {_aside(b)}".strip()
        grid.add_row(
            f"  {printable(name.removeprefix('inputs.'))}",
            Text.assemble((shown[0], "red"), " → ", (shown[1], "green")),
        )
    return grid


def _told(told: Any, run: History) -> str:
    return "-" if told is None else told if isinstance(told, str) else given(told, run)


def _aside(told: Any) -> str:
    """What tells data of one name from other data of the same: its size and when it was changed, or its digest."""
    if not isinstance(told, dict):
        return ""
    if told.get("changed"):
        return f"({size(told.get('size', 0))}, {moment(told['changed'])})"
    return f"({told['digest'][:13]})" if told.get("digest") else ""


def _print_alone(found: Difference) -> None:
    for side, run in (("a", found.a), ("b", found.b)):
        alone = [each.task for each in found.tasks if each.only == side]
        if alone:
            more = ", ..." if len(alone) > _FEW else ""
            words = f"{', '.join(alone[:_FEW])}{more}"
            out().print(Text.assemble((f"\ntasks only in {side} ({short(run.id)})", "bold"), f": {printable(words)}"))


def _print_outputs(found: Difference, contents: list[TableDifference | str | None]) -> None:
    counts = Counter(pair.verdict for pair in found.outputs)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "none"
    out().print(Text.assemble(("\noutputs", "bold"), f": {said}"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=30)
    grid.add_column(overflow="fold")
    for pair, content in zip(found.outputs, contents, strict=True):
        if pair.verdict != "same":
            grid.add_row(Text(f"  {printable(pair.name)}", style="bold"), "\n".join(_words(pair, content)))
    if grid.row_count:
        out().print(grid)
    if not (found.facts or found.parameters or found.tasks) and set(counts) <= {"same"}:
        out().print(Text("the two runs gave the same", style="green"))


def _words(pair: OutputPair, content: TableDifference | str | None) -> Iterator[str]:
    a, b = pair.a, pair.b
    if a is None or b is None:
        yield pair.verdict
        return
    if not a.place and not b.place:
        yield f"{value(a.value, 60)} → {value(b.value, 60)}"
        return
    if pair.verdict == "unknown":
        yield "cannot be compared: their digests are of two kinds, or were not noted"
    yield f"{_size(a)} → {_size(b)}" if _size(a) != _size(b) else f"other bytes, {_size(a)}"
    if isinstance(content, str):
        yield f"cannot look into it: {content}"
    elif content is not None:
        yield from _of_tables(content)
    elif a.columns is not None and b.columns is not None and a.columns != b.columns:
        yield "other columns"


def _size(saved: Saved) -> str:
    rows = "" if saved.rows is None else f"{saved.rows:,} rows, "
    return rows + size(saved.size) if saved.place else value(saved.value, 40)


def _of_tables(content: TableDifference) -> Iterator[str]:
    for word, names in (("added", content.added), ("removed", content.removed)):
        if names:
            yield f"columns {word}: {_some(names)}"
    for name, (a, b) in list(content.retyped.items())[:_FEW]:
        yield f"{printable(name)}: {a} → {b}"
    for name, count in list(content.changed.items())[:_FEW]:
        share = f" of {content.rows[0]:,}"
        yield f"{printable(name)}: {count:,}{share} values differ"
    if len(content.changed) > _FEW:
        yield f"... and values of {len(content.changed) - _FEW} more columns"
    if content.rows[0] == content.rows[1] and not any(
        [content.added, content.removed, content.retyped, content.changed]
    ):
        yield "all values are the same: only the bytes differ"


def _some(names: list[str]) -> str:
    return printable(", ".join(names[:_FEW])) + (", ..." if len(names) > _FEW else "")
