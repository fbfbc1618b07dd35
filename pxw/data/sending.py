"""Save and copy to any place: what goes to another machine is written on this one first, then sent."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pxw.addresses import scheme_of, split_ddm
from pxw.codecs import registry
from pxw.codecs.kinds import is_table
from pxw.data import saving
from pxw.errors import PxwError
from pxw.settings import load_settings
from pxw.specs import DDM, Arrow, Dataset, Local, Placed, Ref, Remote
from pxw.stores import away, outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["copy", "save"]


def save(
    value: Any,
    spec: Dataset,
    *,
    beside: Path | None = None,
    shelf: Placed | None = None,
    about: Mapping[str, Any] = MappingProxyType({}),
) -> Ref:
    """Write a value where its spec says.

    Args:
        value: what to write.
        spec: where to, and as what.
        beside: where a value goes whose spec names no place; its format gives it a suffix.
        shelf: the folder of another machine that it goes to instead, if datasets are kept in a DDM or an object store.
        about: who made it (`flow`, `run`, `task`, `output`), which a DDM keeps with the file.

    Returns:
        The reference to what was written; a small JSON value without a place travels inside it.
    """
    target = spec if isinstance(spec, Placed) else shelf
    if target is None or away(target) is None:
        return saving.save(value, spec, beside=beside)
    packed = is_table(value) and _format_at(target, spec) == "arrow"
    said = {"format": Arrow(compression="zstd")} if packed else {}
    return _sent(
        lambda folder: saving.save(value, _here(spec, folder, said), beside=folder / _stem(beside)),
        *(spec, target, _stem(beside), about),
    )


def copy(
    source: Ref | Dataset,
    spec: Dataset,
    *,
    beside: Path | None = None,
    shelf: Placed | None = None,
    about: Mapping[str, Any] = MappingProxyType({}),
) -> Ref:
    """Copy what a `Ref` or a spec points at to another place: byte for byte, or into another format.

    Tables that change their format, or are held to a schema, pass batch by batch in constant memory.
    """
    if isinstance(source, Ref) and not isinstance(spec, Placed) and spec.format is None and spec.table is None:
        return source  # nothing is asked of it, not even a place
    if isinstance(source, Ref) and not source.place:
        return save(source.value, spec, beside=beside, shelf=shelf, about=about)
    target = spec if isinstance(spec, Placed) else shelf
    if target is None or away(target) is None:
        return saving.copy(source, spec, beside=beside)

    def write(folder: Path) -> Ref:
        here = _here(spec, folder)
        if not isinstance(here, Local) and (target is spec or spec.format == getattr(source, "format", None)):
            # In a folder, files keep their names.
            here = Local(folder / (_name_of(source) or "files/")).inherit(spec)
        return saving.copy(source, here, beside=folder / _stem(beside))

    return _sent(write, spec, target, _stem(beside), about)


def _stem(beside: Path | None) -> str:
    return beside.name if beside else "output_0"  # as the old system names what has no name


def _sent(write: Callable[[Path], Ref], spec: Dataset, target: Placed, stem: str, about: Mapping[str, Any]) -> Ref:
    """Write into a folder for what is about to be sent, and send it; errors tell the target instead of the folder."""
    store = away(target)
    assert store is not None  # noqa: S101 - the callers asked
    store.refuse_unwritable(target, stem)
    with outgoing.folder(load_settings()) as folder, _telling(target.address, str(folder)):
        written = write(folder)
        if not written.place:  # small JSON that travels inside its reference
            if not isinstance(target, DDM):
                return written
            written = _as_file(written, folder / stem)
        if written.format == "folder" and target is not spec:
            target = target.below(stem)
        return store.send(written, target, Path(written.place).relative_to(folder).as_posix(), about)


@contextmanager
def _telling(place: str, folder: str) -> Iterator[None]:
    try:
        yield
    except PxwError as error:
        error.message, error.at, error.help, *details = (
            text.replace(f"{folder}/", place).replace(folder, place)
            for text in (error.message, error.at, error.help, *error.details)
        )
        error.details = tuple(details)
        raise


def _here(spec: Dataset, folder: Path, said: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """The same spec for a file of this machine."""
    plain = Dataset().inherit(spec).model_copy(update=said)
    name = spec.name_of_file if isinstance(spec, Placed) else ""
    if isinstance(spec, Remote) and not name:
        name = "files/"  # a URL that ends in a slash takes several files, as a path does
    return Local(f"{folder}/{name}").inherit(plain) if name else plain


def _format_at(target: Placed, spec: Dataset) -> Any:
    by_suffix = registry.by_suffix(target.suffix)
    return spec.format or (by_suffix.format if by_suffix else "arrow")


def _name_of(source: Ref | Dataset) -> str:
    """The name of a single file; that of a file in a DDM may hold slashes."""
    if isinstance(source, Placed):
        return "" if source.is_many else getattr(source, "name", None) or source.name_of_file
    place = getattr(source, "place", "")
    if scheme_of(place) == "ddm":
        return split_ddm(place)[1]
    return "" if place.endswith("/") else PurePosixPath(place).name


def _as_file(written: Ref, stem: Path) -> Ref:
    """The same as a file: whoever looks into a DDM wants to see it there."""
    is_text = written.format == "text"
    file = stem.with_name(f"{stem.name}{'.txt' if is_text else '.json'}")
    file.write_text(str(written.value) if is_text else json.dumps(written.value), encoding="utf-8")
    return written.changed(place=str(file), value=None, size=file.stat().st_size)
