"""The workflow DataProcessingWorkflow, converted from workflows/data_processing.xxp."""

from pathlib import Path
from typing import Any

import pxw

from scripts import process_data, read_data, save_results

PROJECT = Path(__file__).parents[1]
INPUT_FILE = pxw.Local(PROJECT / "data/input.csv")
OUTPUT_FILE = pxw.Local(PROJECT / "results/output.csv")


@pxw.flow(name="DataProcessingWorkflow")
def data_processing_workflow(input_file: pxw.Spec = INPUT_FILE, output_file: pxw.Spec = OUTPUT_FILE) -> dict[str, Any]:
    """Run the workflow DataProcessingWorkflow."""
    processed_data = read_data(input_data=input_file)
    final_data, rows = process_data(input_data=processed_data)
    output_data = save_results.with_options(outputs={"output_data": output_file})(input_data=final_data)
    return pxw.results(processed_data, final_data, rows, output_data)


if __name__ == "__main__":
    data_processing_workflow()
