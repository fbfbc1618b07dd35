"""The configuration of the project that all cases belong to; read, never executed."""

import os

EXPERIMENT_LIBRARY_PATH = "."
WORKFLOW_LIBRARY_PATH = os.path.join(".", "workflows")  # noqa: PTH118 - as it is written in the wild
TASK_LIBRARY_PATH = "tasks"
DATASET_LIBRARY_RELATIVE_PATH = "datasets"
PYTHON_DEPENDENCIES_RELATIVE_PATH = "dependencies"
PYTHON_CONDITIONS = "python_conditions"
PYTHON_CONFIGURATIONS = "python_configurations.py"
MAX_WORKFLOWS_IN_PARALLEL_PER_NODE = 1 + 1
EXECUTIONWARE = "LOCAL"
DATASET_MANAGEMENT = "LOCAL"
PORTAL_USERNAME = "somebody"
PORTAL_PASSWORD = "secret"
