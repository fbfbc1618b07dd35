"""Run an experiment: its nodes in the order of the control graph, each space once for each of its configurations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pxw.compat import Job
from pxw.errors import DSLError
from pxw.experiment import Event, Experiment, ExperimentTask, Space, arguments, configurations
from pxw.runner.tasks import Work
from pxw.runner.workflows import run_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pxw.experiment import Configuration
    from pxw.runner.setup import Setup
    from pxw.workflow import Value, Workflow

__all__ = ["Plan", "Runs", "plan"]


class Runs(dict[str, Any]):
    """The runs of one node, by number, found as `1` and as `"1"`; to JSON it is an object.

    >>> runs = Runs({"1": "first"})
    >>> runs[1], runs["1"], runs.get(1), 1 in runs, runs.get(2)
    ('first', 'first', 'first', True, None)
    """

    def __missing__(self, number: object) -> Any:
        if isinstance(number, int) and str(number) in self:
            return self[str(number)]
        raise KeyError(number)

    def __contains__(self, number: object) -> bool:
        return super().__contains__(str(number))

    def get(self, number: Any, default: Any = None) -> Any:
        """The run of this number, or the default."""
        try:
            return self[number]
        except KeyError:
            return default


@dataclass(frozen=True)
class Plan:
    """An experiment with the configurations of all of its spaces."""

    experiment: Experiment
    setup: Setup
    configurations: Mapping[str, list[Configuration]]

    def run(self, identity: str, make: Callable[..., Any]) -> dict[str, Runs]:
        """Run it within a flow.

        Args:
            identity: the experiment's id, in front of the ids of its runs.
            make: makes a task of a binding: the engine's.

        Returns:
            `results[node][run]`, with the configuration and the result of each run.
        """
        going = _Going(self, identity, make)
        while going.advance():
            pass
        return going.results


def plan(experiment: Experiment, setup: Setup) -> Plan:
    """List the configurations of all spaces: one without any is an error before anything runs."""
    return Plan(experiment, setup, {space.name: _configurations(space, setup) for space in experiment.spaces})


def _configurations(space: Space, setup: Setup) -> list[Configuration]:
    keep = setup.function(space.filter, "configurations") if space.filter else None
    generate = setup.function(space.generator, "configurations") if space.generator else None
    try:
        return configurations(space, seed=setup.seed, inclusive=setup.inclusive, keep=keep, generate=generate)
    except DSLError:
        raise
    except Exception as error:
        raise DSLError(
            f"the filter or generator of space {space.name!r} failed: {type(error).__name__}: {error}",
            at=str(setup.configurations or ""),
        ) from error


@dataclass
class _Going:
    """A run of an experiment: which of its nodes are over, and what they gave."""

    plan: Plan
    identity: str
    make: Callable[..., Any]
    results: dict[str, Runs] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    taken: dict[int, bool] = field(default_factory=dict)

    def advance(self) -> bool:
        """Run the nodes that may run now; say whether there may be more."""
        control = self.plan.experiment.control
        for index in control.decided(self.finished, self.skipped):
            each = control.transitions[index]
            if each.condition is not None and index not in self.taken:
                known = {"results": self.results}
                self.taken[index] = self.plan.setup.holds(each.condition, each.kind, known, each.at)
        ready, never = control.advance(finished=self.finished, skipped=self.skipped, taken=self.taken)
        self.skipped.update(never)
        for name in ready:
            self._run(name)
            self.finished.add(name)
        return bool(ready or never)

    def _run(self, name: str) -> None:
        match self.plan.experiment.node(name):
            case ExperimentTask(workflow=workflow):
                self._run_once(name, 1, workflow, {}, {})
            case Space() as space:
                workflow = self.plan.experiment.workflow(space.workflow)
                for number, configuration in enumerate(self.plan.configurations[name], 1):
                    values = _values(space, configuration, workflow)
                    self._run_once(name, number, workflow, configuration, values)
            case Event():
                pass

    def _run_once(
        self,
        name: str,
        number: int,
        workflow: Workflow,
        configuration: Configuration,
        values: Mapping[str, Mapping[str, Value]],
    ) -> None:
        job = Job(
            workflow=workflow.name,
            id=f"{self.identity}-{name}-{number}",
            experiment=self.plan.experiment.name,
            experiment_id=self.identity,
            results=self.results,
        )
        handed = run_workflow(Work(workflow, self.plan.setup, job, values, is_one_of_many=True), self.make)
        results = {task: left.result() for task, left in handed.items()}
        flat = {key: value for result in results.values() for key, value in result.items()}
        self.results.setdefault(name, Runs())[str(number)] = {
            "configuration": configuration,
            "result": {**flat, **results},
        }


def _values(space: Space, configuration: Configuration, workflow: Workflow) -> dict[str, Configuration]:
    try:
        return arguments(space, configuration, workflow)
    except ValueError as error:
        raise DSLError(
            f"space {space.name!r}: {error} in {configuration} is no value of the type that the task declares",
            at=str(space.at or ""),
        ) from error
