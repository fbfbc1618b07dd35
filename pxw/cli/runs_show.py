"""`pxw runs show`: what one run was given, what its tasks did, and where their outputs are."""

from __future__ import annotations

import json as jsonlib
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pxw.cli.console import out, print_json, seconds, shown_path
from pxw.cli.runs_table import OneRun, table_of_runs
from pxw.cli.told import facts_of, given, is_gone, mark, moment, printable
from pxw.errors import TargetError, nearest
from pxw.runs.finding import find, short
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.runs.history import History, Saved, TaskRun

__all__ = ["show"]

_FEW = 3  # runs of one task that are shown, unless all are asked for
_COLUMNS = 8  # of a table


def show(run: str = "last", /, *, task: str = "", all: bool = False, json: bool = False) -> None:  # noqa: A002 - the option's name
    """One run: its parameters, each task run with what it took and gave, errors, and where all that is.

    Parameters
    ----------
    run
        Its id, or the first signs of it; `last`, or `last~1` for the one before.
    task
        Only the runs of this task.
    all
        Every run of a task that ran many times, and every column of a wide table.
    json
        Print one JSON object: what `pxw runs ls --json` tells, and `about` (`parameters`, `versions`, ...), `command`,
        `called`, `tasks` (`task`, `state`, `began`, `seconds`, `tries`, `inputs`, `saved`, `error`, ...) and `saved`.
    """
    found = find(run, load_settings())
    names = list(dict.fromkeys(each.task for each in found.tasks))
    if task and task not in names:
        raise TargetError(f"run {short(found.id)} has no task {task!r}", help=nearest(task, names))
    chosen = {name: each for name, each in found.named.items() if not task or each.task == task}
    if json:
        print_json(_as_json(found, chosen))
        return
    for part in (_head(found), _parameters(found)):
        out().print(part)
    _print_tasks(found, chosen, all_of_them=all)
    _print_runs(found, all_of_them=all)
    _print_end(found, all_of_them=all)


def _as_json(run: History, chosen: dict[str, TaskRun]) -> dict[str, Any]:
    told = asdict(run) | {"folder": str(run.folder), "size": run.size, "command": _command(run)}
    told["tasks"] = [
        asdict(task) | {"name": name, "saved": [asdict(saved) for saved in task.saved.values()]}
        for name, task in chosen.items()
    ]
    return told


def _command(run: History) -> str:
    """What was typed, if `pxw run` ran it."""
    try:
        asked = jsonlib.loads((run.folder / "asked.json").read_bytes())
        words = [
            asked["target"],
            *(f"-p {each}" for each in asked["param"]),
            *(f"--set {each}" for each in asked["set"]),
        ]
        return " ".join(["pxw run", *words, *["--inline"] * bool(asked["inline"])])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _grid(indent: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=indent)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    grid.add_column(overflow="fold")
    return grid


def _head(run: History) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    sign = mark(run.state)
    title = Text.assemble((printable(run.flow or "tasks"), "bold"), "  ", sign, " ", (run.state, str(sign.style)))
    grid.add_row(Text(short(run.id), style="cyan"), title)
    attempts = f", {run.attempts} attempts" if run.attempts > 1 else ""
    grid.add_row(
        "when", f"{moment(run.began)}, {'for' if run.state == 'running' else 'took'} {seconds(run.seconds)}{attempts}"
    )
    for name, words in _about(run):
        if words:
            grid.add_row(name, Text(words))
    if run.error:
        grid.add_row("error", Text(printable_lines(run.error), style="red"))
    if run.state in {"failed", "interrupted", "killed"} and not run.caller:
        grid.add_row("go on", Text(_how_to_go_on(run), style="green"))
    return grid


def _how_to_go_on(run: History) -> str:
    if _command(run):
        return f"pxw run --resume {short(run.id)}"
    if run.about.get("engine") == "prefect":  # a worker ran it, or Python itself
        return f"prefect flow-run retry {run.id}"
    return f"pxw run TARGET --resume {short(run.id)}" if run.flow else "-"


def printable_lines(text: str) -> str:
    """A text of several lines without what a terminal would obey."""
    return "\n".join(map(printable, text.splitlines()))


def _about(run: History) -> Iterator[tuple[str, str]]:
    about = run.about
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    prefect = f"Prefect; its log: prefect flow-run logs {run.id}"
    yield "run", run.id
    yield "command", _command(run)
    yield "engine", {"inline": "inline, without Prefect", "prefect": prefect}.get(about.get("engine", ""), "")
    yield "where", ":".join(filter(None, [about.get("host", ""), about.get("cwd", "")]))
    yield "with", versions
    yield "folder", shown_path(f"{run.folder}/")
    yield "journal", shown_path(run.folder / "journal.jsonl")
    yield "called by", short(run.caller)
    yield (
        "called",
        ", ".join(f"{flow} {short(each)}" for flow, each in run.called[:8]) + ", ..." * (len(run.called) > 8),
    )


