"""`pxw runs ls`: which runs there are, and how they are doing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from pxw.cli.console import err, out, print_json, seconds, shown_path, size
from pxw.cli.told import mark, moment, printable, since
from pxw.runs.finding import histories, short
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from pxw.runs.history import History
    from pxw.settings import Settings

__all__ = ["ls"]

_WIDE = 100  # columns from which on there is room for words
_NARROW = 12  # columns that the names of flows should have
_FLOW = 2  # which column they are


def ls(
    *,
    flow: str = "",
    state: list[Literal["running", "done", "failed", "interrupted", "killed"]] = [],  # noqa: B006 - cyclopts copies it
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 20,
    all: bool = False,  # noqa: A002 - the option's name
    json: bool = False,
) -> None:
    """The runs that are kept, the newest first: their states, when they were, how long they took, what they did.

    A run that ended without a word is `killed`: its process is gone. `pxw run --resume RUN` goes on with one that is
    failed, interrupted or killed.

    Parameters
    ----------
    flow
        Only runs of the flow of this name; `*` and `?` stand for other signs.
    state
        Only runs in this state; may be given several times.
    number
        At most so many; 0 for all.
    all
        Also runs that another run called, and tasks that ran outside of any flow.
    json
        Print a JSON list of objects: `id`, `flow`, `state`, `began`, `ended` (seconds since 1970), `seconds`,
        `attempts`, `tasks` (`done`, `reused`, `failed`, `running`, `killed`), `size` (bytes), `error`, `caller`,
        `folder`.
    """
    settings = load_settings()
    chosen = _chosen(settings, flow, state, with_called=all)
    runs = list(islice(chosen, number) if number else chosen)
    if json:
        print_json([_as_json(run) for run in runs])
        return
    if runs:
        out().print(_table(runs, out()))
    else:
        some = "no such run is" if flow or state else "no runs are"
        err().print(Text(f"{some} kept in {shown_path(settings.runs)}"))
    if runs and next(chosen, None) is not None:
        err().print(Text(f"and older ones: -n {2 * number} shows more", style="dim"))


def _chosen(settings: Settings, flow: str, states: list[Any], *, with_called: bool) -> Iterator[History]:
    for run in histories(settings, called=with_called):
        is_flow = run.flow or with_called
        if is_flow and (not flow or fnmatchcase(run.flow, flow)) and (not states or run.state in states):
            yield run


def _counts(run: History) -> dict[str, int]:
    return {
        "done": run.count("done"),
        "reused": run.count("reused", "cached"),
        "failed": run.count("failed"),
        "running": run.count("running"),
        "killed": run.count("killed"),
    }


def _as_json(run: History) -> dict[str, Any]:
    names = ("id", "flow", "state", "began", "ended", "seconds", "attempts", "size", "error", "caller", "folder")
    return {name: getattr(run, name) for name in names} | {"tasks": _counts(run)}


def _table(runs: list[History], console: Console) -> Table:
    is_wide = console.width >= _WIDE
    names = ["", "run", "flow", *["state"] * is_wide, "when", "took", "tasks", "size"]
    rows = [list(_row(run, is_wide)) for run in runs]
    widths = [max(cell.cell_len for cell in column) for column in zip(map(Text, names), *rows, strict=True)]
    room = console.width - sum(widths) + widths[_FLOW] - 2 * len(names)
    if room < _NARROW and not is_wide:  # bytes matter less than the name
        names, rows = names[:-1], [row[:-1] for row in rows]
        room += widths[-1] + 2
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, justify="right" if name in {"took", "size"} else "left")
    for row in rows:
        row[_FLOW].truncate(max(room, 4), overflow="ellipsis")
        table.add_row(*row)
    return table


def _row(run: History, is_wide: bool) -> Iterator[Text]:
    sign = mark(run.state)
    yield sign
    yield Text(short(run.id), style="cyan")
    yield Text(printable(run.flow or "-"), style="bold")
    if is_wide:
        yield Text(run.state, style=sign.style)
    yield Text(moment(run.began)[:-3] if is_wide else since(run.began))
    yield Text(seconds(run.seconds))
    yield _tasks(_counts(run), is_wide)
    yield Text(size(run.size) if run.size else "")


def _tasks(counts: dict[str, int], is_wide: bool) -> Text:
    """How many task runs are in which state: in words, or by their signs."""
    words = Text()
    for state, count in counts.items():
        if count or (state == "done" and not any(counts.values())):
            sign = mark(state)
            said = f"{count} {state}" if is_wide else f"{sign.plain}{count}"
            words.append(", " if words and is_wide else " " if words else "")
            words.append(said, style="" if state == "done" else sign.style)
    return words
