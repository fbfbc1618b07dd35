"""`pxw cache`: what pxw keeps by itself and can make again: intermediates of runs, and copies of what is elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.table import Table
from rich.text import Text

from pxw.cache import Cache
from pxw.cli import DONE, FAILED
from pxw.cli.console import err, out, print_json, shown_path, size
from pxw.cli.told import printable
from pxw.errors import PxwError
from pxw.runs import collect
from pxw.runs.finding import short
from pxw.runs.verifying import intermediates, remove
from pxw.settings import load_settings
from pxw.stores import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pxw.settings import Settings

__all__ = ["command"]


def _cache(settings: Settings) -> Cache:
    return Cache(settings.home / "cache")


# Look ----------------------------------------------------------------------------------------------------------------


def ls(*, json: bool = False) -> None:
    """How much pxw keeps, where, and how much of it `pxw cache gc` would remove.

    Parameters
    ----------
    json
        Print a JSON list of objects: `kind` (`runs`, `copies`, `unsent`), `count`, `size` (bytes), `old` (bytes that
        `pxw cache gc` would remove), `place`.
    """
    kinds = list(_kinds(load_settings()))
    if json:
        print_json(kinds)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False, pad_edge=False)
    table.add_column("what", style="bold", no_wrap=True)
    for name in ("count", "size", "old"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("place", style="cyan", overflow="fold")
    words = {"runs": "intermediates of runs", "copies": "copies of remote files", "unsent": "never sent"}
    for kind in kinds:
        shown = f"{kind['count']:,}", size(kind["size"]), size(kind["old"]) if kind["old"] else "-"
        table.add_row(words[kind["kind"]], *shown, Text(shown_path(kind["place"])))
    out().print(table)
    if any(kind["old"] for kind in kinds):
        err().print(Text("`pxw cache gc` removes what is old", style="dim"))


def _kinds(settings: Settings) -> Iterator[dict[str, Any]]:
    folders = [folder for folder in settings.runs.glob("*/") if (folder / "journal.jsonl").exists()]
    old_runs, (_, old_copies), (unsent, never_sent) = _collect(settings, dry_run=True)
    sizes = {
        "runs": (len(folders), sum(map(_bytes_below, folders)), sum(count for _, count in old_runs), settings.runs),
        "copies": (*_copies(settings), old_copies, _cache(settings).root),
        "unsent": (unsent, never_sent, never_sent, settings.home / "outgoing"),
    }
    for kind, (count, total, old, place) in sizes.items():
        if kind != "unsent" or count:
            yield {"kind": kind, "count": count, "size": total, "old": old, "place": f"{place}/"}


def _copies(settings: Settings) -> tuple[int, int]:
    sizes = [_bytes(path) for path in _cache(settings).files()]
    return len(sizes), sum(sizes)


def _bytes_below(folder: Path) -> int:
    return sum(map(_bytes, folder.rglob("*")))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # removed meanwhile
        return 0


# Remove --------------------------------------------------------------------------------------------------------------


def _collect(settings: Settings, *, dry_run: bool) -> tuple[list[tuple[str, int]], tuple[int, int], tuple[int, int]]:
    runs = collect(settings, dry_run=dry_run)
    limits = {"days": settings.keep_days, "gb": settings.keep_gb, "now": time.time()}
    return runs, _cache(settings).collect(**limits, dry_run=dry_run), outgoing.collect(settings, dry_run=dry_run)


def gc(*, dry_run: bool = False, json: bool = False) -> None:
    """Remove what is old; never what a run that goes on needs, and never a declared output.

    Runs older than `PXW_KEEP_DAYS` go, and the oldest of those that together hold more than `PXW_KEEP_GB`. So do copies
    of what a DDM or an object store holds, and in an object store (`PXW_STORE`) the intermediates of old runs; and what
    was about to be sent elsewhere by processes that were killed.

    Parameters
    ----------
    dry_run
        Only say what would be removed.
    json
        Print a JSON list of objects: `run`, `size` (bytes); the last may be of the cache: `copies` (files), `size`; and
        of what was never sent: `unsent` (folders), `size`.
    """
    settings = load_settings()
    removed, (copies, copied), (unsent, never_sent) = _collect(settings, dry_run=dry_run)
    if json:
        found: list[dict[str, object]] = [{"run": run, "size": count} for run, count in removed]
        found += [{"copies": copies, "size": copied}] * bool(copies)
        print_json(found + [{"unsent": unsent, "size": never_sent}] * bool(unsent))
        return
    verb = "would remove" if dry_run else "removed"
    for run, count in removed:
        out().print(Text(f"{verb} {run}  {size(count)}"))
    total = f"{verb} {len(removed)} runs, {size(sum(count for _, count in removed))}"
    if copies:
        out().print(Text(f"{verb} {copies} copies of remote files  {size(copied)}"))
    if unsent:
        out().print(Text(f"{verb} what {unsent} killed processes had not sent yet  {size(never_sent)}"))
    kept = f"runs are kept for {settings.keep_days:g} days, up to {settings.keep_gb:g} GB in all"
    out().print(Text.assemble((total, "bold"), (f"; {kept}", "dim")))


# Verify --------------------------------------------------------------------------------------------------------------


def verify(*, remove: bool = False, json: bool = False) -> int:
    """Read everything again, and say what is not as it was written; the exit code is 1 if something is damaged.

    Intermediates are compared with the digest in their run's journal, copies with that in their name. Only what is on
    this machine is read. A copy that is removed is downloaded again; a task whose intermediate is gone runs again when
    its run is resumed.

    Parameters
    ----------
    remove
        Remove what is damaged, unless a process needs its run.
    json
        Print one JSON object: `whole`, `unknown` (counts; without a noted digest), and `bad`: a list of objects with
        `what` (`damaged` or `missing`), `run`, `output`, `place`, `removed`; `run` is empty for a copy.
    """
    settings = load_settings()
    counts: Counter[str] = Counter()
    bad = [*_bad_intermediates(settings, counts, remove), *_bad_copies(_cache(settings), counts, remove)]
    if json:
        print_json({"whole": counts["whole"], "unknown": counts["unknown"], "bad": bad})
        return FAILED if bad else DONE
    for each in bad:
        whose = f"{each['output']} of run {short(each['run'])}" if each["run"] else "a copy of a remote file"
        words = printable(f" {whose}: {shown_path(each['place'])}") + (", removed" if each["removed"] else "")
        out().print(Text.assemble((each["what"], "bold red"), words))
    unknown = f", {counts['unknown']} without a noted digest" if counts["unknown"] else ""
    style = "bold red" if bad else "bold green"
    out().print(Text.assemble((f"{counts['whole']} whole, {len(bad)} damaged or missing", style), unknown))
    return FAILED if bad else DONE


def _bad_intermediates(settings: Settings, counts: Counter[str], removes: bool) -> Iterator[dict[str, Any]]:
    for looked in intermediates(settings):
        counts[looked.verdict] += 1
        if looked.verdict in {"damaged", "missing"}:
            removed = removes and looked.verdict == "damaged" and remove(looked)
            yield _bad(looked.verdict, looked.saved.place, looked.run.id, looked.name, removed)


def _bad_copies(cache: Cache, counts: Counter[str], removes: bool) -> Iterator[dict[str, Any]]:
    for path in cache.files():
        try:
            is_whole = cache.is_whole(path)
        except PxwError:
            if not path.exists():  # collected meanwhile
                continue
            is_whole = False
        counts["whole"] += is_whole
        if not is_whole:
            if removes:
                path.unlink(missing_ok=True)
            yield _bad("damaged", str(path), removed=removes)


def _bad(what: str, place: str, run: str = "", output: str = "", removed: bool = False) -> dict[str, Any]:
    return {"what": what, "run": run, "output": output, "place": place, "removed": removed}


command = App(
    name="cache",
    help="""What pxw keeps by itself: how much it is, whether it is undamaged; remove what is old.

That is what it can make again: the intermediates of runs (datasets that nobody gave a place), and copies of files of a
DDM or an object store. Declared outputs are yours, and no part of it.""",
    result_action="return_value",
)
_COMMANDS: tuple[Callable[..., Any], ...] = (ls, gc, verify)
for _order, _command in enumerate(_COMMANDS):
    command.command(_command, sort_key=_order)
