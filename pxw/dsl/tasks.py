"""What an implementation names: a folder with `task.xxp`, a folder with `task.py`, or a Python file."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.dsl import syntax
from pxw.dsl.diagnostics import shown, span, where
from pxw.dsl.library import broken, first_file, remedy
from pxw.dsl.values import TYPES, in_domain, literal, parameter_type
from pxw.workflow import Choices, Interval, Metric, Parameter, ParameterType, Port, TaskNode, Value, as_type

if TYPE_CHECKING:
    from pxw.dsl.library import Library
    from pxw.dsl.syntax import File, Node, Word
    from pxw.workflow import Span

VERSION = re.compile(r"\d+(\.\d+){0,2}")
DEEP = 4  # folders below the task library that are looked into, to name what is near a misspelt one

__all__ = ["Definitions", "checked", "declared_parameter", "metric", "port", "text_fields"]


class Definitions:
    """The task library: each `task.xxp` read once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.report = library.report
        self.project = library.project
        self._known: dict[Path, TaskNode] = {}
        self._found: dict[tuple[Path, str], TaskNode | None] = {}

    def find(self, word: Word, file: File) -> TaskNode | None:
        """Find the task that an implementation names; None, and a diagnostic, if there is none."""
        if self.library.alone:
            return None
        key = (file.path.parent, str(word))
        if key not in self._found:
            self._found[key] = self._find(word, file)
        found = self._found[key]
        if found is None:
            self._missing(word, file)
        return found

    def _find(self, word: Word, file: File) -> TaskNode | None:
        name = word.removeprefix("file://").rstrip("/")
        folders = [self.project.tasks, self.project.root, file.path.parent]
        if name.endswith(".py"):
            script = first_file(folders, [name, f"{name.removesuffix('.py').replace('.', '/')}.py"])
            return TaskNode("", script) if script else None
        names = dict.fromkeys((name.replace(".", "/"), name))
        definition = first_file(folders, [f"{each}/task.xxp" for each in names])
        if definition is None:
            script = first_file(folders, [f"{each}{end}" for each in names for end in ("/task.py", ".py")])
            return TaskNode("", script) if script else None
        if definition not in self._known:
            self._known[definition] = self._read(definition)
        return self._known[definition]

    def _missing(self, word: Word, file: File) -> None:
        tasks = self.project.tasks
        present = _implementations(tasks, scripts=word.endswith(".py"))
        message = f"no task '{word}': neither a folder with task.xxp nor a Python file"
        self.report.add("PXW331", message, span(file.path, word), remedy(word.replace(".", "/"), present, [tasks]))

    # ------------------------------------------------------------------------------------------ task.xxp

    def _read(self, path: Path) -> TaskNode:
        file = self.library.file(path)
        if file is None or broken(file.items) or any(broken(each.members or []) for each in _tasks(file)):
            self.library.unsound.add(path)
        task = next((item for item in file.items if isinstance(item, syntax.Task)), None) if file else None
        if file is None or task is None:
            if file is not None and not file.items:
                at = span(path, syntax.Word("NAME", "", 0, 1, 1, 1, 2))
                self.report.add("PXW336", f"'{path.parent.name}/{path.name}' declares no task", at)
            return TaskNode("", None, path)
        node = read_task(task, file, self)
        return node if node.script else replace(node, script=self._beside(task, file))

    def _beside(self, task: syntax.Task, file: File) -> Path | None:
        script = file.path.with_name("task.py")
        if script.is_file():
            return script
        if not any(isinstance(member, syntax.Implementation) for member in task.members or []):
            self.report.add("PXW331", f"task '{task.word}' has no implementation", span(file.path, task.word))
        return None

    def file_of(self, word: Word, file: File, what: str) -> Path | None:
        """Find a file that a task names: below the task library, beside the task, or below the project."""
        name = word.removeprefix("file://")
        folders = [self.project.tasks, file.path.parent, self.project.root]
        path = first_file(folders, [name])
        if path is None and not self.library.alone:
            like = f"*{Path(name).suffix}" if Path(name).suffix else "*"
            present = [
                each.name for folder in folders if folder.is_dir() for each in folder.glob(like) if each.is_file()
            ]
            advice = remedy(name, present, folders)
            self.report.add("PXW331", f"no {what} '{word}'", span(file.path, word), advice)
        return path


