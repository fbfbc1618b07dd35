"""From a `.xxp` file to complete graphs, with everything that is wrong with the project on the way."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.diagnostics import Diagnostic, Report, span, where
from pxw.dsl.experiments import read_experiment
from pxw.dsl.library import Declared, Library
from pxw.dsl.project import Project, find_project
from pxw.dsl.rendering import render_text
from pxw.dsl.scripts import check_scripts
from pxw.dsl.tasks import read_task
from pxw.dsl.workflows import Workflows
from pxw.errors import DSLError, TargetError
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pxw.dsl.syntax import File, Word
    from pxw.experiment import Experiment
    from pxw.workflow import TaskNode, Workflow

__all__ = ["Resolution", "check_syntax", "files_of", "merged", "refuse", "resolve"]


@dataclass(frozen=True)
class Resolution:
    """What a file and all that it refers to mean; with errors, the graphs are what could be understood."""

    target: Path
    project: Project
    workflows: dict[str, Workflow]
    experiments: dict[str, Experiment]
    report: Report = field(repr=False)
    templates: frozenset[str] = frozenset()
    """Workflows that others derive from or inline: parts, which are rarely meant to run themselves."""

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All problems, by file and place."""
        return self.report.diagnostics

    def raise_errors(self) -> Resolution:
        """Raise a DSLError that lists all errors, if there are any."""
        refuse(self.report.errors, self.target)
        return self


def refuse(errors: Sequence[Diagnostic], target: Path) -> None:
    """Raise errors as one DSLError, if there are any."""
    if errors:
        count = f"{len(errors)} error{'s' * (len(errors) > 1)}"
        error = DSLError(f"{count} in {target.name}", at=str(target), details=render_text(errors).splitlines())
        error.diagnostics = tuple(errors)
        raise error


def resolve(target: Path | str, config: Path | str | None = None, *, alone: bool = False) -> Resolution:
    """Read a workflow or experiment file and all that it refers to; nothing of the project is executed.

    The project is that of `config`, of the next `eexp_config.py` upwards, or the usual folders around the file.
    `alone`: the file is judged on its own; what other files say is not looked at, and not missed.
    """
    return _resolve(Path(target).absolute(), Path(config) if config else None, Report(), alone=alone)


def files_of(target: Path, *, tasks: bool = False) -> list[Path]:
    """List the files that a target means: itself, or all below a folder; those of `tasks` only if asked for.

    Raises:
        TargetError: a folder without any.
    """
    if not target.is_dir():
        return [target]
    found = (each for each in target.rglob("*.xxp") if tasks or each.name != "task.xxp")
    files = sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(target).parts))
    if not files:
        raise TargetError(f"there is no .xxp file in {target}")
    return files


def merged(resolutions: Sequence[Resolution]) -> list[Diagnostic]:
    """Put the problems of several files together: an abstract task is none if another file fills it."""
    templates = {name for each in resolutions for name in each.templates}
    found: dict[Diagnostic, None] = {}
    for each in resolutions:
        abstract = {known.name for known in each.workflows.values() if any(task.abstract for task in known.tasks)}
        unfilled = bool(abstract - templates)
        found |= dict.fromkeys(one for one in each.diagnostics if unfilled or one.code != "PXW330")
    return sorted(found, key=lambda each: (each.at, each.code))


def check_syntax(files: Iterable[Path | str]) -> list[Diagnostic]:
    """Judge files on their own, without what they refer to."""
    report = Report()
    for each in files:
        _resolve(Path(each).absolute(), None, report, alone=True)
    return report.diagnostics


def _resolve(target: Path, config: Path | None, report: Report, *, alone: bool) -> Resolution:
    project = Project.around(target) if alone else find_project(target, report, config)
    library = Library(project, report, alone=alone)
    file = library.file(target)
    if file is not None and not file.items:
        report.add("PXW315", f"'{target.name}' declares nothing", Span(str(target), 1, 1, 2))
    reader = _Reader(file, library) if file else None
    if reader is None:
        return Resolution(target, project, {}, {}, report)
    reader.read()
    if not alone:
        check_scripts(reader.tasks(), report)
    return Resolution(target, project, reader.found, reader.experiments, report, frozenset(reader.parts))


class _Reader:
    """Reads the items of one file."""

    def __init__(self, file: File, library: Library) -> None:
        self.file, self.library, self.report = file, library, library.report
        self.workflows = Workflows(library)
        self.found: dict[str, Workflow] = {}
        self.experiments: dict[str, Experiment] = {}
        self.parts = {str(word).rpartition(".")[2] for word in self._part_words()}

    def _part_words(self) -> Iterable[Word]:
        for declared in self.library.scope(self.file).values():
            if declared.syntax.parent is not None:
                yield declared.syntax.parent
            for member in declared.syntax.members:
                if isinstance(member, syntax.Task):
                    yield from (each.word for each in member.members or [] if isinstance(each, syntax.Subworkflow))

    def read(self) -> None:
        for item in self.file.items:
            match item:
                case syntax.Workflow():
                    self._workflow(item)
                case syntax.Experiment():
                    self._experiment(item.word, item.members)
                case syntax.Space():  # G0: a space that stands alone is an experiment of its own
                    self._experiment(item.word, [item])
                case syntax.Task():
                    read_task(item, self.file, self.workflows.definitions)
        self._unfilled()

    def tasks(self) -> Iterator[TaskNode]:
        """The tasks of all that was found."""
        for experiment in self.experiments.values():
            yield from (task for each in experiment.workflows for task in each.tasks)
            yield from (task for each in experiment.tasks for task in each.workflow.tasks)
        yield from (task for each in self.found.values() for task in each.tasks)

    def _workflow(self, item: syntax.Workflow) -> None:
        whole = item.word not in self.parts
        workflow = self.workflows.resolve(Declared(item, self.file), whole=whole)
        if workflow is not None:
            self.found.setdefault(workflow.name, workflow)

    def _experiment(self, word: Word, members: list[syntax.Node]) -> None:
        if word in self.experiments:
            message = f"experiment '{word}' is declared twice"
            first = self.experiments[str(word)].at
            self.report.add("PXW309", message, span(self.file.path, word), f"first declared at {where(first)}")
            return
        self.experiments[str(word)] = read_experiment(word, members, self.file, self.workflows)

    def _unfilled(self) -> None:
        """Note abstract tasks of what is meant to run."""
        if self.library.alone:
            return
        used = {name: each for one in self.experiments.values() for name, each in ((w.name, w) for w in one.workflows)}
        own = {task.workflow.name: task.workflow for one in self.experiments.values() for task in one.tasks}
        for workflow in {**self.found, **used, **own}.values():
            if workflow.name in self.parts and workflow.name not in used:
                continue
            for task in workflow.tasks:
                if task.abstract and "implementation" not in task.stated:
                    self._abstract(workflow, task.name)

    def _abstract(self, workflow: Workflow, name: str) -> None:
        task = workflow.task(name)
        at, own = task.at, workflow.at
        meant = difflib.get_close_matches(name, self.workflows.misspelt.get(workflow.name, ()))
        if at is None or own is None or meant:  # what fills it is there, and misspelt
            return
        message = f"task '{name}' of workflow '{workflow.name}' has no implementation"
        remedy = f'write task {name} {{ implementation ".."; }}'
        if self._is_derived(workflow.name):
            self.report.add("PXW330", message, own, f"{remedy}; declared at {where(at)}")
        else:
            self.report.add("PXW330", message, at, remedy)

    def _is_derived(self, name: str) -> bool:
        declared = self.library.scope(self.file).get(name)
        return declared is not None and declared.syntax.parent is not None
