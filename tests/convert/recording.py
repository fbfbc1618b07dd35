"""Walk converted Python without running scripts: what would each task get, and what would it wait for?"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(eq=False)
class Future:
    """What a recorded task gives: itself, and each of its outputs."""

    call: Call
    port: str = ""

    def result(self) -> Any:
        return Outputs(self.call) if len(self.call.task.outputs) > 1 else self


class Outputs(tuple):  # noqa: SLOT001 - a test's
    """Several outputs, by name and by position."""

    def __new__(cls, call: Call) -> Self:
        return super().__new__(cls, [Future(call, port) for port in call.task.outputs])

    def __getattr__(self, name: str) -> Future:
        return next(each for each in self if each.port == name)


@dataclass(eq=False)
class Call:
    task: Script
    values: dict[str, Any]
    waits: list[Call]


@dataclass(eq=False)
class Script:
    file: Path
    name: str
    inputs: list[str]
    outputs: dict[str, Any]
    environment: tuple[Any, ...]
    recorder: Recorder

    def with_options(self, outputs: dict[str, Any]) -> Script:
        return Script(self.file, self.name, self.inputs, {**self.outputs, **outputs}, self.environment, self.recorder)

    def submit(self, wait_for: tuple[Future | None, ...] = (), **values: Any) -> Future:
        waits = [each.call for each in (*wait_for, *values.values()) if isinstance(each, Future)]
        call = Call(self, values, waits)
        self.recorder.calls.append(call)
        return Future(call, next(iter(self.outputs), ""))

    def __call__(self, **values: Any) -> Any:
        """Called directly, a task comes after all that was called before it."""
        waits = tuple(Future(each) for each in self.recorder.calls)
        return self.submit(wait_for=waits, **values).result()


@dataclass
class Recorder:
    """Stands for `pxw` in a converted module."""

    folder: Path
    decide: dict[int, bool] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def script(self, path: str, **said: Any) -> Script:
        file = (self.folder / path).resolve()
        requirements = said.get("requirements") and (self.folder / said["requirements"]).resolve()
        dependencies = tuple(str((file.parent / each).resolve()) for each in said.get("dependencies", ()))
        environment = (dependencies, requirements, said.get("python_version"))
        outputs = dict.fromkeys(said.get("outputs", ()))
        return Script(file, said["name"], said.get("inputs", []), outputs, environment, self)

    def run(self, text: str, flow: str) -> list[Call]:
        """Execute a module, and its flow with each condition (by its line) as `decide` says."""
        tree = _Decided(self.decide).visit(ast.parse(text))
        flows: dict[str, Any] = {}

        def noted(name: str) -> Any:
            return lambda fn: flows.setdefault(name, fn)

        import pxw

        facade = type(
            "pxw", (), {"script": self.script, "flow": noted, "Local": pxw.Local, "DDM": pxw.DDM, "Spec": Any}
        )
        facade.results = lambda *futures: futures
        space = {"__file__": str(self.folder / "module.py"), "__name__": "module", "decided": self.decide.__getitem__}
        tree.body = [each for each in tree.body if not isinstance(each, ast.Import)]
        space["pxw"] = facade
        exec(compile(ast.fix_missing_locations(tree), "module.py", "exec"), space)
        known = inspect.signature(flows[flow]).parameters.values()
        flows[flow](**{each.name: each.name for each in known if each.default is each.empty})
        return self.calls


class _Decided(ast.NodeTransformer):
    """Every test that has an origin asks `decided(line)`."""

    def __init__(self, lines: dict[int, bool]) -> None:
        self.lines = lines

    def _asked(self, line: int, negated: bool = False) -> ast.expr:
        text = f"not decided({line})" if negated else f"decided({line})"
        return ast.parse(text, mode="eval").body

    def visit_If(self, node: ast.If) -> ast.If:
        if node.lineno in self.lines:
            node.test = self._asked(node.lineno, _is_turned(node))
        self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        if node.lineno in self.lines and isinstance(node.targets[0], ast.Name) and "holds" in node.targets[0].id:
            node.value = self._asked(node.lineno)
        return node


def _is_turned(node: ast.If) -> bool:
    return isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
