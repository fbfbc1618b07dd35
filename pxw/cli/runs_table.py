"""The runs of an experiment, one a line: the values that each was made with, and the small ones that it gave."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table
from rich.text import Text

from pxw.cli.console import value
from pxw.cli.told import printable
from pxw.spaces import Runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["OneRun", "runs_in", "table_of_runs"]

_MOST = 20  # runs that are shown, unless all are asked for
_COLUMNS = 10
_LONGEST = 30  # signs of a text that is a column's value


class OneRun(NamedTuple):
    """One line of the table."""

    name: str
    configuration: Mapping[str, Any]
    result: Any


def runs_in(returned: Any) -> list[OneRun]:
    """The runs that a flow returned: those of one space, or of several by their names.

    >>> runs = Runs()
    >>> runs.add({"depth": 3}, {"accuracy": 0.9})
    >>> runs_in({"Coarse": runs, "best": 3})
    [OneRun(name='Coarse-1', configuration={'depth': 3}, result={'accuracy': 0.9})]
    """
    if isinstance(returned, Runs):
        return [OneRun(str(number), **run) for number, run in returned.items()]
    spaces = returned.items() if isinstance(returned, dict) else ()
    found = [
        (f"{name}-{number}", run) for name, runs in spaces if isinstance(runs, Runs) for number, run in runs.items()
    ]
    return [OneRun(name, **run) for name, run in found]


def table_of_runs(runs: Sequence[OneRun], *, all_of_them: bool = False) -> Table:
    """The table, without lines around it; a line below says how many are left out."""
    shown = runs if all_of_them else runs[:_MOST]
    given = _columns(run.configuration for run in runs)
    came = _columns(_plain(run.result) for run in runs)
    left_out = 0 if all_of_them else max(len(given) + len(came) - _COLUMNS, 0)
    came = came[: len(came) - min(left_out, len(came))]
    given = given[: _COLUMNS - len(came)] if left_out else given
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    table.add_column("run", style="bold", no_wrap=True)
    for name in (*given, *came):
        table.add_column(printable(name), justify="right", overflow="fold")
    for run in shown:
        values = [(run.configuration, name) for name in given] + [(_plain(run.result), name) for name in came]
        table.add_row(Text(printable(run.name)), *(_cell(each, name) for each, name in values))
    if len(shown) < len(runs) or left_out:
        table.caption = _left_out(len(runs) - len(shown), left_out)
        table.caption_justify, table.caption_style = "left", "dim"
    return table


def _left_out(runs: int, columns: int) -> str:
    words = [
        f"{count} more {what}{'s' * (count != 1)}" for count, what in ((runs, "run"), (columns, "column")) if count
    ]
    return f"... {' and '.join(words)}: pxw runs show --all"


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _cell(values: Mapping[str, Any], name: str) -> Text:
    if name not in values:
        return Text("")
    held = values[name]
    return Text(printable(f"{held:.6g}" if isinstance(held, float) else value(held, _LONGEST).strip('"')))


def _plain(result: Any) -> dict[str, Any]:
    """The small values of a result; places of datasets and what single tasks gave are told elsewhere."""
    values = result if isinstance(result, dict) else {"result": result}
    return {str(name): held for name, held in values.items() if isinstance(held, int | float) or _is_word(held)}


def _is_word(held: Any) -> bool:
    return isinstance(held, str) and len(held) <= _LONGEST and "://" not in held and not os.path.isabs(held)  # noqa: PTH117 - it may be no path
