"""A workflow as its text says it, before anything is looked up: members in any order, `from` laid over its parent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pxw.dsl import syntax
from pxw.dsl.diagnostics import where
from pxw.dsl.library import broken
from pxw.dsl.values import literal

if TYPE_CHECKING:
    from pxw.dsl.library import Declared, Library
    from pxw.dsl.syntax import File, Node, Word
    from pxw.workflow import Span, Value

__all__ = ["DataDraft", "Draft", "Drafts", "TaskDraft"]

Written: TypeAlias = "tuple[Node, File]"


@dataclass
class TaskDraft:
    """What one or several `task T` say: what comes later replaces."""

    word: Word
    file: File
    declared: bool = True
    implementation: Written | None = None
    subworkflow: Written | None = None
    params: dict[str, Written] = field(default_factory=dict)
    fields: list[Written] = field(default_factory=list)
    metrics: list[Written] = field(default_factory=list)
    ports: list[Written] = field(default_factory=list)
    inherited: frozenset[str] = frozenset()
    """Parameters whose values were stated for another implementation."""
    broken: bool = False

    def overlay(self, members: list[Node], file: File) -> TaskDraft:
        """Lay a body over what is known: each kind of thing that it states replaces."""
        new = TaskDraft(self.word, self.file, self.declared, self.implementation, self.subworkflow, dict(self.params))
        new.fields, new.metrics, new.ports = list(self.fields), list(self.metrics), list(self.ports)
        new.broken = self.broken or broken(members)
        stated = {_kind(each) for each in members}
        new.inherited = self.inherited
        if stated & {"Implementation", "Subworkflow"} and self.implementation:
            new.inherited |= set(self.params)
        new.fields = [each for each in new.fields if _kind(each[0]) not in stated]
        new.metrics = [] if "Metric" in stated else new.metrics
        new.ports = [] if "Port" in stated else new.ports
        for each in members:
            match each:
                case syntax.Implementation():
                    new.implementation, new.subworkflow = (each, file), None
                case syntax.Subworkflow():
                    new.implementation, new.subworkflow = None, (each, file)
                case syntax.Param():
                    new.params[str(each.word)] = (each, file)
                    new.inherited -= {str(each.word)}
                case syntax.Metric():
                    new.metrics.append((each, file))
                case syntax.Port():
                    new.ports.append((each, file))
                case syntax.Field() | syntax.Description():
                    new.fields.append((each, file))
        return new


def _kind(node: Node) -> str:
    return str(node.word.type) if isinstance(node, syntax.Field) else type(node).__name__


@dataclass
class DataDraft:
    """What one or several `data D` say."""

    word: Word
    file: File
    direction: str | None = None
    declared: bool = False
    place: list[Node] | None = None
    place_file: File | None = None
    owner: str = ""
    """The workflow that configures it, if none declares it."""


@dataclass
class Draft:
    """A workflow before anything is looked up."""

    name: str
    word: Word
    file: File
    tasks: dict[str, TaskDraft] = field(default_factory=dict)
    data: dict[str, DataDraft] = field(default_factory=dict)
    chains: list[tuple[syntax.Chain, File]] = field(default_factory=list)
    flows: list[tuple[syntax.Flow, File]] = field(default_factory=list)
    operators: dict[str, Word] = field(default_factory=dict)
    settings: dict[str, Value] = field(default_factory=dict)
    inner: dict[str, tuple[syntax.Task, File]] = field(default_factory=dict)
    """Tasks configured here that may belong to a subworkflow."""
    description: str = ""
    broken: bool = False
    parent: Draft | None = None

    @property
    def derived(self) -> bool:
        """Is it laid over another one?"""
        return self.parent is not None

    def owner(self, member: Node) -> str:
        """Name the workflow whose text says this: the draft's own, or one that it derives from."""
        if self.parent is None or all(each is not member for each, _ in (*self.parent.chains, *self.parent.flows)):
            return self.name
        return self.parent.owner(member)


