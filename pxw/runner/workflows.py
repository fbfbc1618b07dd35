"""Run the tasks of one workflow: each as soon as what it waits for is done, branches as their conditions choose."""

from __future__ import annotations

from collections import defaultdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from pxw.runner.tasks import NodeBinding, merged
from pxw.values import plain
from pxw.workflow import DataRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pxw.runner.tasks import Handed, Work
    from pxw.workflow import Condition

__all__ = ["run_workflow"]


def run_workflow(work: Work, make: Callable[..., Any]) -> Handed:
    """Run a workflow within a flow.

    Args:
        work: the workflow, and what this run of it is.
        make: makes a task of a binding: the engine's.

    Returns:
        What all tasks that ran have left.
    """
    return _Schedule(work, make).run()


class _Schedule:
    """The tasks that are submitted, those that are skipped, and the branches that are chosen.

    The engine waits for what a submitted task waits for; only the decision of a condition is waited for here.
    """

    def __init__(self, work: Work, make: Callable[..., Any]) -> None:
        self._work = work
        self._workflow = work.workflow
        self._make = make
        self._order = tuple(self._workflow.order())
        self._before = self._workflow.predecessors()
        self._futures: dict[str, Any] = {}
        self._skipped: set[str] = set()
        self._done: set[str] = set()
        self._ended: SimpleQueue[str] = SimpleQueue()  # the engine's threads tell here which task is over
        self._chosen: dict[int, tuple[str, ...]] = {}
        self._links: defaultdict[str, list[str]] = defaultdict(list)
        for link in self._workflow.links:
            self._links[link.after].append(link.before)
        self._branches, self._continuations = _by_task(self._workflow.conditions)

    def run(self) -> Handed:
        left = self._submit_ready(self._order)
        while left:
            self._decide()
            left = self._submit_ready(left)
        return self._results()

    # Which tasks run ----------------------------------------------------------------------------------------------

    def _submit_ready(self, waiting: Iterable[str]) -> list[str]:
        """Submit every task whose fate is known, or skip it; give those that a condition has still to decide."""
        left: dict[str, None] = {}
        for name in waiting:
            if any(before in left for before in self._before[name]) or not self._is_decided(name):
                left[name] = None
            elif self._is_alive(name):
                self._submit(name)
            else:
                self._skipped.add(name)
        return list(left)

    def _submit(self, name: str) -> None:
        before = [self._futures[other] for other in self._before[name] if other in self._futures]
        label = self._work.label
        options = {"task_run_name": f"{label} {name}"} if label else {}
        future = self._make(NodeBinding.at(self._work, name, self._order), options).submit(before)
        self._futures[name] = future
        future.add_done_callback(lambda _: self._ended.put(name))

    def _is_decided(self, name: str) -> bool:
        conditions = (*self._branches[name], *self._continuations[name])
        return all(index in self._chosen or self._is_dead(index) for index in conditions)

    def _is_dead(self, index: int) -> bool:
        """Whether nothing leads to a condition any more; one at the very start has no sources, and is alive."""
        sources = self._workflow.conditions[index].sources
        return bool(sources) and self._skipped.issuperset(sources)

    def _is_alive(self, name: str) -> bool:
        """Whether at least one control edge into the task was taken; without any, whether its inputs are there."""
        edges = [before not in self._skipped for before in self._links[name]]
        edges += [name in self._chosen.get(index, ()) for index in self._branches[name]]
        edges += [self._is_passed(index) for index in self._continuations[name]]
        return any(edges) if edges else self._has_inputs(name)

    def _is_passed(self, index: int) -> bool:
        """Whether what comes after a condition may run: a branch ran, or the chosen one has nothing to do."""
        chosen = self._chosen.get(index)
        return chosen is not None and (not chosen or any(name in self._futures for name in chosen))

    def _has_inputs(self, name: str) -> bool:
        ports = self._workflow.sources_of(name).values()
        return all(any(isinstance(each, DataRef) or each.task not in self._skipped for each in port) for port in ports)

    # Which branches are chosen ------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Wait until the sources of some condition are over, and choose its branch."""
        while not (ready := [index for index in range(len(self._workflow.conditions)) if self._can_decide(index)]):
            self._done.add(self._ended.get())
        for index in ready:
            condition = self._workflow.conditions[index]
            self._chosen[index] = condition.then if self._holds(condition) else condition.otherwise

    def _can_decide(self, index: int) -> bool:
        if index in self._chosen or self._is_dead(index):
            return False
        return (self._done | self._skipped).issuperset(self._workflow.conditions[index].sources)

    def _holds(self, condition: Condition) -> bool:
        handed = self._known(name for name in condition.sources if name in self._futures)
        results = {name: left.result() for name, left in handed.items()}
        variables = dict(self._workflow.settings)
        result_map: dict[str, Any] = {}
        for left in handed.values():
            variables |= {name: plain(value) for name, value in left.variables.items()}
            result_map |= {name: plain(value) for name, value in left.result_map.items()}
        seen = {key: value for result in results.values() for key, value in result.items()}
        known = {
            **seen,
            **variables,
            "variables": variables,
            "resultMap": result_map,
            "results": {**(self._work.job.results or {}), **results},
        }
        return self._work.setup.holds(condition.text, condition.kind, known, condition.at)

    # What they leave ----------------------------------------------------------------------------------------------

    def _results(self) -> Handed:
        """Wait for all tasks; the first failure ends the run."""
        return self._known(name for name in self._order if name in self._futures)

    def _known(self, names: Iterable[str]) -> Handed:
        try:
            return merged([self._futures[name].result() for name in names], self._order)
        except Exception:
            for name in self._order:  # a task that waits for a failed one fails later, and says less
                if name in self._futures:
                    self._futures[name].result()
            raise


def _by_task(conditions: Iterable[Condition]) -> tuple[defaultdict[str, list[int]], defaultdict[str, list[int]]]:
    """The conditions, by their indices, of which a task is a branch, and those that it comes after."""
    branches: defaultdict[str, list[int]] = defaultdict(list)
    continuations: defaultdict[str, list[int]] = defaultdict(list)
    for index, condition in enumerate(conditions):
        for name in dict.fromkeys((*condition.then, *condition.otherwise)):
            branches[name].append(index)
        for name in condition.continuation:
            continuations[name].append(index)
    return branches, continuations
