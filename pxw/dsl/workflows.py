"""From a draft to a complete graph: implementations found, values cast, links resolved, subworkflows inlined."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pxw.dsl import syntax
from pxw.dsl.checks import check_graph
from pxw.dsl.control import ControlFlow, Nodes
from pxw.dsl.datasets import read_datasets
from pxw.dsl.diagnostics import span
from pxw.dsl.drafts import Drafts
from pxw.dsl.flows import DataFlow, Inlined
from pxw.dsl.inline import Part, part_of
from pxw.dsl.tasks import Definitions, checked, declared_parameter, metric, port, text_fields
from pxw.dsl.values import in_domain
from pxw.workflow import DataRef, Parameter, PortRef, TaskNode, Workflow, as_type

if TYPE_CHECKING:
    from pxw.dsl.drafts import Draft, TaskDraft
    from pxw.dsl.library import Declared, Library
    from pxw.dsl.syntax import File
    from pxw.workflow import Span

__all__ = ["Workflows"]


class Workflows:
    """Resolves each workflow of a project once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.report = library.report
        self.drafts = Drafts(library)
        self.definitions = Definitions(library)
        self._known: dict[int, Workflow | None] = {}
        self._open: list[str] = []
        self.broken: set[str] = set()
        """The subworkflows of which something was skipped: they may have more ports than it seems."""
        self.misspelt: dict[str, list[str]] = {}
        """By workflow, the tasks that it fills in and that nothing declares."""

    def resolve(self, declared: Declared, *, whole: bool = True) -> Workflow | None:
        """Resolve a workflow; None, and a diagnostic, if it cannot be."""
        key = id(declared.syntax)
        if key not in self._known:
            draft = self.drafts.draft(declared)
            self._known[key] = self.build(draft, whole=whole) if draft else None
        return self._known[key]

    def build(self, draft: Draft, *, whole: bool = True) -> Workflow:
        """Make the graph of a draft."""
        self._open.append(draft.name)
        parts, inner = self._parts(draft)
        draft = replace(draft, tasks={name: each for name, each in draft.tasks.items() if name not in inner})
        tasks = {name: self.task(each, draft) for name, each in draft.tasks.items() if each.subworkflow is None}
        graph = _Assembly(draft, tasks, parts, self)
        workflow = graph.workflow()
        check_graph(workflow, graph.control, self.report, graph.at, whole=whole and graph.flow.sound)
        self._open.pop()
        return workflow

    # ------------------------------------------------------------------------------------------ subworkflows

    def _parts(self, draft: Draft) -> tuple[dict[str, Part], set[str]]:
        """Make the parts, and say which tasks of the draft only configure tasks of theirs."""
        found: dict[str, Part] = {}
        taken = {*draft.tasks, *draft.data} - draft.inner.keys()
        inner_names: dict[str, Span | None] = {}
        for name, task in draft.tasks.items():
            if task.subworkflow is None:
                continue
            inner = self._inner(task, draft)
            if inner is None:
                found[name] = Part(name, Workflow(name), Inlined(known=False))
                continue
            inner_names |= {each.name: each.at for each in inner.tasks}
            found[name] = part_of(name, inner, taken)
            unsound = any(each.definition in self.library.unsound for each in inner.tasks if each.definition)
            found[name].ports.known = inner.name not in self.broken and not unsound
            workflow = found[name].workflow
            taken |= {*(each.name for each in workflow.tasks), *(each.name for each in workflow.datasets)}
        self._unused(draft, inner_names)
        return found, draft.inner.keys() & inner_names.keys()

    def _inner(self, task: TaskDraft, outer: Draft) -> Workflow | None:
        node, file = task.subworkflow or (task, task.file)
        declared = self.library.subworkflow(node.word, file)
        if declared is None:
            return None
        inner = self.drafts.draft(declared)
        if inner is None:
            return None
        if inner.name in self._open:
            path = " -> ".join([*self._open[self._open.index(inner.name) :], inner.name])
            self.report.add("PXW320", f"a subworkflow of itself: {path}", span(file.path, node.word))
            return None
        if inner.broken:
            self.broken.add(inner.name)
        return self.build(_configured(inner, outer), whole=False)

    def _unused(self, draft: Draft, inner: dict[str, Span | None]) -> None:
        if len(self._open) > 1:
            return  # the outer workflow says it: what it configures may belong to any of its parts
        for name, (task, file) in draft.inner.items():
            if not (name in inner or name in draft.tasks or draft.broken or self.library.alone):
                places = {each: span(one.file.path, one.word) for each, one in draft.tasks.items()}
                self.misspelt.setdefault(draft.name, []).append(name)
                what = f"task '{name}' in workflow '{draft.name}'"
                self.report.unknown("PXW301", what, name, span(file.path, task.word), {**inner, **places})

    # ------------------------------------------------------------------------------------------ tasks

    def task(self, task: TaskDraft, draft: Draft) -> TaskNode:
        """Make the node of a task: what its implementation says, and over it what the workflow says."""
        node = TaskNode("")
        if task.implementation is not None:
            target, file = task.implementation
            node = self.definitions.find(target.word, file) or node
        stated: dict[str, Any] = {}
        for file in dict.fromkeys(file for _, file in task.fields):
            own = [each for each, other in task.fields if other is file]
            stated |= text_fields(own, file, self.definitions)
        if task.metrics:
            stated["metrics"] = tuple(
                metric(each, file) for each, file in task.metrics if isinstance(each, syntax.Metric)
            )
        if task.ports and node.definition is None:
            stated |= {name: ports for name, ports in _ports(task).items() if ports}
        marks = {*stated, *(f"param {name}" for name, (each, _) in task.params.items() if _declares(each))}
        if task.implementation is not None or task.broken:
            marks.add("implementation")
        parameters = self._parameters(task, node, draft)
        name, at = str(task.word), span(task.file.path, task.word)
        return replace(node, name=name, parameters=parameters, at=at, stated=frozenset(marks), **stated)

    def _parameters(self, task: TaskDraft, node: TaskNode, draft: Draft) -> tuple[Parameter, ...]:
        if not task.params and not draft.settings:
            return node.parameters
        found = {each.name: self._with_setting(each, task, draft) for each in node.parameters}
        for name, (param, file) in task.params.items():
            if not isinstance(param, syntax.Param):
                continue
            if param.members is not None:
                found[name] = declared_parameter(param, file, self.definitions)
                continue
            known = found.get(name)
            if known is None and node.definition is not None:
                self._unknown_parameter(param, file, task, node)
                continue
            known = known or Parameter(name, declared=False, at=span(file.path, param.word))
            found[name] = self._given(known, param, file)
        return tuple(found.values())

    def _given(self, known: Parameter, param: syntax.Param, file: File) -> Parameter:
        values = param.values or []
        if not values:
            return known
        if len(values) > 1:
            at = span(file.path, values[1])
            self.report.add("PXW332", f"parameter '{known.name}' takes one value, not {len(values)}", at)
        value = checked(values[0], known, span(file.path, values[0]), self.definitions)
        return replace(known, value=value, given=True)

    def _with_setting(self, known: Parameter, task: TaskDraft, draft: Draft) -> Parameter:
        """Take over the workflow's own value of that name, if there is one."""
        if known.name not in draft.settings or known.name in task.params:
            return known
        value = draft.settings[known.name]
        try:
            value = as_type(value, known.type)
        except (ValueError, OverflowError):
            message = (
                f"parameter '{known.name}' of task '{task.word}' is declared {known.type}, and cannot be {value!r}"
            )
            self.report.add("PXW332", message, span(draft.file.path, draft.word))
        if not in_domain(value, known.domain):
            message = f"{value!r} is outside the domain of parameter '{known.name}' of task '{task.word}'"
            self.report.add("PXW333", message, span(draft.file.path, draft.word), f"it must be {known.domain}")
        return replace(known, value=value)

    def _unknown_parameter(self, param: syntax.Param, file: File, task: TaskDraft, node: TaskNode) -> None:
        name, at = str(param.word), span(file.path, param.word)
        if name in task.inherited:
            message = f"parameter '{name}' was stated for another implementation of task '{task.word}'"
            self.report.add("PXW337", message, at, "the new one does not know it: it is left out")
        elif node.script is not None and node.definition not in self.library.unsound:
            places = {each.name: each.at for each in node.parameters}
            self.report.unknown("PXW306", f"parameter '{name}' of task '{task.word}'", name, at, places)


