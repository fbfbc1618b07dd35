"""Spaces of an experiment: variability points, strategies, and what their values are bound to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.diagnostics import shown, span
from pxw.dsl.library import broken
from pxw.dsl.values import CONSTANTS, in_domain, literal
from pxw.errors import DSLError
from pxw.experiment import Binding, Listing, Range, Space, Strategy, VariabilityPoint
from pxw.workflow import Parameter, as_type

if TYPE_CHECKING:
    from pxw.dsl.library import Library
    from pxw.dsl.syntax import File, Word
    from pxw.workflow import Span, TaskNode, Value, Workflow

__all__ = ["read_space"]

MANY = 1000
STRATEGIES: tuple[Strategy, ...] = ("gridsearch", "randomsearch", "singlerun")


@dataclass
class _Method:
    """One way to search a space; G0 may give several of them."""

    name: str
    strategy: Word | None = None
    runs: Word | None = None
    names: dict[str, Word] = field(default_factory=dict)
    choices: dict[str, list[tuple[Listing | Range, list[Word]]]] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)


def read_space(space: syntax.Space, workflow: Workflow | None, file: File, library: Library) -> list[tuple[str, Space]]:
    """Read a space: one for each search method, with the method's alias (empty, but for G0)."""
    return _Reader(space, workflow, file, library).read()


