"""Data links of a workflow: which port or dataset feeds which, keyed by (task, port)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING, TypeAlias

from pxw.dsl.diagnostics import span, where
from pxw.workflow import DataLink, DataNode, DataRef, Port, PortRef, Span, TaskNode

if TYPE_CHECKING:
    from pxw.dsl.drafts import DataDraft, Draft
    from pxw.dsl.library import Library
    from pxw.dsl.syntax import Endpoint, File, Word

__all__ = ["DataFlow", "Inlined"]

End: TypeAlias = PortRef | DataRef


@dataclass
class Inlined:
    """The ports of a subworkflow: what they stand for among its tasks."""

    inputs: dict[str, list[PortRef]] = field(default_factory=dict)
    outputs: dict[str, list[PortRef]] = field(default_factory=dict)
    known: bool = True


class DataFlow:
    """Reads the data links of one workflow; `links` is the outcome, `tasks` gain the ports that links reveal."""

    def __init__(
        self,
        draft: Draft,
        tasks: dict[str, TaskNode],
        inlined: dict[str, Inlined],
        data: dict[str, DataNode],
        library: Library,
    ) -> None:
        self.draft, self.tasks, self.inlined, self.data = draft, tasks, inlined, data
        self.library, self.report = library, library.report
        self.ordering: dict[tuple[str, str], Span] = {}
        """Links between tasks that name no ports and have none in common: they only order."""
        self.sound = True
        """Was every link understood? If not, an input may only seem to be fed by nothing."""
        self._revealed: dict[tuple[str, str], dict[str, Port]] = {}
        self._links: dict[tuple[End, End], Span] = {}
        for flow, file in draft.flows:
            self.owner = draft.owner(flow)
            for left, right in pairwise(flow.ends):
                self._read(left, right, file)
        for name, node in tasks.items():
            tasks[name] = self._with_revealed(node)
        self.links = self._through_datasets()

    # ------------------------------------------------------------------------------------------ reading

    def _read(self, left: Endpoint, right: Endpoint, file: File) -> None:
        if not (self._is_known(left, file) and self._is_known(right, file)):
            self.sound = False
            return
        at = span(file.path, right.word)
        if left.word in self.data and right.word in self.data:
            message = f"'{left.word}' and '{right.word}' are both datasets: no task moves one into the other"
            self.report.add("PXW324", message, at)
            self.sound = False
            return
        if left.port is None and right.port is None and left.word not in self.data and right.word not in self.data:
            self._between_tasks(left, right, file)
            return
        if self._is_reversed(left, right, file):
            self.sound = False
            return
        sources = self._ends(left, right, "output", file)
        targets = self._ends(right, left, "input", file)
        for pair in product(sources, targets):
            self._links.setdefault(pair, at)
        self.sound &= bool(sources and targets)

    def _is_reversed(self, left: Endpoint, right: Endpoint, file: File) -> bool:
        """Note a link from an input to an output: it is one slip, not two."""
        source, target = self.tasks.get(str(left.word)), self.tasks.get(str(right.word))
        if source is None or target is None or left.port is None or right.port is None:
            return False
        taken, given = str(left.port), str(right.port)
        is_input = source.input(taken) is not None and source.output(taken) is None
        is_output = target.output(given) is not None and target.input(given) is None
        if is_input and target.input(given) is None:
            end, message = left.port, f"'{taken}' is an input of task '{source.name}': nothing can flow out of it"
        elif is_output and source.output(taken) is None:
            end, message = right.port, f"'{given}' is an output of task '{target.name}': nothing can flow into it"
        else:
            return False
        remedy = f"turn it round: {target.name}.{given} --> {source.name}.{taken};"
        self.report.add("PXW324", message, span(file.path, end), remedy)
        return True

    def _is_known(self, end: Endpoint, file: File) -> bool:
        name = str(end.word)
        if name in self.tasks or name in self.inlined:
            return True
        if name in self.data:
            if end.port is not None:
                message = f"'{name}' is a dataset, and has no port '{end.port}'"
                self.report.add("PXW307", message, span(file.path, end.port), f"write {name} alone")
            return end.port is None
        if not self.draft.broken:
            self._unknown(end, file)
        return False

    def _unknown(self, end: Endpoint, file: File) -> None:
        at, name = span(file.path, end.word), str(end.word)
        tasks = {each: draft.word for each, draft in self.draft.tasks.items()}
        data = {each: draft.word for each, draft in self.draft.data.items() if draft.declared}
        known = tasks if end.port is not None else {**data, **tasks}
        places: dict[str, Span | None] = {each: span(file.path, word) for each, word in known.items()}
        code, what = ("PXW301", "task") if end.port is not None else ("PXW302", "dataset")
        what = f"{what} '{name}' in workflow '{self.owner}'"
        if name in {"START", "END"}:
            self.report.add(code, f"unknown {what}", at, "control links are written '->'")
        else:
            self.report.unknown(code, what, name, at, places)

    def _ends(self, end: Endpoint, other: Endpoint, direction: str, file: File) -> list[End]:
        name = str(end.word)
        if name in self.inlined:
            return self._inner(end, other, direction, file)
        if name not in self.tasks:
            return [DataRef(name)]
        port = end.port or self._guessed(end, other, direction, file)
        if port is None:
            return []
        if not self._has(self.tasks[name], port, direction, file):
            return []
        return [PortRef(name, str(port))]

    def _has(self, task: TaskNode, port: Word, direction: str, file: File) -> bool:
        """Does the task's signature have the port? Without a signature, the link reveals it."""
        if task.definition is None:
            ports = self._revealed.setdefault((task.name, direction), {})
            ports.setdefault(str(port), Port(str(port), at=span(file.path, port)))
            return True
        right, wrong = (task.outputs, task.inputs) if direction == "output" else (task.inputs, task.outputs)
        if any(each.name == port for each in right):
            return True
        at = span(file.path, port)
        if any(each.name == port for each in wrong):
            message = f"'{port}' is an {'input' if direction == 'output' else 'output'} of task '{task.name}'"
            where = "nothing can flow out of it" if direction == "output" else "nothing can flow into it"
            self.report.add("PXW324", f"{message}: {where}", at)
        elif task.script is not None and task.definition not in self.library.unsound:
            known = {each.name: each.at for each in right}
            self.report.unknown("PXW307", f"{direction} '{port}' of task '{task.name}'", str(port), at, known)
        return False

    def _inner(self, end: Endpoint, other: Endpoint, direction: str, file: File) -> list[End]:
        inner = self.inlined[str(end.word)]
        ports = inner.outputs if direction == "output" else inner.inputs
        name = end.port or (next(iter(ports)) if len(ports) == 1 else other.word)
        if name in ports:
            return list(ports[str(name)])
        if not inner.known:
            return []
        at = span(file.path, end.port or end.word)
        known: dict[str, Span | None] = dict.fromkeys(ports)
        what = f"{direction} '{name}' of subworkflow '{end.word}'"
        self.report.unknown("PXW307", what, str(name), at, known)
        return []

    # ------------------------------------------------------------------------------------------ links without ports

    def _guessed(self, end: Endpoint, other: Endpoint, direction: str, file: File) -> Word | None:
        """Find the port that a link without one means: the only one, or the one of the same name."""
        task = self.tasks[str(end.word)]
        wanted = other.port or other.word
        if task.definition is None:
            return wanted
        ports = [each.name for each in (task.outputs if direction == "output" else task.inputs)]
        name = ports[0] if len(ports) == 1 else next((each for each in ports if each == wanted), None)
        if name is None:
            message = f"this link does not say which {direction} of task '{end.word}' it means"
            remedy = f"write {end.word}.{ports[0]}; there are: {', '.join(ports)}" if ports else "the task has none"
            self.report.add("PXW328", message, span(file.path, end.word), remedy)
            return None
        return end.word.update(value=name)

    def _between_tasks(self, left: Endpoint, right: Endpoint, file: File) -> None:
        outputs, inputs = self._ports(left, "output"), self._ports(right, "input")
        pairs = [(name, name) for name in outputs if name in inputs]
        if not pairs and len(outputs) == len(inputs) == 1:
            pairs = [(next(iter(outputs)), next(iter(inputs)))]
        for source, target in pairs:
            for pair in product(outputs[source], inputs[target]):
                self._links.setdefault(pair, span(file.path, right.word))
        if not pairs:
            self.ordering.setdefault((str(left.word), str(right.word)), span(file.path, right.word))
            message = f"'{left.word}' and '{right.word}' have no port in common: this link only orders them"
            self.report.add("PXW360", message, span(file.path, right.word), "name the ports: A.out --> B.in")

    def _ports(self, end: Endpoint, direction: str) -> dict[str, list[PortRef]]:
        name = str(end.word)
        if name in self.inlined:
            return self.inlined[name].outputs if direction == "output" else self.inlined[name].inputs
        task = self.tasks[name]
        return {
            each.name: [PortRef(name, each.name)] for each in (task.outputs if direction == "output" else task.inputs)
        }

    # ------------------------------------------------------------------------------------------ resolving

    def _with_revealed(self, node: TaskNode) -> TaskNode:
        if node.definition is not None:
            return node
        inputs = self._revealed.get((node.name, "input"), {})
        outputs = self._revealed.get((node.name, "output"), {})
        new_inputs = tuple(each for name, each in sorted(inputs.items()) if node.input(name) is None)
        new_outputs = tuple(each for name, each in sorted(outputs.items()) if node.output(name) is None)
        return replace(node, inputs=node.inputs + new_inputs, outputs=node.outputs + new_outputs)

    def _through_datasets(self) -> list[DataLink]:
        """Link what feeds a dataset to what reads it; keep the dataset itself where it has a place or a direction."""
        feeding: dict[str, list[tuple[End, Span]]] = {}
        for (source, target), at in self._links.items():
            if isinstance(target, DataRef):
                feeding.setdefault(target.name, []).append((source, at))
        read = {source.name: at for (source, _), at in self._links.items() if isinstance(source, DataRef)}
        found: dict[tuple[End, End], Span] = {}
        for (source, target), at in self._links.items():
            sources = [each for each, _ in feeding.get(source.name, [])] if isinstance(source, DataRef) else []
            for each in sources or [source]:
                if not (isinstance(target, DataRef) and self._passes(target.name, read)):
                    found.setdefault((each, target), at)
        self._directions(feeding, read)
        return [DataLink(source, target, at) for (source, target), at in found.items()]

    def _passes(self, name: str, read: dict[str, Span]) -> bool:
        """Is a dataset only a name for what flows between two tasks?"""
        node, draft = self.data[name], self.draft.data.get(name)
        return name in read and node.place is None and (draft is None or draft.direction is None)

    def _directions(self, feeding: dict[str, list[tuple[End, Span]]], read: dict[str, Span]) -> None:
        for name, node in list(self.data.items()):
            draft = self.draft.data.get(name)
            declared = draft.direction if draft else node.direction
            if declared == "input" and name in feeding:
                self._wrong_way(f"'{name}' is an input: nothing can flow into it", feeding[name][0][1], draft)
            elif declared == "output" and name in read and name not in feeding:
                self._wrong_way(f"'{name}' is an output: nothing can flow out of it", read[name], draft)
            elif declared is None and name in feeding:
                if name in read and node.place is None:
                    del self.data[name]
                else:
                    self.data[name] = replace(node, direction="output")

    def _wrong_way(self, message: str, at: Span, draft: DataDraft | None) -> None:
        declared = f"declared at {where(span(draft.file.path, draft.word))}" if draft else ""
        self.report.add("PXW324", message, at, declared)
