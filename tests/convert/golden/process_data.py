"""The task ProcessData, converted from tasks/process_data/task.py."""

from io import BytesIO
from typing import NamedTuple

import pandas as pd
import pxw


class ProcessDataOutputs(NamedTuple):
    """What process_data() gives."""

    rows: int
    final_data: bytes


@pxw.task(name="ProcessData", inputs=["input_data"], outputs=["rows", "final_data"], log_prints=True)
def process_data(input_data: bytes, largest_radius: float = 50.0) -> ProcessDataOutputs:
    table = pd.read_csv(BytesIO(input_data))
    largest = largest_radius

    kept = table.dropna().drop_duplicates()
    kept = kept[kept["radius"] <= largest]
    print(f"kept {len(kept)} of {len(table)} rows")
    return ProcessDataOutputs(rows=len(kept), final_data=kept.to_csv(index=False).encode("utf-8"))
