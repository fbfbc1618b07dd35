"""Run one script as one task."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.compat.environments import environment_for, python_for
from pxw.compat.handover import Handover
from pxw.compat.process import Ended, run_process
from pxw.compat.returns import Journal, Returns, shared
from pxw.compat.script import Job, Outcome, Script, completed
from pxw.errors import ScriptError
from pxw.settings import load_settings
from pxw.specs import DDM, Dataset, Local
from pxw.stores import local, publishing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pxw.compat.process import Log
    from pxw.runs import Run

__all__ = ["run_script"]

_ENTRY = Path(__file__).with_name("modules") / "pxw_main.py"
_NO_DATA: Mapping[str, Any] = {}


def run_script(
    script: Script,
    *,
    run: Run,
    key: str,
    inputs: Mapping[str, Any] = _NO_DATA,
    outputs: Mapping[str, Dataset | None] = _NO_DATA,
    parameters: Mapping[str, Any] = _NO_DATA,
    job: Job | None = None,
    log: Log | None = None,
) -> Outcome:
    """Run a script in a child process of its own; `pxw.compat.script` describes what it takes and gives.

    Args:
        script: the script.
        run: the run whose folder keeps what it saves.
        key: tells this task run from all others of the run.
        inputs: a `Ref`, a `Local`, a `DDM`, a path or a value, by the name that the script asks for.
        outputs: a place, or None for an intermediate, by the name that the script saves under.
        parameters: values for `variables`.
        job: the run in the old system's words, with what earlier tasks put.
        log: called with each line that the script prints, and the stream it came by, in the calling thread.

    Raises:
        ScriptError: the script failed, was killed, took too long or was stopped.
        OutputError: it ended well, and left a declared output out.
        DataError: an input that is not there, or an output that goes where another one went.
    """
    return _Execution(script, run, key, completed(job or Job(), run.id, run.flow), log or _say_nothing).run(
        inputs, outputs, parameters
    )


class _Execution:
    def __init__(self, script: Script, run: Run, key: str, job: Job, log: Log) -> None:
        self._script = script
        self._run = run
        self._key = key
        self._job = job
        self._is_remote = (job.management or load_settings().dataset_management) == "DDM"
        self._log = log
        target = run.target(script.name, key, "script")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="script-", dir=target.parent))  # a retry begins anew

    def run(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Dataset | None],
        parameters: Mapping[str, Any],
    ) -> Outcome:
        script = self._script
        for path in script.paths:
            if not path.is_file():
                raise ScriptError(f"there is no script {path}", at=f"task {script.name!r}")
        places = dict(self._places(outputs))
        handover = Handover(script.name, self._run.id, self._folder)
        manifest = self._manifest(handover, inputs, places, parameters)
        python = python_for(script.requirements, script.python_version, self._log)
        began = time.perf_counter()
        ended = run_process(
            [python, "-u", str(_ENTRY), str(manifest), *script.search_path],
            folder=self._working_folder(),
            environment=_environment(python),
            log=self._log,
            timeout=script.timeout,
            is_stopped=self._run.is_stopped,
        )
        seconds = time.perf_counter() - began
        if ended.status:
            for place in places.values():
                publishing.sweep(Path(place["path"]) if place["folder"] else Path(place["path"]).parent)
        journal = Journal.read(self._folder / "journal.jsonl")
        refused = handover.refused.get((journal.error or {}).get("input", ""))
        if refused is not None:
            raise refused
        _refuse_failure(script, ended, journal)
        return self._outcome(journal, outputs, seconds)

    def _places(self, outputs: Mapping[str, Dataset | None]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where the child writes external outputs."""
        for name, spec in outputs.items():
            if isinstance(spec, Local):
                path = local.absolute(spec)
                self._run.claim(path, f"task {self._script.name!r}, output {name!r}", self._key)
                yield name, {"path": str(path), "folder": spec.is_folder, "remote": False, "variable": str(path)}
            elif isinstance(spec, DDM):
                path = self._folder / "outgoing" / publishing.entry_path(Path(name), spec.name or "files")
                variable = f"{spec.name or ''}|{spec.project}"
                yield name, {"path": str(path), "folder": spec.name is None, "remote": True, "variable": variable}

    def _manifest(
        self,
        handover: Handover,
        inputs: Mapping[str, Any],
        places: Mapping[str, dict[str, Any]],
        parameters: Mapping[str, Any],
    ) -> Path:
        items = handover.inputs(inputs)
        addresses = {name: _address(inputs[name], item) for name, item in items.items() if item["format"] == "external"}
        variables = {
            **self._job.variables,
            **parameters,
            **addresses,
            **{name: place["variable"] for name, place in places.items()},
            **self._identity(),
        }
        return self._written(
            "manifest.json",
            {
                "task": self._script.name,
                "scripts": [str(path) for path in self._script.paths],
                "folder": str(self._folder),
                "parses": self._script.executionware.upper() == "LOCAL",
                "variables": handover.shared(variables),
                "result_map": handover.shared(self._job.result_map),
                "results": str(self._written("results.json", self._job.results)) if self._job.results else None,
                "remote": self._is_remote,
                "inputs": items,
                "outputs": places,
            },
        )

    def _identity(self) -> dict[str, str]:
        job, task = self._job, self._script.name
        return {
            "PA_JOB_ID": job.id,
            "PA_JOB_NAME": job.workflow,
            "PA_TASK_ID": self._key,
            "PA_TASK_NAME": task,
            "PREVIOUS_TASK_ID": job.previous,
            "wf_id": job.id,
            "workflow_id": job.id,
            "task_name": task,
            "dependent_modules_folders": ",".join(self._script.folders),
        }

    def _written(self, name: str, content: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(content))
        return path

    def _working_folder(self) -> Path:
        folder = self._script.folder or self._folder / "work"
        folder.mkdir(exist_ok=True)
        return folder

    def _outcome(self, journal: Journal, outputs: Mapping[str, Dataset | None], seconds: float) -> Outcome:
        returns = Returns(self._script.name, self._job, self._script.path, is_remote=self._is_remote)
        refs = returns.outputs(outputs, journal.saved)
        result_map = {**shared(journal.puts["resultMap"]), **returns.records}
        refs = {name: ref.changed(flow=self._run.flow, run=self._run.id) for name, ref in refs.items()}
        return Outcome(refs, shared(journal.puts["variables"]), result_map, seconds)


