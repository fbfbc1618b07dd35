"""What a dataset is, where it lives, and the small value that points at it: pure pydantic."""

from __future__ import annotations

import codecs
import os
import re
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Never, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from pxw.addresses import checked_url, ddm_address, is_url, refuse_secrets, shown_url
from pxw.errors import RefTouchedError, SpecError, nearest
from pxw.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DDM",
    "Arrow",
    "Csv",
    "Dataset",
    "Format",
    "Json",
    "Local",
    "Parquet",
    "Placed",
    "Ref",
    "Remote",
    "Spec",
    "Text",
]


def _first_paragraph(schema: dict[str, Any]) -> None:
    """Keep arguments and examples out of the descriptions that Prefect's UI shows."""
    schema["description"] = schema["description"].partition("\n\n")[0]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_first_paragraph)

    def __init__(self, **options: Any) -> None:
        with _explained(type(self)):
            super().__init__(**options)


@contextmanager
def _explained(cls: type[BaseModel]) -> Iterator[None]:
    """Say what is wrong with a spec in words of pxw."""
    try:
        yield
    except ValidationError as error:
        raise SpecError(
            f"this is no pxw.{cls.__name__}",
            details=[_fault(fault["loc"], fault["msg"], fault["type"], cls) for fault in error.errors()],
        ) from None


def _known(encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"no encoding has the name {encoding!r}") from None
    return encoding


Encoding: TypeAlias = Annotated[str, AfterValidator(_known)]