def _declares(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Param) and node.members is not None


def _placed(port: syntax.Port) -> bool:
    return any(isinstance(each, syntax.Field) and each.word.type != "TYPE" for each in port.place or [])


def _ports(task: TaskDraft) -> dict[str, Any]:
    """Read the ports that a body declares; one with a place is a dataset of its own, which a link connects."""
    ports = [(each, file) for each, file in task.ports if isinstance(each, syntax.Port) and not _placed(each)]
    return {
        "inputs": tuple(port(each, file) for each, file in ports if each.direction == "input"),
        "outputs": tuple(port(each, file) for each, file in ports if each.direction == "output"),
    }


def _configured(inner: Draft, outer: Draft) -> Draft:
    """Lay what the outer workflow says about inner tasks over the inner draft."""
    tasks, deeper = dict(inner.tasks), dict(inner.inner)
    for name, (task, file) in outer.inner.items():
        if name in tasks:
            tasks[name] = tasks[name].overlay(task.members or [], file)
        else:
            deeper[name] = (task, file)
    return replace(inner, tasks=tasks, inner=deeper)


def _key(end: PortRef | DataRef, order: dict[str, int]) -> tuple[int, str]:
    return (order[end.task], end.port) if isinstance(end, PortRef) else (order[end.name], "")


