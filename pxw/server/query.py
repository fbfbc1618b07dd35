"""Filters of the catalogue as SQL: every value is bound, every column comes from a fixed list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pxw.server.errors import invalid

__all__ = ["COLUMNS", "ListQuery", "Rules", "Where", "any_of", "contains", "order_by", "stored"]

COLUMNS = {
    "id": "id",
    "filename": "name",
    "upload_filename": "name",
    "description": "description",
    "use_case": "use_case",
    "user_id": "user_id",
    "created": "created",
    "parent_files": "parent_files",
    "project_id": "project_id",
    "file_size": "file_size",
    "file_type": "file_type",
    "recdeleted": "0",
    "sha256": "sha256",
}
"""Which column holds a field of a catalogue row."""

LONGEST = 10_000  # characters of a condition, 500 rules and more; SQLite takes a tree of depth 1000
BIGGEST = 2**62  # what fits into SQLite's integers with room for a product


class Where(NamedTuple):
    """A condition and its values."""

    sql: str = "1"
    values: tuple[Any, ...] = ()

    def __and__(self, other: Where) -> Where:
        return Where(f"({self.sql}) AND ({other.sql})", self.values + other.values)


def stored(moment: datetime) -> str:
    """Word a time as the catalogue stores it, so that the order of the texts is the order of the times."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def contains(field: str, text: str) -> Where:
    """Match a literal, case-sensitive substring."""
    return Where(f"instr({COLUMNS[field]}, ?) > 0", (text,))


def any_of(field: str, texts: str) -> Where:
    """Match any of several substrings, separated by commas."""
    wheres = [contains(field, text) for text in texts.split(",") if text][:100]
    if not wheres:
        return Where()
    return Where(" OR ".join(where.sql for where in wheres), tuple(where.values[0] for where in wheres))


def order_by(sort: str) -> str:
    """Turn `field,asc` into SQL; the id makes the order total, so that pages neither overlap nor leave gaps."""
    field, _, direction = sort.partition(",")
    direction = direction.strip().upper() or "ASC"
    if field not in COLUMNS or direction not in {"ASC", "DESC"}:
        raise invalid("sort", f"{sort[:64]!r}; expected <field>,asc or <field>,desc with one of {', '.join(COLUMNS)}")
    return f"{COLUMNS[field]} {direction}, id {direction}"


class ListQuery(BaseModel):
    """The parameters of `GET /ddm/catalog/list`."""

    filename: str = ""
    project_id: str = ""
    user_id: str = ""
    file_type: str = ""
    use_case: str = ""
    parent_files: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None
    size_from: int | None = Field(default=None, ge=0, le=BIGGEST)
    size_to: int | None = Field(default=None, ge=0, le=BIGGEST)
    sort: str = "id,asc"
    page: int = Field(default=1, ge=1, le=2**31)
    per_page: int = Field(default=10, ge=1, le=2**31, alias="perPage")

    def where(self) -> Where:
        """Every filter that is set, together."""
        where = Where()
        for field in ("filename", "project_id", "user_id", "file_type", "use_case", "parent_files"):
            where &= any_of(field, getattr(self, field))
        bounds = (("created", ">=", self.created_from), ("created", "<=", self.created_to))
        sizes = (("file_size", ">=", self.size_from), ("file_size", "<=", self.size_to))
        for column, sign, bound in (*bounds, *sizes):
            if bound is not None:
                where &= Where(f"{column} {sign} ?", (stored(bound) if isinstance(bound, datetime) else bound,))
        return where


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Joint = Annotated[Literal["and", "or"], BeforeValidator(_lower)]
Number = Annotated[int, Field(ge=-BIGGEST, le=BIGGEST)]
Scalar = Number | float | str | bool | None

_COMPARE = {"=": "=", "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TEXT = {
    "contains": "instr({0}, ?) > 0",
    "doesnotcontain": "instr({0}, ?) = 0",
    "beginswith": "instr({0}, ?) = 1",
    "doesnotbeginwith": "instr({0}, ?) <> 1",
    "endswith": "substr({0}, -length(?)) = ?",
    "doesnotendwith": "substr({0}, -length(?)) <> ?",
}


class Rule(BaseModel):
    """One rule of the query builder, such as `file_size > 1000`."""

    model_config = ConfigDict(extra="ignore")

    field: str
    operator: str
    value: Scalar | list[Scalar] = None

    def where(self) -> Where:
        """The rule as a condition."""
        if self.field not in COLUMNS:
            raise invalid("field", f"{self.field[:64]!r}; expected one of {', '.join(COLUMNS)}")
        column, operator = COLUMNS[self.field], self.operator.lower()
        if operator in {"null", "notnull"}:
            return Where(f"{column} IS {'NOT ' if operator == 'notnull' else ''}NULL")
        if operator in {"in", "notin", "between", "notbetween"}:
            return self._several(column, operator)
        value = self._bound(self.value[0] if isinstance(self.value, list) and self.value else self.value)
        if operator in _COMPARE:
            return Where(f"{column} {_COMPARE[operator]} ?", (value,))
        if operator in _TEXT:
            sql = _TEXT[operator].format(column)
            return Where(sql, (str(value),) * sql.count("?"))
        raise invalid("operator", f"{self.operator[:64]!r}; expected one of {', '.join((*_COMPARE, *_TEXT))}")

    def _several(self, column: str, operator: str) -> Where:
        listed = self.value if isinstance(self.value, list) else str(self.value or "").split(",")
        values = tuple(self._bound(value) for value in listed)
        negated = "NOT " if operator.startswith("not") else ""
        if operator.endswith("in"):
            return Where(f"{column} {negated}IN ({', '.join('?' * len(values))})", values)
        if len(values) != 2:
            raise invalid("value", f"{len(values)} values; 'between' takes two")
        return Where(f"{column} {negated}BETWEEN ? AND ?", values)

    def _bound(self, value: object) -> object:
        try:
            if self.field == "created":
                return stored(datetime.fromisoformat(str(value)))
            if self.field in {"file_size", "recdeleted"}:
                return max(-BIGGEST, min(BIGGEST, float(str(value if not isinstance(value, bool) else int(value)))))
        except (ValueError, OverflowError):
            raise invalid("value", f"{str(value)[:64]!r} for {self.field}") from None
        return value if isinstance(value, str) else str(value)


class Rules(BaseModel):
    """A group of the query builder; joints stand between the rules, or one combinator joins all."""

    model_config = ConfigDict(extra="ignore")

    rules: list[Rule | Rules | Joint]
    combinator: Joint = "and"
    negated: bool = Field(default=False, alias="not")

    def where(self) -> Where:
        """The group as a condition; `and` binds closer than `or`."""
        sql: list[str] = []
        values: list[Any] = []
        joint = None
        for rule in self.rules:
            if isinstance(rule, str):
                joint = rule
                continue
            if sql:
                sql.append(joint or self.combinator)
            where = rule.where()
            sql.append(f"({where.sql})")
            values += where.values
            joint = None
        whole = " ".join(sql) or "1"
        if len(whole) > LONGEST:
            raise invalid("rules", "too many conditions in one query")
        return Where(f"NOT ({whole})" if self.negated else whole, tuple(values))