class Drafts:
    """Makes the draft of each workflow once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.report = library.report
        self._known: dict[int, Draft | None] = {}
        self._open: list[Declared] = []

    def draft(self, declared: Declared) -> Draft | None:
        """Draft a workflow; None, and a diagnostic, if its parents are not to be had."""
        key = id(declared.syntax)
        if key not in self._known:
            if any(each.syntax is declared.syntax for each in self._open):
                self._cycle(declared)
                return None
            self._open.append(declared)
            self._known[key] = self._draft(declared)
            self._open.pop()
        return self._known[key]

    def _cycle(self, declared: Declared) -> None:
        names = [str(each.syntax.word) for each in self._open]
        path = " from ".join([*names[names.index(str(declared.syntax.word)) :], str(declared.syntax.word)])
        self.report.add("PXW320", f"a workflow from itself: {path}", self._at(declared.syntax.word, declared.file))

    def _at(self, word: Word, file: File) -> Span:
        return self.library.span(file, word)

    def _draft(self, declared: Declared) -> Draft | None:
        workflow, file = declared.syntax, declared.file
        draft = Draft(str(workflow.word), workflow.word, file, broken=broken(workflow.members))
        if workflow.parent is not None:
            found = self.library.workflow(workflow.parent, file)
            parent = self.draft(found) if found else None
            if parent is None:
                return None
            self._inherit(draft, parent)
        reader = _Reader(draft, file, self)
        for member in sorted(workflow.members, key=_configures):  # a name may be configured before it is declared
            reader.read(member)
        return draft

    def _inherit(self, draft: Draft, parent: Draft) -> None:
        draft.parent = parent
        draft.tasks, draft.data = dict(parent.tasks), dict(parent.data)
        draft.chains, draft.flows = list(parent.chains), list(parent.flows)
        draft.operators, draft.settings = dict(parent.operators), dict(parent.settings)
        draft.inner, draft.description = dict(parent.inner), parent.description
        draft.broken |= parent.broken


def _configures(member: Node) -> bool:
    return isinstance(member, syntax.ConfigureData) or (isinstance(member, syntax.Task) and member.verb == "configure")


class _Reader:
    """Lays the members of one workflow over a draft."""

    def __init__(self, draft: Draft, file: File, drafts: Drafts) -> None:
        self.draft = draft
        self.file = file
        self.drafts = drafts
        self.own: dict[tuple[str, str], Word] = {}

    def read(self, member: Node) -> None:
        match member:
            case syntax.Chain():
                self.draft.chains.append((member, self.file))
            case syntax.Flow():
                self.draft.flows.append((member, self.file))
            case syntax.Task():
                self._task(member)
            case syntax.Data():
                self._data(member)
            case syntax.ConfigureData():
                self._configure_data(member)
            case syntax.Setting():
                self._declare("parameter", member.word)
                self.draft.settings[str(member.word)] = literal(member.value)
            case syntax.Operator():
                self._declare("operator", member.word)
                self.draft.operators[str(member.word)] = member.word
            case syntax.Description():
                self.draft.description = str(member.word)
            case syntax.Group():
                self._idle(member.word, f"group '{member.word}' only arranges tasks for the eye")

    def _idle(self, word: Word, message: str) -> None:
        self.drafts.report.add("PXW360", message, self.drafts.library.span(self.file, word), "it is left out")

    def _declare(self, kind: str, word: Word, part: str = "") -> None:
        first = self.own.setdefault((kind + part, str(word)), word)
        if first is not word:
            at = self.drafts.library.span(self.file, first)
            message = f"{kind} '{word}' is declared twice in workflow '{self.draft.name}'"
            self.drafts.report.add(
                "PXW309", message, self.drafts.library.span(self.file, word), f"first declared at {where(at)}"
            )

    # ------------------------------------------------------------------------------------------ tasks

    def _task(self, task: syntax.Task) -> None:
        name = str(task.word)
        known = self.draft.tasks.get(name)
        self._declare("task", task.word, " with a body" if task.members is not None else "")
        if known is None and self._may_configure(task):
            self.draft.inner[name] = (task, self.file)
            if self.draft.derived or task.verb == "configure":
                return
        known = known or TaskDraft(task.word, self.file)
        self.draft.tasks[name] = known.overlay(task.members or [], self.file)

    def _may_configure(self, task: syntax.Task) -> bool:
        """May this body be meant for a task of a subworkflow?"""
        runs = any(isinstance(each, syntax.Implementation | syntax.Subworkflow) for each in task.members or [])
        return self.draft.derived or task.verb == "configure" or (bool(task.members) and not runs)

    # ------------------------------------------------------------------------------------------ data

    def _data(self, data: syntax.Data) -> None:
        name = str(data.word)
        self._declare("dataset", data.word)
        known = self.draft.data.get(name)
        place = (known.place, known.place_file) if known else (None, None)
        if data.place is not None:
            place = (data.place, self.file)
        direction = str(data.direction) if data.direction else None
        self.draft.data[name] = DataDraft(data.word, self.file, direction, True, *place)
        if data.elements:
            self._idle(data.word, f"the elements of dataset '{name}' were never given a meaning")

    def _configure_data(self, data: syntax.ConfigureData) -> None:
        self._declare("place of dataset", data.word)
        name = str(data.word)
        known = self.draft.data.get(name) or DataDraft(data.word, self.file, owner=self.draft.name)
        draft = DataDraft(known.word, known.file, known.direction, known.declared, data.place, self.file, known.owner)
        self.draft.data[name] = draft
