"""`pxw doctor`: look at the installation, and say what to mend."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr
from rich.text import Text

from pxw.cli import DONE, FAILED
from pxw.cli.console import out, print_json, shown_path, size
from pxw.errors import PxwError
from pxw.settings import load_settings
from pxw.specs import Local
from pxw.stores import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pxw.settings import Settings

__all__ = ["Check", "checks", "command", "pairs"]

_NEEDED = ("pxw", "prefect", "fastapi", "pandas", "pyarrow", "pydantic")
_OPTIONAL = ("polars", "duckdb", "pandera", "scikit-learn", "skops", "obstore")
_LITTLE = 2e9  # bytes


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: what it is.
        status: whether it is well.
        found: what was found.
        help: what to do.
    """

    name: str
    status: Literal["ok", "warn", "bad"]
    found: str
    help: str = ""


def command(*, json: bool = False) -> int:
    """Look at the installation: Python, packages, server, disk, settings; the exit code is 1 if something is bad.

    Parameters
    ----------
    json
        Print one JSON object: `checks` (`name`, `status`: ok, warn or bad, `found`, `help`) and `settings`; secrets are
        hidden.
    """
    found = list(checks())
    shown = _settings()
    if json:
        print_json({"checks": [asdict(check) for check in found], "settings": shown})
    else:
        _show(found, shown)
    return FAILED if any(check.status == "bad" for check in found) else DONE


def _show(found: list[Check], shown: Mapping[str, Any]) -> None:
    marks = {"ok": ("✓", "green"), "warn": ("!", "bold yellow"), "bad": ("✗", "bold red")}
    wide = max(len(check.name) for check in found)
    for check in found:
        line = Text.assemble(marks[check.status], f" {check.name:<{wide}}  {check.found}")
        if check.help:
            line.append(f"\n  {'':<{wide}}  help: ", style="green").append(check.help)
        out().print(line)
    if shown:
        out().print(Text("\nsettings in force (PXW_*, pxw.toml, defaults)", style="bold"))
    for name, value in shown.items():
        out().print(Text(f"  {name:<{wide + 8}}{value}"))


def checks() -> Iterator[Check]:
    """Look at everything."""
    yield Check("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    installed = {name: _version(name) for name in (*_NEEDED, *_OPTIONAL)}
    for name in _NEEDED:
        there = installed[name]
        yield Check(name, "ok" if there else "bad", there or "not installed", "" if there else f"pip install {name}")
    optional = [f"{name} {installed[name]}" for name in _OPTIONAL if installed[name]]
    yield Check("optional", "ok", ", ".join(optional) or "none")
    yield from pairs(installed)
    try:
        settings = load_settings()
    except PxwError as error:
        yield Check("settings", "bad", "; ".join([error.message, *error.details]), f"change {error.at}")
        return
    yield from _home(settings)
    if settings.store is not None:
        yield _store(settings)
    yield _server(settings)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def pairs(installed: Mapping[str, str | None]) -> Iterator[Check]:
    """Packages that do not work together.

    >>> [check.help for check in pairs({"prefect": "3.8.8", "fastapi": "0.151.0"})]
    ['pip install "fastapi>=0.139,<0.151"']
    """
    prefect, fastapi = installed.get("prefect"), installed.get("fastapi")
    if prefect and fastapi and not (0, 139) <= _numbers(fastapi) < (0, 151):
        yield Check(
            "prefect + fastapi",
            "bad",
            f"Prefect {prefect} does not start its server with fastapi {fastapi}",
            'pip install "fastapi>=0.139,<0.151"',
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _home(settings: Settings) -> Iterator[Check]:
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    may_write = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    yield Check(
        "PXW_HOME",
        "ok" if may_write else "bad",
        shown_path(settings.home) + ("" if may_write else f": no permission to write to {place}"),
        "" if may_write else "set PXW_HOME to a folder of your own",
    )
    free = shutil.disk_usage(place).free
    yield Check(
        "disk",
        "ok" if free > _LITTLE else "warn",
        f"{size(free)} free",
        "" if free > _LITTLE else "`pxw cache gc` removes old intermediates; PXW_HOME may be on a larger disk",
    )


def _store(settings: Settings) -> Check:
    try:
        if settings.store_url:
            from pxw.stores import objects  # noqa: PLC0415 - brings obstore

            objects.probe(settings.store_url)
        else:
            local.refuse_unwritable(Local(settings.runs))
    except PxwError as error:
        return Check("PXW_STORE", "bad", "; ".join([error.message, *error.details]), error.help)
    return Check("PXW_STORE", "ok", f"{settings.store_url or settings.store} can be written")


def _server(settings: Settings) -> Check:
    from pxw.engines.prefect import local_server  # noqa: PLC0415 - a broken Prefect must not keep the rest from being shown

    try:
        from pxw.engines.prefect.launching import configured_url, refuse_unreachable  # noqa: PLC0415 - as above

        url = configured_url()
        if url is not None:
            refuse_unreachable(url)
            return Check("Prefect server", "ok", f"{_without_user(url)} answers")
    except PxwError as error:
        return Check("Prefect server", "bad", "; ".join([error.message, *error.details]), error.help)
    except Exception as error:
        return Check("Prefect server", "bad", f"Prefect cannot be imported: {error}", "reinstall it: pip install pxw")
    found = local_server.find(settings.home)
    if found is None:
        return Check("Prefect server", "ok", "none configured; `pxw run` starts a local one")
    if local_server.answers(found.url):
        return Check("Prefect server", "ok", f"the local one answers: {found.ui}")
    return Check("Prefect server", "warn", f"the local one does not answer: {found.ui}", "pxw server stop")


def _settings() -> dict[str, Any]:
    try:
        settings = load_settings()
    except PxwError:
        return {}  # a check says what is wrong with them
    return {name: _shown(value) for name, value in settings}


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "**********"
    if isinstance(value, Path):
        return str(value)
    return _without_user(value) if isinstance(value, str) else value


def _without_user(url: str) -> str:
    """A URL without the name and password that it may hold."""
    user = urlsplit(url).netloc.rpartition("@")[0]
    return url.replace(f"{user}@", "", 1) if user else url
