"""The task SaveResults, converted from tasks/save_results/task.py."""

import pxw


@pxw.task(name="SaveResults", inputs=["content"], outputs=["output_data"], log_prints=True)
def save_results(content: bytes) -> bytes:
    print(f"saved {len(content)} bytes")
    return content
