"""A function in a Python of its own, seen as a function of references: its child process loads and saves the values."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from pxw import errors
from pxw.binding import Binding, Step, declare
from pxw.compat.environments import environment_for, fingerprint, python_for, verify
from pxw.compat.process import log_of, run_process
from pxw.errors import DeclarationError, EnvError
from pxw.isolated.env import Env
from pxw.isolated.handover import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.binding.declare import Declared
    from pxw.compat.process import Ended
    from pxw.specs import Dataset

__all__ = ["bind"]

_START = Path(__file__).with_name("start.py")
_LIGHT = ("httpx", "pandas", "pyarrow", "pydantic", "pydantic-settings", "xxhash")  # what loading and saving need


def bind(fn: Callable[..., Any], name: str | None, inputs: Declared, outputs: Declared, env: Env | None) -> Binding:
    """The function as a task's: in an environment of its own, if it asks for one."""
    if env is None:
        return Binding.of(fn, name, inputs, outputs)
    plain = Binding.of(fn, name, inputs, outputs)
    return _IsolatedBinding(fn, plain.name, plain.inputs, plain.outputs, env=env, home=_Home.of(fn, env))


@dataclass(frozen=True)
class _Home:
    """Where a child finds a function: in a file of its own, or in a module of a package below `root`."""

    file: Path
    function: str
    module: str
    root: str
    requirements: Path | None

    @classmethod
    def of(cls, fn: Callable[..., Any], env: Env) -> _Home:
        code = inspect.unwrap(fn).__code__
        file = Path(code.co_filename).absolute()
        if not file.is_file():
            raise DeclarationError(
                f"{fn.__qualname__}() has an environment of its own, and is in no file that could be imported there",
                help="move it from the notebook into a .py file, and import it from there",
            )
        if "." in fn.__qualname__:
            raise DeclarationError(
                f"{fn.__qualname__}() has an environment of its own, and is not at the top level of its file",
                at=f"{file}:{code.co_firstlineno}",
                help="move it out of the function or class around it",
            )
        parts = fn.__module__.split(".")
        above = file.parent.parent if file.stem == "__init__" else file.parent
        is_package = len(parts) > 1 and [*above.parts, parts[-1]][-len(parts) :] == parts
        root = str(above.parents[len(parts) - 2]) if is_package else ""
        return cls(file, fn.__name__, fn.__module__, root, env.beside(file.parent))


@dataclass(frozen=True, eq=False)
class _IsolatedBinding(Binding):
    env: Env = field(default_factory=Env)
    home: _Home = field(kw_only=True)
    redirected: dict[str, Dataset] = field(default_factory=dict)

    @cached_property
    def code(self) -> str:
        """With what the environment is made of."""
        return f"{super().code} {self.env} {fingerprint(self.home.requirements)}"

    def changed(self, name: str | None, outputs: Declared) -> Binding:
        """The same with other outputs, which the child is told of."""
        given = super().changed(name, outputs)
        return replace(given, redirected=self.redirected | declare(outputs, "outputs"))  # type: ignore[call-arg]  # it is one of these

    def verify(self) -> None:
        """Look at the requirements file."""
        if self.home.requirements is not None:
            verify(self.home.requirements)

    def call(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Hand over references, run, take references."""
        return self._called(step, args, kwargs, Event())

    async def call_async(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same for an async function, without blocking the event loop."""
        stop = Event()
        try:
            return await asyncio.to_thread(self._called, step, args, kwargs, stop)
        except asyncio.CancelledError:
            stop.set()
            raise

    def _called(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any], stop: Event) -> Any:
        with step.noted(self.name) as noting:
            bound = self.light(step.run, self.complete(args, kwargs))
            again = self.again(bound, noting)
            if again is not None:
                return self.shaped(again[0])
            saved = self._in_child(bound, step, stop)
            noting.keep(saved)
            return self.shaped(saved)

    def _in_child(self, bound: inspect.BoundArguments, step: Step, stop: Event) -> Any:
        beside = step.run.target(self.name, step.key, "call").parent
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="call-", dir=beside) as folder:
            call, told = Path(folder) / "call.json", Path(folder) / "told.json"
            call.write_text(json.dumps(self._described(bound, step)))
            log = log_of(self.name)
            python = python_for(self.home.requirements, self.env.python, log, more=_own_requirements())
            ended = run_process(
                [python, "-u", str(_START), str(call), str(told)],
                folder=Path.cwd(),
                environment=environment_for(python),
                log=log,
                is_stopped=lambda: stop.is_set() or step.run.is_stopped(),
            )
            if ended.status or ended.stopped or not told.exists():
                raise self._ended_early(ended)
            return self._told(json.loads(told.read_text()))

    def _described(self, bound: inspect.BoundArguments, step: Step) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            what, hint = f"task {self.name!r}, parameter {name!r}", self.annotations.get(name, Any)
            if kind is inspect.Parameter.VAR_POSITIONAL:
                arguments[name] = {"each": [packed(item, hint, what) for item in value]}
            elif kind is inspect.Parameter.VAR_KEYWORD:
                arguments[name] = {"each": {key: packed(item, hint, what) for key, item in value.items()}}
            else:
                arguments[name] = packed(value, hint, what)
        return {
            "name": self.name,
            "file": str(self.home.file),
            "module": self.home.module,
            "root": self.home.root,
            "function": self.home.function,
            "outputs": {name: packed(spec, Any, f"output {name!r}") for name, spec in self.redirected.items()},
            "arguments": arguments,
            "run": {"id": step.run.id, "flow": step.run.flow, "folder": str(step.run.folder)},
            "away": packed(step.run.away, Any, "where datasets go"),
            "key": step.key,
        }

    def _told(self, told: dict[str, Any]) -> Any:
        """What the child gives: references, a value, or an error."""
        if "refs" in told:
            return [unpacked(ref, Any) for ref in told["refs"]]
        if "result" in told:
            return unpacked(told["result"], self.annotations.get("return", Any))
        if "pxw" in told:
            raise getattr(errors, told.pop("pxw"))(**told)
        missing = told["missing"]
        if missing:
            raise EnvError(
                f"the environment of task {self.name!r} has no module {missing!r}",
                at=told["at"],
                details=told["details"],
                help=f"add its package to {self.home.requirements or 'a requirements file'}; "
                "if other tasks need it, move this one to a file of its own",
            )
        raise EnvError(f"task {self.name!r} failed: {told['error']}", at=told["at"], details=told["details"])

    def _ended_early(self, ended: Ended) -> EnvError:
        return EnvError(
            f"task {self.name!r} {ended.how()}", at=str(self.home.file), details=ended.last, help=ended.remedy()
        )


def _own_requirements() -> list[str]:
    """What loading and saving need, in the versions that pxw allows."""
    lines = [line.partition(";")[0].strip() for line in requires("pxw") or ()]
    names = [*_LIGHT, "obstore"] if find_spec("obstore") else [*_LIGHT]  # object stores are there if they are here
    return [line for line in dict.fromkeys(lines) if re.split(r"[^\w-]", line)[0] in names]
