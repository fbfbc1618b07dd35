"""Walk converted Python without running scripts: what would each task get, and what would it wait for?"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, Self

import pxw


@dataclass(eq=False)
class Future:
    """What a recorded task gives: itself, and each of its outputs."""

    call: Call
    port: str = ""

    def result(self) -> Any:
        self.call.task.recorder.settled.append(self.call)
        return Outputs(self.call) if len(self.call.task.outputs) > 1 else self


class Outputs(tuple):  # noqa: SLOT001 - a test's
    """Several outputs, by name and by position."""

    def __new__(cls, call: Call) -> Self:
        return super().__new__(cls, [Future(call, port) for port in call.task.outputs])

    def __getattr__(self, name: str) -> Future:
        return next(each for each in self if each.port == name)


@dataclass(eq=False)
class Call:
    """A task that was called: its arguments, whom it waits for, and who was over before it could be called at all."""

    task: Script
    values: dict[str, Any]
    waits: list[Call]
    after: list[Call]


@dataclass(eq=False)
class Script:
    file: Path
    name: str
    inputs: list[str]
    outputs: dict[str, Any]
    environment: tuple[Any, ...]
    recorder: Recorder

    def with_options(self, name: str = "", outputs: Mapping[str, Any] = MappingProxyType({})) -> Script:
        return replace(self, name=name or self.name, outputs={**self.outputs, **outputs})

    def submit(self, wait_for: tuple[Future | None, ...] = (), **values: Any) -> Future:
        waits = [each.call for each in (*wait_for, *values.values()) if isinstance(each, Future)]
        call = Call(self, values, waits, list(self.recorder.settled))
        self.recorder.calls.append(call)
        return Future(call, next(iter(self.outputs), ""))

    def __call__(self, **values: Any) -> Any:
        """Called directly, a task comes after all that was called before it."""
        waits = tuple(Future(each) for each in self.recorder.calls)
        return self.submit(wait_for=waits, **values).result()


@dataclass
class Recorder:
    """Stands for `pxw` in converted modules.

    Args:
        folder: where the modules would be.
        files: their texts.
        decide: how conditions turn out, by file and line.
    """

    folder: Path
    files: dict[str, str]
    decide: dict[str, dict[int, bool]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    settled: list[Call] = field(default_factory=list)

    def run(self, file: str) -> Any:
        """Call the flow of a module; what it calls is in `calls`."""
        flows, _ = self._executed(file)
        (flow,) = flows.values()
        known = inspect.signature(flow).parameters
        given = {name: name for name, each in known.items() if each.default is each.empty}
        return flow(**given, **({"parallel": 1} if "parallel" in known else {}))  # what runs side by side has no order

    def _executed(self, file: str) -> tuple[dict[str, Callable[..., Any]], dict[str, Any]]:
        """Execute a module, its conditions replaced; its flows, and all names that it has."""
        lines = self.decide.get(file, {})
        tree = _Decided(lines).visit(ast.parse(self.files[file]))
        flows: dict[str, Any] = {}

        def flow(name: str) -> Any:
            return lambda fn: flows.setdefault(fn.__name__, fn)

        names = {"pxw": self._facade(flow), "decided": lines.__getitem__, "__name__": "module"}
        names["__file__"] = str(self.folder / file)
        for node in [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]:
            beside = f"{node.module if isinstance(node, ast.ImportFrom) else node.names[0].name}.py"
            if isinstance(node, ast.ImportFrom) and beside in self.files:
                inner, known = self._executed(beside)
                known |= {name: self._subflow(fn) for name, fn in inner.items()}
                names |= {alias.asname or alias.name: known[alias.name] for alias in node.names}
            elif beside in self.files:
                names[node.names[0].name] = self.module(beside)
            if beside in {*self.files, "pxw.py"}:
                tree.body.remove(node)
        exec(compile(ast.fix_missing_locations(tree), file, "exec"), names)
        return flows, names

    def module(self, file: str) -> ModuleType:
        """One of the project's own modules."""
        module = ModuleType(file.removesuffix(".py"))
        exec(self.files[file], vars(module))
        return module

    def _facade(self, flow: Any) -> Any:
        def results(*futures: Any) -> Any:
            self.settled += [each.call for each in futures if isinstance(each, Future)]
            return futures

        def outputs(future: Future) -> Outputs:
            return Outputs(future.call)

        @contextmanager
        def parallel() -> Iterator[Callable[..., Any]]:
            def begin(fn: Callable[[], None]) -> Any:
                fn()  # what runs side by side has no order
                return SimpleNamespace(result=lambda: None)

            yield begin

        own = {
            "parallel": parallel,
            "script": self.script,
            "flow": flow,
            "results": results,
            "outputs": outputs,
            "Spec": Any,
        }
        return SimpleNamespace(
            **{**{name: getattr(pxw, name) for name in ("DDM", "Local", "Runs", "grid", "sample")}, **own}
        )

    def _subflow(self, fn: Callable[..., Any]) -> Callable[..., list[Call]]:
        """A flow that an experiment calls: it gives the calls of its tasks."""

        def run(**values: Any) -> list[Call]:
            outer, self.calls, self.settled = self.calls, [], []
            fn(**values)
            inner, self.calls, self.settled = self.calls, outer, []
            return inner

        return run

    def script(self, path: str, **said: Any) -> Script:
        file = (self.folder / path).resolve()
        requirements = said.get("requirements") and (self.folder / said["requirements"]).resolve()
        dependencies = tuple(str((file.parent / each).resolve()) for each in said.get("dependencies", ()))
        environment = (dependencies, requirements, said.get("python_version"))
        outputs = dict.fromkeys(said.get("outputs", ()))
        return Script(file, said["name"], said.get("inputs", []), outputs, environment, self)


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
