"""`pxw ddm ls|get|put|rm`: look into a DDM, and move files there and back."""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars
from rich.text import Text
from rich.tree import Tree

from pxw.addresses import ddm_address, scheme_of, split_ddm
from pxw.cli import DONE, FAILED
from pxw.cli.console import err, out, print_json, shown_path, size
from pxw.cli.embedded import use_running
from pxw.ddm.client import Client
from pxw.ddm.directory import Shares, place_below
from pxw.errors import DDMNotFoundError, MissingDataError, PlaceError, SettingsError, SpecError
from pxw.many import files_below, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pxw.ddm import Entry
    from pxw.ddm.delivery import Progress

__all__ = ["get", "ls", "put", "rm"]

_WORKERS = 8


@contextmanager
def _client() -> Iterator[Client]:
    if not use_running():
        raise SettingsError(
            "no DDM is set, and the one in the box does not run",
            help="set PXW_DDM_URL, and PXW_DDM_TOKEN or `pxw ddm login`; or start one: pxw ddm serve",
        )
    with Client.from_settings() as client:
        yield client


# Look ----------------------------------------------------------------------------------------------------------------


def ls(project: str = "", /, *, versions: bool = False, json: bool = False) -> None:
    """The files of a project and those below it, or of all, with their sizes and dates.

    Parameters
    ----------
    project
        Only this project, and the projects below it.
    versions
        Every version of each file, with its id, instead of the newest.
    json
        Print a JSON list of objects: `project`, `name`, `id`, `size` (bytes), `when`, `sha256`, `description`, `user`.
    """
    with _client() as client:
        found: Sequence[Entry] = client.list(_project(project))
        if project and not found:
            client.files(_project(project))  # raises the error that names the nearest project
        url = client.url
    shown = found if versions else _newest(found)
    if json:
        print_json([_as_json(entry) for entry in shown])
    else:
        out().print(_tree(shown, url, with_ids=versions))


def _project(text: str) -> str:
    return split_ddm(text)[0].strip("/")


def _newest(found: Sequence[Entry]) -> list[Entry]:
    """The last of each name; entries come in the order of their time."""
    return list({(entry.project, entry.name): entry for entry in found}.values())


def _as_json(entry: Entry) -> dict[str, Any]:
    told = {name: getattr(entry, name) for name in ("project", "name", "id", "size", "sha256", "description")}
    return told | {"when": entry.when and entry.when.isoformat(), "user": entry.user_id}


def _tree(found: Sequence[Entry], url: str, *, with_ids: bool) -> Tree:
    total = sum(entry.size or 0 for entry in found)
    root = Tree(
        Text(f"{url}  {len(found)} {'version' if with_ids else 'file'}{'s' * (len(found) != 1)}, {size(total)}")
    )
    folders: dict[str, Tree] = {"": root}
    wide = max((len(_printable(entry.name)) for entry in found), default=0)
    for entry in found:
        when = f"{entry.when.astimezone(UTC):%Y-%m-%d %H:%M}" if entry.when else ""
        facts = f"  {size(entry.size or 0):>8}  {when}" + (f"  {entry.id}" if with_ids else "")
        line = Text.assemble(_printable(entry.name).ljust(min(wide, 60)), (facts, "dim"))
        _folder(entry.project, folders).add(line)
    return root


def _folder(project: str, folders: dict[str, Tree]) -> Tree:
    """The branch of a project, below those of the words before it."""
    if project not in folders:
        parent, _, word = project.rpartition("/")
        folders[project] = _folder(parent, folders).add(Text(f"{_printable(word)}/", style="bold"))
    return folders[project]