def _parameters(run: History) -> Table:
    grid = _grid(0)
    if not run.about:
        return grid
    grid.add_row(
        "", Text("\nparameters", style="dim"), "" if run.about.get("parameters") else Text("\nnone", style="dim")
    )
    for name, told in run.about.get("parameters", {}).items():
        grid.add_row("", Text(printable(name)), Text(given(told, run)))
    return grid


# Tasks ---------------------------------------------------------------------------------------------------------------


def _print_tasks(run: History, chosen: dict[str, TaskRun], *, all_of_them: bool) -> None:
    if not chosen:
        return
    out().print(Text("\ntasks", style="dim"))
    several: defaultdict[str, list[tuple[str, TaskRun]]] = defaultdict(list)
    for name, task in chosen.items():
        several[task.task].append((name, task))
    for runs in several.values():
        shown = runs if all_of_them else _most_telling(runs)
        for name, task in shown:
            _print_task(name, task, run, all_columns=all_of_them)
        if len(shown) < len(runs):
            count = len(runs) - len(shown)
            more = f"  ... {count} more run{'s' * (count != 1)} of {runs[0][1].task}: --all shows them"
            out().print(Text(more, style="dim"))


def _most_telling(runs: list[tuple[str, TaskRun]]) -> list[tuple[str, TaskRun]]:
    """Of many runs of one task those that failed or go on, and else the first ones."""
    ranked = sorted(runs, key=lambda each: each[1].state in {"done", "reused", "cached"})[:_FEW]
    return [each for each in runs if each in ranked]


def _print_task(name: str, task: TaskRun, run: History, *, all_columns: bool) -> None:
    out().print(Text.assemble(mark(task.state), " ", (printable(name), "bold"), "  ", (_how(task), "dim")))
    grid = _grid(0)
    for key, told in (task.inputs or {}).items():
        grid.add_row("", Text(f"← {printable(key)}", style="blue"), Text(given(told, run)))
    for saved in task.saved.values():
        for row in _rows(saved, run, all_columns=all_columns):
            grid.add_row("", *row)
    if task.error:
        grid.add_row("", Text("✗ error", style="red"), Text(printable_lines(task.error), style="red"))
    if grid.row_count:
        out().print(grid)


def _how(task: TaskRun) -> str:
    """What there is to tell of a task run that is not in its mark."""
    words = [task.label, "" if task.seconds is None else seconds(task.seconds)]
    words += [task.state if task.state not in {"done", "failed"} else ""]
    words += ["from an earlier attempt" if task.state == "reused" else ""]
    makers = {short(saved.run) for saved in task.saved.values() if saved.run and task.state == "cached"}
    words += [f"made by run {', '.join(sorted(makers))}" if makers else ""]
    words += [f"started {task.tries} times" if task.tries > 1 else ""]
    return ", ".join(filter(None, words))


def _rows(saved: Saved, run: History, *, all_columns: bool) -> Iterator[tuple[Text, Text]]:
    yield Text(f"→ {printable(saved.output or saved.name)}", style="green"), Text(printable(facts_of(saved)))
    if saved.place:
        gone = " (gone)" if is_gone(saved) else ""
        place = saved.place.removeprefix(f"{run.folder}/")  # the folder is told above
        yield Text(), Text.assemble((printable(shown_path(place)), "cyan"), (gone, "red"))
    if saved.columns:
        names = list(saved.columns) if all_columns else list(saved.columns)[:_COLUMNS]
        more = f", ... {len(saved.columns)} in all" if len(names) < len(saved.columns) else ""
        told = ", ".join(f"{printable(name)} {saved.columns[name]}" for name in names) + more
        yield Text(), Text(told, style="dim")


def _print_runs(run: History, *, all_of_them: bool) -> None:
    """The runs of an experiment."""
    if not run.runs:
        return
    runs = [
        OneRun(f"{each['node']}-{each['number']}", each["configuration"] or {}, each["result"]) for each in run.runs
    ]
    out().print(Text("\nruns of the experiment", style="dim"))
    out().print(Padding(table_of_runs(runs, all_of_them=all_of_them), (0, 0, 0, 2), expand=False))


def _print_end(run: History, *, all_of_them: bool) -> None:
    if not run.saved:
        return
    out().print(Text("\nsaved by the flow", style="dim"))
    grid = _grid(0)
    for saved in run.saved:
        for row in _rows(saved, run, all_columns=all_of_them):
            grid.add_row("", *row)
    out().print(grid)
