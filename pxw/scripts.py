"""`pxw.script`: an old task script as a task of a Python flow, so that old and new tasks mix."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pxw import data
from pxw.binding import Binding, Step, declare
from pxw.compat import Job, Script, run_script
from pxw.compat.asking import Question, asker, filled_in
from pxw.compat.process import log_of
from pxw.data.places import format_name
from pxw.data.schema import schema_of
from pxw.errors import DeclarationError, OutputError, ScriptError, nearest
from pxw.importing import is_inline
from pxw.runs import open_run
from pxw.specs import Dataset, Local, Placed, Ref, Remote
from pxw.stores import store_of
from pxw.values import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from pxw.binding.declare import Declared
    from pxw.compat.asking import Ask

__all__ = ["script", "task_maker"]

_SHOWN = 200  # signs of a value that a person is shown


def script(
    path: str | Path,
    *,
    inputs: Declared = None,
    outputs: Declared = None,
    parameters: Mapping[str, Any] | Sequence[str] = (),
    name: str | None = None,
    dependencies: Sequence[str] = (),
    requirements: str | Path | None = None,
    python_version: str | None = None,
    pre_script: str | Path | None = None,
    asks: type[BaseModel] | None = None,
    executionware: Literal["PROACTIVE", "LOCAL"] = "PROACTIVE",
    **options: Any,
) -> Any:
    """Make an old script, with its `variables` and `resultMap`, a task: it runs unchanged, in a process of its own.

    The task takes its inputs, then its parameters, and gives a `Ref` for its output; for several, a NamedTuple.

    Args:
        path: the script; a relative path is looked up beside the file that calls `pxw.script`.
        inputs: specs by the names that the script loads, or a list of names. What comes from a task arrives as the
            value that was saved; with a format, such as `pxw.Dataset(format="csv")`, as the bytes of a file of it.
        outputs: specs by the names that the script saves, or puts into `variables` or `resultMap`. With a format, the
            bytes that the script saves are taken for a file of it, so that the next task can have them as a table.
        parameters: names and default values of what the script finds in `variables`; or a list of names, which every
            call gives. One that comes from another task, such as what an earlier script put, is found in `resultMap`,
            too. One named `experiment_results` is what `get_experiment_results()` gives to the script.
        name: the task's name; by default that of the file, or of its folder for a `task.py`.
        dependencies: patterns of files that the script may import; relative ones from its own folder.
        requirements: a requirements file: the script runs in an environment of its own, made once.
        python_version: of that environment, such as `"3.9"`.
        pre_script: a script that runs before it, in the same process and with the same `variables`.
        asks: a form that a person fills in before the script runs, at the terminal of `pxw run` or on Prefect's page of
            the flow run. It begins with the values of the call; the script finds the answers in `variables`.
        executionware: with `LOCAL`, `eexp_engine_utils` parses external inputs, as the old local engine did.
        options: those of `prefect.task`, such as `retries=`.

    Examples:
        >>> read = script("tasks/read_data.py", inputs=["input_data"], outputs=["processed_data"])  # doctest: +SKIP
        >>> read(pxw.Local("data/input.csv"))  # doctest: +SKIP
    """
    folder = Path(sys._getframe(1).f_globals.get("__file__") or "x").absolute().parent  # noqa: SLF001 - as warnings do
    file = folder / path
    if not file.is_file():
        known = [other.name for other in file.parent.glob("*.py")] if file.parent.is_dir() else []
        raise DeclarationError(f"there is no script {os.path.normpath(file)}", help=nearest(file.name, known))
    source = Script(
        path=file,
        name=name or "",
        dependencies=tuple(str(file.parent / pattern) for pattern in dependencies),
        requirements=folder / requirements if requirements else None,
        python_version=python_version,
        pre_script=folder / pre_script if pre_script else None,
        executionware=executionware,
    )
    specs, given = declare(inputs, "inputs"), _parameters(parameters)
    if twice := specs.keys() & given.keys():
        raise DeclarationError(f"{', '.join(sorted(twice))}: an input and a parameter of {source.name!r}")
    binding = _ScriptBinding(
        _function(source, list(specs), given), source.name, specs, declare(outputs, "outputs"), source=source, asks=asks
    )
    return task_maker()(binding, options)


def task_maker() -> Callable[[Binding, Mapping[str, Any]], Any]:
    """What makes a task of a binding: the engine's that is active now, Prefect's or the inline one."""
    if is_inline():
        from pxw.engines.inline import InlineTask  # noqa: PLC0415 - one engine is paid for, not both

        return lambda binding, options: InlineTask(binding, dict(options))
    from pxw.engines.prefect.tasks import Task  # noqa: PLC0415 - as above

    return lambda binding, options: Task(binding, name=binding.name, **options)


def _who_answers(task: str) -> Ask:
    """Whoever sits at the terminal, else whoever looks at Prefect's page of the run.

    Raises:
        ScriptError: neither is there.
    """
    at_terminal = asker.get()
    if at_terminal is not None:
        return at_terminal
    context = sys.modules.get("prefect.context")
    is_in_flow = context is not None and context.FlowRunContext.get() is not None
    if is_in_flow and sys.modules["prefect.settings"].PREFECT_API_URL.value():  # a temporary server has no page
        from pxw.engines.prefect.pausing import pause  # noqa: PLC0415 - inline runs do not pay for Prefect

        return pause
    raise ScriptError(
        f"task {task!r} waits for a person, and nobody can answer",
        help="run it at a terminal, or on Prefect, whose page of the run shows a form",
    )


def _parameters(declared: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """Names and default values; names alone have none."""
    if isinstance(declared, str):
        raise DeclarationError(f"parameters={declared!r} is no list of names", help=f"write parameters=[{declared!r}]")
    return dict(declared) if isinstance(declared, Mapping) else dict.fromkeys(declared, inspect.Parameter.empty)


def _function(source: Script, inputs: list[str], parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """What stands for the script's signature; the binding runs the script itself."""

    def run(**values: Any) -> None:
        del values

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    try:
        known = [inspect.Parameter(name, kind) for name in inputs]
        known += [inspect.Parameter(name, kind, default=value) for name, value in parameters.items()]
        run.__signature__ = inspect.Signature(known)  # type: ignore[attr-defined]  # what inspect looks for
    except ValueError as error:  # no identifier
        raise DeclarationError(f"an input or parameter of {source.name!r}: {error}") from None
    run.__name__ = run.__qualname__ = source.name
    run.__doc__ = f"Run {source.path.name}."
    run.__annotations__ = {}
    return run


