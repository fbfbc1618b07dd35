"""A seeded run of operations on a DDM behind a proxy that breaks a part of the requests.

    python -m tests.bench.ddm_faults [OPERATIONS] [SEED]

It must lose nothing that was acknowledged, show no upload twice, give no wrong version, and fail only with typed
errors.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from pxw.ddm.catalogue import Entry
from pxw.ddm.client import Client
from pxw.errors import DDMNotFoundError, PxwError
from tests.ddm.faulty_proxy import HASTE, Backend, FaultyProxy, forward_to
from tests.ddm.old_ddm import OldDDM
from tests.ddm.serving import serving

PROJECTS = ("runs/7", "runs/77", "data")
NAMES = ("a.csv", "a.csv.bin", "b_1.json", "b%1.json", "c, d.pkl", "ünï cödé.txt")


@dataclass
class Version:
    """What was uploaded; it is only sure to be there if that was acknowledged and no deletion was tried since."""

    content: bytes
    entry: Entry | None = None
    sure: bool = True

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Run:
    """The operations, and what must be true after each."""

    client: Client
    chance: random.Random
    scratch: Path
    versions: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def go(self, operations: int) -> None:
        """Do so many operations."""
        kinds = (
            self.upload,
            self.upload,
            self.find,
            self.find,
            self.read,
            self.list,
            self.delete,
            self.past,
            self.note,
        )
        for _ in range(operations):
            kind = self.chance.choice((*kinds, *kinds, *kinds, self.directory))
            try:
                kind()
                self.done[kind.__name__] += 1
            except PxwError as error:
                self.errors[f"{kind.__name__}: {type(error).__name__}"] += 1
            except Exception as error:  # whatever else comes out is a finding
                self.broken.append(f"{kind.__name__} raised {error!r}")

    def expect(self, truth: bool, words: str) -> None:
        if not truth:
            self.broken.append(words)

    def upload(self) -> None:
        address = self.address()
        version = Version(self.content(), sure=False)
        self.versions.setdefault(address, []).append(version)
        version.entry = self.client.upload(version.content, *address, description="of the bench")
        version.sure = True

    def directory(self) -> None:
        project = self.chance.choice(PROJECTS)
        place = Path(tempfile.mkdtemp(dir=self.scratch))
        versions = [Version(self.content(), sure=False) for _ in range(3)]
        for number, version in enumerate(versions):
            (place / f"{number}.bin").write_bytes(version.content)
            self.versions.setdefault((project, f"{number}.bin"), []).append(version)
        for version, entry in zip(versions, self.client.upload_directory(place, project), strict=True):
            version.entry, version.sure = entry, True

    def find(self) -> None:
        address = self.address()
        fitting = newest(self.versions.get(address, []))
        try:
            entry = self.client.find(*address)
        except DDMNotFoundError:
            self.expect(not any(version.sure for version in fitting), f"{address} is there and was not found")
            return
        self.expect(entry.sha256 in {version.sha256 for version in fitting}, f"{address}: not the newest version")
        self.forget_copies()
        self.expect(sha256(self.client.fetch(entry)) == entry.sha256, f"{address}: other bytes")

    def past(self) -> None:
        """Ask for what was the newest version at some time."""
        address = self.address()
        versions = self.versions.get(address, [])
        known = [version for version in versions if version.entry]
        if not known:
            return
        then = self.chance.choice(known)
        fitting = newest(versions[: versions.index(then) + 1])
        try:
            entry = self.client.find(*address, as_of=when(then))
        except DDMNotFoundError:
            self.expect(not any(version.sure for version in fitting), f"{address} was there and was not found")
            return
        self.expect(entry.sha256 in {version.sha256 for version in fitting}, f"{address}: not the version of then")

    def read(self) -> None:
        if version := self.some():
            self.forget_copies()
            path = self.client.download(version.entry, self.scratch / "copy")
            self.expect(path.read_bytes() == version.content, f"{version.entry}: other bytes")

    def list(self) -> None:
        project = self.chance.choice(PROJECTS)
        try:
            entries = {entry.name: entry for entry in self.client.files(project)}
        except DDMNotFoundError:
            entries = {}
        for (place, name), versions in self.versions.items():
            if place == project:
                fitting = newest(versions)
                if entry := entries.pop(name, None):
                    known = {version.sha256 for version in fitting}
                    self.expect(entry.sha256 in known, f"listing of {project}: not the newest {name}")
                else:
                    self.expect(not any(v.sure for v in fitting), f"listing of {project}: no {name}")
        self.expect(not entries, f"listing of {project}: nobody uploaded {sorted(entries)}")

    def delete(self) -> None:
        if (version := self.some()) and version.entry and self.chance.random() < 0.5:
            version.sure = False
            self.client.delete(version.entry)
            self.versions[version.entry.project, version.entry.name].remove(version)

    def note(self) -> None:
        if version := self.some():
            number = self.chance.random()
            self.client.set_metadata(version.entry, {"number": number})
            self.expect(self.client.metadata(version.entry) == {"number": number}, f"{version.entry}: other metadata")

    def some(self) -> Version | None:
        sure = [version for versions in self.versions.values() for version in versions if version.sure]
        return self.chance.choice(sure) if sure else None

    def address(self) -> tuple[str, str]:
        return self.chance.choice(PROJECTS), self.chance.choice(NAMES)

    def content(self) -> bytes:
        return self.chance.randbytes(self.chance.choice((0, 1, 300, 5_000, 200_000)))

    def forget_copies(self) -> None:
        shutil.rmtree(self.client.cache.root, ignore_errors=True)

    def audit(self, client: Client) -> None:
        """Look at the service itself, with no proxy in between."""
        present = {id_: entry for entry in client.list() for id_ in (entry.id, *entry.twins)}
        uploads = Counter(entry.upload_id for entry in client.list())
        self.expect(max(uploads.values(), default=1) == 1, "an upload is listed twice")
        versions = [version for versions in self.versions.values() for version in versions]
        for version in versions:
            if version.sure and version.entry:
                there = version.entry.id in present
                self.expect(there, f"{version.entry} is lost")
                self.expect(there and client.fetch(version.entry).read_bytes() == version.content, "altered")
        known = {version.sha256 for version in versions}
        self.expect(all(entry.sha256 in known for entry in present.values()), "what was deleted is still there")


def newest(versions: list[Version]) -> list[Version]:
    """Which may be the newest: the last that is sure to be there, and those since of which nobody knows."""
    fitting: list[Version] = []
    for version in reversed(versions):
        fitting.append(version)
        if version.sure:
            break
    return fitting


def when(version: Version) -> datetime:
    assert version.entry is not None
    assert version.entry.when is not None
    return version.entry.when


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def faulty_run(
    backend: Backend, scratch: Path, operations: int, seed: int, *, token: str | None = None, rate: float = 0.25
) -> tuple[Run, FaultyProxy]:
    """Do so many operations through the proxy, and audit the service after them."""
    with FaultyProxy(backend, rate=rate, seed=seed) as proxy:
        with Client(proxy.url, token=token, cache=scratch / "cache", retry=HASTE, timeout=0.3) as client:
            run = Run(client, random.Random(seed), scratch)
            run.go(operations)
        proxy.rate = 0.0
        proxy._hidden.clear()
        with Client(proxy.url, token=token, cache=scratch / "audit", retry=HASTE) as client:
            run.audit(client)
    return run, proxy


def main() -> int:
    operations, seed = (int(text) for text in (sys.argv[1:] + ["500", "1"][len(sys.argv) - 1 :])[:2])
    findings = 0
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory) / "root", SecretStr("secret")) as url,
        httpx.Client() as http,
    ):
        backends: dict[str, Backend] = {
            "embedded": forward_to(url, http),
            "V2": OldDDM("V2", seed=seed),
            "V1": OldDDM("V1", seed=seed),
        }
        for name, backend in backends.items():
            scratch = Path(directory) / name
            scratch.mkdir()
            start = time.perf_counter()
            run, proxy = faulty_run(backend, scratch, operations, seed, token="secret")
            took = time.perf_counter() - start
            print(f"{name}: {operations} operations in {took:.0f} s, {proxy.met.total()} faults")
            print(f"  faults   {dict(proxy.met)}\n  done     {dict(run.done)}\n  refused  {dict(run.errors)}")
            print(f"  findings {run.broken}")
            findings += len(run.broken)
    return min(findings, 1)


if __name__ == "__main__":
    sys.exit(main())
