"""The workflow DDMDataProcessingWorkflow, converted from workflows/ddm_data_processing.xxp."""

from typing import Any

import pxw

from scripts import process_data, read_data, save_results

INPUT_FILE = pxw.DDM(project="ml_experiment_project", name="input_dataset.csv")
OUTPUT_FILE = pxw.DDM(project="ml_experiment_results")


@pxw.flow(name="DDMDataProcessingWorkflow")
def ddm_data_processing_workflow(
    input_file: pxw.Spec = INPUT_FILE,
    output_file: pxw.Spec = OUTPUT_FILE,
) -> dict[str, Any]:
    """Run the workflow DDMDataProcessingWorkflow."""
    processed_data = read_data(input_data=input_file)
    final_data, rows = process_data(input_data=processed_data)
    output_data = save_results.with_options(outputs={"output_data": output_file})(input_data=final_data)
    return pxw.results(processed_data, final_data, rows, output_data)


if __name__ == "__main__":
    ddm_data_processing_workflow()
