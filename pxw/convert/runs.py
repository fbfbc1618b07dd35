"""The runs of one space: a loop that calls the flow of its workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.axes import known_values
from pxw.convert.places import spec
from pxw.convert.source import call, keywords, mapping, quoted, written
from pxw.workflow import Choices, DDMPlace, LocalPlace, Parameter, as_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.convert.source import Source
    from pxw.convert.wiring import Wiring
    from pxw.experiment import Binding, Configuration, Space
    from pxw.workflow import DataNode, Place, Value

__all__ = ["Runs"]


@dataclass(frozen=True)
class Runs:
    """Writes the runs of a space.

    Args:
        space: the space.
        wiring: the workflow that it runs, in Python.
        inputs: arguments of the experiment, by the names of datasets that have no place.
        only: the configuration, if there is one alone.
    """

    space: Space
    wiring: Wiring
    inputs: Mapping[str, str]
    only: Configuration | None

    @property
    def outputs(self) -> dict[str, str]:
        """Places of a run's own for the datasets that it writes, by the flow's arguments."""
        run = f"{self.space.name}-{'{number}' if self.only is None else 1}"
        used = {name: each for name, each in self.wiring.datasets.items() if self._data(name).direction == "output"}
        return {
            argument: spec(self._place(self._data(name)), self.wiring.root, run) or ""
            for name, argument in used.items()
        }

    def _data(self, name: str) -> DataNode:
        return self.wiring.workflow.dataset(name)

    def _place(self, data: DataNode) -> Place:
        match data.place:
            case LocalPlace() | DDMPlace(str()):
                return data.place
        text = f"the dataset '{data.name}' has no place: the runs of '{self.space.name}' write it below results/"
        self.wiring.notes.add("decided", text, data.at)
        return LocalPlace(self.wiring.root / "results" / data.name)

    def write(self, body: Source, variable: str) -> None:
        """Write the loop over the space's configurations; of a single one, what would be in it."""
        runs = f"results[{quoted(self.space.name)}]"
        if self.only is not None:
            body.add(call(f"found = {self.wiring.flow}", keywords(self._given())))
            configuration = mapping("", {name: written(value) for name, value in self.only.items()})
            body.add(call(f"{runs}.add", [configuration, "found"]))
            return
        counted = any("{number}" in place for place in self.outputs.values())
        head = f"number, configuration in enumerate({variable}, 1)" if counted else f"configuration in {variable}"
        body.add(f"with {runs}.parallel(parallel) as submit:")
        body.depth += 1
        body.add(f"for {head}:")
        body.depth += 1
        body.add(call("submit", ["configuration", self.wiring.flow, *keywords(self._given())]))
        body.depth -= 2

    def _given(self) -> dict[str, str]:
        """What the flow is called with, by its arguments."""
        inputs = {self.wiring.datasets[name]: argument for name, argument in self.inputs.items()}
        values = {
            self.wiring.steps[each.task].arguments[each.parameter]: self._value(each) for each in self.space.bindings
        }
        results = {"experiment_results": "results"} if self.wiring.asks_results else {}
        return {**inputs, **self.outputs, **values, **results}

    def _value(self, binding: Binding) -> str:
        parameter = self._parameter(binding)
        if binding.point is None:
            return written(_cast(binding.value, parameter))
        if self.only is not None:
            return written(_cast(self.only[binding.point], parameter))
        key = quoted(binding.point)
        default = written(_cast(parameter.value, parameter))
        found = f"configuration.get({key}, {default})" if self.space.generator else f"configuration[{key}]"
        values = [each for point in self.space.points if point.name == binding.point for each in known_values(point)]
        function = _caster(parameter, values, is_open=self.space.generator is not None)
        return f"{function}({found})" if function else found

    def _parameter(self, binding: Binding) -> Parameter:
        known = self.wiring.workflow.task(binding.task).parameter(binding.parameter)
        return known or Parameter(binding.parameter, declared=False)


def _cast(value: Value, parameter: Parameter) -> Value:
    return str(value) if _is_text(parameter) and value is not None else as_type(value, parameter.type)


def _is_text(parameter: Parameter) -> bool:
    """Whether the flow takes text for it: it has neither a type nor a value of its own that would tell one."""
    return parameter.type is None and not parameter.given and parameter.value is None


def _caster(parameter: Parameter, values: list[Value], *, is_open: bool) -> str:
    """What makes of a point's value what the flow takes, where pydantic would not do so by itself."""
    fits = all(type(_cast(each, parameter)) is type(each) for each in values) and not is_open
    if fits:
        return ""
    if parameter.type == "String" or _is_text(parameter):
        return "str"
    kinds = {"Integer": "int", "Float": "float"}
    return kinds.get(parameter.type or "", "") if isinstance(parameter.domain, Choices) else ""
