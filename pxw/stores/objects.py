"""Objects of an object store: fetched into a verified cache of this machine, and uploaded from it.

An object is known by its URL and its ETag. The cache keeps files by their sha256, and notes which sha256 each version
of an object has: a version is downloaded once, whichever tasks and processes of this machine ask for it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pxw.cache import Cache, digest_of
from pxw.errors import DatasetAlteredError, MissingDataError, SpecError
from pxw.many import files_below, together
from pxw.settings import load_settings
from pxw.specs import Ref, Remote
from pxw.stores import bucket
from pxw.stores.base import GLIMPSE, Found
from pxw.stores.named import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "collect",
    "entries",
    "find",
    "find_ref",
    "fingerprint",
    "glimpse",
    "probe",
    "refuse_unwritable",
    "send",
    "stamp",
    "verify",
]

_WORKERS = 8

# Down ----------------------------------------------------------------------------------------------------------------


def find(spec: Remote) -> Found:
    """The objects that a spec means, fetched into the cache."""
    return _found(spec, _look_up(spec))


def find_ref(ref: Ref) -> Found:
    """The objects that a reference means: those versions, which are not looked up where they are in the cache."""
    members = _members(ref)
    paths = together(lambda member: _fetched(*member), members, _WORKERS)
    names = [_name(url, ref.place) for url, *_ in members]
    return _named(ref.place, dict(zip(names, paths, strict=True)), is_many=ref.format == "folder")


def glimpse(spec: Remote) -> Found:
    """The objects that a spec means, without large ones."""
    found, room = [], GLIMPSE
    for each in _look_up(spec):
        room -= each.size
        if room >= 0:
            found.append(each)
    return _found(spec, found)


def _found(spec: Remote, wanted: Sequence[bucket.Object]) -> Found:
    place = _root(spec)
    paths = together(lambda each: _fetched(each.url, each.size, each.etag), wanted, _WORKERS)
    files = {_name(each.url, place): path for each, path in zip(wanted, paths, strict=True)}
    return _named(place, files, is_many=spec.is_many or not files)


def _named(place: str, files: Mapping[str, Path], *, is_many: bool) -> Found:
    folder = named(_cache(), files)
    if is_many:
        return Found(folder, {name: folder / name for name in files}, place)
    return Found(folder / next(iter(files)), None, place)


def _root(spec: Remote) -> str:
    """The object, or the folder of all that a spec means."""
    if not spec.is_pattern:
        return spec.url
    plain = spec.url[: min(spec.url.find(sign) for sign in "*?[" if sign in spec.url)]
    return plain[: plain.rindex("/") + 1]


def _name(url: str, place: str) -> str:
    return url.removeprefix(place) or PurePosixPath(url).name


def _look_up(spec: Remote) -> list[bucket.Object]:
    if not spec.is_many:
        return [_pinned(spec)]
    found = bucket.below(_root(spec))
    if spec.is_pattern:
        found = [each for each in found if PurePosixPath(f"/{each.url}").match(f"/{spec.url}")]
    if not found:
        what = "no object fits the pattern" if spec.is_pattern else "there are no objects in"
        raise MissingDataError(f"{what} {spec.url}")
    return found


def _pinned(spec: Remote) -> bucket.Object:
    found = bucket.head(spec.url)
    if spec.etag not in {None, found.etag}:
        raise DatasetAlteredError(f"{spec.url} is not the version {spec.etag} any more", help="run the flow again")
    return found


def _members(ref: Ref) -> list[tuple[str, int, str, str]]:
    if ref.format != "folder":
        return [(ref.place, ref.size, ref.id or "", ref.digest.removeprefix("sha256:"))]
    return [(f"{ref.place}{name}", size, etag, sha256) for name, etag, sha256, size in json.loads(str(ref.value))]


def _fetched(url: str, size: int, etag: str, sha256: str = "") -> Path:
    """The file of one version of an object, from the cache or the store."""
    cache, version = _cache(), f"{url}\0{etag}"
    with cache.busy(version):
        known = sha256 or cache.digest_of_version(version)
        path = cache.find(known) if known else None
        if path is None:
            with cache.room() as sink:
                digest = bucket.receive(url, size, etag, sink)
                if sha256 not in {"", digest}:
                    raise DatasetAlteredError(f"{url} holds other bytes than were written", help="run the flow again")
                path = cache.adopt(sink, digest)
            cache.note_version(version, digest)
    return path


def _cache() -> Cache:
    return _cache_at(load_settings().home / "cache")


_cache_at = lru_cache(8)(Cache)


def entries(source: Ref | Remote) -> list[Remote]:
    """A spec for each object of a folder or pattern, pinned by its ETag; nothing is downloaded."""
    if isinstance(source, Ref):
        return [Remote(url, etag=etag) for url, _, etag, _ in _members(source)]
    if not source.is_many:
        raise SpecError(f"{source} is one object, not a folder", help="end its URL with a slash, or use a pattern")
    return [Remote(each.url, etag=each.etag) for each in _look_up(source)]


def fingerprint(spec: Remote) -> str:
    """The URLs and the ETags."""
    return "\n".join(f"{each.url}\0{each.etag}" for each in _look_up(spec))


stamp = fingerprint


def verify(ref: Ref) -> None:
    """Fetch what a reference means, unless it is in the cache."""
    find_ref(ref)


# Up ------------------------------------------------------------------------------------------------------------------


def refuse_unwritable(spec: Remote, _name: str = "") -> None:
    """Refuse a pattern, and a version that exists."""
    if spec.is_pattern:
        raise SpecError(f"a pattern is no place to write to: {spec}", help="name a folder, ending in a slash")
    if spec.etag:
        raise SpecError(f"{spec} means a version that exists: nothing can be saved there", help="leave out etag")


def send(written: Ref, target: Remote, name: str, _about: Mapping[str, Any]) -> Ref:
    """Upload a file or folder, and give it away: it stays in the cache of this machine."""
    source, is_folder = Path(written.place), target.url.endswith("/")
    if written.format == "folder":
        if not is_folder:
            raise SpecError(f"several files cannot go to one object: {target}", help="end the URL with a slash")
        members = together(lambda each: _member(target.url, *each), files_below(source), _WORKERS)
        return written.changed(place=target.url, value=json.dumps(members))
    url = f"{target.url}{name}" if is_folder else target.url
    etag, sha256 = _put(source, url)
    return written.changed(place=url, id=etag, digest=f"sha256:{sha256}")


def _member(folder: str, name: str, file: Path) -> list[Any]:
    size = file.stat().st_size
    return [name, *_put(file, f"{folder}{name}"), size]


def _put(file: Path, url: str) -> tuple[str, str]:
    with file.open("rb") as stream:
        sha256 = digest_of(stream)
    etag = bucket.put(file, url)
    _cache().take(file, sha256)
    _cache().note_version(f"{url}\0{etag}", sha256)
    return etag, sha256


def probe(folder: str) -> None:
    """Write a small object to a folder, and remove it, to see whether that is possible."""
    url = f"{folder}/.pxw-{uuid4().hex}"
    with TemporaryDirectory() as here:
        file = Path(here) / "probe"
        file.write_text("can this be written?")
        bucket.put(file, url)
    bucket.delete([url])


# Away ----------------------------------------------------------------------------------------------------------------


def collect(folder: str, before: datetime, kept: Iterable[str], *, dry_run: bool) -> list[tuple[str, int]]:
    """Remove the folders of a folder in which nothing was written since a moment, but for those that are `kept`.

    Returns:
        The name and the bytes of each.
    """
    groups: dict[str, list[bucket.Object]] = {}
    for each in bucket.below(folder):
        groups.setdefault(each.url.removeprefix(folder).partition("/")[0], []).append(each)
    kept = set(kept)
    old = {
        name: objects
        for name, objects in groups.items()
        if name not in kept and max(each.changed for each in objects) < before
    }
    for objects in () if dry_run else old.values():
        bucket.delete([each.url for each in objects])
    return [(name, sum(each.size for each in objects)) for name, objects in old.items()]
