"""The scripts of workflows as functions, each in a module of its own: `tasks/read_data.py`."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pxw.convert.copies import search_path
from pxw.convert.names import snake
from pxw.convert.parameters import TYPES, Argument, Bound
from pxw.convert.places import relative
from pxw.convert.scripts import Given, Reason, Script, Source, TaskCode, decoded, kind_of_saved, write_task
from pxw.convert.scripts.frames import with_frames
from pxw.convert.source import quoted, written
from pxw.errors import DeclarationError
from pxw.isolated import Env
from pxw.workflow import DataRef, DDMPlace, LocalPlace, PortRef, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.convert.copies import Copies
    from pxw.convert.wiring import Step, Wiring
    from pxw.dsl.project import Project
    from pxw.workflow import DataNode, TaskNode

__all__ = ["PACKAGE", "Functions"]

PACKAGE = "tasks"
_PACKED = {".gz", ".zst", ".bz2", ".xz", ".zip"}


class Functions:
    """Makes a module of each script; workflows that use a script alike share it.

    Args:
        out: the folder of the package with these modules.
        copies: the project's own modules that they import.
        frames: whether a file that a script only parses comes parsed.
    """

    def __init__(self, out: Path, copies: Copies, *, frames: bool = False) -> None:
        self.folder = out / PACKAGE
        self.copies = copies
        self.frames = frames
        self.files: dict[str, str] = {}
        self.origins: dict[str, dict[int, str]] = {}
        self._made: dict[Path, list[tuple[str, TaskCode]]] = {}

    def convert(self, wiring: Wiring, project: Project) -> None:
        """Make functions of the scripts of one workflow, as far as they may, and note why the others stay."""
        parses = project.settings.get("EXECUTIONWARE") == "LOCAL"
        _Workflow(self, wiring, parses=parses).convert()

    def keep(self, path: Path, place: str, code: TaskCode) -> tuple[str, TaskCode]:
        """The module with this code: one that is there already, if it says the same."""
        known = self._made.setdefault(path, [])
        for module, other in known:
            if _without_name(other) == _without_name(code):
                return module, other
        wishes = chain(
            [code.function, _own_name(path)] if not known else [], (f"{code.function}_{n}" for n in count(2))
        )
        stem = next(each for each in wishes if f"{PACKAGE}/{each}.py" not in self.files)
        self.files |= {
            f"{PACKAGE}/__init__.py": '"""The tasks: what the scripts of the old project became."""\n',
            f"{PACKAGE}/{stem}.py": code.text,
        }
        line = next(n for n, text in enumerate(code.text.split("\n"), 1) if text.startswith(f"def {code.function}("))
        self.origins[f"{PACKAGE}/{stem}.py"] = {line: f"{place}:1:1"}
        known.append((f"{PACKAGE}.{stem}", code))
        return known[-1]


def _own_name(path: Path) -> str:
    """What a script is called: as its folder, if its file is any `task.py`."""
    return snake(path.parent.name if path.name == "task.py" else path.stem)


def _without_name(code: TaskCode) -> str:
    return code.text.replace(f'name="{code.task}"', "").replace(f"The task {code.task},", "")


class _Workflow:
    def __init__(self, functions: Functions, wiring: Wiring, *, parses: bool) -> None:
        self._functions = functions
        self._wiring = wiring
        self._parses = parses
        self._saved: dict[PortRef, Source] = {}
        self._puts = {name: set(_puts(step)) for name, step in wiring.steps.items()}

    def convert(self) -> None:
        for name in self._wiring.workflow.order():
            step = self._wiring.steps[name]
            found = self._converted(step)
            if isinstance(found, TaskCode) and step.node.script is not None:
                self._rewire(step, found)
                continue
            for reason in found if isinstance(found, list) else ():
                text = f"task '{name}' stays a script: it {reason.message}"
                self._wiring.notes.add("person", text, _place(step.node, reason))

    def _converted(self, step: Step) -> TaskCode | list[Reason]:
        node = step.node
        if node.script is None:
            return []
        place = self._wiring.notes.place(Span(str(node.script), 1, 1, 1))
        shared: list[Reason] = []
        try:
            text, is_apart = decoded(node.script.read_bytes()), node.requirements is not None
            script = Script(text, apart=is_apart, path=search_path(node))
            given = self._given(step, place)
            names = snake(node.name), _own_name(node.script)
            code = write_task(script, given, *names)
            if isinstance(code, list) and all(each.is_shared for each in code):
                shared, code = code, write_task(script, replace(given, env="pxw.Env()"), *names)
        except SyntaxError as error:
            return [Reason(error.lineno or 1, f"is no Python: {error.msg}")]
        except Exception as error:
            return [Reason(1, f"is more than the converter understands: {error!r}")]
        self._note_saved(step, script)
        beyond = [*_beyond(step), *self._functions.copies.clashes(script.own, self._wiring.notes)]
        beyond += self._misfits(step, code) if isinstance(code, TaskCode) else ()
        if beyond or isinstance(code, list):
            return [*(each for each in (code if isinstance(code, list) else ()) if not each.is_shared), *beyond]
        for reason in shared:
            text = f"task '{node.name}' runs in a process of its own: it {reason.message}"
            self._wiring.notes.add("decided", text, _place(node, reason))
        self._functions.copies.add(script.own, self._wiring.notes)
        return self._with_frames(step, code, given) if self._functions.frames else code

    def _with_frames(self, step: Step, code: TaskCode, given: Given) -> TaskCode:
        made, lifted = with_frames(code, given.inputs)
        for key, parameter in lifted.items():
            text = f"'{key}' of task '{step.node.name}' comes as '{parameter}': pxw reads it, not the script"
            self._wiring.notes.add("decided", text, Span(str(step.node.script), 1, 1, 1))
        return made

    def _env(self, node: TaskNode) -> str:
        """The Python of its own that a task asks for."""
        said = {"requirements": relative(node.requirements, self._functions.folder) if node.requirements else None}
        said["python"] = node.python_version
        known = ", ".join(f"{name}={quoted(value)}" for name, value in said.items() if value is not None)
        return f"pxw.Env({known})" if known else ""

    def _misfits(self, step: Step, code: TaskCode) -> Iterator[Reason]:
        """Values that the workflow gives as text, and the script could make no number of."""
        for key, parameter in code.parameters.items():
            known = step.node.parameter(key)
            if known is None or known.type is not None or parameter.hint not in _CASTS or key not in step.passed:
                continue
            bound = (self._wiring.bound or {}).get((step.node.name, key), Bound())
            for value in (known.value, *bound.values):
                try:
                    _CASTS[parameter.hint](str(value))
                except ValueError:
                    yield Reason(1, f"makes {parameter.hint} of '{key}', which is {value!r}")

    # ------------------------------------------------------------------------------------------ what it is given

    def _given(self, step: Step, place: str) -> Given:
        node = step.node
        hints: dict[str, str | None] = {}
        for key in step.passed:
            parameter = node.parameter(key)
            setting = dict(self._wiring.workflow.settings).get(key)
            known = TYPES.get(parameter.type, "Any") if parameter and parameter.type else None
            hints[key] = known if parameter else "Any" if setting is None else type(setting).__name__
        return Given(
            task=node.name,
            description=" ".join(node.description.split()),
            place=place,
            inputs={port: self._merged(sources) for port, sources in step.inputs.items()},
            targets={port: self._target(found[-1]) for port, found in step.outputs.items() if found},
            wanted=tuple(step.outputs),
            parameters=hints,
            foreign=frozenset(key for name, keys in self._puts.items() if name != node.name for key in keys),
            parses=self._parses,
            env=self._env(node),
        )

    def _merged(self, sources: list[PortRef | DataRef]) -> Source:
        found = {self._source(each) for each in sources}
        troubles = [each for each in found if each.trouble]
        return troubles[0] if troubles else found.pop() if len(found) == 1 else Source("any")

    def _source(self, end: PortRef | DataRef) -> Source:
        if isinstance(end, PortRef):
            unknown = Source("any", trouble=f"nobody can tell what task '{end.task}' saves there")
            return self._saved.get(end, unknown)
        data = self._data(end)
        suffix = _suffix(data)
        trouble = "it is compressed" if suffix in _PACKED else ""
        return Source("many" if _is_folder(data) else "bytes", suffix, is_external=True, trouble=trouble)

    def _target(self, end: DataRef) -> Literal["file", "folder"]:
        return "folder" if _is_folder(self._data(end)) else "file"

    def _data(self, end: DataRef) -> DataNode | None:
        return self._wiring.workflow.dataset(end.name)

    def _note_saved(self, step: Step, script: Script) -> None:
        """What later tasks are given, whether this one becomes a function or not."""
        for save in script.calls.saves:
            targets = step.outputs.get(save.key)
            target = self._target(targets[-1]) if targets else None
            kind, names = kind_of_saved(save, script.kinds, target)
            trouble = ""
            if kind == "files" and list(names) != sorted(names):
                trouble = f"task '{step.node.name}' saves its files in another order than that of their names"
            elif target is not None and kind not in {"bytes", "str", "files"}:
                trouble = "it comes by way of a file of the project"
            elif not hasattr(save, "value") and kind == "any":
                trouble = f"nobody can tell what task '{step.node.name}' saves there"
            end, source = PortRef(step.node.name, save.key), Source(kind, trouble=trouble)
            known = self._saved.get(end, source)
            self._saved[end] = known if known == source else Source("any", trouble=known.trouble or trouble)

    # ------------------------------------------------------------------------------------------ what becomes of it

    def _rewire(self, step: Step, code: TaskCode) -> None:
        """Let the flow call the function, by the names of its parameters."""
        if step.node.script is None:
            raise AssertionError(step.node.name)  # it was read
        place = self._wiring.notes.place(Span(str(step.node.script), 1, 1, 1))
        step.module, step.code = self._functions.keep(step.node.script, place, code)
        for key in step.arguments.keys() - code.parameters.keys() - self._bound.keys():
            self._drop(step, key)
        for key, parameter in code.parameters.items():
            if key in step.arguments and parameter.hint in _CASTS:
                self._retype(step, key, parameter.hint)
        step.inputs = {code.inputs[port]: sources for port, sources in step.inputs.items() if port in code.inputs}
        step.outputs = {each.key: step.outputs.get(each.key, []) for each in code.outputs}
        names = {key: parameter.name for key, parameter in code.parameters.items()}
        step.passed = {names[key]: passed for key, passed in step.passed.items() if key in names}

    @property
    def _bound(self) -> dict[str, None]:
        """Parameters that a space binds: the flow keeps an argument for each."""
        return {name: None for _, name in self._wiring.bound or ()}

    def _drop(self, step: Step, key: str) -> None:
        name = step.arguments.pop(key)
        self._wiring.arguments = [each for each in self._wiring.arguments if each.name != name]
        text = f"parameter '{key}' of task '{step.node.name}': its script never asks for it"
        self._wiring.notes.add("dropped", text, step.node.at)

    def _retype(self, step: Step, key: str, hint: str) -> None:
        """A parameter without a declared type is of the type that the script makes of it."""
        parameter = step.node.parameter(key)
        if parameter is None or parameter.type is not None:
            return
        bound = (self._wiring.bound or {}).get((step.node.name, key), Bound())
        if bound.is_open:
            step.passed[key] = f"{hint}({step.arguments[key]})"
            return
        name = step.passed[key] = step.arguments[key]
        changed = Argument(name, hint, written(_CASTS[hint](str(parameter.value))), name)
        self._wiring.arguments = [changed if each.name == name else each for each in self._wiring.arguments]


_CASTS = {"int": int, "float": float}


def _place(node: TaskNode, reason: Reason) -> Span:
    return Span(reason.file or str(node.script), reason.line, 1, 1)


def _beyond(step: Step) -> Iterator[Reason]:
    """What the workflow says of a task that keeps it a script."""
    node = step.node
    try:
        Env(python=node.python_version)
    except DeclarationError:
        yield Reason(1, f"runs with Python {node.python_version}, and functions need 3.11 or later")
    if node.interactive:
        yield Reason(1, "waits for a person")
    if node.pre_script is not None:
        yield Reason(1, "has a script that runs before it")


def _puts(step: Step) -> Iterator[str]:
    """The names that a script puts into `variables` or `resultMap`, in any way."""
    try:
        text = step.node.script.read_text("utf-8", "replace") if step.node.script else ""
    except OSError:
        text = ""
    for found in re.finditer(r"\b(?:variables|resultMap)(?:\.put\(|\[)\s*[\"']([^\"']+)[\"']\s*[,\]]\s*=?(?!=)", text):
        yield found[1]


def _is_folder(data: DataNode | None) -> bool:
    match data.place if data else None:
        case LocalPlace(_, kind):
            return kind != "file"
        case DDMPlace(_, name):
            return name is None
    return False


def _suffix(data: DataNode | None) -> str:
    match data.place if data else None:
        case LocalPlace(path, "file"):
            return path.suffix.lower()
        case DDMPlace(_, str(name)):
            return Path(name).suffix.lower()
    return ""
