"""The workflow Limited, converted from experiments/largest_radius.xxp."""

from pathlib import Path
from typing import Any

import pxw

from scripts import read_data, save_results

PROJECT = Path(__file__).parents[1]
INPUT_FILE = pxw.Local(PROJECT / "data/input.csv")
OUTPUT_FILE = pxw.Local(PROJECT / "results/output.csv")

process_data = pxw.script(
    "../tasks/process_data/task.py",
    name="ProcessData",
    inputs=["input_data"],
    outputs=["final_data", "rows"],
    parameters=["largest_radius"],
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
