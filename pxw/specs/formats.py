"""How a file is written: the formats, with their options, and compression."""

from __future__ import annotations

import codecs
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)

from pxw.errors import SpecError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Arrow",
    "Compression",
    "Csv",
    "Format",
    "Json",
    "Parquet",
    "Text",
    "explained",
    "first_paragraph",
    "suffixes",
]


def first_paragraph(schema: dict[str, Any]) -> None:
    """Keep arguments and examples out of the descriptions that Prefect's UI shows."""
    schema["description"] = schema["description"].partition("\n\n")[0]


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=first_paragraph)

    name: str

    def __init__(self, **options: Any) -> None:
        with explained(type(self)):
            super().__init__(**options)

    @model_serializer(mode="wrap")
    def _with_name(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Even where only what was set is wanted: it tells whose options they are."""
        return {"name": self.name, **dump(self)}


@contextmanager
def explained(cls: type[BaseModel]) -> Iterator[None]:
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


class Csv(Options):
    """How a delimited text file is written; `.tsv` is the same with a tab.

    Examples:
        >>> from pxw import Csv, Local
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


class Parquet(Options):
    """Options of a Parquet file."""

    name: Literal["parquet"] = "parquet"
    compression: Literal["none", "snappy", "gzip", "lz4", "zstd", "brotli"] = "zstd"
    row_group_rows: int = Field(default=1 << 20, ge=1)


class Arrow(Options):
    """Options of an Arrow IPC file (Feather V2); uncompressed ones are read without a copy."""

    name: Literal["arrow"] = "arrow"
    compression: Literal["none", "lz4", "zstd"] = "none"


class Json(Options):
    """Options of a JSON document."""

    name: Literal["json"] = "json"
    indent: int | None = Field(default=None, ge=0, le=16)


class Text(Options):
    """Options of a text file."""

    name: Literal["text"] = "text"
    encoding: Encoding = "utf-8"


_OPTIONS: dict[str, type[Options]] = {"csv": Csv, "parquet": Parquet, "arrow": Arrow, "json": Json, "text": Text}


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
