"""What running an old script takes and gives.

```python
script = Script(path=Path("tasks/read_data/task.py"), name="ReadData", dependencies=("src/**",))
outcome = run_script(
    script,
    run=run,  # whose folder keeps what it saves
    key="0001",  # tells this task run from all others of the run; a retry has the same
    inputs={"input_data": Local("data/input.csv"), "model": outcome_of_train.outputs["model"]},
    outputs={"processed_data": None, "report": Local("results/report.csv")},
    parameters={"epochs": 3},
    job=Job(workflow="W", id="w1", variables=outcome_of_train.variables),
    log=lambda line, stream: logger.info(line),
)
outcome.outputs["processed_data"]  # a Ref
```

Inputs, by the name that the script asks for:

- a `Ref` is an intermediate: the script gets the value that was saved, whoever saved it;
- a `Local`, a path or a `DDM` is an external input: bytes, or parsed by its suffix, by the module that loads it. Its
  place stands in `variables` under the same name: a path, or `name|project`. A pickle among them is parsed by
  `local_helper` only with `allow_pickle=True`;
- everything else is a value, handed over as an intermediate.

A script may ask for whatever an earlier task saved, linked to it or not: give the outputs of all tasks that come before
it in the graph under their own names, and those that data links name over them:
`{**outputs_of_all_before, **linked}`. What is wrong with a `Ref` matters only to a script that loads it.

Outputs: a name with a `Local` or a `DDM` is external, and written there; one with `None` or a `Dataset` without a place
is an intermediate. Each name given here must have been saved (or its file written) when the script ends. What a script
saves under other names comes back as well, as an intermediate.

Parameters stand in `variables` as they are given: whoever calls casts them to their declared types, and those without a
declared type to `str`, as the old system did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from glob import glob
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias

import xxhash

from pxw.specs import DDM, Dataset, Local, Ref

__all__ = ["Job", "Outcome", "Script", "Shared", "place_in_run"]

Shared: TypeAlias = Mapping[str, Any]
"""What tasks put into `variables` or `resultMap`: JSON values, and for other objects the `Ref` of a pickle."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """An old task script, and what its project says of it.

    Args:
        path: the script's file.
        name: the task's name; by default that of the file, or of its folder for a `task.py`.
        dependencies: patterns of files that it may import (`src/**`); their fixed part is put on `sys.path` and into
            `dependent_modules_folders`.
        requirements: a requirements file: the script runs in an environment of its own.
        python_version: of that environment, such as `3.9`.
        executionware: of the project; with `LOCAL`, `eexp_engine_utils` parses external inputs.
        pre_script: a script that runs before it, in the same process and with the same `variables` and `resultMap`.
        folder: the script's working directory. None is a new, empty folder below the run's, as with Proactive, so
            that files of parallel tasks never meet; the old local executionware ran scripts in the project's folder.
        timeout: seconds.
    """

    path: Path
    name: str = ""
    dependencies: tuple[str, ...] = ()
    requirements: Path | None = None
    python_version: str | None = None
    executionware: str = "PROACTIVE"
    pre_script: Path | None = None
    folder: Path | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        path = self.path.absolute()
        object.__setattr__(self, "path", path)
        if not self.name:
            object.__setattr__(self, "name", path.parent.name if path.name == "task.py" else path.stem)

    @property
    def paths(self) -> tuple[Path, ...]:
        """What runs, in order."""
        return (self.path,) if self.pre_script is None else (self.pre_script.absolute(), self.path)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of what it may import: the part of each pattern that is no pattern.

        >>> Script(path=Path("task.py"), dependencies=("/p/src/**", "/p/src/*.py", "/p/lib/one.py")).folders
        ('/p/src', '/p/lib')
        """
        found: dict[str, None] = {}
        for pattern in self.dependencies:
            fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            is_folder = fixed.endswith("/") or (fixed == pattern and Path(pattern).is_dir())
            path = Path(fixed).absolute()
            found[str(path if is_folder else path.parent)] = None
        return tuple(found)

    @property
    def search_path(self) -> tuple[str, ...]:
        """Where Python looks for what it imports: its own folder, what it may import, and where that is."""
        above = [str(Path(folder).parent) for folder in self.folders]
        return tuple(dict.fromkeys([str(self.path.parent), *self.folders, *above]))

    def fingerprint(self) -> str:
        """What tells whether it would do the same again: its text, that of what it may import, and its environment."""
        imported = {file for pattern in self.dependencies for file in glob(pattern, recursive=True)}  # noqa: PTH207 - absolute
        files = [*self.paths, *map(Path, sorted(imported)), *filter(None, [self.requirements])]
        state = xxhash.xxh3_128(f"{self.python_version} {self.executionware} {self.folder}".encode())
        for file in files:
            if file.is_file():
                state.update(file.read_bytes())
        return state.hexdigest()

    def asks_for_results(self) -> bool:
        """Whether it looks at what earlier runs of the experiment gave."""
        return any(b"experiment_results" in path.read_bytes() for path in self.paths)


