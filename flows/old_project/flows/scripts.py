"""Scripts of the old project that several flows run."""

import pxw

read_data = pxw.script("../tasks/read_data/task.py", name="ReadData", inputs=["input_data"], outputs=["processed_data"])

save_results = pxw.script(
    "../tasks/save_results/task.py",
    name="SaveResults",
    inputs=["input_data"],
    outputs=["output_data"],
)

process_data = pxw.script(
    "../tasks/process_data/task.py",
    name="ProcessData",
    inputs=["input_data"],
    outputs=["final_data", "rows"],
)
