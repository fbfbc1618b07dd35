"""The task ReadData, converted from tasks/read_data/task.py."""

from io import BytesIO

import pandas as pd
import pxw


@pxw.task(name="ReadData", inputs=["input_data"], outputs=["processed_data"], log_prints=True)
def read_data(input_data: bytes) -> bytes:
    table = pd.read_csv(BytesIO(input_data))
    print(f"read {len(table)} rows")

    table["diagnosis"] = table["diagnosis"].str.strip().str.lower()
    return table.to_csv(index=False).encode("utf-8")
