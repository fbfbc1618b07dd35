"""What a dataset is, and what those have in common that have a place."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
)

from pxw.specs.formats import Compression, Format, explained, first_paragraph, suffixes

__all__ = ["Dataset", "Placed"]


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
        serialize_by_alias=True,
        arbitrary_types_allowed=True,
        json_schema_extra=first_paragraph,
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
        with explained(type(self)):
            super().__init__(**{name: value for name, value in given.items() if value is not None})

    @field_serializer("table", when_used="json")
    def _table_as_json(self, table: Any) -> JsonValue:
        if isinstance(table, type):
            return f"{table.__module__}:{table.__qualname__}"
        names = getattr(table, "names", None)
        if names is not None:
            return {name: str(table.field(name).type) for name in names}
        return dict(table) if isinstance(table, dict) else None if table is None else str(table)

    @model_serializer(mode="wrap")
    def _as_written(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was left open: whoever reads it again may still `inherit` that."""
        said = {type(self).model_fields[name].alias or name for name in self.model_fields_set} | self.model_fields_set
        return {name: value for name, value in dump(self).items() if name in said}

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

        >>> from pxw import Local
        >>> Local("x.csv").inherit(Dataset(schema={"age": "double"})).table
        {'age': 'double'}
        """
        shared = Dataset.model_fields.keys() & other.model_fields_set - self.model_fields_set
        return self.model_copy(update={name: getattr(other, name) for name in shared}) if shared else self


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
