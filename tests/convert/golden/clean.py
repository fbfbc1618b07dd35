"""The task Clean, converted from tasks/clean/task.py."""

from io import BytesIO

import pandas as pd
import pxw


@pxw.task(name="Clean", inputs=["dataset_bytes"], outputs=["processed_data"], log_prints=True)
def clean(dataset_bytes: bytes) -> bytes:
    # Load input data
    print("Loading dataset...")

    # Convert bytes to DataFrame
    dataset = pd.read_csv(BytesIO(dataset_bytes))

    # Process the data
    processed_data = dataset.dropna()

    # Convert back to bytes
    output_bytes = processed_data.to_csv(index=False).encode("utf-8")

    print("Task completed successfully!")
    return output_bytes
