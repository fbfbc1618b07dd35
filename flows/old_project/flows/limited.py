"""The workflow Limited, converted from experiments/largest_radius.xxp."""

from pathlib import Path
from typing import Any

import pxw

PROJECT = Path(__file__).parents[1]
INPUT_FILE = pxw.Local(PROJECT / "data/input.csv")
OUTPUT_FILE = pxw.Local(PROJECT / "results/output.csv")

read_data = pxw.script("../tasks/read_data/task.py", name="ReadData", inputs=["input_data"], outputs=["processed_data"])

process_data = pxw.script(
    "../tasks/process_data/task.py",
    name="ProcessData",
    inputs=["input_data"],
    outputs=["final_data", "rows"],
    parameters=["largest_radius"],
)

save_results = pxw.script(
    "../tasks/save_results/task.py",
    name="SaveResults",
    inputs=["input_data"],
    outputs=["output_data"],
)


@pxw.flow(name="Limited")
def limited(
    input_file: pxw.Spec = INPUT_FILE,
    output_file: pxw.Spec = OUTPUT_FILE,
    largest_radius: int = 50,
) -> dict[str, Any]:
    """Run the workflow Limited."""
    processed_data = read_data(input_data=input_file)
    final_data, rows = process_data(input_data=processed_data, largest_radius=str(largest_radius))
    output_data = save_results.with_options(outputs={"output_data": output_file})(input_data=final_data)
    return pxw.results(processed_data, final_data, rows, output_data)


if __name__ == "__main__":
    limited()