@dataclass(frozen=True, kw_only=True)
class Job:
    """The run that a script belongs to, in the old system's words.

    Args:
        workflow: the workflow's name (`PA_JOB_NAME`).
        id: the run's id (`wf_id`, `workflow_id`, `PA_JOB_ID`); by default that of the `Run`.
        experiment: the experiment's name; by default the flow's.
        experiment_id: the experiment's id; by default `run`.
        previous: the task before this one (`PREVIOUS_TASK_ID`).
        variables: what earlier tasks put into `variables`: their `Outcome.variables`, merged.
        result_map: the same of `resultMap`.
        results: of the experiment's earlier runs, for `get_experiment_results`: `results[node][run]`, with the run's
            number as a string.
        management: where intermediates go; by default `PXW_DATASET_MANAGEMENT`.
    """

    workflow: str = ""
    id: str = ""
    experiment: str = ""
    experiment_id: str = ""
    previous: str = ""
    variables: Shared = field(default_factory=dict)
    result_map: Shared = field(default_factory=dict)
    results: Mapping[str, Any] | None = None
    management: Literal["LOCAL", "DDM"] | None = None

    def project(self, task: str) -> str:
        """The DDM project that a task's outputs go to, as in the old system.

        >>> Job(experiment="demo", experiment_id="e1", id="w1").project("Train")
        'demo/e1/w1/output/Train'
        """
        return f"{self.experiment}/{self.experiment_id}/{self.id}/output/{task}"


@dataclass(frozen=True)
class Outcome:
    """What a script left behind.

    Args:
        outputs: everything that it saved, by name.
        variables: what it put into `variables`, or changed there.
        result_map: the same of `resultMap`: its metrics among them.
        seconds: from start to end, with the start of its process.
    """

    outputs: dict[str, Ref]
    variables: dict[str, Any]
    result_map: dict[str, Any]
    seconds: float


def place_in_run(spec: Dataset, job: Job, task: str) -> Dataset:
    """The place of an external output in one run, so that the runs of a space never overwrite each other.

    The run's id stands in front of the file's name, as in the old system; a DDM project below the task's.

    >>> job = Job(experiment="demo", experiment_id="e1", id="w1")
    >>> place_in_run(Local("results/out.csv"), job, "Train"), place_in_run(Local("figures/"), job, "Train")
    (Local('results/w1/out.csv'), Local('figures/w1/'))
    >>> place_in_run(DDM(project="models", name="m.pkl"), job, "Train").project
    'demo/e1/w1/output/Train/models'
    """
    if isinstance(spec, Local):
        path = PurePath(spec.path)
        placed = f"{path / job.id}/" if spec.is_folder else str(path.parent / job.id / path.name)
        return spec.model_copy(update={"path": placed})
    if isinstance(spec, DDM):
        return spec.model_copy(update={"project": f"{job.project(task)}/{spec.project}"})
    return spec


def completed(job: Job, run_id: str, flow: str) -> Job:
    """The job with what it leaves open."""
    return replace(
        job,
        id=job.id or run_id,
        workflow=job.workflow or flow,
        experiment=job.experiment or flow or "pxw",
        experiment_id=job.experiment_id or "run",
    )