class Csv(_Options):
    """How a delimited text file is written; `.tsv` is the same with a tab.

    Examples:
        >>> Local("prices.csv", format=Csv(delimiter=";", decimal=",", encoding="latin-1"))
        Local('prices.csv')
    """

    name: Literal["csv", "tsv"] = "csv"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    header: bool | tuple[str, ...] = Field(
        default=True, description="The first row names the columns; or none does (False), or the names are given here."
    )
    skip_rows: int = Field(default=0, ge=0, description="Rows before the header.")
    null_values: tuple[str, ...] = Field(default=("",), description="Unquoted text that means: no value.")

    @model_validator(mode="before")
    @classmethod
    def _tab(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("name") == "tsv":
            return {"delimiter": "\t", **data}
        return data

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        signs = list(filter(None, [self.delimiter, self.quote, self.escape, self.decimal, "\r", "\n"]))
        if len({*signs}) < len(signs):
            raise ValueError("delimiter, quote, escape and decimal must be different signs, and none ends a line")
        return self


class Parquet(_Options):
    """Options of a Parquet file."""

    name: Literal["parquet"] = "parquet"
    compression: Literal["none", "snappy", "gzip", "lz4", "zstd", "brotli"] = "zstd"
    row_group_rows: int = Field(default=1 << 20, ge=1)


class Arrow(_Options):
    """Options of an Arrow IPC file (Feather V2); uncompressed ones are read without a copy."""

    name: Literal["arrow"] = "arrow"
    compression: Literal["none", "lz4", "zstd"] = "none"


class Json(_Options):
    """Options of a JSON document."""

    name: Literal["json"] = "json"
    indent: int | None = Field(default=None, ge=0, le=16)


class Text(_Options):
    """Options of a text file."""

    name: Literal["text"] = "text"
    encoding: Encoding = "utf-8"


_OPTIONS: dict[str, type[_Options]] = {"csv": Csv, "parquet": Parquet, "arrow": Arrow, "json": Json, "text": Text}


def _options_of(data: Any) -> str | None:
    if isinstance(data, str):
        return "name"
    name = data.get("name") if isinstance(data, dict) else getattr(data, "name", None)
    return "csv" if name == "tsv" else name


Format: TypeAlias = Annotated[
    Annotated[str, Tag("name")]
    | Annotated[Csv, Tag("csv")]
    | Annotated[Parquet, Tag("parquet")]
    | Annotated[Arrow, Tag("arrow")]
    | Annotated[Json, Tag("json")]
    | Annotated[Text, Tag("text")],
    Discriminator(
        _options_of,
        custom_error_type="format",
        custom_error_message="Name a format, or give its options with their name: csv, tsv, parquet, arrow, json, text",
    ),
]
"""A format by name (`"csv"`, or that of a registered codec), or with its options (`Csv(delimiter=";")`)."""

Compression: TypeAlias = Literal["none", "gzip", "zstd"]

_COMPRESSION_SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


class Dataset(BaseModel):
    """What a dataset is, without a place: pxw decides where it goes.

    Args:
        format: by default that of the place's suffix, or what suits the value (Arrow for tables).
        schema: what a table must look like: a pydantic model, a `pyarrow.Schema`, a pandera model, or
            a mapping of column names to Arrow type names.
        compression: of the file as a whole; by default that of the suffix (`.csv.gz`, `.json.zst`).
        coerce: how values become the schema's types: `"safe"` casts that lose nothing, `"strict"` none, `"off"` no
            check of types at all.
        severity: whether a table that breaks its schema is an `"error"` or a `"warn"`ing.
        validators: also run a pydantic model's own validators, row by row: slow.
        allow_pickle: vouch for a pickle (or joblib file) that this installation did not write: loading one runs
            whatever code it holds.

    Examples:
        >>> Dataset(schema={"age": "double"}).table
        {'age': 'double'}
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        arbitrary_types_allowed=True,
        json_schema_extra=_first_paragraph,
    )

    format: Format | None = None
    table: Any = Field(default=None, alias="schema", description="What a table must look like.")
    compression: Compression | None = None
    coerce: Literal["safe", "strict", "off"] = "safe"
    severity: Literal["error", "warn"] = "error"
    validators: bool = False
    allow_pickle: bool = False

    # Spelled out, since a type checker and an editor show users this signature, not pydantic's.
    def __init__(
        self,
        *,
        format: Format | None = None,  # noqa: A002 - the word that users write
        schema: Any = None,
        **options: Any,
    ) -> None:
        # Only what was given, so that `model_fields_set` keeps telling what the user wrote.
        given = options | {"format": format, "schema": options.pop("table", schema)}
        with _explained(type(self)):
            super().__init__(**{name: value for name, value in given.items() if value is not None})

    @field_serializer("table", when_used="json")
    def _table_as_json(self, table: Any) -> JsonValue:
        if isinstance(table, type):
            return f"{table.__module__}:{table.__qualname__}"
        names = getattr(table, "names", None)
        if names is not None:
            return {name: str(table.field(name).type) for name in names}
        return dict(table) if isinstance(table, dict) else None if table is None else str(table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._short()})"

    __str__ = __repr__

    @property
    def address(self) -> str:
        """The place, here and now, as one text that tells it from all others; nothing if it has none."""
        return ""

    def _short(self) -> str:
        shown = [f"format={self.format!r}"] if isinstance(self.format, str) else []
        shown += [f"schema={getattr(self.table, '__name__', '...')}"] if self.table is not None else []
        return ", ".join(shown)

    def inherit(self, other: Dataset) -> Self:
        """This spec, with what it leaves open (format, schema, ...) as `other` says it.

        >>> Local("x.csv").inherit(Dataset(schema={"age": "double"})).table
        {'age': 'double'}
        """
        shared = Dataset.model_fields.keys() & other.model_fields_set - self.model_fields_set
        return self.model_copy(update={name: getattr(other, name) for name in shared}) if shared else self


_GLOB = re.compile(r"[*?\[]")


class Placed(Dataset):
    """A dataset spec that also says where: what `Local`, `DDM` and `Remote` have in common."""

    def __init__(self, **said: Any) -> None:  # else a type checker derives another one from the fields
        super().__init__(**said)

    @property
    def name_of_file(self) -> str:
        """What the file is called, whose suffix tells its format; nothing for a folder."""
        raise NotImplementedError

    @property
    def is_many(self) -> bool:
        """Whether it means several files: a folder or a pattern."""
        raise NotImplementedError

    @property
    def is_pattern(self) -> bool:
        """Whether it means the files that a pattern matches."""
        return False

    def below(self, name: str) -> Placed:
        """The folder of this name in this folder."""
        raise NotImplementedError

    @property
    def suffix(self) -> str:
        """The suffix that tells the format: `.csv` for `data.csv.gz`."""
        return suffixes(self.name_of_file)[0]

    @property
    def compressed(self) -> Compression:
        """How the file as a whole is compressed."""
        return self.compression or suffixes(self.name_of_file)[1]


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
        text = os.fspath(path)
        if "\0" in text:
            raise SpecError(f"a path cannot hold a NUL character: {text!r}")
        if is_url(text):
            raise SpecError(
                _no_path(text),
                help="write pxw.Remote(url) for an object store, pxw.DDM(project=..., name=...) for a DDM",
            )
        super().__init__(format=format, schema=schema, path=text or None, **options)

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
        if url:
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


def _fault(loc: tuple[int | str, ...], message: str, kind: str, model: type[BaseModel]) -> str:
    model = _OPTIONS.get(str(loc[-2]), model) if len(loc) > 1 else model
    fields = [field.alias or name for name, field in model.model_fields.items()]
    hint = f" ({nearest(str(loc[-1]), fields)})" if kind == "extra_forbidden" else ""
    return ": ".join(filter(None, [".".join(map(str, loc)), message.removeprefix("Value error, ")])) + hint


def suffixes(name: str) -> tuple[str, Compression]:
    """The suffix that tells the format, and the compression that a further suffix tells.

    >>> suffixes("data.v2.csv.gz"), suffixes("README")
    (('.csv', 'gzip'), ('', 'none'))
    """
    path = PurePath(name)
    compression = _COMPRESSION_SUFFIXES.get(path.suffix.lower(), "none")
    if compression != "none":
        path = path.with_suffix("")
    return path.suffix.lower(), compression


def _kind(data: Any) -> str:
    if isinstance(data, Dataset):
        return type(data).__name__
    if not isinstance(data, dict):
        return "Remote" if isinstance(data, str) and is_url(data) else "Local"
    return next((kind for key, kind in _KINDS.items() if key in data), "Dataset")


_KINDS = {"path": "Local", "project": "DDM", "url": "Remote"}


Spec: TypeAlias = Annotated[
    Annotated[Local, Tag("Local")]
    | Annotated[DDM, Tag("DDM")]
    | Annotated[Remote, Tag("Remote")]
    | Annotated[Dataset, Tag("Dataset")],
    Discriminator(_kind),
]
"""Any dataset spec; a flow can be given one as a path, a URL, `{"path": ...}`, `{"url": ...}` or `{"project": ...}`."""


class Ref(Opaque):
    """A small value that points at materialised data; it is what travels between tasks.

    A reference is not its value: `pxw.load(ref)` is. A few fields are worth reading: `place`, `format`, `size` (bytes),
    `rows`, `columns`, `digest`, and `task` and `output`, which produced it.
    """

    place: str = Field(default="", description="Absolute path, URL, or `ddm://project//name`; empty: see `value`.")
    value: JsonValue = Field(
        default=None, description="The value itself, where it is small JSON; of a folder elsewhere, its files."
    )
    format: Format = ""
    compression: Compression = "none"
    size: int = 0
    rows: int | None = None
    digest: str = Field(default="", description="`xxh3:...` or `sha256:...` of the bytes.")
    columns: dict[str, str] | None = Field(default=None, description="A table's columns and their Arrow types.")
    checked: str = Field(default="", description="Fingerprint of the schema that the data is known to fit.")
    python: str = Field(default="", description="The Python type that was saved.")
    id: str | None = Field(default=None, description="The file's id in its DDM, or the object's ETag.")
    flow: str = ""
    run: str = ""
    task: str = ""
    output: str = ""

    _UNLOADED: ClassVar[str] = "pxw.load(...) gives its value; a task that declares it as an input receives the value"

    @property
    def source(self) -> str:
        """Who made it, in words: `task 'process', output 'clean'`."""
        return f"task {self.task!r}, output {self.output!r}" if self.task else self.place or "a value"

    @property
    def is_declared_only(self) -> bool:
        """Whether it stands for data that does not exist yet, as in `pxw check`."""
        return not self.digest

    def __hash__(self) -> int:
        return hash((self.place, self.digest, self.run, self.task, self.output))

    def __repr__(self) -> str:
        facts = [f"{self.rows} rows" if self.rows is not None else "", f"{self.size} bytes" if self.size else ""]
        where = self.place or ("not run" if self.is_declared_only else repr(self.value))
        return f"<Ref {', '.join(filter(None, [self.source, where, *facts]))}>"

    __str__ = __repr__

    def __getattr__(self, name: str) -> Never:
        if name.startswith("_"):  # copy, pickle, pydantic and IDEs ask for these
            raise AttributeError(name)
        raise self._touched(f".{name}")

    def _touched(self, how: str) -> RefTouchedError:
        return RefTouchedError(
            f"this is a reference to data, not the data itself: {how}", at=repr(self), help=self._UNLOADED
        )


def _refuse(operator: str, shown: str) -> None:
    def touched(self: Ref, *_: object) -> Never:
        raise self._touched(shown)

    setattr(Ref, operator, touched)


for _operator, _shown in {
    "__getitem__": "ref[...]",
    "__setitem__": "ref[...] = ...",
    "__contains__": "... in ref",
    "__len__": "len(ref)",
    "__iter__": "for ... in ref",
    "__bool__": "if ref",
    "__float__": "float(ref)",
    "__int__": "int(ref)",
    "__array__": "numpy.asarray(ref)",
    "__call__": "ref(...)",
    **{f"__{name}__": f"ref {sign} ..." for name, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items()},
    **{
        f"__{side}{name}__": f"arithmetic ({sign})"
        for side in ("", "r")
        for name, sign in {
            "add": "+",
            "sub": "-",
            "mul": "*",
            "truediv": "/",
            "matmul": "@",
            "and": "&",
            "or": "|",
        }.items()
    },
}.items():
    _refuse(_operator, _shown)
