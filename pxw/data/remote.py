"""Datasets whose place is a DDM: written on this machine first, then uploaded; loaded from the verified cache."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.codecs import File, registry
from pxw.codecs.tables import is_table
from pxw.data import saving
from pxw.data.places import Place
from pxw.settings import load_settings
from pxw.specs import DDM, Arrow, Dataset, Local, Ref, suffixes
from pxw.stores import ddm, local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["copy", "find", "find_ref", "save"]


def find(spec: DDM) -> Place:
    """The files that a spec means, fetched into the cache."""
    paths = {name: path for name, (_, path) in ddm.fetch(spec).items()}
    return Place(spec, _named(paths, spec), ddm.folder(paths) if spec.name is None else None)


def find_ref(ref: Ref, spec: Dataset) -> Place:
    """The files that a reference means, fetched into the cache unless they were made on this machine."""
    paths = ddm.fetch_ref(ref)
    folder = ddm.folder(paths) if ref.format == "folder" else None
    return Place(spec, _named(paths, spec), folder, ref.checked, ref.columns, ref.python)


def _named(paths: Mapping[str, Path], spec: Dataset) -> dict[str, File]:
    """Files in the cache are named by their content; the names that they have in the DDM tell their formats."""
    return {name: _file(name, path, spec) for name, path in paths.items()}


def _file(name: str, path: Path, spec: Dataset) -> File:
    suffix, compression = suffixes(name)
    by_suffix = registry.by_suffix(suffix)
    form = spec.format if spec.format not in {None, "folder"} else by_suffix.format if by_suffix else "bytes"
    return File(path, spec.model_copy(update={"format": form}), spec.compression or compression, name)


def save(value: Any, spec: DDM, *, stem: str, about: Mapping[str, Any]) -> Ref:
    """Write a value on this machine, upload it, and give the reference to it.

    Args:
        value: what to write.
        spec: where to, and as what.
        stem: the name, but for its suffix, of a file whose spec names none.
        about: who made it, as a DDM keeps it with the file.
    """
    with _workspace() as folder:
        written = saving.save(value, _here(value, spec, folder), beside=folder / stem)
        small = "txt" if written.format == "text" else "json"
        return _uploaded(written, spec, folder / f"{stem}.{small}", about)


def copy(source: Ref | Dataset, spec: DDM, *, about: Mapping[str, Any]) -> Ref:
    """Copy what a `Ref` or a spec points at to a DDM, the bytes as they are if the format is the same."""
    with _workspace() as folder:
        name = spec.name or _name_of(source)
        here = Local(folder / name).inherit(spec) if name else Local(f"{folder / 'files'}/")
        return _uploaded(saving.copy(source, here), spec, folder / "output_0.json", about)


@contextmanager
def _workspace() -> Iterator[Path]:
    home = load_settings().home / "ddm" / "outgoing"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        yield Path(folder)


def _here(value: Any, spec: DDM, folder: Path) -> Dataset:
    """The same spec for a file of this machine; a table that may be anything goes up as compressed Arrow."""
    plain = {name: getattr(spec, name) for name in Dataset.model_fields.keys() & spec.model_fields_set}
    tells_format = spec.format is not None or registry.by_suffix(suffixes(spec.name or "")[0]) is not None
    if is_table(value) and not tells_format:
        plain["format"] = Arrow(compression="zstd")
    return Local(folder / spec.name, **_as_schema(plain)) if spec.name else Dataset(**_as_schema(plain))


def _as_schema(plain: dict[str, Any]) -> dict[str, Any]:
    return {"schema" if name == "table" else name: value for name, value in plain.items()}


def _name_of(source: Ref | Dataset) -> str:
    if isinstance(source, Ref):
        if source.place.startswith("ddm://"):
            return ddm.split_place(source.place)[1]
        return "" if source.place.endswith("/") else Path(source.place).name or "output_0.json"
    return (
        Path(source.path).name
        if isinstance(source, Local) and not source.is_folder
        else getattr(source, "name", "") or ""
    )


def _uploaded(written: Ref, spec: DDM, small: Path, about: Mapping[str, Any]) -> Ref:
    if not written.place:  # small JSON travels inside its reference, but a DDM is asked to hold it
        small.write_text(written.value if isinstance(written.value, str) else json.dumps(written.value))
        written = replace(written, place=str(small), value=None, size=small.stat().st_size)
    if written.format == "folder":
        return _uploaded_folder(written, spec, about)
    file = Path(written.place)
    name = spec.name or file.name
    entry = ddm.put(file, spec.project, name, metadata=_metadata(about), profile=spec.profile)
    place = f"ddm://{spec.project}//{name}"
    return replace(written, place=place, id=entry.id, digest=f"sha256:{entry.sha256}")


def _uploaded_folder(written: Ref, spec: DDM, about: Mapping[str, Any]) -> Ref:
    files = local.find(Local(written.place)).files or {}
    entries = ddm.put_all(Path(written.place), spec.project, metadata=_metadata(about), profile=spec.profile)
    members = [[entry.name, entry.id, entry.sha256, entry.size] for entry in entries if entry.name in files]
    return replace(written, place=f"ddm://{spec.project}//", value=json.dumps(members))


def _metadata(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the old system sends with each file, and who made it."""
    return {
        "dataset_signature": about.get("output", ""),
        "task": about.get("task", ""),
        "assembled_wf": about.get("flow", ""),
        **({"run": about["run"]} if about.get("run") else {}),
    }
