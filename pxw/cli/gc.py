"""`pxw gc`: remove the intermediates of old runs."""

from __future__ import annotations

import time

from rich.text import Text

from pxw.cache import Cache
from pxw.cli.console import out, print_json, size
from pxw.runs import collect
from pxw.settings import load_settings
from pxw.stores import outgoing

__all__ = ["command"]


def command(*, dry_run: bool = False, json: bool = False) -> None:
    """Remove the intermediates of old runs; never those of a run that goes on, and never a declared output.

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
    removed = collect(settings, dry_run=dry_run)
    cache = Cache(settings.home / "cache")
    copies, copied = cache.collect(days=settings.keep_days, gb=settings.keep_gb, now=time.time(), dry_run=dry_run)
    unsent, never_sent = outgoing.collect(settings, dry_run=dry_run)
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
