"""Control links of a workflow: chains, choices, and what stands between tasks without being one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.conditions import classify
from pxw.dsl.diagnostics import span
from pxw.dsl.library import broken
from pxw.workflow import Condition, ControlLink, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pxw.dsl.drafts import Draft
    from pxw.dsl.library import Library
    from pxw.dsl.syntax import Chain, File, Step, Word

__all__ = ["START", "ControlFlow", "Nodes"]

START, END = "START", "END"
GATEWAY = re.compile(r"(PARALLEL|JOIN)(_END)?([_-]?\d+)?")  # G4: drawn as nodes, but nothing runs there


@dataclass
class Nodes:
    """What the names of a workflow stand for: a task for itself, a subworkflow for its first and last tasks."""

    places: dict[str, Span]
    """Every name that a chain may use, and where it is declared."""
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exits: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ControlFlow:
    """Reads the chains of one workflow; `links` and `conditions` are the outcome, `starts` what START leads to."""

    def __init__(
        self,
        draft: Draft,
        nodes: Nodes,
        library: Library,
        variables: Iterable[str] = (),
        ordering: Mapping[tuple[str, str], Span] | None = None,
    ) -> None:
        self.draft, self.nodes, self.library, self.report = draft, nodes, library, library.report
        self.variables = frozenset(variables)
        self.raw: dict[tuple[str, str], Span] = dict(ordering or {})
        self.choices: list[Condition] = []
        self.sound = True
        """Was every name known? If not, a task may only seem to be left out."""
        for chain, file in draft.chains:
            self._read(chain, file)
        self._bridge()
        self.links = self._links()
        self.conditions = [self._resolved(each) for each in self.choices]
        self.starts = self._starts()
        self.start_at = next((at for (before, _), at in self.raw.items() if before == START), None)
        self.ends = {task for before, after in self.raw if after == END for task in self.nodes.exits.get(before, ())}
        self.has_end = any(after == END for _, after in self.raw)

    # ------------------------------------------------------------------------------------------ reading

    def _read(self, chain: Chain, file: File) -> None:
        self.owner = self.draft.owner(chain)
        conditions = [each for each in chain.fields if isinstance(each, syntax.Field) and each.word.type == "CONDITION"]
        events = [each for each in chain.fields if isinstance(each, syntax.Field) and each.word.type == "EVENT"]
        for index, (left, right) in enumerate(pairwise(chain.steps)):
            arrow = chain.arrows[index]
            if right.choice is not None:
                following = chain.steps[index + 2] if index + 2 < len(chain.steps) else None
                self._choose(left, right.choice, following, file)
            elif left.choice is not None:
                continue  # what follows a choice is its continuation, which belongs to it
            elif arrow.type == "EXCEPT":
                self._never(left, right, events[0].value if events else arrow, file)
            elif conditions:
                self._gate(left, right, conditions[0].value, file)
            elif arrow.type == "MAYBE" and not broken(chain.fields):
                remedy = 'write A ?-> B { condition ".."; } or A ?-> ".." ? B : C -> D;'
                self.report.add("PXW329", "a conditional link without a condition", span(file.path, arrow), remedy)
            else:
                self._join(left, right, file)
        if chain.steps[0].choice is not None:
            at = span(file.path, chain.steps[0].word)
            self.report.add("PXW324", "a condition that follows nothing", at, 'write START -> ".." ? B : C -> D;')

    def _known(self, words: Iterable[Word], file: File, *, source: bool) -> list[str]:
        return [str(word) for word in words if self._is_known(word, file, source=source)]

    def _is_known(self, word: Word, file: File, *, source: bool) -> bool:
        if word in {START, END}:
            wrong = (word == END) == source
            if wrong:
                message = "nothing runs after END" if source else "nothing runs before START"
                self.report.add("PXW324", message, span(file.path, word))
            return not wrong
        if word in self.nodes.places:
            return True
        if GATEWAY.fullmatch(word) or word in self.draft.operators:
            return True
        self.sound = False
        if not self.draft.broken:
            self._unknown(word, file)
        return False

    def _unknown(self, word: Word, file: File) -> None:
        at = span(file.path, word)
        what = f"task '{word}' in workflow '{self.owner}'"
        if word in self.draft.data:
            self.report.add("PXW301", f"unknown {what}", at, "it is a dataset: data links are written '-->'")
        else:
            self.report.unknown("PXW301", what, word, at, {**self.nodes.places, START: None, END: None})

    def _join(self, left: Step, right: Step, file: File) -> None:
        at = span(file.path, right.word)
        for before, after in product(
            self._known(left.names, file, source=True), self._known(right.names, file, source=False)
        ):
            self.raw.setdefault((before, after), at)

    def _gate(self, left: Step, right: Step, text: Word, file: File) -> None:
        then = self._known(right.names, file, source=False)
        self._add(self._known(left.names, file, source=True), text, (then, [], []), file)

    def _never(self, left: Step, right: Step, word: Word, file: File) -> None:
        message = f"no event is ever raised in a run: '{right.word}' is skipped"
        self.report.add("PXW360", message, span(file.path, word))
        sources = tuple(self._known(left.names, file, source=True))
        then = tuple(self._known(right.names, file, source=False))
        if then:
            self.choices.append(Condition(sources, "False", "expression", then, at=span(file.path, word)))

    def _choose(self, left: Step, choice: syntax.Choice, following: Step | None, file: File) -> None:
        missing = [name for name, branch in (("first", choice.then), ("second", choice.otherwise)) if branch is None]
        if missing:
            which = f"its {missing[0]} branch" if len(missing) == 1 else "both branches"
            remedy = "write END for a branch that does nothing"
            message = f'the condition "{choice.word}" lacks {which}'
            self.report.add("PXW323", message, span(file.path, choice.word), remedy)
        then = self._known(choice.then.names, file, source=False) if choice.then else []
        otherwise = self._known(choice.otherwise.names, file, source=False) if choice.otherwise else []
        after = self._known(following.names, file, source=False) if following and not following.choice else []
        self._add(self._known(left.names, file, source=True), choice.word, (then, otherwise, after), file)

    def _add(self, sources: list[str], text: Word, rest: tuple[list[str], list[str], list[str]], file: File) -> None:
        kind = classify(text, file, self.library, self.variables)
        then, otherwise, continuation = (tuple(dict.fromkeys(each)) for each in rest)
        at = span(file.path, text)
        self.choices.append(Condition(tuple(sources), str(text), kind, then, otherwise, continuation, at))

    # ------------------------------------------------------------------------------------------ resolving

    def _bridge(self) -> None:
        """Give what is no task its neighbours for entries and exits."""
        after: dict[str, list[str]] = {}
        before: dict[str, list[str]] = {}
        for source, target in self.raw:
            after.setdefault(source, []).append(target)
            before.setdefault(target, []).append(source)
        used = {*after, *before, *(name for each in self.choices for name in (*each.then, *each.otherwise))}
        used |= {name for each in self.choices for name in (*each.sources, *each.continuation)}
        bridges = used - self.nodes.entries.keys() - {START, END}
        entries = {name: _beyond(name, after, self.nodes.entries, bridges) for name in bridges}
        exits = {name: _beyond(name, before, self.nodes.exits, bridges) for name in bridges}
        self.nodes.entries.update(entries)
        self.nodes.exits.update(exits)

    def _into(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task for name in names for task in self.nodes.entries.get(name, ())))

    def _out_of(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task for name in names for task in self.nodes.exits.get(name, ())))

    def _links(self) -> dict[tuple[str, str], ControlLink]:
        links: dict[tuple[str, str], ControlLink] = {}
        for (before, after), at in self.raw.items():
            for pair in product(self._out_of([before]), self._into([after])):
                links.setdefault(pair, ControlLink(*pair, at))
        for each in self.choices:  # behind a branch that is a subworkflow, its last tasks lead on
            first = {*self._into(each.then), *self._into(each.otherwise)}
            last = [name for name in self._out_of((*each.then, *each.otherwise)) if name not in first]
            for pair in product(last, self._into(each.continuation)):
                links.setdefault(pair, ControlLink(*pair, each.at))
        return links

    def _resolved(self, each: Condition) -> Condition:
        return Condition(
            self._out_of(each.sources),
            each.text,
            each.kind,
            self._into(each.then),
            self._into(each.otherwise),
            self._into(each.continuation),
            each.at,
        )

    def _starts(self) -> set[str]:
        found = {task for before, after in self.raw if before == START for task in self._into([after])}
        for each in self.choices:
            if START in each.sources:
                found |= {*self._into(each.then), *self._into(each.otherwise), *self._into(each.continuation)}
        return found


def _beyond(
    name: str, neighbours: dict[str, list[str]], known: dict[str, tuple[str, ...]], bridges: set[str]
) -> tuple[str, ...]:
    """Follow what is no task until tasks are met."""
    seen = {name}
    waiting = list(neighbours.get(name, ()))
    found: dict[str, None] = {}
    while waiting:
        current = waiting.pop(0)
        if current in bridges and current not in seen:
            seen.add(current)
            waiting += neighbours.get(current, ())
        found.update(dict.fromkeys(known.get(current, ())))
    return tuple(found)