def _with_runs(results: Any) -> Any:
    """An experiment's results as they are now, without the nodes of which no run is over."""
    return {node: runs for node, runs in dict(results).items() if runs} if isinstance(results, dict) else results


def _here(spec: Dataset, beside: Path) -> Dataset:
    """Where the script itself writes: what goes to an object store is sent from this machine."""
    return Local(f"{beside}/{spec.name_of_file}").inherit(spec) if isinstance(spec, Remote) else spec


@dataclass(frozen=True, eq=False)
class _ScriptBinding(Binding):
    """A script, seen as a function of references: its own process loads and saves the values."""

    source: Script = field(default_factory=lambda: Script(path=Path()))
    asks: type[BaseModel] | None = None

    @property
    def source_code(self) -> str:
        """The script's own."""
        return self.source.path.read_text("utf-8", "replace")

    @property
    def code(self) -> str:
        """A fingerprint of the script, what it may import, and what is declared of it."""
        return f"{super().code} {self.source.fingerprint()}"

    def call(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Hand over, run, take what was saved; or give what an earlier attempt of the run got."""
        with step.noted(self.name) as noting:
            bound = self.light(step.run, self.complete(args, kwargs), travels=False)
            bound.apply_defaults()
            again = self.again(bound, noting)
            if again is not None:
                return self.shaped(again[0])
            left = self._run(dict(bound.arguments), step)
            saved = [self._taken(name, spec, left, step) for name, spec in self.outputs.items()]
            noting.keep(saved or None)
            return self.shaped(saved or None)

    def _run(self, given: dict[str, Any], step: Step) -> dict[str, Any]:
        """Run the script, and give all that it left, by name."""
        inputs = {name: self._handed(name, given.pop(name), step) for name in self.inputs}
        results = _with_runs(given.pop("experiment_results", None))
        answers = self._answers(given, inputs, step)
        of_tasks = {name: value for name, value in given.items() if isinstance(value, Ref)}
        placed = {name: _here(spec, step.run.target(self.name, step.key, name)) for name, spec in self.outputs.items()}
        outcome = run_script(
            replace(self.source, name=self.name),
            run=step.run,
            key=step.key,
            inputs=inputs,
            outputs={name: spec for name, spec in placed.items() if isinstance(spec, Placed)},
            parameters=given | answers,
            job=Job(results=results, result_map=of_tasks),
            log=log_of(self.name),
        )
        return {**answers, **outcome.variables, **outcome.result_map, **outcome.outputs}

    def _answers(self, given: Mapping[str, Any], inputs: Mapping[str, Any], step: Step) -> dict[str, Any]:
        """What a person says."""
        if self.asks is None:
            return {}
        facts = (f"{name}: {str(plain(value))[:_SHOWN]}" for name, value in inputs.items())
        return _who_answers(self.name)(
            Question(
                key=f"{step.run.id}-{step.key}",
                title=f"task {self.name}",
                facts=tuple(filter(None, [self.asks.__doc__, *facts])),
                form=filled_in(self.asks, given),
            )
        )

    def _handed(self, name: str, value: Any, step: Step) -> Any:
        """What the script is given: a file of the declared format, if there is one, else what was saved."""
        spec = self.inputs[name]
        if isinstance(value, Remote):
            found = store_of(value).find(value)
            return Local(found.path if found.files is None else f"{found.path}/").inherit(value).inherit(spec)
        if not isinstance(value, Ref):
            return value.inherit(spec) if isinstance(value, Dataset) else value
        self.check_edge(name, value)
        wanted = format_name(spec)
        if wanted is None or value.format == "bytes":
            return value
        beside = step.run.target(self.name, step.key, f"given-{name}")
        return Local(data.copy(value, Dataset(format=wanted), beside=beside).place)

    def _taken(self, name: str, spec: Dataset, left: Mapping[str, Any], step: Step) -> Ref:
        if name not in left:
            raise OutputError(
                f"task {self.name!r} did not save its output {name!r}, nor put it into variables or resultMap",
                at=str(self.source.path),
                help=f"it saved {', '.join(map(repr, left))}: {nearest(name, left)}" if left else "it saved nothing",
            )
        ref = left[name]
        if not isinstance(ref, Ref):
            return self._saved(name, ref, spec, step)
        ref = ref.changed(flow=step.run.flow, run=step.run.id, task=self.name, output=name)
        if isinstance(spec, Remote):
            return self._saved(name, ref, spec, step)
        if isinstance(spec, Placed):
            if schema_of(spec) is not None:
                data.load(ref, None, spec)  # it is held to its schema here, where it was made
        elif spec.format is not None and ref.format in {"bytes", "text"}:
            ref = ref.changed(format=spec.format, python="")
        if not isinstance(spec, Placed) and schema_of(spec) is not None:
            return self._saved(name, ref, spec, step)
        if not isinstance(spec, Placed) and isinstance(step.run.away, Remote):
            return self._saved(name, ref, spec.model_copy(update={"format": ref.format}), step)
        step.run.note_saved(ref, step.key)
        return ref

    def call_plain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outside of any flow: in a run of its own; its outputs come back as values."""
        run = open_run(f"script-{uuid4()}", "")
        with run.held():
            refs = self.call(Step(run, "0"), args, kwargs)
            if isinstance(refs, tuple):
                return SimpleNamespace(**{name: data.load(ref) for name, ref in zip(self.outputs, refs, strict=True)})
            return None if refs is None else data.load(refs)
