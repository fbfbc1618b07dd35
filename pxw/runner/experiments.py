"""Run an experiment: its nodes in the order of the control graph, each space once for each of its configurations.

Nodes that do not wait for each other run side by side, and so do `Setup.parallel` runs of each space. A run that fails
fails the experiment: those that go on meanwhile come to their end, no other is begun, and all results are kept.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pxw.compat import Job
from pxw.errors import DSLError, PxwError, nearest
from pxw.experiment import Event, Experiment, ExperimentTask, Space, arguments, configurations
from pxw.runner.results import Results
from pxw.runner.tasks import Work
from pxw.runner.workflows import run_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pxw.experiment import Configuration
    from pxw.runner.setup import Setup
    from pxw.runs import Run
    from pxw.spaces import Runs
    from pxw.workflow import Value, Workflow

__all__ = ["Plan", "plan"]


class OneRun(NamedTuple):
    """One run of a node: the workflow, and the values for parameters of its tasks."""

    node: str
    number: int
    workflow: Workflow
    configuration: Configuration
    values: Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True)
class Plan:
    """An experiment with all runs of all of its nodes."""

    experiment: Experiment
    setup: Setup
    runs: Mapping[str, list[OneRun]]

    def run(self, run: Run, make: Callable[..., Any]) -> dict[str, Runs]:
        """Run it within a flow.

        Args:
            run: the flow's.
            make: makes a task of a binding: the engine's.

        Returns:
            `results[node][run]`, with the configuration and the result of each run.
        """
        return _Going(self, run, make, Results(run)).go()


def plan(experiment: Experiment, setup: Setup) -> Plan:
    """List the runs of all nodes: a space without any configuration is an error before anything runs."""
    return Plan(experiment, setup, {name: _runs(experiment, name, setup) for name in experiment.control.nodes})


def _runs(experiment: Experiment, name: str, setup: Setup) -> list[OneRun]:
    match experiment.node(name):
        case ExperimentTask(workflow=workflow):
            return [OneRun(name, 1, workflow, {}, {})]
        case Space() as space:
            workflow = experiment.workflow(space.workflow)
            return [
                OneRun(name, number, workflow, configuration, _values(space, configuration, workflow))
                for number, configuration in enumerate(_configurations(space, setup), 1)
            ]
        case Event():
            return []


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


def _values(space: Space, configuration: Configuration, workflow: Workflow) -> dict[str, Configuration]:
    """Values for the tasks' parameters, held to their types and domains: filters and generators may say anything."""
    _refuse_slips(space, configuration)
    try:
        values = arguments(space, configuration, workflow)
    except ValueError as error:
        raise DSLError(
            f"space {space.name!r}: {error} in {configuration} is no value of the type that the task declares",
            at=str(space.at or ""),
        ) from error
    for task, given in values.items():
        for name, value in given.items():
            parameter = workflow.task(task).parameter(name)
            if parameter and parameter.domain is not None and value not in parameter.domain:
                raise DSLError(
                    f"space {space.name!r}: {value!r} in {configuration} is outside the domain of {task}.{name}",
                    at=str(space.at or ""),
                    help=f"it must be {parameter.domain}",
                )
    return values


def _refuse_slips(space: Space, configuration: Configuration) -> None:
    """Refuse a configuration that leaves a variability point out and has one that nobody declared."""
    points = [point.name for point in space.points]
    unknown = [name for name in configuration if name not in points]
    if unknown and not configuration.keys() >= set(points):
        raise DSLError(
            f"space {space.name!r}: {unknown[0]!r} in {configuration} is no variability point",
            at=str(space.at or ""),
            help=nearest(unknown[0], points),
        )


@dataclass
class _Going:
    """A run of an experiment: which of its nodes are over, and what they gave."""

    plan: Plan
    run: Run
    make: Callable[..., Any]
    results: Results
    begun: list[str] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    taken: dict[int, bool] = field(default_factory=dict)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)

    def go(self) -> dict[str, Runs]:
        """Run all nodes; the first failure is raised when everything that had begun is over."""
        try:
            self._run_nodes()
        finally:
            results, path = self.results.write(self.begun)
        if self.failures:
            raise self._failure(results, path)
        return results

    # Which nodes run ----------------------------------------------------------------------------------------------

    def _run_nodes(self) -> None:
        """Run every node as soon as what it waits for is over, in a thread of its own."""
        going: dict[Future[None], str] = {}
        with ThreadPoolExecutor(max(1, len(self.plan.runs))) as threads:
            try:
                while not self.failures and (going or self._ready()):
                    for name in self._ready():
                        self.begun.append(name)
                        going[threads.submit(copy_context().run, self._run_node, name)] = name
                    for future in wait(going, return_when=FIRST_COMPLETED).done:
                        self.finished.add(going.pop(future))
            except BaseException:
                self.run.stop()  # nobody waits any more for the scripts that run
                raise

    def _ready(self) -> list[str]:
        """The nodes that may begin now; those that never will are skipped."""
        control = self.plan.experiment.control
        try:
            for index in control.decided(self.finished, self.skipped):
                self._decide(index)
        except Exception as error:
            self.failures.append(("", error))
            return []
        ready, never = control.advance(finished=self.finished, skipped=self.skipped, taken=self.taken)
        self.skipped.update(never)
        return self._ready() if never else [name for name in ready if name not in self.begun]

    def _decide(self, index: int) -> None:
        each = self.plan.experiment.control.transitions[index]
        if each.condition is not None and index not in self.taken:
            known = {"results": self.results.now()}
            self.taken[index] = self.plan.setup.holds(each.condition, each.kind, known, each.at)

    # What a node does ---------------------------------------------------------------------------------------------

    def _run_node(self, name: str) -> None:
        with ThreadPoolExecutor(self.plan.setup.parallel) as threads:
            for each in self.plan.runs[name]:
                threads.submit(copy_context().run, self._run_once, each)

    def _run_once(self, one: OneRun) -> None:
        if self.failures or self.run.is_stopped():
            return
        try:
            handed = run_workflow(self._work(one), self.make)
            results = {task: left.result() for task, left in handed.items()}
            flat = {key: value for result in results.values() for key, value in result.items()}
            self.results.add(one.node, one.number, {"configuration": one.configuration, "result": {**flat, **results}})
        except BaseException as error:
            self.failures.append((f"run {one.number} of {one.node}, with {one.configuration}", error))

    def _work(self, one: OneRun) -> Work:
        identity = self.run.id.rpartition("-")[2]  # enough of it to tell runs apart
        label = f"{one.node}-{one.number}"
        job = Job(
            workflow=one.workflow.name,
            id=f"{identity}-{label}",
            experiment=self.plan.experiment.name,
            experiment_id=identity,
            results=self.results.now(),
        )
        return Work(one.workflow, self.plan.setup, job, one.values, label=label)

    def _failure(self, results: Mapping[str, Runs], path: Path) -> BaseException:
        """The first failure, with which run it was, what failed beside it, and where the results of the others are."""
        (what, error), *others = self.failures
        facts = [f"{other}: failed, too: {each}".partition("\n")[0] for other, each in others]
        if results:
            kept = "; ".join(f"{name}: {', '.join(map(str, runs))}" for name, runs in results.items())
            facts.append(f"results of the runs that ended well ({kept}): {path}")
        if isinstance(error, PxwError):
            error.at = ", ".join(filter(None, [what, error.at]))
            error.details = (*error.details, *facts)
        else:
            for fact in (what, *facts):
                error.add_note(fact)
        return error
