"""Convert a file or a whole project, and write what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from pxw.convert.functions import Functions
from pxw.convert.names import module_name
from pxw.convert.report import Notes, as_json, as_markdown
from pxw.convert.wiring import Wiring
from pxw.convert.workflow import write_workflow
from pxw.dsl.project import functions
from pxw.dsl.resolve import resolve
from pxw.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.convert.report import Entry
    from pxw.dsl.resolve import Resolution
    from pxw.workflow import Workflow

__all__ = ["Conversion", "convert"]

REPORT = "conversion.json"


@dataclass
class Conversion:
    """Python for some workflows, and what there is to say about it.

    Args:
        source: what was converted.
        out: the folder that the files are made for.
        files: their texts, by name.
        entries: what was decided, dropped or needs a person.
        origins: by file and line, the place in the DSL.
        functions: makes functions of scripts; None: they stay as they are.
    """

    source: Path
    out: Path
    files: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    origins: dict[str, dict[int, str]] = field(default_factory=dict)
    functions: Functions | None = None

    def write(self, *, force: bool = False) -> list[Path]:
        """Write the files, the report and the map of lines; all of them, or none.

        Raises:
            TargetError: a file that a person wrote, or changed since the last conversion, and not `force`.
        """
        changed = [] if force else self._changed()
        if changed:
            raise TargetError(
                f"{', '.join(changed)} in {self.out}: written or changed by a person since the last conversion",
                help="convert into another folder, or overwrite with --force",
            )
        known = self._known()
        digests = {name: text for name, text in known.items() if (self.out / name).exists()}
        digests |= {name: _digest(text) for name, text in self.files.items()}
        stem = REPORT.removesuffix(".json")
        texts = {
            **self.files,
            f"{stem}.md": as_markdown(self.source.name, self.entries, self.files),
            f"{stem}.map.json": json.dumps(self.origins, indent=2) + "\n",
            REPORT: json.dumps(as_json(self.source.name, self.entries, digests), indent=2) + "\n",
        }
        for name, text in texts.items():
            path = self.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        return [self.out / name for name in texts]

    def _known(self) -> dict[str, str]:
        """The digests of the last conversion."""
        try:
            found = json.loads((self.out / REPORT).read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return found if isinstance(found, dict) else {}

    def _changed(self) -> list[str]:
        known = self._known()
        present = {name: self.out / name for name in self.files if (self.out / name).exists()}
        texts = {name: path.read_text("utf-8", errors="replace") for name, path in present.items()}
        return [name for name, text in texts.items() if text != self.files[name] and _digest(text) != known.get(name)]


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def convert(target: Path, out: Path, config: Path | None = None, *, tasks: bool = False) -> Conversion:
    """Convert the workflows of a file, or of all files of a project's folder, into Python for the folder `out`.

    With `tasks`, their scripts become typed functions, as far as they may.

    Raises:
        TargetError: no such file, or a folder without `.xxp` files.
        DSLError: the project has errors.
    """
    found = Conversion(target, out.absolute(), functions=Functions() if tasks else None)
    written: dict[str, Workflow] = {}
    for file in _files(target):
        resolution = resolve(file, config).raise_errors()
        _convert(resolution, found, written)
    return found


def _files(target: Path) -> list[Path]:
    if target.is_file():
        return [target]
    files = sorted(each for each in target.rglob("*.xxp") if each.name != "task.xxp") if target.is_dir() else []
    if not files:
        raise TargetError(f"{target} is no .xxp file, nor a folder with some")
    return files


def _convert(resolution: Resolution, found: Conversion, written: dict[str, Workflow]) -> None:
    project = resolution.project
    notes = Notes(project.root)
    for each in resolution.diagnostics:
        notes.add("dropped" if each.code == "PXW360" else "person", each.message, each.at)
    for workflow in _workflows(resolution, notes):
        if written.get(workflow.name) == workflow:
            continue
        wiring = Wiring(workflow, notes, project.root, module_name(workflow.name))
        name = f"{wiring.module}.py"
        if name in found.files:
            notes.add("person", f"a second module would be named {name}: rename '{workflow.name}'", workflow.at)
            continue
        written[workflow.name] = workflow
        if found.functions is not None:
            found.functions.convert(wiring, project)
            found.files |= found.functions.files
            found.origins |= found.functions.origins
        source = write_workflow(wiring, project, functions(project.conditions) or (), found.out)
        found.files[name] = source.text()
        found.origins[name] = {line: f"{notes.place(at)}:{at.line}:{at.column}" for line, at in source.origins.items()}
        if wiring.uses_conditions and project.conditions is not None:
            found.files[project.conditions.name] = project.conditions.read_text("utf-8-sig")
            notes.add("decided", f"{project.conditions.name} stands beside the modules: a copy", workflow.at)
    found.entries += [each for each in notes.entries if each not in found.entries]


def _workflows(resolution: Resolution, notes: Notes) -> Iterator[Workflow]:
    """All that can run; the others are told of."""
    every = dict(resolution.workflows)
    for experiment in resolution.experiments.values():
        every |= {each.name: each for each in experiment.workflows if each.name not in every}
        text = f"the experiment '{experiment.name}' stays in the DSL: its workflows are converted, its spaces are not"
        notes.add("person", text, experiment.at)
        for space in experiment.spaces:
            for point in space.points:
                for each in point.choices:
                    if each.size(inclusive=True) != each.size(inclusive=False):
                        text = f"'{point.name}': the end of {each} belongs to it; the old engine left it out"
                        notes.add("decided", text, point.at)
    for workflow in every.values():
        if any(task.script is None for task in workflow.tasks):
            notes.add("decided", f"'{workflow.name}' has abstract tasks: only what derives from it is", workflow.at)
            continue
        yield workflow
