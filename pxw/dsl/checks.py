"""What is wrong with a workflow's graph as a whole: cycles, what nothing reaches, what is fed twice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from pxw.dsl.diagnostics import where
from pxw.workflow import DataRef, DDMPlace, PortRef, find_cycle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pxw.dsl.control import ControlFlow
    from pxw.dsl.diagnostics import Report
    from pxw.workflow import DataLink, Span, Workflow

__all__ = ["check_graph"]


@dataclass
class Graph:
    """A workflow and what its edges lead to."""

    workflow: Workflow
    control: ControlFlow
    report: Report
    at: Span

    def __post_init__(self) -> None:
        self.after: dict[str, list[str]] = {task.name: [] for task in self.workflow.tasks}
        for source, target in self.workflow.edges():
            self.after[source].append(target)

    def reach(self, names: Iterable[str]) -> set[str]:
        """Find all tasks that these lead to, themselves included."""
        found = set(names)
        waiting = list(found)
        while waiting:
            for name in self.after[waiting.pop()]:
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return found


def check_graph(workflow: Workflow, control: ControlFlow, report: Report, at: Span, *, whole: bool = True) -> None:
    """Note what is wrong with the graph; not `whole`: it is a part of others, which may feed its inputs."""
    graph = Graph(workflow, control, report, at)
    if not _cycle(graph) and control.sound:
        _reachable(graph)
    _fed_twice(graph)
    if whole:
        _unfed(graph)
        _unplaced(graph)
    _types(graph)


def _cycle(graph: Graph) -> bool:
    workflow = graph.workflow
    cycle = find_cycle((task.name for task in workflow.tasks), workflow.edges())
    if cycle:
        closing = (cycle[-2], cycle[-1])
        control = [link.at for link in workflow.links if (link.before, link.after) == closing]
        choices = [each.at for each in workflow.conditions if closing in set(each.edges())]
        data = [link.at for link in workflow.data_links if _tasks(link) == closing]
        at = next((each for each in [*control, *choices, *data] if each), graph.at)
        path = " -> ".join(cycle)
        graph.report.add("PXW320", f"a cycle in workflow '{workflow.name}': {path}", at, same=path)
    return bool(cycle)


def _tasks(link: DataLink) -> tuple[str, str]:
    ends = (link.source, link.target)
    return tuple(end.task if isinstance(end, PortRef) else "" for end in ends)  # type: ignore[return-value]


def _reachable(graph: Graph) -> None:
    workflow, control, report = graph.workflow, graph.control, graph.report
    if control.start_at is None and not control.starts:
        _lonely(graph)
        return
    at = control.start_at or graph.at
    if not control.starts:
        report.add("PXW322", f"START leads to no task in workflow '{workflow.name}'", at, same="no task")
        return
    reached = graph.reach(control.starts)
    if control.has_end and not reached & control.ends:
        message = f"no path leads from START to END in workflow '{workflow.name}'"
        report.add("PXW322", message, at, same="no path")
    for task in workflow.tasks:
        if task.name not in reached:
            message = f"START does not lead to task '{task.name}': nothing says when it runs"
            report.add("PXW321", message, task.at or graph.at, "it runs as soon as its inputs are there")


def _lonely(graph: Graph) -> None:
    linked = {name for edge in graph.workflow.edges() for name in edge}
    linked |= {
        end.task for link in graph.workflow.data_links for end in (link.source, link.target) if isinstance(end, PortRef)
    }
    for task in graph.workflow.tasks:
        if linked and task.name not in linked:
            message = f"no link leads to or from task '{task.name}': nothing says when it runs"
            graph.report.add("PXW321", message, task.at or graph.at, "it runs at once")


def _fed_twice(graph: Graph) -> None:
    feeding: dict[PortRef | DataRef, list[DataLink]] = {}
    for link in graph.workflow.data_links:
        feeding.setdefault(link.target, []).append(link)
    for target, links in feeding.items():
        for first, second in combinations(links, 2) if len(links) > 1 else ():
            if not _exclusive(graph, first, second):
                what = f"dataset '{target}'" if isinstance(target, DataRef) else f"input '{target}'"
                message = f"{what} is fed twice: by {first.source} and by {second.source}"
                graph.report.add("PXW326", message, second.at or graph.at, f"fed first at {where(first.at)}")
                break


def _exclusive(graph: Graph, first: DataLink, second: DataLink) -> bool:
    """Do two links hang on different branches of conditions, so that both never carry anything at once?"""
    if not (isinstance(first.source, PortRef) and isinstance(second.source, PortRef)):
        return False
    one, other = first.source.task, second.source.task
    branches = [
        graph.reach(names) for each in graph.workflow.conditions for names in (each.then, each.otherwise) if names
    ]
    only_one = any(one in reached and other not in reached for reached in branches)
    only_other = any(other in reached and one not in reached for reached in branches)
    return only_one and only_other


def _unfed(graph: Graph) -> None:
    fed = {link.target for link in graph.workflow.data_links}
    for task in graph.workflow.tasks:
        for port in task.inputs:
            if PortRef(task.name, port.name) not in fed:
                message = f"nothing feeds input '{port.name}' of task '{task.name}'"
                graph.report.add("PXW327", message, task.at or graph.at, f"write ... --> {task.name}.{port.name};")


def _unplaced(graph: Graph) -> None:
    """Note what a run would read, or write, nowhere."""
    linked = {end for link in graph.workflow.data_links for end in (link.source, link.target)}
    for data in graph.workflow.datasets:
        halfway = isinstance(data.place, DDMPlace) and data.place.project is None
        if DataRef(data.name) in linked and (data.place is None or halfway):
            what = "has a name in a DDM, but no project" if halfway else "has no place"
            remedy = (
                f'write project ".."; or run with --set {data.name}=path'
                if halfway
                else f'write configure data {data.name} {{ path ".."; }}, or run with --set {data.name}=path'
            )
            graph.report.add("PXW356", f"dataset '{data.name}' {what}", data.at or graph.at, remedy)


def _types(graph: Graph) -> None:
    workflow = graph.workflow
    typed = any(port.type for task in workflow.tasks for port in (*task.inputs, *task.outputs))
    if not typed and not any(data.type for data in workflow.datasets):
        return
    for link in workflow.data_links:
        given, taken = _type(workflow, link.source, "output"), _type(workflow, link.target, "input")
        if given and taken and given.lower() != taken.lower():
            message = f"'{link.source}' is of type {given}, '{link.target}' takes {taken}"
            graph.report.add("PXW325", message, link.at or graph.at)


def _type(workflow: Workflow, end: PortRef | DataRef, direction: str) -> str | None:
    if isinstance(end, DataRef):
        return workflow.dataset(end.name).type
    task = workflow.task(end.task)
    port = task.output(end.port) if direction == "output" else task.input(end.port)
    return port.type if port else None
