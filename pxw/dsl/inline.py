"""Subworkflows: the tasks of the inner workflow take the place of the task that names it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pxw.dsl.flows import Inlined
from pxw.workflow import DataLink, DataRef, PortRef, TaskNode

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from pxw.workflow import Condition, ControlLink, DataNode, Workflow

__all__ = ["Part", "part_of"]


@dataclass
class Part:
    """A subworkflow, renamed so that its names are unique in the outer workflow."""

    name: str
    workflow: Workflow
    ports: Inlined = field(default_factory=Inlined)
    names: dict[str, str] = field(default_factory=dict)
    """What renamed datasets are called inside."""

    def __post_init__(self) -> None:
        fed = {link.target for link in self.workflow.data_links}
        carried = {link.source for link in self.workflow.data_links if isinstance(link.target, PortRef)}
        for link in self.workflow.data_links:
            match link:
                case DataLink(source=DataRef(name=name), target=PortRef() as port):
                    self._add(self.ports.inputs, self.names.get(name, name), port)
                case DataLink(source=PortRef() as port, target=DataRef(name=name)):
                    self._add(self.ports.outputs, self.names.get(name, name), port)
        for task in self.workflow.tasks:
            for each in task.inputs:
                if (port := PortRef(task.name, each.name)) not in fed:
                    self._add(self.ports.inputs, each.name, port)
            self._outputs(task, carried)

    def _outputs(self, task: TaskNode, carried: Container[PortRef | DataRef]) -> None:
        for each in task.outputs:
            port = PortRef(task.name, each.name)
            if port not in carried or each.name not in self.ports.outputs:
                self._add(self.ports.outputs, each.name, port)

    @staticmethod
    def _add(ports: dict[str, list[PortRef]], name: str, port: PortRef) -> None:
        if port not in ports.setdefault(name, []):
            ports[name].append(port)

    @property
    def heads(self) -> tuple[str, ...]:
        """The tasks that wait for no other."""
        before = self.workflow.predecessors()
        return tuple(name for name, sources in before.items() if not sources)

    @property
    def tails(self) -> tuple[str, ...]:
        """The tasks that no other waits for."""
        waited_for = {source for source, _ in self.workflow.edges()}
        return tuple(task.name for task in self.workflow.tasks if task.name not in waited_for)

    def lay_under(self, links: list[DataLink], data: dict[str, DataNode]) -> list[DataLink]:
        """Add the part's own data links, but what the outer workflow feeds or reads itself."""
        fed = {link.target for link in links}
        read = {link.source for link in links}
        kept: list[DataLink] = []
        for link in self.workflow.data_links:
            if isinstance(link.source, DataRef) and link.target in fed:
                continue
            if isinstance(link.target, DataRef) and data[link.target.name].place is None and link.source in read:
                continue
            kept.append(link)
        used = {end.name for link in kept for end in (link.source, link.target) if isinstance(end, DataRef)}
        for node in self.workflow.datasets:
            if node.name not in used:
                data.pop(node.name, None)
        return [*links, *kept]


def part_of(name: str, inner: Workflow, taken: Container[str]) -> Part:
    """Make a part: its name comes before those names of the inner workflow that the outer one has, too."""
    data = {f"{name}_{each.name}": each.name for each in inner.datasets if each.name in taken}
    return Part(name, _renamed(name, inner, taken), names=data)


def _renamed(part: str, inner: Workflow, taken: Container[str]) -> Workflow:
    tasks = {each.name: f"{part}_{each.name}" for each in inner.tasks if each.name in taken}
    data = {each.name: f"{part}_{each.name}" for each in inner.datasets if each.name in taken}
    return replace(
        inner,
        tasks=tuple(replace(each, name=tasks.get(each.name, each.name)) for each in inner.tasks),
        links=tuple(_link(each, tasks) for each in inner.links),
        conditions=tuple(_condition(each, tasks) for each in inner.conditions),
        datasets=tuple(replace(each, name=data.get(each.name, each.name)) for each in inner.datasets),
        data_links=tuple(
            replace(each, source=_end(each.source, tasks, data), target=_end(each.target, tasks, data))
            for each in inner.data_links
        ),
    )


def _link(link: ControlLink, tasks: dict[str, str]) -> ControlLink:
    return replace(link, before=tasks.get(link.before, link.before), after=tasks.get(link.after, link.after))


def _condition(condition: Condition, tasks: dict[str, str]) -> Condition:
    def names(old: Iterable[str]) -> tuple[str, ...]:
        return tuple(tasks.get(name, name) for name in old)

    return replace(
        condition,
        sources=names(condition.sources),
        then=names(condition.then),
        otherwise=names(condition.otherwise),
        continuation=names(condition.continuation),
    )


def _end(end: PortRef | DataRef, tasks: dict[str, str], data: dict[str, str]) -> PortRef | DataRef:
    if isinstance(end, PortRef):
        return PortRef(tasks.get(end.task, end.task), end.port)
    return DataRef(data.get(end.name, end.name))
