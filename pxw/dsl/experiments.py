"""From the text of an experiment to its graph: nodes, control links, conditions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.conditions import classify
from pxw.dsl.control import END, START
from pxw.dsl.diagnostics import span, where
from pxw.dsl.drafts import DataDraft, Draft, TaskDraft
from pxw.dsl.library import broken
from pxw.dsl.spaces import read_space
from pxw.dsl.values import written
from pxw.experiment import Control, Event, Experiment, ExperimentTask, Space, Transition

if TYPE_CHECKING:
    from pxw.dsl.syntax import File, Node, Step, Word
    from pxw.dsl.workflows import Workflows
    from pxw.workflow import ConditionKind, Span, Workflow

__all__ = ["read_experiment"]


def read_experiment(name: Word, members: list[Node], file: File, workflows: Workflows) -> Experiment:
    """Read one experiment."""
    return _Reader(name, members, file, workflows).read()


class _Reader:
    """Reads one experiment."""

    def __init__(self, name: Word, members: list[Node], file: File, workflows: Workflows) -> None:
        self.name, self.members, self.file, self.workflows = name, members, file, workflows
        self.library, self.report = workflows.library, workflows.report
        self.used: dict[str, Workflow] = {}
        self.spaces: list[Space] = []
        self.tasks: list[ExperimentTask] = []
        self.events: list[Event] = []
        self.places: dict[str, Span] = {}
        self.first: dict[str, tuple[str, ...]] = {}
        self.last: dict[str, tuple[str, ...]] = {}
        self.transitions: list[Transition] = []
        self.sound = True
        """Was every name of the control block known?"""

    def at(self, word: Word) -> Span:
        return span(self.file.path, word)

    def read(self) -> Experiment:
        for member in self.members:
            match member:
                case syntax.Space():
                    self._space(member)
                case syntax.Task() | syntax.Interaction():
                    self._task(member)
                case syntax.Event():
                    self._event(member)
        intents = [str(each.word) for each in self.members if isinstance(each, syntax.Intent)]
        texts = [str(each.word) for each in self.members if isinstance(each, syntax.Description)]
        return Experiment(
            name=str(self.name),
            workflows=tuple(self.used.values()),
            spaces=tuple(self.spaces),
            tasks=tuple(self.tasks),
            events=tuple(self.events),
            control=self._control(),
            intent=intents[-1] if intents else None,
            description=texts[-1] if texts else "",
            at=self.at(self.name),
        )

    # ------------------------------------------------------------------------------------------ nodes

    def _declare(self, word: Word) -> None:
        if word in self.places:
            message = f"'{word}' is declared twice in experiment '{self.name}'"
            self.report.add("PXW309", message, self.at(word), f"first declared at {where(self.places[str(word)])}")
        self.places.setdefault(str(word), self.at(word))
        self.first[str(word)] = self.last[str(word)] = (str(word),)

    def _space(self, space: syntax.Space) -> None:
        self._declare(space.word)
        workflow = None
        if space.workflow is None:
            self.report.add("PXW303", f"space '{space.word}' names no workflow", self.at(space.word), "write of W")
        else:
            declared = self.library.workflow(space.workflow, self.file)
            workflow = self.workflows.resolve(declared) if declared else None
        if workflow is not None:
            self.used[workflow.name] = workflow
        methods = read_space(space, workflow, self.file, self.library)
        self.spaces += [each for _, each in methods]
        names = {alias: each.name for alias, each in methods}
        if len(names) > 1:
            self._methods(space, names)

    def _methods(self, space: syntax.Space, names: dict[str, str]) -> None:
        """G0: a space searched by several methods is several spaces, one after the other as its control says."""
        chains = [each for member in space.members if isinstance(member, syntax.Control) for each in member.members]
        pairs = [
            (names[left.word], names[right.word])
            for chain in chains
            if isinstance(chain, syntax.Chain)
            for left, right in pairwise(chain.steps)
            if left.word in names and right.word in names
        ]
        pairs = pairs or list(pairwise(names.values()))
        self.transitions += [Transition((left,), (right,), at=self.at(space.word)) for left, right in pairs]
        after, before = {right for _, right in pairs}, {left for left, _ in pairs}
        self.first[str(space.word)] = tuple(each for each in names.values() if each not in after)
        self.last[str(space.word)] = tuple(each for each in names.values() if each not in before)

    def _task(self, task: syntax.Task | syntax.Interaction) -> None:
        """Make a workflow of one task."""
        self._declare(task.word)
        members = task.members or []
        draft = Draft(str(task.word), task.word, self.file, broken=broken(members))
        draft.tasks[str(task.word)] = TaskDraft(task.word, self.file).overlay(members, self.file)
        for member in members:
            if isinstance(member, syntax.Port) and member.direction == "input" and member.place:
                data = member.word
                draft.data[str(data)] = DataDraft(data, self.file, "input", True, member.place, self.file)
                ends = [syntax.Endpoint(data, None), syntax.Endpoint(task.word, data)]
                draft.flows.append((syntax.Flow(data, ends), self.file))
        workflow = self.workflows.build(draft)
        interaction = isinstance(task, syntax.Interaction)
        self.tasks.append(ExperimentTask(str(task.word), workflow, interaction, self.at(task.word)))

    def _event(self, event: syntax.Event) -> None:
        self._declare(event.word)
        fields = [(str(each.word), _spoken(each)) for each in event.members if isinstance(each, syntax.EventField)]
        self.events.append(Event(str(event.word), tuple(fields), self.at(event.word)))
        message = f"event '{event.word}' has no meaning for a run: control passes through it"
        self.report.add("PXW360", message, self.at(event.word))

    # ------------------------------------------------------------------------------------------ control

    def nodes(self) -> dict[str, Span | None]:
        """All that may have results, and where it is declared."""
        return {**self.places, **{each.name: each.at or self.at(self.name) for each in self.spaces}}

    def _control(self) -> Control:
        members = [each for block in self.members if isinstance(block, syntax.Control) for each in block.members]
        chains = [each for each in members if isinstance(each, syntax.Chain)]
        lone = [word for each in members if isinstance(each, syntax.Lone) for word in self._known(each.step)]
        for chain in chains:
            self._chain(chain)
        named = {str(word) for chain in chains for step in chain.steps for word in step.names}
        if not named:
            self._in_order(list(dict.fromkeys(lone)))
            named = set(self.places)
        names = (
            [each.name for each in self.spaces]
            + [each.name for each in self.tasks]
            + [each.name for each in self.events]
        )
        known = {name for each in (*named, *lone) for name in self._all_of(each)}
        transitions = [each for each in self.transitions if known.issuperset((*each.sources, *each.targets))]
        control = Control(tuple(each for each in names if each in known), tuple(transitions))
        self._judge(control, chains, broken(members))
        return control

    def _all_of(self, name: str) -> set[str]:
        inner = {each.name for each in self.spaces if each.name.startswith(f"{name}_") and name in self.first}
        return {
            *self.first.get(name, ()),
            *self.last.get(name, ()),
            *(inner if name not in self.first.get(name, ()) else ()),
        }

    def _in_order(self, lone: list[str]) -> None:
        """Without links, everything runs in the order of its declaration; what `control` names comes first."""
        order = [*lone, *(name for name in self.places if name not in lone)]
        rest = [each.name for each in self.spaces if each.name in order[len(lone) :]]
        if lone and rest:
            message = f"control names only {', '.join(lone)}: {', '.join(rest)} run{'s' * (len(rest) == 1)} after that"
            self.report.add("PXW344", message, self.places[lone[0]], "link them: START -> S1 -> S2 -> END;")
        for before, after in pairwise(order):
            self.transitions.append(Transition(self.last[before], self.first[after], at=self.places[after]))

    def _chain(self, chain: syntax.Chain) -> None:
        texts = {each.word.type: each.value for each in chain.fields if isinstance(each, syntax.Field)}
        for arrow, (left, right) in zip(chain.arrows, pairwise(chain.steps), strict=True):
            if left.choice or right.choice:
                word = (right.choice or left.choice or right).word
                remedy = 'write S1 ?-> S2 { condition ".."; } for each branch'
                self.report.add(
                    "PXW324", "a choice cannot stand between the nodes of an experiment", self.at(word), remedy
                )
                continue
            condition: tuple[str | None, ConditionKind] = (None, "expression")
            if arrow.type == "EXCEPT":
                message = f"no event is ever raised in a run: '{right.word}' is skipped"
                self.report.add("PXW360", message, self.at(texts.get("EVENT", arrow)))
                condition = ("False", "expression")
            elif "CONDITION" in texts:
                text = texts["CONDITION"]
                condition = (str(text), classify(text, self.file, self.library, nodes=self.nodes()))
            elif arrow.type == "MAYBE" and not broken(chain.fields):
                remedy = 'write S1 ?-> S2 { condition ".."; }'
                self.report.add("PXW329", "a conditional link without a condition", self.at(arrow), remedy)
            self._link(left, right, condition)

    def _link(self, left: Step, right: Step, condition: tuple[str | None, ConditionKind]) -> None:
        sources = tuple(each for name in self._known(left, source=True) for each in self.last[name])
        targets = tuple(each for name in self._known(right, source=False) for each in self.first[name])
        if not sources and condition[0] is not None and START in left.names:
            message = f'no result is there yet that the condition "{condition[0]}" could look at'
            self.report.add("PXW324", message, self.at(right.word), f"write START -> {right.word};")
        if sources and targets:
            self.transitions.append(Transition(sources, targets, *condition, at=self.at(right.word)))

    def _known(self, step: Step, *, source: bool | None = None) -> list[str]:
        found = []
        for word in step.names:
            if word in {START, END}:
                if source is not None and (word == END) == source:
                    message = "nothing runs after END" if source else "nothing runs before START"
                    self.report.add("PXW324", message, self.at(word))
            elif word in self.places:
                found.append(str(word))
            elif not broken(self.members):
                self.sound = False
                what = f"node '{word}' in experiment '{self.name}'"
                self.report.unknown("PXW304", what, word, self.at(word), dict(self.places))
        return list(dict.fromkeys(found))

    # ------------------------------------------------------------------------------------------ judging

    def _judge(self, control: Control, chains: list[syntax.Chain], skipped: bool) -> None:
        if not control.nodes and not skipped and not broken(self.members):
            message = f"experiment '{self.name}' has nothing to run"
            self.report.add("PXW345", message, self.at(self.name), "add a space, and name it in control")
            return
        cycle = control.cycle()
        if cycle:
            at = max(each.at for each in control.transitions if each.at and set(each.targets) & set(cycle))
            self.report.add("PXW320", f"a cycle in experiment '{self.name}': {' -> '.join(cycle)}", at)
        starts = [(left, right) for chain in chains for left, right in pairwise(chain.steps) if START in left.names]
        begun = {name for _, right in starts for each in right.names for name in self._all_of(str(each))}
        if skipped or broken(self.members) or not self.sound:
            return  # what was skipped may have led there
        if starts and not begun:
            self.report.add("PXW322", f"START leads to nothing in experiment '{self.name}'", self.at(starts[0][0].word))
        elif starts or chains:
            self._unreached(control, begun)

    def _unreached(self, control: Control, begun: set[str]) -> None:
        after = {name for _, name in control.edges()}
        for name in control.nodes:
            if begun and name not in begun | after:
                message = f"START does not lead to '{name}': it runs at once"
                self.report.add("PXW321", message, self.places.get(name, self.at(self.name)))
        for each in self.places:
            if not self._all_of(each) & set(control.nodes):
                message = f"'{each}' never runs: no control link leads to it"
                self.report.add("PXW321", message, self.places[each])


def _spoken(field: syntax.EventField) -> str:
    arguments = f"({', '.join(map(_quoted, field.arguments))})" if field.arguments is not None else ""
    return f"{field.value if field.value is not None else ''}{arguments}"


def _quoted(word: Word) -> str:
    return written(str(word)) if word.type == "STRING" else str(word)
