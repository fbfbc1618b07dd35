"""Convert a file or a whole project, and write what came of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EISDIR
from hashlib import sha256
from typing import TYPE_CHECKING

from pxw.convert.copies import Copies, own_of_file, own_of_task
from pxw.convert.experiment import ExperimentModule
from pxw.convert.functions import PACKAGE, Functions
from pxw.convert.modules import Modules
from pxw.convert.report import Notes, as_json, as_markdown
from pxw.convert.shared import SHARED, Shared
from pxw.convert.wiring import Wiring
from pxw.convert.workflow import WorkflowModule
from pxw.dsl.project import functions
from pxw.dsl.resolve import files_of, merged, refuse, resolve
from pxw.errors import PlaceError, TargetError
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.convert.report import Entry
    from pxw.convert.source import Source
    from pxw.dsl.resolve import Resolution
    from pxw.workflow import TaskNode, Workflow

__all__ = ["Conversion", "convert"]

REPORT = "conversion.json"


@dataclass
class Conversion:
    """Python for some workflows and experiments, and what there is to say about it.

    Args:
        source: what was converted.
        out: the folder that the files are made for.
        files: the texts of what was made, by name.
        copies: the project's own modules that it imports, by name.
        entries: what was decided, dropped or needs a person.
        origins: by file and line, the place in the DSL.
    """

    source: Path
    out: Path
    files: dict[str, str] = field(default_factory=dict)
    copies: dict[str, bytes] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    origins: dict[str, dict[int, str]] = field(default_factory=dict)

    def write(self, *, force: bool = False) -> list[Path]:
        """Write the files, the report and the map of lines; all of them, or none.

        Raises:
            PlaceError: a place that cannot be written.
            TargetError: a file that a person wrote, or changed since the last conversion, and not `force`.
        """
        contents = {**{name: text.encode() for name, text in self.files.items()}, **self.copies}
        known = self._known()
        changed = [] if force else self._changed(contents, known)
        if changed:
            raise TargetError(
                f"{', '.join(changed)} in {self.out}: written or changed by a person since the last conversion",
                help="convert into another folder, or overwrite with --force",
            )
        digests = {name: digest for name, digest in known.items() if (self.out / name).exists()}
        digests |= {name: _digest(content) for name, content in contents.items()}
        stem, source = REPORT.removesuffix(".json"), self.source.absolute().name
        reports = {
            f"{stem}.md": as_markdown(source, self.entries, contents),
            f"{stem}.map.json": json.dumps(self.origins, indent=2) + "\n",
            REPORT: json.dumps(as_json(source, self.entries, digests), indent=2) + "\n",
        }
        contents |= {name: text.encode() for name, text in reports.items()}
        return _publish({self.out / name: content for name, content in contents.items()})

    def _known(self) -> dict[str, str]:
        """The digests of the last conversion."""
        try:
            found = json.loads((self.out / REPORT).read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return found if isinstance(found, dict) else {}

    def _changed(self, contents: dict[str, bytes], known: dict[str, str]) -> list[str]:
        present = {name: (self.out / name).read_bytes() for name in contents if (self.out / name).is_file()}
        return [name for name, old in present.items() if old != contents[name] and _digest(old) != known.get(name)]


def _publish(contents: dict[Path, bytes]) -> list[Path]:
    """Write all files beside their places first, so that a full disk leaves the old ones as they are."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise IsADirectoryError(EISDIR, "it is a folder", str(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path.with_name(f".{path.name}.new"))
            written[-1].write_bytes(content)
        for path, beside in zip(contents, written, strict=True):
            beside.replace(path)
    except OSError as error:
        raise PlaceError(
            f"cannot write {error.filename2 or error.filename}: {error.strerror}", help="name another folder: --out DIR"
        ) from error
    finally:
        for beside in written:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
    return list(contents)


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def convert(
    target: Path,
    out: Path,
    config: Path | None = None,
    *,
    tasks: bool = False,
    frames: bool = False,
    inclusive: bool = True,
) -> Conversion:
    """Convert a file, or all files of a project's folder, into Python for the folder `out`.

    Args:
        target: a `.xxp` file, or a folder with some.
        out: where the modules will stand.
        config: the project's `eexp_config.py`, where it is not found from the file upwards.
        tasks: whether scripts become typed functions, as far as they may.
        frames: whether these get the tables, documents and arrays that they parse, which pxw reads then.
        inclusive: whether the end of a range belongs to it.

    Raises:
        TargetError: no such file, or a folder without `.xxp` files.
        DSLError: the project has errors.
    """
    found = Conversion(target, out.absolute())
    if not target.exists():
        raise TargetError(f"{target} is no .xxp file, nor a folder with some")
    resolutions = [resolve(file, config) for file in files_of(target)]
    _refuse_errors(resolutions, target)
    beside = list(_beside(resolutions))
    own = [*map(own_of_file, beside), *map(own_of_task, _tasks(resolutions) if tasks or frames else ())]
    known = Modules(resolutions, {root for each in own for root in each.roots()})
    copies = Copies(found.out, beside, {PACKAGE, SHARED})
    modules: list[WorkflowModule | ExperimentModule] = []
    every: list[Notes] = []
    for resolution in resolutions:
        notes = Notes(resolution.project.root)
        every.append(notes)
        for each in resolution.diagnostics:
            if each.code not in _SAID_HERE:
                notes.add("dropped" if each.code in _IDLE else "person", each.message, each.at)
        modules += _modules(resolution, known, notes, inclusive=inclusive)
    if tasks or frames:
        _make_functions(found, modules, Functions(found.out, copies, frames=frames))
    shared = Shared(modules, found.out)
    common = shared.source()
    if common is not None:
        _add(found, SHARED, common, every[0])
    for module in modules:
        _add(found, module.module, module.source(shared, found.out), module.notes)
        for path in module.uses:
            _copy(copies, path, module.notes)
    found.copies, found.origins = copies.files, found.origins | copies.origins
    found.entries = list(dict.fromkeys(entry for notes in every for entry in notes.entries))
    return found


