"""Where datasets live: on this machine, in a DDM, in an object store."""

from __future__ import annotations

import os
import re
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from pxw.addresses import checked_url, ddm_address, is_url, refuse_secrets, shown_url
from pxw.errors import SpecError
from pxw.specs.dataset import Dataset, Placed

if TYPE_CHECKING:
    from pxw.specs.formats import Format

__all__ = ["DDM", "Local", "Remote", "Spec"]

_GLOB = re.compile(r"[*?\[]")


class Local(Placed):
    """A dataset in a file or folder of this machine; relative paths start at the working directory.

    `"results/"` is a folder with one entry a file, `"img/*.png"` the files that a pattern matches. The other arguments
    are those of `Dataset`.

    Examples:
        >>> Local("results/predictions.csv.gz").suffix, Local("results/predictions.csv.gz").compressed
        ('.csv', 'gzip')
    """

    path: str = Field(min_length=1, description="Path of a file, a folder (ending in a slash), or a pattern.")

    def __init__(
        self,
        path: str | os.PathLike[str] = "",
        *,
        format: Format | None = None,  # noqa: A002 - the word that users write
        schema: Any = None,
        **options: Any,
    ) -> None:
        text = os.fspath(path) if isinstance(path, os.PathLike) else path
        if isinstance(text, str):  # else a validator says what is wrong
            _refuse_no_path(text)
        super().__init__(format=format, schema=schema, path=None if text == "" else text, **options)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        # `-p raw=data/input.csv` and `--set raw=data/input.csv` give a string.
        return {"path": data} if isinstance(data, str) else data

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        if is_url(path):
            refuse_secrets(path)
            raise ValueError(_no_path(path))
        return path

    def _short(self) -> str:
        return ", ".join(filter(None, [repr(self.path), super()._short()]))

    @property
    def is_pattern(self) -> bool:
        """Whether the path is a pattern such as `img/*.png`."""
        return bool(_GLOB.search(self.path)) and not os.path.lexists(self.path)

    @property
    def is_folder(self) -> bool:
        """Whether the path means a folder: it ends in a slash, or is one."""
        return self.path.endswith(("/", os.sep)) or os.path.isdir(self.path)  # noqa: PTH112 - no Path is needed

    @property
    def address(self) -> str:
        """The absolute path."""
        return str(Path(self.path).expanduser().absolute())

    @property
    def name_of_file(self) -> str:
        """The last part of the path."""
        return PurePath(self.path).name

    @property
    def is_many(self) -> bool:
        """Whether it means several files: a folder or a pattern."""
        return self.is_folder or self.is_pattern

    def below(self, name: str) -> Local:
        """The folder of this name in this folder."""
        return Local(f"{self.path.rstrip('/')}/{name}/")


def _refuse_no_path(text: str) -> None:
    if "\0" in text:
        raise SpecError(f"a path cannot hold a NUL character: {text!r}")
    if is_url(text):
        raise SpecError(
            _no_path(text),
            help="write pxw.Remote(url) for an object store, pxw.DDM(project=..., name=...) for a DDM",
        )


def _no_path(url: str) -> str:
    return f"pxw.Local takes a path of this machine, not the URL {shown_url(url)!r}"


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date and time such as 2026-01-31T12:00:00+00:00") from None
    return text


Moment: TypeAlias = Annotated[str, AfterValidator(_moment)]


