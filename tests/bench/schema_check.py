"""How long a schema check takes: pxw's vectorised Arrow checks, pandera, and pydantic row by row.

    python tests/bench/schema_check.py [ROWS]

Five columns with bounds, patterns and lengths. Pydantic runs on a fiftieth of the rows, and its time is scaled up.
"""

import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import pandera.pandas as pandera
import pyarrow as pa
from pydantic import BaseModel, Field

from pxw.schemas import compile_schema, fit

ROUNDS = 7
SCALE = 50


class Order(BaseModel):
    amount: float = Field(ge=0, le=1000)
    items: int = Field(ge=1, lt=100)
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{6}$")]
    country: Annotated[str, Field(pattern=r"^[a-z]+$", min_length=2, max_length=20)]
    discount: float | None = Field(ge=0, le=1)


ORDER = pandera.DataFrameSchema(
    {
        "amount": pandera.Column(float, pandera.Check.in_range(0, 1000)),
        "items": pandera.Column("int64", pandera.Check.in_range(1, 100, include_max=False)),
        "code": pandera.Column(str, pandera.Check.str_matches(r"^[A-Z]{2}-\d{6}$")),
        "country": pandera.Column(str, [pandera.Check.str_matches(r"^[a-z]+$"), pandera.Check.str_length(2, 20)]),
        "discount": pandera.Column(float, pandera.Check.in_range(0, 1), nullable=True),
    }
)


def orders(rows: int) -> pa.Table:
    draw = random.Random(7)
    return pa.table(
        {
            "amount": pa.array([draw.uniform(0, 1000) for _ in range(rows)]),
            "items": pa.array([draw.randrange(1, 100) for _ in range(rows)]),
            "code": pa.array([f"AB-{number:06d}" for number in range(rows)]),
            "country": pa.array(draw.choices(["greece", "spain", "netherlands", "cyprus"], k=rows)),
            "discount": pa.array([draw.random() if draw.random() > 0.1 else None for _ in range(rows)]),
        }
    )


def median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def one_by_one(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        Order.model_validate(row)


def main() -> None:
    table = orders(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    frame = table.to_pandas()
    schema = compile_schema(Order)
    broken = table.set_column(0, "amount", pa.array([-1.0, *table["amount"].to_pylist()[1:]]))
    batches = pa.Table.from_batches(table.to_batches(len(table) // 64))
    part = table.slice(0, len(table) // SCALE)
    rows, part_frame = part.to_pylist(), part.to_pandas()
    assert fit(table, schema)[1] == []
    assert [fault.rule for fault in fit(broken, schema)[1]] == ["ge"]
    # A frame says missing by NaN, which pydantic would hold against the bounds.
    records = part_frame.astype(object).where(part_frame.notna(), None)

    measured = {
        "pxw, every row good": median(lambda: fit(table, schema)),
        "pxw, one row bad": median(lambda: fit(broken, schema)),
        "pxw, in 64 batches": median(lambda: fit(batches, schema)),
        "pandera, on the pandas frame": median(lambda: ORDER.validate(frame, lazy=True), 3),
        "pydantic, rows already dicts": median(lambda: one_by_one(rows), 3) * SCALE,
        "pydantic, rows of the table": median(lambda: one_by_one(part.to_pylist()), 3) * SCALE,
        "pydantic, models from the frame": median(lambda: [Order(**row) for row in records.to_dict("records")], 3)
        * SCALE,
    }
    ours = next(iter(measured.values()))
    print(f"{len(table):,} rows x {table.num_columns} columns, medians; pydantic scaled up from {len(rows):,} rows")
    for name, seconds in measured.items():
        print(f"  {name:34} {seconds * 1e3:9.1f} ms {seconds / ours:8.1f} x")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