def _printable(name: str) -> str:
    """A name without what a terminal would obey: anybody may have given it."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)


# Down ----------------------------------------------------------------------------------------------------------------


def get(source: str, to: Path | None = None, /, *, id: str | None = None, force: bool = False) -> None:  # noqa: A002 - the option's name
    """Download a file, or all files of a project; what is here already, byte for byte, is left out.

    Parameters
    ----------
    source
        `project//name`, or `project`.
    to
        The file or folder to write; by default the name of the file, or the last word of the project.
    id
        One version of the file, instead of the newest.
    force
        Replace files of this machine that differ.
    """
    with _client() as client:
        found, is_project = _found(client, source, id)
        places = _places(found, to, is_project=is_project)
        wanted = [(entry, place) for entry, place in zip(found, places, strict=True) if not _is_here(entry, place)]
        for _, place in wanted:
            if place.exists() and not force:
                raise PlaceError(f"{place} is there, and is not the same", help="--force replaces it")
        with _progress("downloading", sum(entry.size or 0 for entry, _ in wanted)) as shares:
            together(lambda pair: client.download(*pair, progress=shares.one()), wanted, _WORKERS)
    kept = f", {len(found) - len(wanted)} were here" if len(wanted) < len(found) else ""
    out().print(Text(f"{len(wanted)} file{'s' * (len(wanted) != 1)}{kept}: {shown_path(to or places[0])}"))


def _found(client: Client, source: str, id_: str | None = None) -> tuple[Sequence[Entry], bool]:
    """What an address means, and whether that is a project; `project/name` means a file where it is no project."""
    project, name = split_ddm(source)
    if name:
        return [client.find(project, name, id=id_)], False
    project = project.strip("/")
    if id_ is not None:
        raise SpecError(f"--id names a version of one file, and {source!r} is a project", help="write project//name")
    try:
        return client.files(project), True
    except DDMNotFoundError:
        parent, _, name = project.rpartition("/")
        if parent:
            with suppress(DDMNotFoundError):
                return [client.find(parent, name)], False
        raise


def _places(found: Sequence[Entry], to: Path | None, *, is_project: bool) -> list[Path]:
    if is_project:
        folder = to or Path(found[0].project.rpartition("/")[2])
        return [place_below(folder, entry.name) for entry in found]
    name = found[0].name.rpartition("/")[2]
    return [place_below(to, name) if to and to.is_dir() else to or place_below(Path(), name)]


def _is_here(entry: Entry, place: Path) -> bool:
    if entry.sha256 is None or not place.is_file() or place.stat().st_size != entry.size:
        return False
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


# Up ------------------------------------------------------------------------------------------------------------------


def put(
    project: str,
    /,
    *paths: Annotated[Path, Parameter(required=True)],
    description: str = "",
    use_case: list[str] = [],  # noqa: B006 - cyclopts copies it
    resume: bool = False,
    profile: bool = False,
) -> None:
    """Upload files, and folders with all that is in them; each is read back before it counts as done.

    Parameters
    ----------
    project
        Where they go: words between slashes.
    paths
        Files, which keep their names, and folders, whose files are named by their paths in them.
    description
        For people who browse.
    use_case
        A use case that the files belong to; may be given several times.
    resume
        Leave out what the project holds already, byte for byte: to go on after an interruption.
    profile
        Let DDM see the types of the files, so that it computes statistics. It may rewrite them.
    """
    files = dict(pair for path in paths for pair in _files(path))
    with _client() as client:
        present = {entry.name: entry for entry in client.list(_project(project)) if entry.project == _project(project)}
        is_there = {
            name for name, path in files.items() if resume and name in present and _is_here(present[name], path)
        }
        wanted = [(name, path) for name, path in files.items() if name not in is_there]
        with _progress("uploading", sum(path.stat().st_size for _, path in wanted)) as shares:

            def send(file: tuple[str, Path]) -> Entry:
                return client.upload(
                    file[1],
                    _project(project),
                    file[0],
                    description=description,
                    use_case=use_case,
                    ddm_profile=profile,
                    progress=shares.one(),
                )

            sent = together(send, wanted, _WORKERS)
    for entry in sent:
        out().print(Text(f"{ddm_address(entry.project, _printable(entry.name))}  {size(entry.size or 0)}  {entry.id}"))
    if is_there:
        err().print(Text(f"{len(is_there)} of {len(files)} files were there already", style="dim"))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.exists():
        raise MissingDataError(f"there is no {path}")
    return files_below(path) if path.is_dir() else iter([(path.name, path)])


@contextmanager
def _progress(doing: str, total: int) -> Iterator[Shares]:
    """Bytes and rate, where somebody watches."""
    console = err()
    if not console.is_terminal:
        yield Shares(None, total)
        return
    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(doing, total=total)
        tell: Progress = lambda done, _: bars.update(bar, completed=done)  # noqa: E731 - typed
        yield Shares(tell, total)


# Remove --------------------------------------------------------------------------------------------------------------


def rm(source: str, /, *, id: str | None = None, yes: bool = False) -> int:  # noqa: A002 - the option's name
    """Remove a file with all its versions, or all files of a project; it asks first.

    Parameters
    ----------
    source
        `project//name`, or `project`; projects below it stay.
    id
        Only this version of the file.
    yes
        Do not ask.
    """
    with _client() as client:
        found, _ = _found(client, source, id)
        names = {(entry.project, entry.name) for entry in found}
        doomed = found if id else [e for e in client.list(found[0].project) if (e.project, e.name) in names]
        count = f"{len(names)} file{'s' * (len(names) != 1)}"
        count += f" in {len(doomed)} versions" if len(doomed) > len(names) else ""
        shown = source if scheme_of(source) == "ddm" else ddm_address(*split_ddm(source))
        question = f"remove {count}, {size(sum(entry.size or 0 for entry in doomed))}: {shown} at {client.url}"
        if not yes and not _agreed(question):
            return FAILED
        together(client.delete, doomed, _WORKERS)
    out().print(Text(f"removed {count}"))
    return DONE


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError(f"nobody to ask: {question}?", help="--yes does not ask")
    return input(f"{question}? [y/N] ").strip().lower() in {"y", "yes"}
