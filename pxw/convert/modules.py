"""Which graph becomes which module: each once, whatever files speak of it, under a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.axes import known_values
from pxw.convert.functions import PACKAGE
from pxw.convert.names import Names, module_name
from pxw.convert.parameters import Bound
from pxw.convert.shared import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pxw.convert.wiring import Wiring
    from pxw.dsl.resolve import Resolution
    from pxw.experiment import Experiment
    from pxw.workflow import Workflow

__all__ = ["Modules"]


class Modules:
    """The modules of a conversion, and what its experiments bind parameters of workflows to.

    Args:
        resolutions: what is converted.
        own: names of modules that are to stand beside them.
    """

    def __init__(self, resolutions: Sequence[Resolution], own: Iterable[str] = ()) -> None:
        self._names = Names({PACKAGE, SHARED, *own})
        self._wirings: dict[str, list[Wiring]] = {}
        self._spaces = [
            (one.workflow(space.workflow), space)
            for each in resolutions
            for one in each.experiments.values()
            for space in one.spaces
        ]

    def name(self, graph: Workflow | Experiment) -> str:
        """A module's name that no other has."""
        wish = module_name(graph.name)
        return self._names.new(wish, f"{wish}_{type(graph).__name__}")

    def bound(self, workflow: Workflow) -> dict[tuple[str, str], Bound] | None:
        """What experiments bind the parameters of a workflow to, by task and name; None if none runs it."""
        spaces = [space for known, space in self._spaces if known == workflow]
        found: dict[tuple[str, str], Bound] = {}
        for space in spaces:
            for each in space.bindings:
                bound = found.setdefault((each.task, each.parameter), Bound())
                points = [point for point in space.points if point.name == each.point]
                bound.values += [value for point in points for value in known_values(point)] or [each.value]
                bound.is_open |= space.generator is not None
        return found if spaces else None

    def add(self, wiring: Wiring) -> None:
        """Remember the module of a workflow."""
        self._wirings.setdefault(wiring.workflow.name, []).append(wiring)

    def find(self, workflow: Workflow) -> Wiring | None:
        """The module of a workflow, if there is one already."""
        known = self._wirings.get(workflow.name, [])
        return next((each for each in known if each.workflow == workflow), None)

    def of(self, workflow: Workflow) -> Wiring:
        """The module of a workflow; LookupError if there is none."""
        found = self.find(workflow)
        if found is None:
            raise LookupError(workflow.name)
        return found
