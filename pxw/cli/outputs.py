"""The closing table: what a run left behind, and where."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pxw.cli.console import shown_path, size, value
from pxw.specs import Ref

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["Output", "outputs_of", "table_of"]

_MANY = 20  # files of one output
_DIGITS = re.compile(r"([0-9]+)")
_FEW = 5  # values of one output that are shown one by one; a mapped task may give thousands


@dataclass(frozen=True)
class Output:
    """One line of the table."""

    name: str
    place: str
    rows: int | None = None
    size: int | None = None


def outputs_of(
    saved: Sequence[Mapping[str, Any]], returned: Any, kept_below: str, *, with_values: bool = True
) -> list[Output]:
    """What a reader wants to find again: declared places, small values, and what the flow returned beside them.

    Args:
        saved: the journal's events of that kind.
        returned: what the flow returned.
        kept_below: how the places of intermediates begin; those are shown only if the flow returned them.
        with_values: also small values that have no place.
    """
    refs = list(_refs(returned))
    kept = {ref.place for ref in refs}
    events = [*saved, *({**vars(ref), "key": ""} for ref in refs)]
    files = {
        event["place"]: _file(event)
        for event in events
        if event["place"] and (event["place"] in kept or not event["place"].startswith(kept_below))
    }
    told = {json.dumps(fact, default=str) for event in saved for fact in (event["place"], event.get("value"))}
    is_told = refs or returned is None or (isinstance(returned, dict) and told.issuperset(_leaves(returned)))
    plain = [] if is_told else [Output("returned", value(returned))]
    return [*_few(files.values()), *(_values(saved) if with_values else []), *plain]


def _leaves(returned: Any) -> Iterator[str]:
    """The values in what a flow returned, as JSON has them; `None` and what is empty are none."""
    if isinstance(returned, dict):
        for item in returned.values():
            yield from _leaves(item)
    elif returned is not None:
        yield json.dumps(returned, default=str)


def _few(files: Collection[Output]) -> Iterator[Output]:
    """Of the many files of one output the first ones, and how much the others are."""
    by_name: defaultdict[str, list[Output]] = defaultdict(list)
    for file in files:
        by_name[file.name].append(file)
    for name, unsorted in by_name.items():
        those = sorted(
            unsorted, key=lambda file: [int(part) if part.isdigit() else part for part in _DIGITS.split(file.place)]
        )
        yield from those[:_MANY]
        if others := those[_MANY:]:
            yield Output(name, f"... {len(others)} more", size=sum(file.size or 0 for file in others))


def _file(event: Mapping[str, Any]) -> Output:
    return Output(_name(event), shown_path(event["place"]), event["rows"], event["size"])


def _name(event: Mapping[str, Any]) -> str:
    return ".".join(filter(None, [event["task"], event["output"]]))


def _values(saved: Sequence[Mapping[str, Any]]) -> Iterator[Output]:
    events = {(event["task"], event["output"], event["key"]): event for event in saved if not event["place"]}
    counts = Counter(_name(event) for event in events.values())
    for event in events.values():
        if counts[_name(event)] <= _FEW:
            yield Output(_name(event), value(event.get("value")))
    yield from (Output(name, f"{count} values") for name, count in counts.items() if count > _FEW)


def _refs(returned: Any) -> Iterator[Ref]:
    """The references in what a flow returned."""
    if isinstance(returned, Ref):
        yield returned
    elif isinstance(returned, dict | list | tuple):
        for item in returned.values() if isinstance(returned, dict) else returned:
            yield from _refs(item)


def table_of(outputs: list[Output]) -> Table:
    """The table, without lines around it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    table.add_column("output", style="bold", no_wrap=True)
    table.add_column("place", style="cyan", overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for output in outputs:
        rows = "" if output.rows is None else f"{output.rows:,}"
        table.add_row(Text(output.name), Text(output.place), rows, "" if output.size is None else size(output.size))
    return table
