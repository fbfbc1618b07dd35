"""Look at a place without reading it: enough to know whether a task could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pxw import schemas
from pxw.codecs import TableCodec
from pxw.data.asked import asked, is_raw
from pxw.data.places import codec_of, find, glimpse, reading
from pxw.data.schema import schema_of
from pxw.errors import SchemaError
from pxw.specs import Dataset, Placed

if TYPE_CHECKING:
    from pxw.specs import Ref

__all__ = ["look"]


def look(source: Ref | Dataset, declared: Dataset | None = None, as_: Any = None) -> dict[str, str] | None:
    """The columns that a table's header tells; `None` for what is no table.

    Args:
        source: what to look at.
        declared: what the reader expects: format, schema, ...
        as_: the type that the reader asks for; whoever takes raw bytes cares for no format.

    Raises:
        MissingDataError, PlaceError, FormatError, CorruptDataError: it could not be read.
        SchemaError: its header does not fit the declared schema.
    """
    declared = declared or Dataset()
    place = glimpse(source, declared) if isinstance(source, Placed) else find(source, declared)
    columns: dict[str, str] | None = None
    for file in place.files.values():
        with reading(file):
            file.path.open("rb").close()
            if is_raw(asked(as_)):
                continue
            codec, opened = codec_of(file)
            if isinstance(codec, TableCodec):
                columns = schemas.columns_of(codec.header(opened))
                _refuse_mismatch(columns, place.spec, str(file))
    return columns


def _refuse_mismatch(columns: dict[str, str], spec: Dataset, at: str) -> None:
    schema = schema_of(spec)
    faults = schemas.mismatches(columns, schema, spec.coerce if spec.coerce != "strict" else "safe") if schema else []
    if faults and spec.severity == "error":
        raise SchemaError(f"the header does not fit {schema.name if schema else ''}", at=at, details=faults)
