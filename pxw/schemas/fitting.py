"""Fits tables and streams of batches to a schema: casts by policy, runs all checks, collects all faults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pat

from pxw.schemas.casts import ENOUGH, cast_exactly
from pxw.schemas.checks import breach, breaches, repeats
from pxw.schemas.faults import SHOWN, Breach, Tally
from pxw.schemas.joins import Clash, expected, structure, target
from pxw.schemas.model import Unique
from pxw.schemas.typetext import type_text

if TYPE_CHECKING:
    from pxw.schemas.faults import Fault
    from pxw.schemas.model import Coerce, Column, Schema

__all__ = ["Checker", "fit"]


def fit(table: pa.Table, schema: Schema, coerce: Coerce = "safe") -> tuple[pa.Table, list[Fault]]:
    """Cast a table by the policy and report everything that breaks the schema.

    `safe` casts where no value changes: integers to floats and back when exact, texts to numbers or dates when every
    one of them is one, dictionaries, units of time. `strict` takes equal types only (in any layout: dictionary,
    large, view). `off` looks at no type. Columns that the schema does not name are left alone, as is a column with
    values that cannot be cast.

    >>> from pxw.schemas import compile_schema
    >>> table, faults = fit(pa.table({"age": ["30", "40"]}), compile_schema({"age": "int64", "fare": "double"}))
    >>> table.schema.field("age").type, [str(fault) for fault in faults]
    (DataType(int64), ["column 'fare': there is no such column: there are: age"])
    """
    checker = Checker(schema, coerce)
    return checker.table(table), checker.finish()


class Checker:
    """Fits a stream of record batches to a schema, in memory for one batch.

    Only `unique` keeps its column until the end, and checks of pandera that have no vectorised form keep the table.

    >>> from pxw.schemas import compile_schema
    >>> checker = Checker(compile_schema({"age": "int64"}))
    >>> checker.check(pa.record_batch({"age": ["30", "40"]})).column("age").type
    DataType(int64)
    >>> checker.finish()
    []
    """

    def __init__(self, schema: Schema, coerce: Coerce = "safe") -> None:
        self.schema = schema
        self.coerce: Coerce = coerce
        self._tally = Tally()
        self._rows = 0
        self._types: dict[str, pa.DataType] = {}  # as the first batch came out, so that all batches are alike
        self._kept: dict[str, list[pa.ChunkedArray]] = {}
        self._whole: list[pa.Table] = []

    def check(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Cast and check one batch; a column that cannot be cast stays as it is, which `finish` reports."""
        table = self.table(pa.Table.from_batches([batch]))
        arrays = [column.combine_chunks() for column in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=table.schema) if arrays else batch

    def table(self, table: pa.Table) -> pa.Table:
        """Cast and check one piece of the data, of any size."""
        for name, rule, text in structure(self.schema, table.column_names):
            self._tally.add(Breach(name, rule, text))
        for part in self.schema.parts:
            if table.column_names.count(part.name) == 1:
                table = self._fit(part, table)
        self._extras(table)
        self._rows += table.num_rows
        return table

    def _fit(self, part: Column, table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index(part.name)
        values = table.column(index)
        cast = self._cast(part, values)
        if cast is None:
            return table
        self._check(part, cast)
        return table if cast is values else table.set_column(index, table.field(index).with_type(cast.type), cast)

    def _cast(self, part: Column, values: pa.ChunkedArray) -> pa.ChunkedArray | None:
        if part.name in self._types and self.coerce == "safe" and not pat.is_null(part.type):
            part = replace(part, type=self._types[part.name], loose=False, children=())
        try:
            to = target(part, values.type, self.coerce)
        except Clash as clash:
            self._tally.add(Breach(part.name, "type", str(clash)))
            return None
        if to != values.type:
            given = values
            values, rows = cast_exactly(given, to)
            if rows:
                self._tally.add(_misfit(part, given, rows).shifted(self._rows))
                return None
        self._types.setdefault(part.name, to)
        return values

    def _check(self, part: Column, values: pa.ChunkedArray) -> None:
        offset = self._rows
        for chunk in values.chunks:
            for found in breaches(part, chunk, part.name):
                self._tally.add(found.shifted(offset))
            offset += len(chunk)
        if Unique() in part.rules:
            self._kept.setdefault(part.name, []).append(values)

    def _extras(self, table: pa.Table) -> None:
        if any(extra.whole for extra in self.schema.extras):
            self._whole.append(table)
        for extra in self.schema.extras:
            if not extra.whole:
                for found in extra.breaches(table):
                    self._tally.add(found.shifted(self._rows))

    def finish(self) -> list[Fault]:
        """Run what needs all rows, and return all faults, by column and then as the checks run."""
        for name, pieces in self._kept.items():
            values = pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], pieces[0].type)
            for found in breach(name, Unique.name, "repeat an earlier one", repeats(values), values):
                self._tally.add(found)
        self._kept.clear()
        if self._whole:
            table = pa.concat_tables(self._whole)
            self._whole.clear()
            for extra in self.schema.extras:
                for found in extra.breaches(table) if extra.whole else ():
                    self._tally.add(found)
        return self._tally.faults([part.name for part in self.schema.parts], total=self._rows)


def _misfit(part: Column, given: pa.ChunkedArray, rows: list[int]) -> Breach:
    first = tuple(rows[:SHOWN])
    samples = tuple(given[row].as_py() for row in first)
    text = f"({type_text(given.type)}) are no {expected(part)}"
    return Breach(part.name, "type", text, len(rows), first, samples, or_more=len(rows) == ENOUGH)