# Abstract tasks, datasets without a place, and conditions for people: the conversion says more of them.
_SAID_HERE = {"PXW330", "PXW356", "PXW361"}
_IDLE = {"PXW355", "PXW360"}  # what changes nothing


def _beside(resolutions: list[Resolution]) -> Iterator[Path]:
    """The modules with conditions and configurations."""
    for each in resolutions:
        known = (each.project.conditions, each.project.configurations)
        yield from (path for path in known if path is not None and path.is_file())


def _tasks(resolutions: list[Resolution]) -> Iterator[TaskNode]:
    for each in resolutions:
        workflows = [*each.workflows.values(), *(known for one in each.experiments.values() for known in one.workflows)]
        yield from (task for workflow in workflows for task in workflow.tasks)


def _refuse_errors(resolutions: list[Resolution], target: Path) -> None:
    """Refuse a project with errors; that a workflow has abstract tasks is none if another file derives from it.

    A script that is no Python stays one, and the report says so.
    """
    refuse([each for each in merged(resolutions) if each.severity == "error" and each.code != "PXW352"], target)


def _modules(
    resolution: Resolution, known: Modules, notes: Notes, *, inclusive: bool
) -> Iterator[WorkflowModule | ExperimentModule]:
    """A module for each graph that has none yet."""
    project = resolution.project
    conditions = functions(project.conditions) or {}
    for workflow in _workflows(resolution, notes):
        if known.find(workflow) is None:
            wiring = Wiring(workflow, notes, project.root, known.name(workflow), bound=known.bound(workflow))
            known.add(wiring)
            yield WorkflowModule(wiring, project, conditions)
    for experiment in resolution.experiments.values():
        yield ExperimentModule(experiment, known, project, conditions, notes, inclusive=inclusive)


def _make_functions(found: Conversion, modules: list[WorkflowModule | ExperimentModule], functions: Functions) -> None:
    for module in modules:
        for wiring in module.wirings:
            functions.convert(wiring, module.project)
    found.files |= functions.files
    found.origins |= functions.origins


def _add(found: Conversion, module: str, source: Source, notes: Notes) -> None:
    found.files[f"{module}.py"] = source.text()
    origins = {line: f"{notes.place(at)}:{at.line}:{at.column}" for line, at in sorted(source.origins.items())}
    found.origins[f"{module}.py"] = origins


def _copy(copies: Copies, path: Path, notes: Notes) -> None:
    """Put a module with conditions or configurations beside those that import it."""
    own = own_of_file(path)
    for clash in copies.clashes(own, notes):
        notes.add("person", f"{path.name} {clash.message}", Span(str(path), 1, 1, 1))
    copies.add(own, notes)


def _workflows(resolution: Resolution, notes: Notes) -> Iterator[Workflow]:
    """All that can run; the others are told of."""
    every = dict(resolution.workflows)
    for experiment in resolution.experiments.values():
        every |= {each.name: each for each in experiment.workflows if each.name not in every}
    for workflow in every.values():
        if any(task.script is None for task in workflow.tasks):
            notes.add("decided", f"'{workflow.name}' has abstract tasks: only what derives from it is", workflow.at)
            continue
        yield workflow