class _Reader:
    """Reads one space."""

    def __init__(self, space: syntax.Space, workflow: Workflow | None, file: File, library: Library) -> None:
        self.space, self.workflow, self.file, self.library = space, workflow, file, library
        self.report = library.report
        self.name = str(space.word)
        self.hooks: dict[str, Word] = {}
        self.methods: dict[str, _Method] = {}
        self.broken = broken(space.members)

    def at(self, word: Word) -> Span:
        return span(self.file.path, word)

    def read(self) -> list[tuple[str, Space]]:
        for member in self.space.members:
            if isinstance(member, syntax.Hook):
                self._hook(member)
        self.methods = self._methods()
        for member in self.space.members:
            if isinstance(member, syntax.Strategy | syntax.Runs | syntax.Point):
                self._member(member)
        for member in self.space.members:
            if isinstance(member, syntax.Task):
                self._task(member)
        alone = len(self.methods) == 1
        return [(alias, self._made(method, alone=alone)) for alias, method in self.methods.items()]

    def _member(self, member: syntax.Strategy | syntax.Runs | syntax.Point) -> None:
        method = self.methods.get("")
        if method is None:
            message = f"space '{self.name}' is configured by methods"
            self.report.add("PXW342", message, self.at(member.word), "state this in configure self, too")
        elif isinstance(member, syntax.Strategy):
            method.strategy = member.word
        elif isinstance(member, syntax.Runs):
            method.runs = member.word
        else:
            self._point(method, member.word, member.choices)

    # ------------------------------------------------------------------------------------------ G0

    def _methods(self) -> dict[str, _Method]:
        blocks = [each for each in self.space.members if isinstance(each, syntax.ConfigureSelf)]
        members = [member for block in blocks for member in block.members]
        found = {
            str(each.alias): _Method(str(each.alias), each.word) for each in members if isinstance(each, syntax.Method)
        }
        for each in members:
            if isinstance(each, syntax.Assignment):
                self._assign(each, found)
        return found or {"": _Method("")}

    def _assign(self, each: syntax.Assignment, found: dict[str, _Method]) -> None:
        alias, _, point = each.word.partition(".")
        if alias not in found:
            places: dict[str, Span | None] = dict.fromkeys(found)
            self.report.unknown("PXW304", f"method '{alias}' in space '{self.name}'", alias, self.at(each.word), places)
        elif point == "runs" and isinstance(each.choices, list):
            found[alias].runs = each.choices[0]
        else:
            self._point(found[alias], each.word.update(value=point), each.choices)

    # ------------------------------------------------------------------------------------------ values

    def _point(self, method: _Method, word: Word, choices: syntax.Listed | list[Word]) -> None:
        words = choices.values if isinstance(choices, syntax.Listed) else choices
        method.names.setdefault(str(word), word)
        lists = method.choices.setdefault(str(word), [])
        if isinstance(choices, syntax.Listed) and choices.word.type == "RANGE":
            interval = self._range(choices)
            lists += [(interval, words)] if interval else []
        else:
            lists.append((Listing(tuple(literal(each) for each in words)), words))
            if not words:
                self._empty(word, f"variability point '{word}' has no value")

    def _empty(self, word: Word, why: str) -> None:
        if "GENERATOR" not in self.hooks:
            message = f"space '{self.name}' is empty: {why}"
            self.report.add("PXW340", message, self.at(word), "give each variability point at least one value")

    def _range(self, listed: syntax.Listed) -> Range | None:
        values = [literal(word) for word in listed.values]
        numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
        if len(numbers) != len(values) or len(values) not in {2, 3} or not all(map(math.isfinite, numbers)):
            message = "a range is two or three numbers: (from, to) or (from, to, step)"
            self.report.add("PXW335", message, self.at(listed.word))
            return None
        if len(numbers) == 3 and not numbers[2]:
            self.report.add("PXW335", "a range cannot go on in steps of 0", self.at(listed.values[2]))
            return None
        found = Range(*numbers)
        if (found.stop - found.start) * found.step < 0:
            self._empty(listed.word, f"from {listed.values[0]}, no step leads to {listed.values[1]}")
        return found

    # ------------------------------------------------------------------------------------------ bindings

    def _task(self, task: syntax.Task) -> None:
        node = self._node(task)
        for member in task.members or []:
            if isinstance(member, syntax.Param) and member.values:
                for word in member.values:
                    self._bind(task, node, member, word)
            elif not isinstance(member, syntax.Broken):
                message = "a space only binds the parameters of a task"
                self.report.add("PXW360", message, self.at(member.word), "it is left out")

    def _node(self, task: syntax.Task) -> TaskNode | None:
        if self.workflow is None:
            return None
        nodes = {each.name: each for each in self.workflow.tasks}
        if task.word not in nodes:
            what = f"task '{task.word}' in workflow '{self.workflow.name}'"
            places = {name: each.at for name, each in nodes.items()}
            self.report.unknown("PXW301", what, task.word, self.at(task.word), places)
        return nodes.get(str(task.word))

    def _bind(self, task: syntax.Task, node: TaskNode | None, param: syntax.Param, word: Word) -> None:
        parameter = self._parameter(node, param.word)
        alias, _, point = word.rpartition(".")
        if word.type != "NAME" or word.lower() in CONSTANTS:
            value = self._fits(literal(word), parameter, self.at(word))
            for method in self.methods.values():
                method.bindings.append(Binding(str(task.word), str(param.word), None, value, self.at(param.word)))
            return
        methods = [each for each in self.methods.values() if point in each.choices and alias in {"", each.name}]
        if not methods and "GENERATOR" in self.hooks:
            methods = list(self.methods.values())
        if not methods and not self.broken:
            places: dict[str, Span | None] = {
                name: self.at(word) for each in self.methods.values() for name, word in each.names.items()
            }
            self.report.unknown(
                "PXW305", f"variability point '{word}' in space '{self.name}'", point, self.at(word), places
            )
        for method in methods:
            method.bindings.append(Binding(str(task.word), str(param.word), str(point), None, self.at(param.word)))
            if parameter is not None:
                self._check(method, point, parameter)

    def _parameter(self, node: TaskNode | None, word: Word) -> Parameter | None:
        if node is None:
            return None
        known = {each.name: each for each in node.parameters}
        unsound = node.definition in self.library.unsound
        if word not in known and node.definition is not None and node.script is not None and not unsound:
            places = {name: each.at for name, each in known.items()}
            what = f"parameter '{word}' of task '{node.name}'"
            self.report.unknown("PXW306", what, word, self.at(word), places)
        return known.get(str(word))

    def _check(self, method: _Method, point: str, parameter: Parameter) -> None:
        """Look whether a parameter takes all values of a variability point; of a long range, its ends."""
        for choices, words in method.choices.get(point, []):
            if isinstance(choices, Listing):
                for value, word in zip(choices.values, words, strict=True):
                    self._fits(value, parameter, self.at(word))
                continue
            values = choices.sequence()
            for value in [*values[:MANY], *values[-1:]]:
                if self._misfit(value, parameter):
                    self._fits(value, parameter, self.at(words[0] if value == choices.start else words[1]))
                    break

    @staticmethod
    def _misfit(value: Value, parameter: Parameter) -> bool:
        try:
            return not in_domain(as_type(value, parameter.type), parameter.domain)
        except (ValueError, OverflowError):
            return True

    def _fits(self, value: Value, parameter: Parameter | None, at: Span) -> Value:
        if parameter is None:
            return value
        try:
            value = as_type(value, parameter.type)
        except (ValueError, OverflowError):
            message = f"parameter '{parameter.name}' is declared {parameter.type}, and cannot be {value!r}"
            self.report.add("PXW332", message, at)
            return value
        if not in_domain(value, parameter.domain):
            message = f"{value!r} is outside the domain of parameter '{parameter.name}'"
            self.report.add("PXW333", message, at, f"it must be {parameter.domain}")
        return value

    # ------------------------------------------------------------------------------------------ the whole

    def _hook(self, hook: syntax.Hook) -> None:
        self.hooks[hook.word.type] = hook.function
        if self.library.alone:
            return
        known = self.library.configurations
        module = self.library.project.configurations
        if known is None and module is not None and module.is_file():
            return  # it is no Python, which is said where it stands
        if known is None:
            said = f"there is no '{shown(str(module))}'" if module else "eexp_config.py names no PYTHON_CONFIGURATIONS"
            self.report.add(
                "PXW308", f"unknown function '{hook.function}' in a {hook.word}", self.at(hook.function), said
            )
        elif hook.function not in known:
            places: dict[str, Span | None] = dict.fromkeys(known)
            what = f"function '{hook.function}' in '{module.name if module else ''}'"
            self.report.unknown("PXW308", what, hook.function, self.at(hook.function), places)

    def _made(self, method: _Method, *, alone: bool) -> Space:
        strategy = self._strategy(method)
        space = Space(
            name=self.name if alone else f"{self.name}_{method.name}",
            workflow=self.workflow.name if self.workflow else str(self.space.workflow or ""),
            strategy=strategy,
            points=tuple(
                VariabilityPoint(name, tuple(each for each, _ in lists), self.at(method.names[name]))
                for name, lists in method.choices.items()
            ),
            bindings=tuple(method.bindings),
            runs=self._runs(method, strategy),
            filter=str(self.hooks["FILTER"]) if "FILTER" in self.hooks else None,
            generator=str(self.hooks["GENERATOR"]) if "GENERATOR" in self.hooks else None,
            at=self.at(self.space.word),
        )
        self._judge(space, method)
        return space

    def _strategy(self, method: _Method) -> Strategy:
        if method.strategy is None and self.broken:
            return "gridsearch"
        if method.strategy is None:
            message = f"space '{self.name}' has no strategy"
            self.report.add("PXW342", message, self.at(self.space.word), f"there are: {', '.join(STRATEGIES)}")
            return "gridsearch"
        for known in STRATEGIES:
            if method.strategy == known:
                return known
        places: dict[str, Span | None] = dict.fromkeys(STRATEGIES)
        what = f"strategy '{method.strategy}' of space '{self.name}'"
        self.report.unknown("PXW341", what, method.strategy, self.at(method.strategy), places)
        return "gridsearch"

    def _runs(self, method: _Method, strategy: Strategy) -> int | None:
        if method.runs is None:
            if strategy == "randomsearch" and not self.broken:
                message = f"space '{self.name}' is searched at random, but does not say how often"
                self.report.add("PXW342", message, self.at(self.space.word), "add runs = 10;")
            return None
        value = literal(method.runs)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            message = f"runs must be a whole number of at least 1, not {method.runs}"
            self.report.add("PXW342", message, self.at(method.runs))
            return None
        if strategy != "randomsearch":
            message = f"runs changes nothing: the strategy is {strategy}"
            self.report.add("PXW343", message, self.at(method.runs), "it is for randomsearch")
        return value

    def _judge(self, space: Space, method: _Method) -> None:
        bound = {each.point for each in space.bindings}
        sizes = {point.name: self._size(point) for point in space.points}
        for point in space.points:
            at = point.at or self.at(self.space.word)
            if point.name not in bound and not (space.filter or space.generator):
                message = f"variability point '{point.name}' is bound to no parameter: each run is repeated for nothing"
                self.report.add("PXW343", message, at, f"write task T {{ param p = {point.name}; }}")
            if space.strategy == "singlerun" and sizes[point.name] > 1:
                message = f"a single run cannot take {sizes[point.name]} values of '{point.name}'"
                self.report.add("PXW342", message, at, "use gridsearch, or one value")
        total = math.prod(sizes.values())
        if (
            space.runs
            and method.runs
            and space.strategy == "randomsearch"
            and 0 < total < space.runs
            and not space.generator
        ):
            message = f"{space.runs} runs are asked for, but space '{space.name}' has only {total} configurations"
            self.report.add("PXW343", message, self.at(method.runs), "each is run once")
        self._without_value(space)

    def _size(self, point: VariabilityPoint) -> int:
        try:
            return point.size()
        except DSLError as error:
            self.report.add("PXW335", error.message, point.at or self.at(self.space.word), error.help)
            return 0

    def _without_value(self, space: Space) -> None:
        given = {(each.task, each.parameter) for each in space.bindings}
        for task in self.workflow.tasks if self.workflow else ():
            for each in task.parameters:
                if each.declared and each.value is None and not each.given and (task.name, each.name) not in given:
                    message = f"parameter '{each.name}' of task '{task.name}' has neither a value nor a default"
                    self.report.add("PXW334", message, self.at(self.space.word), f"bind it in space '{space.name}'")
