"""`import proactive_helper as ph`: what the Proactive ExecutionWare gave to its scripts."""

from pxw_script.calls import Calls, NumpyEncoder  # type: ignore[import-not-found]  # in a child process it is

__all__ = [
    "NumpyEncoder",
    "create_dir",
    "get_experiment_results",
    "get_file_path",
    "get_input",
    "load_dataset",
    "load_dataset_by_path",
    "load_datasets",
    "save_dataset",
    "save_datasets",
    "save_output",
    "save_result",
]

_calls = Calls(parses=False)

create_dir = _calls.create_dir
get_experiment_results = _calls.get_experiment_results
get_file_path = _calls.get_file_path
get_input = _calls.get_input
load_dataset = _calls.load_dataset
load_dataset_by_path = _calls.load_dataset_by_path
load_datasets = _calls.load_datasets
save_dataset = _calls.save_dataset
save_datasets = _calls.save_datasets
save_output = _calls.save_output
save_result = _calls.save_result
