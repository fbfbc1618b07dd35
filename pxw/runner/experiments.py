"""Run an experiment: its nodes in the order of the control graph, each space once for each of its configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pxw.compat import Job
from pxw.errors import DSLError
from pxw.experiment import Event, Experiment, ExperimentTask, Space, arguments, configurations
from pxw.runner.scripts import Work
from pxw.runner.workflows import run_workflow

if TYPE_CHECKING:
    from pxw.experiment import Configuration
    from pxw.runner.setup import Setup

__all__ = ["Runs", "run_experiment"]


class Runs(dict[str, Any]):
    """The runs of one node, found by number: as `1` and as `"1"`."""

    def __getitem__(self, number: Any) -> Any:
        return super().__getitem__(str(number))

    def __contains__(self, number: object) -> bool:
        return super().__contains__(str(number))


def run_experiment(experiment: Experiment, setup: Setup, task: Any) -> dict[str, Runs]:
    """Run an experiment within a flow.

    Returns:
        `results[node][run]`, with the configuration and the result of each run.
    """
    state = _State(experiment, setup, task)
    while state.advance():
        pass
    return state.results


class _State:
    def __init__(self, experiment: Experiment, setup: Setup, task: Any) -> None:
        self.experiment = experiment
        self.setup = setup
        self.results: dict[str, Runs] = {}
        self._task = task
        self._id = uuid4().hex[:12]
        self._finished: set[str] = set()
        self._skipped: set[str] = set()
        self._taken: dict[int, bool] = {}
        # Before anything runs: a space without any configuration is an error.
        self._configurations = {space.name: self._of(space) for space in experiment.spaces}

    def _of(self, space: Space) -> list[Configuration]:
        keep = self.setup.function(space.filter, "configurations") if space.filter else None
        generate = self.setup.function(space.generator, "configurations") if space.generator else None
        return configurations(space, seed=self.setup.seed, inclusive=self.setup.inclusive, keep=keep, generate=generate)

    def advance(self) -> bool:
        """Run the nodes that may run now; say whether there may be more."""
        control = self.experiment.control
        for index in control.decided(self._finished, self._skipped):
            if index not in self._taken:
                transition = control.transitions[index]
                known = {"results": self.results}
                self._taken[index] = transition.condition is None or self.setup.holds(
                    transition.condition, transition.kind, known, transition.at
                )
        ready, never = control.advance(finished=self._finished, skipped=self._skipped, taken=self._taken)
        self._skipped.update(never)
        for name in ready:
            self._run(name)
            self._finished.add(name)
        return bool(ready or never)

    def _run(self, name: str) -> None:
        node = self.experiment.node(name)
        if isinstance(node, Event):
            return
        if isinstance(node, ExperimentTask):
            if node.interaction:
                raise DSLError(
                    f"the interaction {name!r} waits for a person", at=str(node.at or ""), help="run it by hand"
                )
            self.results[name] = Runs({"1": self._one(name, 1, node.workflow, {}, {})})
            return
        workflow = self.experiment.workflow(node.workflow)
        self.results[name] = Runs()
        for number, configuration in enumerate(self._configurations[name], 1):
            values = arguments(node, configuration, workflow)
            self.results[name][str(number)] = self._one(name, number, workflow, configuration, values)

    def _one(self, name: str, number: int, workflow: Any, configuration: Configuration, values: Any) -> dict[str, Any]:
        job = Job(
            workflow=workflow.name,
            id=f"{self._id}-{name}-{number}",
            experiment=self.experiment.name,
            experiment_id=self._id,
            results=self.results,
            management=self.setup.management,
        )
        handed = run_workflow(Work(workflow, self.setup, job, values, is_one_of_many=True), self._task)
        flat = {key: value for result in handed.results.values() for key, value in result.items()}
        return {"configuration": configuration, "result": {**flat, **handed.results}}
