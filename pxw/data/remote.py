"""Datasets whose place is a DDM: written on this machine first, then uploaded; loaded from the verified cache."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pxw.codecs import File, registry
from pxw.codecs.tables import is_table
from pxw.data import saving
from pxw.data.places import Place
from pxw.ddm import Entry
from pxw.ddm.address import address, is_address, split
from pxw.errors import PxwError, SpecError
from pxw.settings import load_settings
from pxw.specs import DDM, Arrow, Dataset, Local, Ref, suffixes
from pxw.stores import ddm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["copy", "entries", "find", "find_ref", "fingerprint", "glimpse", "save", "verify"]

_GLIMPSE = 64_000_000  # bytes that a check may download to see what is in them

# Down ----------------------------------------------------------------------------------------------------------------


def find(spec: DDM) -> Place:
    """The files that a spec means, fetched into the cache."""
    return _place(spec, ddm.entries(spec), is_folder=spec.name is None)


def find_ref(ref: Ref, spec: Dataset) -> Place:
    """The files that a reference means: by id, never searched for again, and not fetched where they were made."""
    place = _place(spec, _members(ref), is_folder=ref.format == "folder")
    return replace(place, checked=ref.checked, columns=ref.columns, python=ref.python)


def glimpse(spec: DDM) -> Place:
    """The files that a spec means, as far as looking at them is cheap: of large ones only that they are there."""
    found, room = [], _GLIMPSE
    for entry in ddm.entries(spec):
        room -= entry.size or 0
        if room >= 0:
            found.append(entry)
    return _place(spec, found, is_folder=spec.name is None)


def _place(spec: Dataset, found: Sequence[Entry], *, is_folder: bool) -> Place:
    paths = {entry.name: path for entry, path in zip(found, ddm.fetch(found), strict=True)}
    folder = ddm.named(paths)
    files = {
        entry.name: File(
            folder / entry.name,
            spec,
            spec.compression or suffixes(entry.name)[1],
            address(entry.project, entry.name),
        )
        for entry in found
    }
    return Place(spec, files, folder if is_folder else None)


def _members(ref: Ref) -> list[Entry]:
    project, name = split(ref.place)
    if name:
        sha256 = _sha256(ref)
        # Of what the DDM may have rewritten, nothing is known but its id.
        return [Entry(ref.id or "", project, name, ref.size if sha256 or not ref.size else None, sha256)]
    return [Entry(id_, project, name, size, sha256) for name, id_, sha256, size in json.loads(str(ref.value))]


def _sha256(ref: Ref) -> str | None:
    kind, _, digest = ref.digest.partition(":")
    return digest if kind == "sha256" else None


def entries(source: Ref | DDM) -> list[DDM]:
    """A spec for each file of a project, pinned by its id; nothing is downloaded."""
    found = _members(source) if isinstance(source, Ref) else ddm.entries(source)
    ddm.know(found)  # so that none of them is looked up again by this process
    said = _said(source) if isinstance(source, DDM) else {}
    return [DDM(project=entry.project, name=entry.name, id=entry.id, **said) for entry in found]


def fingerprint(spec: DDM) -> str:
    """What tells whether a spec means the same bytes as before: the digests of its files, or their ids."""
    known = [f"{entry.name}\0{entry.sha256 or entry.id}" for entry in ddm.entries(spec)]
    return "\n".join(known)


def verify(ref: Ref) -> None:
    """Make sure that what a reference means is still there, with the bytes that it had."""
    ddm.fetch(_members(ref))


# Up ------------------------------------------------------------------------------------------------------------------


def save(value: Any, spec: Dataset, *, project: str, stem: str, about: Mapping[str, Any]) -> Ref:
    """Write a value on this machine, upload it, and give the reference to it.

    Args:
        value: what to write.
        spec: as what; and where to, if it is a `DDM`.
        project: where to otherwise; the files of a folder go to the project `stem` below it.
        stem: the name, but for its suffix, of a file whose spec names none.
        about: who made it, as a DDM keeps it with the file.
    """
    with _outgoing(spec, project) as folder:
        here = _here(spec, folder, packed=is_table(value))
        return _uploaded(saving.save(value, here, beside=folder / stem), spec, project, folder / stem, about)


def copy(source: Ref | Dataset, spec: Dataset, *, project: str, stem: str, about: Mapping[str, Any]) -> Ref:
    """Copy what a `Ref` or a spec points at to a DDM, the bytes as they are if the format is the same."""
    with _outgoing(spec, project) as folder:
        here = _here(spec, folder)
        if isinstance(spec, DDM) and not isinstance(here, Local):  # a project: the files keep their names
            here = Local(folder / (_name_of(source) or "files/")).inherit(spec)
        return _uploaded(saving.copy(source, here, beside=folder / stem), spec, project, folder / stem, about)


@contextmanager
def _outgoing(spec: Dataset, project: str) -> Iterator[Path]:
    """A folder for what is about to be uploaded; errors tell the address in the DDM instead of it."""
    if isinstance(spec, DDM) and (spec.id or spec.as_of):
        raise SpecError(
            f"{spec} means a version that exists: nothing can be saved there", help="leave out id and as_of"
        )
    home = load_settings().home / "ddm" / "outgoing"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        try:
            yield Path(folder)
        except PxwError as error:
            place = address(spec.project if isinstance(spec, DDM) else project)
            error.message, error.at, error.help, *details = (
                text.replace(f"{folder}/", place).replace(folder, place)
                for text in (error.message, error.at, error.help, *error.details)
            )
            error.details = tuple(details)
            raise


def _here(spec: Dataset, folder: Path, *, packed: bool = False) -> Dataset:
    """The same spec for a file of this machine; Arrow goes up compressed."""
    said = _said(spec)
    name = PurePosixPath(spec.name).name if isinstance(spec, DDM) and spec.name else ""
    by_suffix = registry.by_suffix(suffixes(name)[0])
    if packed and (spec.format or (by_suffix.format if by_suffix else "arrow")) == "arrow":
        said["format"] = Arrow(compression="zstd")
    return Local(folder / name, **said) if name else Dataset(**said)


def _said(spec: Dataset) -> dict[str, Any]:
    """What a spec says of a dataset, but for its place."""
    fields = Dataset.model_fields.keys() & spec.model_fields_set
    return {"schema" if name == "table" else name: getattr(spec, name) for name in fields}


def _name_of(source: Ref | Dataset) -> str:
    """The name of a single file; that of a file in a DDM may hold slashes."""
    if isinstance(source, DDM):
        return source.name or ""
    if isinstance(source, Local):
        return "" if source.is_folder or source.is_pattern else Path(source.path).name
    place = getattr(source, "place", "")
    return split(place)[1] if is_address(place) else "" if place.endswith("/") else Path(place).name


def _uploaded(written: Ref, spec: Dataset, project: str, stem: Path, about: Mapping[str, Any]) -> Ref:
    named = isinstance(spec, DDM)
    project = spec.project if isinstance(spec, DDM) else project
    profile = isinstance(spec, DDM) and spec.profile
    if written.format == "folder":
        if isinstance(spec, DDM) and spec.name:
            raise SpecError(
                f"several files cannot go to one name: {spec}", help="leave out name=: a project is a folder"
            )
        project = project if named else f"{project}/{stem.name}"
        sent = ddm.put_all(Path(written.place), project, metadata=_metadata(about), profile=profile)
        members = [[entry.name, entry.id, entry.sha256, entry.size] for entry in sent]
        return written.changed(place=address(project), value=json.dumps(members))
    if not written.place:  # small JSON travels inside its reference, but a DDM is asked to hold it
        written = _as_file(written, stem)
    file = Path(written.place)
    name = (spec.name if isinstance(spec, DDM) else None) or file.relative_to(stem.parent).as_posix()
    entry = ddm.put(file, project, name, metadata=_metadata(about), profile=profile)
    digest = f"sha256:{entry.sha256}" if entry.sha256 else written.digest
    return written.changed(place=address(project, name), id=entry.id, digest=digest)


def _as_file(written: Ref, stem: Path) -> Ref:
    is_text = written.format == "text"
    file = stem.with_name(f"{stem.name}{'.txt' if is_text else '.json'}")
    file.write_text(str(written.value) if is_text else json.dumps(written.value), encoding="utf-8")
    return written.changed(place=str(file), value=None, size=file.stat().st_size)


def _metadata(about: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the old system sends with each file, and the run that made it."""
    if not about:
        return None
    told = {"dataset_signature": about["output"], "task": about["task"], "assembled_wf": about["flow"]}
    return told | {"run": about["run"]}