class DDM(Placed):
    """A dataset in a DDM: a project, and a name in it; without a name, all files of the project.

    Args:
        project: slash separated, as `demo/titanic`.
        name: the file's name; none means the whole project, as a folder.
        id: pins one version of the named file by its id.
        as_of: pins what was the newest version at this ISO date and time (without a zone, local time).
        profile: upload under the plain name, so that DDM computes its statistics (and may rewrite the bytes).

    The other arguments are those of `Dataset`.

    Examples:
        >>> DDM(project="demo", name="titanic.json").suffix
        '.json'
    """

    project: str = Field(min_length=1, max_length=255)
    name: str | None = Field(default=None, min_length=1)
    id: str | None = Field(default=None, min_length=1)
    as_of: Moment | None = None
    profile: bool = False

    def __init__(
        self,
        *,
        project: str = "",
        name: str | None = None,
        format: Format | None = None,  # noqa: A002 - the word that users write
        schema: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(format=format, schema=schema, project=project or None, name=name, **options)

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.id is not None and self.name is None:
            raise ValueError("id= pins a version of one file, so give its name, too")
        return self

    def _short(self) -> str:
        told = {"project": self.project, "name": self.name, "id": self.id, "as_of": self.as_of}
        where = ", ".join(f"{key}={value!r}" for key, value in told.items() if value)
        return ", ".join(filter(None, [where, super()._short()]))

    @property
    def address(self) -> str:
        """`ddm://project//name`."""
        return ddm_address(self.project, self.name)

    @property
    def name_of_file(self) -> str:
        """The last part of the name."""
        return PurePath(self.name or "").name

    @property
    def is_many(self) -> bool:
        """Whether it means a whole project."""
        return self.name is None

    def below(self, name: str) -> DDM:
        """The project of this name below this one."""
        return DDM(project=f"{self.project}/{name}")


def _refusing_others(url: str) -> str:
    refuse_secrets(url)
    try:
        return checked_url(url)
    except SpecError as error:
        raise ValueError(error.message) from None


class Remote(Placed):
    """A dataset in an object store: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`.

    `"s3://bucket/results/"` is a folder with one entry an object, `"s3://bucket/img/*.png"` the objects that a pattern
    matches. The store's endpoint and credentials come from the environment, never from the URL. `etag` pins one version
    of an object. The other arguments are those of `Dataset`.

    Examples:
        >>> Remote("s3://bucket/raw/titanic.csv.gz").suffix, Remote("s3://bucket/raw/").is_many
        ('.csv', True)
    """

    url: Annotated[str, AfterValidator(_refusing_others)] = Field(
        min_length=1, description="URL of an object, of a folder (ending in a slash), or a pattern."
    )
    etag: str | None = Field(default=None, min_length=1, description="Pins one version of an object by its ETag.")

    def __init__(
        self,
        url: str = "",
        *,
        format: Format | None = None,  # noqa: A002 - the word that users write
        schema: Any = None,
        **options: Any,
    ) -> None:
        if isinstance(url, str) and url:
            checked_url(url)  # its error has a remedy
        super().__init__(format=format, schema=schema, url=url or None, **options)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"url": data} if isinstance(data, str) else data

    def _short(self) -> str:
        return ", ".join(filter(None, [repr(self.url), super()._short()]))

    @property
    def is_pattern(self) -> bool:
        """Whether the URL is a pattern such as `s3://bucket/img/*.png`."""
        return bool(_GLOB.search(self.url))

    @property
    def address(self) -> str:
        """The URL."""
        return self.url

    @property
    def name_of_file(self) -> str:
        """The last part of the key."""
        return "" if self.url.endswith("/") else PurePath(self.url).name

    @property
    def is_many(self) -> bool:
        """Whether it means several objects: a folder or a pattern."""
        return self.url.endswith("/") or self.is_pattern

    def below(self, name: str) -> Remote:
        """The folder of this name in this folder."""
        return Remote(f"{self.url.rstrip('/')}/{name}/")


def _kind(data: Any) -> str:
    if isinstance(data, Dataset):
        return type(data).__name__
    if not isinstance(data, dict):
        return "Remote" if isinstance(data, str) and is_url(data) else "Local"
    meant = {near for key in data for near in get_close_matches(str(key), _KINDS, 1)}  # a slip is told as one
    return next((kind for key, kind in _KINDS.items() if key in meant), "Dataset")


_KINDS = {"path": "Local", "project": "DDM", "url": "Remote"}


Spec: TypeAlias = Annotated[
    Annotated[Local, Tag("Local")]
    | Annotated[DDM, Tag("DDM")]
    | Annotated[Remote, Tag("Remote")]
    | Annotated[Dataset, Tag("Dataset")],
    Discriminator(_kind),
]
"""Any dataset spec; a flow can be given one as a path, a URL, `{"path": ...}`, `{"url": ...}` or `{"project": ...}`."""
