"""A configuration of which not everything can be read."""

import os

TASK_LIBRARY_PATH = os.environ["TASKS"]
PYTHON_CONDITIONS = "nowhere"
