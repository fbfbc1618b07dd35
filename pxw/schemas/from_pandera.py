"""Pandera models as schemas: types and the usual checks become Arrow checks; pandera itself runs the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from pxw.errors import SpecError
from pxw.schemas.faults import SHOWN, Breach
from pxw.schemas.model import Bound, Column, Extra, OneOf, Rule, Schema, Unique
from pxw.schemas.patterns import readable
from pxw.schemas.rows import code_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["compile_pandera"]


def compile_pandera(source: Any) -> Schema:
    """Compile a pandera `DataFrameModel` or `DataFrameSchema` for pandas."""
    schema = source.to_schema() if hasattr(source, "to_schema") else source
    if not isinstance(schema, pandera.DataFrameSchema):
        raise SpecError(
            f"no pandera schema for pandas: {type(schema).__module__}.{type(schema).__name__}",
            help="declare it with pandera.pandas, or as a pydantic model",
        )
    name = schema.name or "schema"
    _refuse_transforms(schema, name)
    compiled = [_column(column) for column in schema.columns.values()]
    parts = tuple(part for part, _ in compiled if part is not None)
    rest = {column.name: column for _, column in compiled if column is not None}
    extras: tuple[Extra, ...] = (_PanderaRest(schema, rest),) if _remains(schema, rest) else ()
    return Schema(name, parts, closed=schema.strict is True, extras=extras)


def _refuse_transforms(schema: pandera.DataFrameSchema, name: str) -> None:
    """Whatever changes the data belongs into a task: a schema checks."""
    said = {
        "parsers": bool(schema.parsers) or any(column.parsers for column in schema.columns.values()),
        "add_missing_columns": schema.add_missing_columns,
        "strict='filter'": schema.strict == "filter",
        "drop_invalid_rows": schema.drop_invalid_rows,
        "default": any(column.default is not None for column in schema.columns.values()),
    }
    for option, is_used in said.items():
        if is_used:
            raise SpecError(
                f"{option} changes the data, and a schema only checks it",
                at=f"the pandera schema {name!r}",
                help="take the option away and do the same in the task",
            )


def _remains(schema: pandera.DataFrameSchema, rest: dict[str, Any]) -> bool:
    return bool(rest or schema.checks or schema.unique or schema.index is not None or schema.ordered or schema.dtype)


def _column(column: Any) -> tuple[Column | None, Any]:
    """Split a column into what Arrow checks and what pandera does."""
    if column.regex:
        return None, column  # any number of columns, whose names a pattern tells
    rules: list[Rule] = []
    left = []
    for check in column.checks:
        compiled = _rules(check, column.name)
        rules += compiled
        if not compiled:
            left.append(check)
    if column.unique:
        rules.append(Unique())
    kind, options = _arrow_type(column.dtype)
    part = Column(column.name, kind, column.nullable, column.required, rules=(*options, *rules))
    if not left:
        return part, None
    return part, pandera.Column(name=column.name, checks=left, nullable=True, required=False)


def _arrow_type(dtype: Any) -> tuple[pa.DataType, tuple[Rule, ...]]:
    """Ask Arrow what it makes of an empty series of this type; of objects it makes null, which takes anything."""
    if dtype is None:
        return pa.null(), ()
    native = getattr(dtype, "type", None)
    arrow = getattr(native, "pyarrow_dtype", None)
    if isinstance(arrow, pa.DataType):
        return arrow, ()
    series = pd.Series([], dtype=native if native is not None else str(dtype))
    kind = pa.Array.from_pandas(series).type
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = tuple(series.dtype.categories.tolist())
        return (kind, (OneOf(categories),)) if categories else (pa.null(), ())
    return kind, ()


def _rules(check: Any, name: str) -> list[Rule]:
    """Read one of pandera's own checks; none if it must run itself."""
    plain = check.ignore_na and check.groupby is None and not check.raise_warning
    if not plain or not check.statistics or check.name not in _CHECKS:
        return []
    try:
        return _CHECKS[check.name](check.statistics, name)
    except SpecError:
        return []  # a pattern that RE2 cannot read, but pandera can


def _range(said: dict[str, Any], _: str) -> list[Rule]:
    least = Bound("ge" if said["include_min"] else "gt", said["min_value"])
    return [least, Bound("le" if said["include_max"] else "lt", said["max_value"])]


def _matching(said: dict[str, Any], name: str) -> list[Rule]:
    pattern = said["pattern"]
    # Python's `match` begins at the start, where a search must be told to.
    anchored = pattern.startswith("^") and "|" not in pattern
    return [readable(pattern if anchored else rf"\A(?:{pattern})", "python-re", name)]


_CHECKS: dict[str, Callable[[dict[str, Any], str], list[Rule]]] = {
    "greater_than": lambda said, _: [Bound("gt", said["min_value"])],
    "greater_than_or_equal_to": lambda said, _: [Bound("ge", said["min_value"])],
    "in_range": _range,
    "isin": lambda said, _: [OneOf(tuple(said["allowed_values"]))],
    "less_than": lambda said, _: [Bound("lt", said["max_value"])],
    "less_than_or_equal_to": lambda said, _: [Bound("le", said["max_value"])],
    "str_matches": _matching,
}


@dataclass(frozen=True)
class _PanderaRest:
    """Runs on a pandas frame what has no vectorised Arrow form."""

    schema: Any
    columns: dict[str, Any]
    whole = True  # a check may look at a whole column, such as its mean

    @property
    def digest(self) -> str:
        """The checks and their code."""
        checks = [check for column in self.columns.values() for check in column.checks] + list(self.schema.checks)
        said = [(check.name, repr(check.statistics), code_text(check._check_fn)) for check in checks]  # noqa: SLF001 - pandera shows it nowhere else
        also = (
            sorted(self.columns),
            self.schema.unique,
            self.schema.ordered,
            str(self.schema.dtype),
            repr(self.schema.index),
        )
        return repr((said, also))

    def breaches(self, table: pa.Table) -> Iterator[Breach]:
        """Let pandera check the table, lazily, so that it reports all faults."""
        names = {name: pandera.Column(name=name, required=False, nullable=True) for name in self.schema.columns}
        rest = pandera.DataFrameSchema(
            columns={**names, **self.columns},
            checks=self.schema.checks,
            index=self.schema.index,
            unique=self.schema.unique,
            ordered=self.schema.ordered,
            dtype=self.schema.dtype,
        )
        frame = table.to_pandas()
        try:
            rest.validate(frame, lazy=True)
        except SchemaErrors as errors:
            yield from _breaches(errors.failure_cases, frame)


def _breaches(cases: pd.DataFrame, frame: pd.DataFrame) -> Iterator[Breach]:
    places = {label: row for row, label in enumerate(frame.index)}
    cases = cases.assign(column=cases["column"].where(cases["schema_context"] == "Column", ""))
    for (column, check), found in cases.groupby(["column", "check"], sort=False):
        rows = sorted({places[label] for label in found["index"] if label in places})
        if rows:
            first = tuple(rows[:SHOWN])
            shown = frame.iloc[list(first)] if column == "" else frame.iloc[list(first)][[column]]
            samples = [row if column == "" else row[column] for row in shown.to_dict("records")]
            yield Breach(str(column), "pandera", f"break {check}", len(rows), first, tuple(samples))
        else:
            reason = found["failure_case"].iloc[0]  # an exception in words, or the verdict on the whole column
            text = f"breaks {check}" + (f": {reason}" if isinstance(reason, str) else "")
            yield Breach(str(column), "pandera", text)