def _say_nothing(line: str, stream: str) -> None:
    del line, stream


def _address(spec: Any, item: dict[str, Any]) -> str:
    """What stands in `variables` for an external input."""
    return f"{spec.name or ''}|{spec.project}" if isinstance(spec, DDM) else str(item["path"])


def _environment(python: str) -> dict[str, str]:
    """The environment variables of a script: no secrets among them."""
    kept = environment_for(python)
    return {name: value for name, value in kept.items() if name not in {"PXW_DDM_TOKEN", "PXW_DDM_PASSWORD"}}


def _refuse_failure(script: Script, ended: Ended, journal: Journal) -> None:
    error = journal.error or {}
    if not ended.stopped and not ended.status and journal.ended and not error:
        return
    at = f"{error['file']}:{error['line']}" if error.get("line") else str(script.path)
    if error.get("function", "<module>") != "<module>":
        at += f", in {error['function']}()"
    raise ScriptError(_what_happened(script, ended, error), at=at, details=ended.last, help=ended.remedy())


def _what_happened(script: Script, ended: Ended, error: dict[str, Any]) -> str:
    task = f"task {script.name!r}"
    if ended.stopped == "timeout":
        return f"{task} did not end within {script.timeout:g} s"
    if ended.stopped or ended.status < 0:
        return f"{task} {ended.how()}"
    if error.get("kind") == "exception":
        return f"{task} failed: {error['text']}"
    if error.get("kind") == "exit":
        return f"{task} gave up: sys.exit({error['text']})"
    return f"{task} {ended.how()}"
