"""Objects by URL, through obstore: what S3, Google Cloud Storage and Azure have in common, in words of pxw.

Endpoint, region and credentials come from the environment, as obstore reads it (`AWS_...`, `GOOGLE_...`, `AZURE_...`);
for S3 also from the profiles that boto3 knows, where it is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pxw.addresses import scheme_of, split_url
from pxw.errors import DatasetAlteredError, MissingDataError, PlaceError, SettingsError, nearest

try:
    import obstore
    from obstore import exceptions
    from obstore.store import from_url
except ModuleNotFoundError as error:
    raise SettingsError(
        "an object store is reached by the package obstore, which is not installed", help="pip install 'pxw[remote]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore.store import ObjectStore

__all__ = ["Object", "below", "create", "delete", "head", "put", "read", "receive"]

_CHUNK = 4 << 20  # bytes
_PART = 8 << 20  # bytes; S3 takes 10 000 parts
_PATIENCE: dict[str, Any] = {
    "client_options": {
        "allow_http": True,  # only an endpoint that is spelled `http://` makes use of it
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(hours=6),  # of a whole answer, which may be large
    },
    "retry_config": {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=60),
        "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
    },
}
_FAMILIES = ("AWS_", "GOOGLE_", "AZURE_")
_STARTED = os.getpid()


@dataclass(frozen=True)
class Object:
    """One version of an object: another one has another `etag`."""

    url: str
    size: int
    etag: str
    changed: datetime


def head(url: str) -> Object:
    """Look at one object.

    Raises:
        MissingDataError, PlaceError: it cannot be read.
    """
    store, key = _store_of(url)
    with _telling(url, "read"):
        return _object(url, obstore.head(store, key))


def below(folder: str) -> list[Object]:
    """All objects whose URLs begin with that of a folder, sorted by URL; markers of folders are none."""
    store, prefix = _store_of(folder)
    root = folder.removesuffix(prefix)
    with _telling(folder, "list"):
        found = [meta for page in obstore.list(store, prefix.rstrip("/") or None) for meta in page]
    objects = [_object(f"{root}{meta['path']}", meta) for meta in found]
    return sorted((each for each in objects if each.url.startswith(folder)), key=lambda each: each.url)


def _object(url: str, meta: Any) -> Object:
    return Object(url, meta["size"], meta["e_tag"] or meta["last_modified"].isoformat(), meta["last_modified"])


def receive(url: str, size: int, etag: str, sink: BinaryIO) -> str:
    """Download one version of an object, in constant memory, and give the sha256 of its bytes.

    Raises:
        DatasetAlteredError: another version is there now.
    """
    store, key = _store_of(url)
    digest, came = hashlib.sha256(), 0
    with _telling(url, "read"):
        for chunk in obstore.get(store, key, options={"if_match": etag}).stream(_CHUNK):
            sink.write(chunk)
            digest.update(chunk)
            came += len(chunk)
    if came != size:
        raise PlaceError(f"{url} came with {came:,} of its {size:,} bytes", help="try again")
    return digest.hexdigest()


def put(file: Path, url: str) -> str:
    """Upload a file, in constant memory, and give the object's ETag; the object appears as a whole or not at all."""
    store, key = _store_of(url)
    part = max(_PART, file.stat().st_size // 9000)
    with _telling(url, "write"):
        return obstore.put(store, key, file, chunk_size=part, max_concurrency=4)["e_tag"] or head(url).etag


def create(url: str, content: bytes) -> bool:
    """Put a small object unless there is one; whether it was put."""
    store, key = _store_of(url)
    with _telling(url, "write"):
        try:
            obstore.put(store, key, content, mode="create")
        except exceptions.AlreadyExistsError:
            return False
    return True


def read(url: str) -> bytes:
    """The bytes of a small object."""
    store, key = _store_of(url)
    with _telling(url, "read"):
        return bytes(obstore.get(store, key).bytes())


def delete(urls: Sequence[str]) -> None:
    """Remove objects of one bucket."""
    store, _ = _store_of(urls[0])
    with _telling(urls[0], "remove"):
        obstore.delete(store, [split_url(url)[1] for url in urls])


def _store_of(url: str) -> tuple[ObjectStore, str]:
    if os.getpid() != _STARTED:
        raise PlaceError(
            f"{url} cannot be reached: this process was forked from one that had begun to use object stores",
            help="start workers anew: multiprocessing.get_context('spawn')",
        )
    bucket, key = split_url(url)
    told = tuple((name, value) for name, value in os.environ.items() if name.startswith(_FAMILIES))
    return _connected(bucket, told), key


@lru_cache(32)
def _connected(bucket: str, _told: object) -> ObjectStore:
    with _telling(bucket, "reach"):
        return from_url(bucket, **_PATIENCE, **_profile(bucket))


def _profile(bucket: str) -> dict[str, Any]:
    """Credentials from the profiles of `~/.aws`, which obstore does not read."""
    home = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    has_profile = "AWS_PROFILE" in os.environ or home.exists()
    if scheme_of(bucket) != "s3" or "AWS_ACCESS_KEY_ID" in os.environ or not has_profile:
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - boto3 is heavy, and seldom there
    except ModuleNotFoundError as error:
        raise SettingsError(
            "credentials of S3 from a profile need the package boto3",
            help="pip install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ) from error
    return {"credential_provider": Boto3CredentialProvider()}


@contextmanager
def _telling(url: str, doing: str) -> Iterator[None]:
    """Word what a store says; its own words may hold signatures, and are not chained."""
    try:
        yield
    except (exceptions.BaseError, OSError, ValueError) as error:
        raise _worded(error, url, doing) from None


def _worded(error: Exception, url: str, doing: str) -> Exception:
    said = _said(error)
    if "NoSuchBucket" in said or (doing == "write" and isinstance(error, FileNotFoundError)):
        return MissingDataError(
            f"there is no bucket {split_url(url)[0]}", details=[said], help="make it, or mend its name"
        )
    if isinstance(error, exceptions.PreconditionError):
        return DatasetAlteredError(f"{url} was changed while or before it was read", help="run the flow again")
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError) or _DENIED.match(said):
        return PlaceError(f"no permission to {doing} {url}", details=[said], help=_CREDENTIALS)
    if isinstance(error, FileNotFoundError | exceptions.NotFoundError):
        return MissingDataError(f"there is no {url}", help=_near(url))
    return PlaceError(f"cannot {doing} {url}", details=[said], help=_CREDENTIALS if doing == "reach" else _ENDPOINT)


_DENIED = re.compile("AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken")  # of a listing, all it says
_CREDENTIALS = (
    "credentials come from the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "GOOGLE_APPLICATION_CREDENTIALS; AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
)
_ENDPOINT = "is the store up, and AWS_ENDPOINT_URL, AWS_REGION (or those of Google or Azure) as they should be?"


def _near(url: str) -> str:
    """The names beside one that is not there."""
    folder = url[: url.rindex("/") + 1]
    store, prefix = _store_of(folder)
    with _telling(folder, "list"):
        page = obstore.list_with_delimiter(store, prefix.rstrip("/") or None)
    names = [Path(each["path"]).name for each in page["objects"]] + [
        Path(each).name for each in page["common_prefixes"]
    ]
    return f"in {folder}: {nearest(url.removeprefix(folder), names)}"


def _said(error: Exception) -> str:
    """The code and the message of an answer, or the first line of an error, without what may be a signature."""
    text = str(error)
    code, message = re.search(r"<Code>(.*?)</Code>", text), re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
    if code:
        return ": ".join(found[1] for found in (code, message) if found)
    return re.sub(r"\?\S*", "", text.partition("\n")[0])
