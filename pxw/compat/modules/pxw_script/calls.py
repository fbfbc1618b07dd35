"""The calls that scripts make, in every style in use.

The first style is that of the seed, `load_dataset(variables, resultMap, key)`; the older one leaves `resultMap` out and
takes several names, or pairs of a name and a value; the oldest leaves out `variables`, too. They are told apart by what
stands where: names are strings, and the two mappings are none.
"""

from __future__ import annotations

import json
import os
from typing import Any

from . import files
from .maps import nearest
from .task import current
from .values import DatasetError

__all__ = ["Calls", "NumpyEncoder"]

_ABSENT: Any = object()


class Calls:
    """The functions of one compatibility module.

    Args:
        parses: whether external inputs come parsed by their suffix rather than as bytes; None: as the project says.
    """

    def __init__(self, parses: bool | None) -> None:
        self._told = parses

    @property
    def _parses(self) -> bool:
        return current().parses if self._told is None else self._told

    def load_dataset(self, *given: Any, key: str = "", **maps: Any) -> Any:
        """Load one dataset: `(variables, resultMap, key)` or `(variables, key)`."""
        names = _names(given, key)
        if len(names) != 1:
            raise TypeError(f"load_dataset takes one key, and was given {names}")
        return current().load(names[0], self._parses)

    def load_datasets(self, *given: Any, key: str = "", **maps: Any) -> Any:
        """Load all files of one dataset, `(variables, resultMap, key)`; or several, `(variables, "a", "b")`."""
        names = _names(given, key)
        if not names:
            raise TypeError("load_datasets takes a key, as in load_datasets(variables, resultMap, 'key')")
        seed_style = bool(key or maps) or len(given) - len(names) > 1
        if seed_style and len(names) == 1:
            return current().load_all(names[0], self._parses)
        loaded = [current().load_any(name, self._parses) for name in names]
        return loaded[0] if len(loaded) == 1 else loaded

    def get_input(self, *names: str) -> Any:
        """Load one dataset, or several."""
        return self.load_datasets(*names)

    def save_dataset(self, *given: Any, key: str = "", value: Any = _ABSENT, **maps: Any) -> None:
        """Save one dataset: `(variables, resultMap, key, value)` or `(variables, key, value)`."""
        rest, result_map = _without_maps(given, maps)
        if value is not _ABSENT:
            rest = [*(rest or [key]), value]
        if len(rest) == 1 and _is_pair(rest[0]):
            rest = list(rest[0])
        if len(rest) != 2:
            raise TypeError(
                "save_dataset takes a key and a value, as in save_dataset(variables, resultMap, 'key', value)"
            )
        _note(result_map, rest[0], current().save(rest[0], rest[1]))

    def save_datasets(
        self, *given: Any, key: str = "", values: Any = _ABSENT, file_names: list[str] | None = None, **maps: Any
    ) -> None:
        """Save the files of one dataset, `(variables, resultMap, key, values, file_names)`; or several, by pairs."""
        rest, result_map = _without_maps(given, maps)
        if rest and all(_is_pair(each) for each in rest) and values is _ABSENT:
            for name, value in rest:
                _note(result_map, name, current().save(name, value))
            return
        if key:
            rest.insert(0, key)
        if values is not _ABSENT:
            rest.insert(1, values)
        if len(rest) not in {2, 3} or not isinstance(rest[1], (list, tuple)):
            raise TypeError("save_datasets takes a key and a list of values, or pairs such as ('key', value)")
        _note(result_map, rest[0], current().save_all(rest[0], list(rest[1]), rest[2] if rest[2:] else file_names))

    def save_output(self, *given: Any) -> None:
        """Save datasets: pairs of a key and a value, or one key and its value."""
        if len(given) == 2 and isinstance(given[0], str):
            given = (given,)
        self.save_datasets(*given)

    def save_result(self, results: Any) -> None:
        """Put all of a mapping into `resultMap`."""
        current().result_map.update(results)

    def create_dir(self, variables: Any, key: str) -> str:
        """A folder of this task's own, for intermediate files."""
        return current().directory(key)

    def get_file_path(self, variables: Any, data_set_folder_path: str, file_name: str) -> str:
        """The path of a file in a folder that the workflow names; the folder is made."""
        folder = variables.get(data_set_folder_path)
        if not isinstance(folder, str):
            raise DatasetError(f"no folder {data_set_folder_path!r}: {nearest(data_set_folder_path, variables)}")
        files.make_folder(folder)
        return os.path.join(folder, file_name)

    def get_experiment_results(self, variables: Any = None) -> Any:
        """The results of the experiment's earlier runs; None if there are none."""
        return current().results()

    def load_dataset_by_path(self, file_path: str) -> Any:
        """A file's content."""
        return files.parse(file_path, file_path, True) if self._parses else files.read_bytes(file_path)


def _names(given: Any, key: str) -> list[str]:
    return [each for each in given if isinstance(each, str)] + ([key] if key else [])


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str)


def _without_maps(given: Any, maps: Any) -> Any:
    """The arguments behind `variables` and `resultMap`, and the latter."""
    rest = list(given)
    leading = 0
    while leading < 2 and leading < len(rest) and not isinstance(rest[leading], str) and not _is_pair(rest[leading]):
        leading += 1
    result_map = rest[1] if leading == 2 else maps.get("resultMap")
    return rest[leading:], result_map


def _note(result_map: Any, key: str, place: str) -> None:
    if result_map is not None and place:
        result_map[key] = place


class NumpyEncoder(json.JSONEncoder):
    """Writes numpy's arrays and numbers as JSON."""

    def default(self, o: Any) -> Any:
        """Lists and numbers."""
        if type(o).__module__ == "numpy" and hasattr(o, "tolist"):
            return o.tolist()
        return super().default(o)
