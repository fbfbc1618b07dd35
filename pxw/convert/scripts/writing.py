"""A script as a typed function, in a module of its own."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.scripts.body import Body
from pxw.convert.scripts.draft import Draft
from pxw.convert.scripts.headers import formatted, header, is_standard, single_imports
from pxw.convert.scripts.inputs import convert_asks, convert_loads
from pxw.convert.scripts.outputs import convert_saves
from pxw.convert.scripts.script import FALLBACKS
from pxw.convert.scripts.text import Reason
from pxw.convert.source import Group, Source, call, mapping, quoted, sequence

if TYPE_CHECKING:
    from pxw.convert.scripts.given import Given
    from pxw.convert.scripts.inputs import Parameter
    from pxw.convert.scripts.outputs import Output
    from pxw.convert.scripts.script import Script
    from pxw.convert.source import Part

__all__ = ["TaskCode", "write_task"]

_PICKLES = {"pickle", "joblib", "dill", "cloudpickle"}
_PLAIN = "pxw.Dataset()"


@dataclass(frozen=True)
class TaskCode:
    """A module with one task.

    Args:
        task: the task's name.
        function: the name of its function.
        text: the module.
        inputs: the parameter for each input.
        outputs: what it returns, in order.
        parameters: the parameter for each value of `variables`.
    """

    task: str
    function: str
    text: str
    inputs: dict[str, str]
    outputs: list[Output]
    parameters: dict[str, Parameter]


def write_task(script: Script, given: Given, *names: str) -> TaskCode | list[Reason]:
    """Write the function, by the first of these names that is none of the script's; or say why it stays a script."""
    return _Writer(script, given, names).write()


class _Writer:
    def __init__(self, script: Script, given: Given, names: tuple[str, ...]) -> None:
        self.script = script
        self.given = given
        self.draft = Draft(script, given)
        self.function = self.draft.new(*names, f"{names[0]}_task")
        self.inputs: list[Parameter] = []
        self.parameters: list[Parameter] = []
        self.outputs: list[Output] = []

    def write(self) -> TaskCode | list[Reason]:
        """All reasons there are, or the code."""
        draft = self.draft
        self.inputs, self.parameters = convert_loads(draft), convert_asks(draft)
        self.outputs = convert_saves(draft)
        draft.reasons += self.script.reasons(self.given)
        saved = {each.key for each in self.outputs}
        draft.reasons += [Reason(1, f"never saves '{key}' for sure") for key in self.given.wanted if key not in saved]
        self._refuse_own_classes()
        self._refuse_pickles()
        if draft.reasons:
            return sorted(set(draft.reasons))
        names = {each.key: each.name for each in self.inputs}
        parameters = {each.key: each for each in self.parameters}
        return TaskCode(self.given.task, self.function, formatted(self._module()), names, self.outputs, parameters)

    def _refuse_own_classes(self) -> None:
        """A pickle names the module of a class, and that is another one now."""
        classes = [each.node for each in self.script.statements if isinstance(each.node, ast.ClassDef)]
        imported = {full.partition(".")[0] for full in self.script.modules.values()} | self.script.reads
        if classes and (imported & _PICKLES or any("pickle" in each.spec for each in self.outputs)):
            self.draft.refuse(classes[0], f"may pickle what is made of the class '{classes[0].name}'")

    def _refuse_pickles(self) -> None:
        """Between two Pythons with packages of their own, a pickle may not be read."""
        values = [key for key, source in self.given.inputs.items() if source.kind == "any" and not source.is_external]
        values += [each.key for each in self.outputs if "pickle" in each.spec]
        if self.script.apart and values:
            self.draft.reasons.append(Reason(1, f"runs with packages of its own, and '{values[0]}' goes as a pickle"))

    # ------------------------------------------------------------------------------------------ the module

    def _module(self) -> str:
        top, task = Source(), Source()
        top.docstring(f"The task {self.given.task}, converted from {self.given.place}.")
        hint = self._hint()
        self._head(task, hint)
        task.depth += 1
        described = self.given.description or self._docstring()
        if described:
            task.docstring(described)
        task.depth -= 1
        body = Body(self.draft)
        lines = [body.inside(), *self._return(hint)]
        if not (described or any(lines)):
            lines = ["    pass"]
        code = [body.outside(), self._named_outputs(hint), "\n".join([*task.lines, *filter(None, lines)])]
        text = "\n\n\n".join(filter(None, code))
        pieces = [top.text().rstrip("\n"), body.opening(), header(self._imports(text), self.script.own.has)]
        gap = "\n\n\n" if text.startswith(("def ", "class ", "@")) else "\n\n"
        return "\n\n".join(filter(None, pieces)) + f"{gap}{text}\n"

    def _docstring(self) -> str:
        return ast.get_docstring(self.script.text.tree) or ""

    def _imports(self, text: str) -> list[str]:
        """Those that the script has and still needs, and those that it always lacked."""
        used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        found = ["import pxw", *self.draft.imports]
        roles = zip(self.script.statements, self.script.roles, strict=True)
        imports = [one for each, role in roles if role == "import" for one in single_imports(each.node)]
        needed = {root for name, root, _ in imports if name in used}
        # One that nobody uses may be there for what it does, unless its package is imported anyway.
        found += [text for name, root, text in imports if name in used or not (self._is_known(root) or root in needed)]
        return [*found, *(FALLBACKS[name] for name in FALLBACKS.keys() & used - self.script.binds)]

    def _is_known(self, root: str) -> bool:
        """Whether importing a module does nothing but that."""
        return (is_standard(root) and root != "__future__") or self.script.own.has(root)

    # ------------------------------------------------------------------------------------------ the function

    def _hint(self) -> str:
        if len(self.outputs) > 1:
            self.draft.imports.add("from typing import NamedTuple")
            return self.draft.new(f"{self.function.title().replace('_', '')}Outputs")
        return self.draft.hint(self.outputs[0].kind) if self.outputs else "None"

    def _named_outputs(self, hint: str) -> str:
        if len(self.outputs) < 2:
            return ""
        found = Source()
        found.add(f"class {hint}(NamedTuple):")
        found.depth += 1
        found.docstring(f"What {self.function}() gives.")
        found.blank(1)
        for each in self.outputs:
            found.add(f"{each.key}: {self.draft.hint(each.kind)}")
        return found.text().rstrip("\n")

    def _head(self, source: Source, hint: str) -> None:
        parts: list[Part] = [f"name={quoted(self.given.task)}"] if self.given.task != self.function else []
        if self.inputs:
            parts.append(sequence("inputs=", [quoted(each.name) for each in self.inputs]))
        if any(each.spec != _PLAIN for each in self.outputs):
            parts.append(mapping("outputs=", {each.key: each.spec for each in self.outputs}))
        elif self.outputs:
            parts.append(sequence("outputs=", [quoted(each.key) for each in self.outputs]))
        if self.given.env:
            parts.append(f"env={self.given.env}")  # what it prints there goes to the log anyway
        elif "print" in self.script.reads or self.script.own.prints:
            parts.append("log_prints=True")
        source.add(call("@pxw.task", parts) if parts else "@pxw.task")
        arguments = sorted([*self.inputs, *self.parameters], key=lambda each: each.default is not None)
        source.add(call(f"def {self.function}", map(str, arguments), f") -> {hint}:"))

    def _return(self, hint: str) -> list[str]:
        if not self.outputs:
            return []
        if len(self.outputs) == 1:
            return [f"    return {self.outputs[0].value}"]
        found = Group(f"return {hint}(", [f"{each.key}={each.value}" for each in self.outputs], ")")
        return [f"    {line}" for line in found.lines("    ")]
