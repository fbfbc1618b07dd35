"""The client of a DDM: datasets go up and come down whole, or an error says why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypedDict, Unpack
from weakref import finalize

from pydantic import SecretStr

from pxw.cache import Cache, digest_of
from pxw.ddm.catalogue import Catalogue, Entry, before
from pxw.ddm.directory import Shares, place_below
from pxw.ddm.download import Downloads
from pxw.ddm.parcel import Data, Parcel, check_address, opened
from pxw.ddm.retry import Clock, Retry
from pxw.ddm.signin import SignIn
from pxw.ddm.tokens import kept
from pxw.ddm.transport import Transport
from pxw.ddm.upload import Uploads, Verify
from pxw.ddm.wire import UploaderMetadata
from pxw.errors import DDMAuthError, DDMNotFoundError, SettingsError, SpecError
from pxw.many import files_below, together
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import httpx

    from pxw.ddm.delivery import Progress
    from pxw.settings import Settings

__all__ = ["Client"]


class UploadOptions(TypedDict, total=False):
    """What can be said of every file of a directory; see `Client.upload`."""

    description: str
    use_case: Sequence[str]
    metadata: Mapping[str, Any] | None
    verify: Verify
    ddm_profile: bool


class Client:
    """A DDM, of whichever generation, that loses nothing and repeats nothing.

    Threads may share a client. What was uploaded is acknowledged only after it was read back; what is downloaded is
    verified against the digest that was noted with the upload.

    ```python
    with pxw.ddm.Client("https://ddm.example.org", token="...") as ddm:
        ddm.upload("input.csv", "demo/titanic")
        entry = ddm.find("demo/titanic", "input.csv")
        with ddm.open(entry) as stream:
            ...
    ```

    Args:
        url: of the service, up to where its routes begin (`/ddm`).
        token: for the header `Authorization: Bearer ...`.
        username: or sign in with a name and a password; again, once, when the token is refused.
        password: see `username`.
        cache: the directory of local copies; below `PXW_HOME` by default.
        retry: how patient to be.
        timeout: seconds without a byte after which a connection counts as broken.
        workers: files that move at the same time.
        http: another way to send requests, for tests.
        clock: another clock, for tests.

    Raises:
        SettingsError: the URL cannot be one.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | SecretStr | None = None,
        username: str | None = None,
        password: str | SecretStr | None = None,
        cache: Path | None = None,
        retry: Retry | None = None,
        timeout: float = 60.0,
        workers: int = 8,
        http: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        sign_in = SignIn(_secret(token), username, _secret(password))
        self._transport = Transport(
            url, sign_in, retry=retry or Retry(), clock=clock or Clock(), timeout=timeout, http=http
        )
        finalize(self, self._transport.close)  # where nobody closes it, as those that pxw keeps for a process
        self.cache = Cache(cache or load_settings().home / "cache")
        self._catalogue = Catalogue(self._transport)
        self._uploads = Uploads(self._transport, self._catalogue)
        self._downloads = Downloads(self._transport, self.cache)
        self._workers = workers

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Self:
        """The DDM of `PXW_DDM_URL`, signed in as the settings say.

        With `PXW_DDM_TOKEN`, or `PXW_DDM_USERNAME` and `PXW_DDM_PASSWORD`, or the token that `pxw ddm login` keeps.

        Raises:
            SettingsError: no URL is set.
        """
        settings = settings or load_settings()
        if settings.ddm_url is None:
            raise SettingsError("no DDM is set", help="set PXW_DDM_URL")
        token = settings.ddm_token
        if token is None and settings.ddm_username is None:
            token = kept(settings.home, settings.ddm_url)
        return cls(settings.ddm_url, token=token, username=settings.ddm_username, password=settings.ddm_password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r}, {self._transport.sign_in.kind})"

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def url(self) -> str:
        """Where the service is, without the `/ddm` of its routes."""
        return self._transport.url

    @property
    def generation(self) -> str:
        """Which generation of the service answers: `V0`, `V1` or `V2`."""
        return self._transport.generation.name

    def sign_in(self) -> SecretStr:
        """Fetch a token with the user name and password."""
        if not self._transport.sign_in.renewable:
            raise DDMAuthError("nobody to sign in", at=self.url, help="give username= and password=")
        return self._transport.fetch_token()

    def file_url(self, file: Entry | str) -> str:
        """The address of a file's bytes."""
        return self.url + self._transport.route(f"/file/{_entry_of(file).id}")

    # -- the catalogue

    def find(self, project: str, name: str, *, id: str | None = None, as_of: datetime | None = None) -> Entry:  # noqa: A002 - the word of the wire
        """Look a file up, exactly; its newest version, unless an id or a moment says another.

        Raises:
            DDMNotFoundError: no such file; the error names the nearest.
            DDMAmbiguousError: nothing tells which version is the newest; the error lists them.
        """
        return self._catalogue.find(project, name, id=id, as_of=as_of)

    def files(self, project: str, *, as_of: datetime | None = None) -> tuple[Entry, ...]:
        """The newest version of each file of exactly this project, by name.

        Raises:
            DDMNotFoundError: the project has no files; the error names the nearest.
        """
        latest = self._catalogue.latest(project, as_of)
        if not latest:
            raise self._catalogue.no_project(project)
        return tuple(latest)

    def list(self, project: str = "", *, as_of: datetime | None = None) -> tuple[Entry, ...]:
        """Every version of every file of this project and those below it, by project, name and time."""
        entries = before(self._catalogue.below(project), as_of)
        return tuple(sorted(entries, key=lambda entry: (entry.project, entry.name, str(entry.when), entry.id)))

    # -- up

    def upload(
        self,
        data: Data,
        project: str,
        name: str | None = None,
        *,
        description: str = "",
        use_case: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        verify: Verify = "size",
        ddm_profile: bool = False,
        progress: Progress | None = None,
    ) -> Entry:
        """Upload a file, bytes, or a stream, in constant memory; every upload is a new version.

        Args:
            data: the path of a file, bytes, or an open binary stream (uploaded from where it stands).
            project: words between slashes.
            name: of the file in the project; by default that of the path.
            description: for people; pxw appends what it needs to find, date and verify the file.
            use_case: names of use cases.
            metadata: any JSON object.
            verify: how to read it back. Small files, and those of a service that tells digests, are compared by
                digest in any case (but for "none").
            ddm_profile: let DDM see the file's type, so that it computes statistics, and *may rewrite the file*.
            progress: called with the bytes sent, and all.

        Raises:
            DDMUnavailableError: not taken, or taken and never readable.
            DatasetAlteredError: it came back as something else.
            DDMRejectedError: an address that a DDM cannot hold.
        """
        if name is None:
            if not isinstance(data, str | Path):
                raise SpecError("bytes and streams need a name", at=f"an upload to {project!r}", help="give name=")
            name = Path(data).name
        check_address(project, name)
        with opened(data, self.cache.root) as (file, size):
            parcel = Parcel(
                file=file,
                size=size,
                project=project,
                name=name,
                at=self._uploads.moment(),
                description=description,
                use_case=use_case,
                metadata=metadata,
                guarded=not ddm_profile,
                progress=progress,
            )
            return self._uploads.send(parcel, verify)

    def upload_directory(
        self,
        directory: Path | str,
        project: str,
        *,
        skip_same: bool = False,
        progress: Progress | None = None,
        **options: Unpack[UploadOptions],
    ) -> tuple[Entry, ...]:
        """Upload every file below a directory, several at a time, under its path from there.

        Args:
            directory: the local directory.
            project: where they go.
            skip_same: leave out what the project holds already, byte for byte: to go on after an interruption.
            progress: called with the bytes sent, and all.
            **options: as for `upload`.
        """
        files = list(files_below(Path(directory)))
        present = {entry.name: entry for entry in self._catalogue.latest(project)} if skip_same else {}
        shares = Shares(progress, sum(path.stat().st_size for _, path in files))

        def send(file: tuple[str, Path]) -> Entry:
            name, path = file
            same = present.get(name)
            if same and same.size == path.stat().st_size and same.sha256 == _digest_of(path):
                return same
            return self.upload(path, project, name, progress=shares.one(), **options)

        return tuple(together(send, files, self._workers))

    # -- down

    def fetch(self, file: Entry | str, *, progress: Progress | None = None) -> Path:
        """Bring a file into the cache, unless it is there, and tell where it is. Do not write to it.

        Args:
            file: an entry; or an id, and then the bytes are taken as they come. Where digest and size are known,
                `Entry(id, sha256=..., size=...)` has them verified, and finds them in the cache.
            progress: called with the bytes received, and all.

        Raises:
            DDMNotFoundError: no such file.
            DatasetAlteredError: the service gives other bytes than were uploaded.
        """
        return self._downloads.fetch(_entry_of(file), progress)

    def open(self, file: Entry | str, *, progress: Progress | None = None) -> BinaryIO:
        """Open a file for reading, verified, by way of the cache."""
        return self.fetch(file, progress=progress).open("rb")

    def download(self, file: Entry | str, to: Path | str, *, progress: Progress | None = None) -> Path:
        """Write a file to a path, where it appears when it is complete and verified."""
        return self._downloads.write(_entry_of(file), Path(to), progress)

    def fetch_directory(
        self, project: str, *, as_of: datetime | None = None, progress: Progress | None = None
    ) -> dict[str, Path]:
        """Bring every file of exactly this project into the cache, several at a time; the places by name."""
        entries = self.files(project, as_of=as_of)
        shares = Shares(progress, _sum_of(entries))
        paths = together(lambda entry: self.fetch(entry, progress=shares.one()), entries, self._workers)
        return {entry.name: path for entry, path in zip(entries, paths, strict=True)}

    def download_directory(
        self, project: str, to: Path | str, *, as_of: datetime | None = None, progress: Progress | None = None
    ) -> tuple[Path, ...]:
        """Write every file of exactly this project below a directory, several at a time."""
        entries = self.files(project, as_of=as_of)
        places = [place_below(Path(to), entry.name) for entry in entries]
        shares = Shares(progress, _sum_of(entries))

        def receive(file: tuple[Entry, Path]) -> Path:
            return self.download(*file, progress=shares.one())

        return tuple(together(receive, zip(entries, places, strict=True), self._workers))

    # -- metadata, deletion

    def metadata(self, file: Entry | str) -> dict[str, Any]:
        """The metadata that was uploaded with a file, or set later."""
        path = self._transport.route(f"/uploader_metadata/{_entry_of(file).id}")
        return self._transport.ask("GET", path, UploaderMetadata).uploader_metadata

    def set_metadata(self, file: Entry | str, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of a file."""
        path = self._transport.route(f"/uploader_metadata/{_entry_of(file).id}")
        body = {"uploader_metadata": dict(metadata)}
        try:
            self._transport.ask("PUT", path, dict, json=body)
        except DDMNotFoundError:  # none yet
            self._transport.ask("POST", path, dict, json=body)

    def delete(self, file: Entry | str) -> None:
        """Delete one version of a file."""
        self._catalogue.remove_upload(_entry_of(file))


def _secret(value: str | SecretStr | None) -> SecretStr | None:
    return SecretStr(value) if isinstance(value, str) else value


def _entry_of(file: Entry | str) -> Entry:
    return Entry(file) if isinstance(file, str) else file


def _sum_of(entries: Sequence[Entry]) -> int:
    return sum(entry.size or 0 for entry in entries)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return digest_of(file)
