"""Run the tasks of one workflow: each as soon as what it waits for is done, branches as their conditions choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pxw.runner.scripts import Handed, run_task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pxw.runner.scripts import Work
    from pxw.workflow import Condition

__all__ = ["run_workflow"]


def run_workflow(work: Work, task: Any) -> Handed:
    """Run a workflow within a flow.

    Args:
        work: the workflow, and what this run of it is.
        task: the engine's decorator: `pxw.task`.

    Returns:
        What all tasks that ran have handed on.
    """
    schedule = _Schedule(work, task)
    while not schedule.is_over():
        schedule.submit_ready()
        if not schedule.is_over():
            schedule.decide_next()
    return schedule.results()


class _Schedule:
    """The tasks that are submitted, those that are skipped, and the conditions that are decided."""

    def __init__(self, work: Work, task: Any) -> None:
        self.work = work
        self.workflow = work.workflow
        self._task = task
        self._before = self.workflow.predecessors()
        self._futures: dict[str, Any] = {}
        self._skipped: set[str] = set()
        self._decided: dict[int, tuple[str, ...]] = {}  # condition -> the branch that was not chosen
        self._left = self.workflow.order()

    def is_over(self) -> bool:
        return not self._left

    def submit_ready(self) -> None:
        """Submit every task whose fate is known, in topological order: the engine waits for what it waits for."""
        left: list[str] = []
        for name in self._left:
            if (left and not set(self._before[name]).isdisjoint(left)) or not self._is_decided(name):
                left.append(name)
            elif self._is_alive(name):
                self._submit(name)
            else:
                self._skipped.add(name)
        self._left = left

    def _submit(self, name: str) -> None:
        before = [self._futures[other] for other in self._before[name] if other in self._futures]
        self._futures[name] = self._task(name=name)(run_task).submit(self.work, name, before)

    def _conditions_of(self, name: str) -> Iterable[tuple[int, Condition]]:
        for index, condition in enumerate(self.workflow.conditions):
            if name in (*condition.then, *condition.otherwise):
                yield index, condition

    def _is_decided(self, name: str) -> bool:
        return all(index in self._decided or self._is_dead(condition) for index, condition in self._conditions_of(name))

    def _is_dead(self, condition: Condition) -> bool:
        return self._skipped.issuperset(condition.sources)

    def _is_alive(self, name: str) -> bool:
        """Whether at least one control edge into the task was taken; a task without any simply runs."""
        edges = [link.before not in self._skipped for link in self.workflow.links if link.after == name]
        for index, condition in enumerate(self.workflow.conditions):
            if name in (*condition.then, *condition.otherwise):
                edges.append(not self._is_dead(condition) and name not in self._decided[index])
            if name in condition.continuation:
                edges.append(any(branch in self._futures for branch in (*condition.then, *condition.otherwise)))
        return not edges or any(edges)

    def decide_next(self) -> None:
        """Wait for the sources of the next condition, and choose a branch."""
        waiting = (
            (index, condition)
            for index, condition in enumerate(self.workflow.conditions)
            if index not in self._decided
            and all(name in self._futures or name in self._skipped for name in condition.sources)
            and not self._is_dead(condition)
        )
        index, condition = next(waiting)
        known = Handed.merged(self._futures[name].result() for name in condition.sources if name in self._futures)
        values = {**dict(self.workflow.settings), **known.variables}
        seen = {**values, "variables": values, "resultMap": known.result_map, "results": self._seen(known)}
        holds = self.work.setup.holds(condition.text, condition.kind, seen, condition.at)
        self._decided[index] = condition.otherwise if holds else condition.then

    def _seen(self, known: Handed) -> dict[str, Any]:
        """The experiment's results so far, and those of this run's tasks under their names."""
        return {**(self.work.job.results or {}), **known.results}

    def results(self) -> Handed:
        """Wait for all tasks; the first failure ends the run."""
        order = [name for name in self.workflow.order() if name in self._futures]
        return Handed.merged(self._futures[name].result() for name in order)