def _tasks(file: File) -> list[syntax.Task]:
    return [each for each in file.items if isinstance(each, syntax.Task)]


def _implementations(folder: Path, *, scripts: bool) -> list[str]:
    """List what an implementation could name: the folders of tasks, or Python files."""
    found: list[str] = []
    for root, folders, names in os.walk(folder):
        path = Path(root).relative_to(folder)
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__")) and len(path.parts) < DEEP)
        if scripts:
            found += [(path / name).as_posix() for name in names if name.endswith(".py")]
        elif path.parts and {"task.xxp", "task.py"} & set(names):
            found.append(path.as_posix())
    return found


def read_task(task: syntax.Task, file: File, definitions: Definitions) -> TaskNode:
    """Read the body of a `task.xxp`."""
    members = task.members or []
    once(members, file, definitions)
    at = span(file.path, task.word)
    target = next((each.word for each in members if isinstance(each, syntax.Implementation)), None)
    return TaskNode(
        name=str(task.word),
        script=definitions.file_of(target, file, "implementation") if target is not None else None,
        definition=file.path,
        inputs=tuple(
            port(each, file) for each in members if isinstance(each, syntax.Port) and each.direction == "input"
        ),
        outputs=tuple(
            port(each, file) for each in members if isinstance(each, syntax.Port) and each.direction == "output"
        ),
        parameters=tuple(
            declared_parameter(each, file, definitions) for each in members if isinstance(each, syntax.Param)
        ),
        metrics=tuple(metric(each, file) for each in members if isinstance(each, syntax.Metric)),
        at=at,
        **text_fields(members, file, definitions),
    )


def once(members: list[Node], file: File, definitions: Definitions) -> None:
    """Note ports, parameters and metrics that a task declares twice."""
    seen: dict[tuple[str, str], Word] = {}
    for each in members:
        if isinstance(each, syntax.Port | syntax.Param | syntax.Metric):
            kind = {"Param": "parameter"}.get(type(each).__name__, type(each).__name__.lower())
            kind = f"{each.direction} {kind}" if isinstance(each, syntax.Port) else kind
            key = (kind, str(each.word))
            first = seen.setdefault(key, each.word)
            if first is not each.word:
                place = span(file.path, first)
                message = f"{kind} '{each.word}' is declared twice"
                definitions.report.add(
                    "PXW309", message, span(file.path, each.word), f"first declared at {where(place)}"
                )


def text_fields(members: list[Node], file: File, definitions: Definitions) -> dict[str, Any]:
    """Read what a task says about its environment; only what it says, so that nothing else is replaced."""
    found: dict[str, Any] = {}
    for each in members:
        if isinstance(each, syntax.Description):
            found["description"] = str(each.word)
        if not isinstance(each, syntax.Field):
            continue
        match each.word.type:
            case "DEPENDENCY":
                patterns = tuple(_dependency(word, file, definitions) for word in (each.value, *each.more))
                found["dependencies"] = (*found.get("dependencies", ()), *patterns)
            case "VENV":
                found["requirements"] = definitions.file_of(each.value, file, "requirements file")
            case "PYTHON_VERSION":
                found["python_version"] = str(each.value)
                if not VERSION.fullmatch(each.value):
                    message = f"'{each.value}' is no version of Python"
                    definitions.report.add("PXW332", message, span(file.path, each.value), 'write it as "3.11"')
            case "TYPE":
                found["interactive"] = each.value.lower() == "interactive"
            case "PRE_SCRIPT":
                found["pre_script"] = definitions.file_of(each.value, file, "script")
    return found


def _dependency(word: Word, file: File, definitions: Definitions) -> str:
    """Make a dependency pattern absolute: below the dependencies' folder, or, if only that exists, the project's."""
    first = Path(word).parts[:1]
    project = definitions.project
    below_root = first and not (project.dependencies / first[0]).exists() and (project.root / first[0]).exists()
    folder = project.root if below_root else project.dependencies
    if not definitions.library.alone and not _matches(folder, str(word)):
        looked = dict.fromkeys(shown(str(each)) for each in (project.dependencies, project.root))
        message = f"no file fits the dependency '{word}'"
        definitions.report.add("PXW355", message, span(file.path, word), f"looked in {', '.join(looked)}")
    return str(folder / word)