class _Assembly:
    """Puts tasks, parts, control and data of one workflow together."""

    def __init__(self, draft: Draft, tasks: dict[str, TaskNode], parts: dict[str, Part], workflows: Workflows) -> None:
        self.draft, self.tasks, self.parts = draft, tasks, parts
        library = workflows.library
        self.at = span(draft.file.path, draft.word)
        self.data = read_datasets(draft, library)
        ports = {name: part.ports for name, part in parts.items()}
        self.flow = DataFlow(draft, tasks, ports, self.data, library)
        variables = {*draft.settings, *(each.name for task in tasks.values() for each in task.parameters)}
        self.control = ControlFlow(draft, self._nodes(), library, variables, self.flow.ordering)

    def _nodes(self) -> Nodes:
        places = {name: span(each.file.path, each.word) for name, each in self.draft.tasks.items()}
        nodes = Nodes(places)
        for name in self.tasks:
            nodes.entries[name] = nodes.exits[name] = (name,)
        for name, part in self.parts.items():
            if not part.workflow.tasks:
                continue  # nothing to wait for: control passes through
            nodes.entries[name], nodes.exits[name] = part.heads, part.tails
        return nodes

    def workflow(self) -> Workflow:
        """Make the graph."""
        draft, parts = self.draft, self.parts.values()
        data_links = self.flow.links
        for part in parts:
            self.data |= {each.name: each for each in part.workflow.datasets}
            data_links = part.lay_under(data_links, self.data)
        settings: dict[str, Any] = {}
        for part in parts:
            settings |= dict(part.workflow.settings)
        tasks = [task for name in draft.tasks for task in self._of(name)]
        order = {name: index for index, name in enumerate([*self.data, *(each.name for each in tasks)])}
        links = [*self.control.links.values(), *(link for part in parts for link in part.workflow.links)]
        return Workflow(
            name=draft.name,
            tasks=tuple(tasks),
            links=tuple(sorted(links, key=lambda each: (order[each.before], order[each.after]))),
            conditions=(*self.control.conditions, *(each for part in parts for each in part.workflow.conditions)),
            datasets=tuple(self.data.values()),
            data_links=tuple(sorted(data_links, key=lambda each: (_key(each.source, order), _key(each.target, order)))),
            settings=tuple((settings | draft.settings).items()),
            description=draft.description,
            at=self.at,
        )

    def _of(self, name: str) -> tuple[TaskNode, ...]:
        return (
            (self.tasks[name],) if name in self.tasks else self.parts[name].workflow.tasks if name in self.parts else ()
        )
