"""The place of a dataset as one text: a path, `ddm://project//name`, or the URL of an object such as `s3://bucket/key`."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pxw.errors import SettingsError, SpecError, nearest

__all__ = [
    "OBJECT_SCHEMES",
    "checked_url",
    "ddm_address",
    "is_url",
    "refuse_secrets",
    "scheme_of",
    "shown_url",
    "split_ddm",
    "split_url",
]

OBJECT_SCHEMES = ("s3", "gs", "az", "abfs", "abfss")
_DDM = "ddm://"
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")


def is_url(place: str) -> bool:
    """Whether a place is written as a URL, and so is no path."""
    return _URL.match(place) is not None


def scheme_of(place: str) -> str:
    """What stands before `://`; nothing for a path.

    >>> scheme_of("s3://bucket/x.csv"), scheme_of("data/x.csv")
    ('s3', '')
    """
    found = _URL.match(place)
    return found[1] if found else ""


# In a DDM ------------------------------------------------------------------------------------------------------------


def ddm_address(project: str, name: str | None = None) -> str:
    """A file of a DDM, or without a name a project; projects and names may both hold slashes.

    >>> ddm_address("demo/titanic", "titanic.json"), ddm_address("demo")
    ('ddm://demo/titanic//titanic.json', 'ddm://demo//')
    """
    return f"{_DDM}{project}//{name or ''}"


def split_ddm(place: str) -> tuple[str, str]:
    """Project and name of an address.

    >>> split_ddm("ddm://demo/titanic//titanic.json")
    ('demo/titanic', 'titanic.json')
    """
    project, _, name = place.removeprefix(_DDM).partition("//")
    return project, name


# In an object store --------------------------------------------------------------------------------------------------


def checked_url(url: str) -> str:
    """The URL of an object or, with a slash at its end, of a folder of objects.

    >>> checked_url("s3://bucket/raw/x.csv")
    's3://bucket/raw/x.csv'

    Raises:
        SpecError: another scheme, or no bucket.
        SettingsError: a secret in it, which is not shown.
    """
    refuse_secrets(url)
    if scheme_of(url) not in OBJECT_SCHEMES:
        near = nearest(scheme_of(url), OBJECT_SCHEMES)
        raise SpecError(f"no object store has URLs such as {url!r}", help=f"{near}: as in s3://bucket/key")
    bucket, key = split_url(url)
    parts = key.removesuffix("/").split("/")
    if bucket.endswith("://") or "\0" in url or (key and not {"", ".", ".."}.isdisjoint(parts)):
        raise SpecError(f"{url!r} names no object", help="write s3://bucket/key, without empty or dotted parts")
    return url


def refuse_secrets(url: str) -> None:
    """Refuse a URL with credentials.

    Raises:
        SettingsError: no ValueError, which pydantic would show together with the URL.
    """
    shown = shown_url(url)
    if shown != url:
        raise SettingsError(
            f"a URL must hold no credentials, since it is logged and stored: {shown!r} (the rest is not shown)",
            help="the environment gives them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_..., GOOGLE_...",
        )


def shown_url(url: str) -> str:
    """A URL without what may be secret: a user's name and password, and a query (signatures stand there).

    >>> shown_url("s3://key:secret@bucket/x.csv?sig=abc")
    's3://bucket/x.csv'
    """
    url = re.sub(r"\?[^/]*=.*", "", url, flags=re.DOTALL)
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    # In abfss://container@account... the first part is no user.
    return url.replace(f"{user}{at}", "", 1) if at and (":" in user or not scheme_of(url).startswith("abfs")) else url


def split_url(url: str) -> tuple[str, str]:
    """The URL of the bucket, and the key in it.

    >>> split_url("s3://bucket/raw/x.csv")
    ('s3://bucket', 'raw/x.csv')
    """
    start = url.index("://") + 3
    bucket, _, key = url[start:].partition("/")
    return url[:start] + bucket, key