def _matches(folder: Path, pattern: str) -> bool:
    try:
        return any(True for _ in folder.glob(pattern)) or (folder / pattern).exists()
    except (OSError, ValueError, NotImplementedError):
        return False


def port(port: syntax.Port, file: File) -> Port:
    """Read a port."""
    kinds = [each.value for each in port.place or [] if isinstance(each, syntax.Field) and each.word.type == "TYPE"]
    return Port(str(port.word), str(kinds[0]) if kinds else None, span(file.path, port.word))


def metric(metric: syntax.Metric, file: File) -> Metric:
    """Read a metric."""
    said = {each.word.type: str(each.value) for each in metric.members if isinstance(each, syntax.Field)}
    about = next((str(each.word) for each in metric.members if isinstance(each, syntax.Description)), "")
    return Metric(
        str(metric.word),
        said.get("TYPE"),
        said.get("KIND"),
        said.get("SEMANTIC_TYPE"),
        about,
        span(file.path, metric.word),
    )


def declared_parameter(param: syntax.Param, file: File, definitions: Definitions) -> Parameter:
    """Read what a task says about one of its parameters."""
    members = param.members or []
    about = next((str(each.word) for each in members if isinstance(each, syntax.Description)), "")
    kind: ParameterType | None = None
    fields = {each.word.type: each.value for each in members if isinstance(each, syntax.Field)}
    if "TYPE" in fields:
        kind = parameter_type(fields["TYPE"])
        _misspelt_type(fields["TYPE"], file, definitions)
    stated = fields.get("DEFAULT", param.values[0] if param.values else None)
    domains = [each for each in members if isinstance(each, syntax.Domain)]
    domain = _domain(domains[-1], Parameter(str(param.word), kind), file, definitions) if domains else None
    default = None
    if stated is not None:
        default = checked(stated, Parameter(str(param.word), kind, domain=domain), span(file.path, stated), definitions)
    at = span(file.path, param.word)
    unclear = broken(members) or (default is None and stated is not None and literal(stated) is not None)
    return Parameter(str(param.word), kind, default, default, domain, declared=not unclear, description=about, at=at)


def _misspelt_type(word: Word, file: File, definitions: Definitions) -> None:
    close = difflib.get_close_matches(word.lower(), TYPES, n=1, cutoff=0.75)
    if close and word.lower() not in TYPES:
        message = f"nothing is known of the type '{word}': any value is taken"
        definitions.report.add("PXW360", message, span(file.path, word), f"did you mean '{TYPES[close[0]]}'?")


def checked(word: Word, parameter: Parameter, at: Span, definitions: Definitions) -> Value:
    """Cast a value to its parameter's type and look whether it lies in the domain."""
    value = literal(word)
    try:
        value = as_type(value, parameter.type)
    except (ValueError, OverflowError):
        message = f"parameter '{parameter.name}' is declared {parameter.type}, and cannot be {_shown(word)}"
        definitions.report.add("PXW332", message, at)
        return None
    if not in_domain(value, parameter.domain):
        message = f"{_shown(word)} is outside the domain of parameter '{parameter.name}'"
        definitions.report.add("PXW333", message, at, f"it must be {parameter.domain}")
    elif isinstance(value, int | float) and not _on_step(value, parameter):
        message = f"{_shown(word)} lies between the steps of parameter '{parameter.name}'"
        definitions.report.add("PXW339", message, at, f"it goes from {parameter.domain}")
    return value


def _on_step(value: float, parameter: Parameter) -> bool:
    return not isinstance(parameter.domain, Interval) or parameter.domain.on_step(value)


def _shown(word: Word) -> str:
    return f'"{word}"' if word.type == "STRING" else str(word)


def _domain(
    domain: syntax.Domain, parameter: Parameter, file: File, definitions: Definitions
) -> Interval | Choices | None:
    words = domain.values
    values = [checked(word, parameter, span(file.path, word), definitions) for word in words]
    if domain.word.type == "ENUM":
        return Choices(tuple(values))
    numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    at = span(file.path, domain.word)
    if len(numbers) != len(words) or len(words) not in {2, 3}:
        definitions.report.add("PXW335", "a range is two or three numbers: (from, to) or (from, to, step)", at)
        return None
    if numbers[0] > numbers[1]:
        definitions.report.add("PXW335", f"an empty range: {words[0]} is greater than {words[1]}", at)
        return None
    return Interval(*numbers)
