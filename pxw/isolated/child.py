"""In the child process: import the user's file without Prefect, run one of its tasks, and tell what came of it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.binding import Step
from pxw.compat.modules.pxw_script.watch import end_with_parent
from pxw.errors import EnvError, PxwError
from pxw.importing import import_file, inline
from pxw.isolated.handover import packed, unpacked
from pxw.runs import Run

if TYPE_CHECKING:
    from pxw.binding import Binding

__all__ = ["main"]

_OURS = str(Path(__file__).parents[1])


def main(call: str, told: str, pipe: str) -> None:
    """Run the call that a file describes, and write another one with its result, or with what went wrong."""
    end_with_parent(int(pipe))
    try:
        result = _called(json.loads(Path(call).read_text()))
    except BaseException as error:
        result = _failure(error)
    Path(told).write_text(json.dumps(result))


def _called(call: dict[str, Any]) -> dict[str, Any]:
    with inline():
        binding = _binding(call)
        run = Run(call["run"]["id"], call["run"]["flow"], Path(call["run"]["folder"]), unpacked(call["away"], Any))
        hints = binding.annotations
        arguments = {name: _argument(told, hints.get(name, Any)) for name, told in call["arguments"].items()}
        bound = inspect.BoundArguments(binding.signature, arguments)
        with run.held():
            bound = binding.load(bound.args, bound.kwargs)
            result = binding.fn(*bound.args, **bound.kwargs)
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
            del bound
            saved = binding.save(result, Step(run, call["key"]))
    if not binding.outputs:
        return {"result": packed(saved, hints.get("return", Any), f"what task {binding.name!r} returns")}
    return {"refs": [packed(ref, Any, "") for ref in saved]}


def _argument(told: Any, hint: Any) -> Any:
    """An argument; several, where `*args` or `**kwargs` collect them."""
    if "each" not in told:
        return unpacked(told, hint)
    if isinstance(told["each"], dict):
        return {name: unpacked(item, hint) for name, item in told["each"].items()}
    return tuple(unpacked(item, hint) for item in told["each"])


def _binding(call: dict[str, Any]) -> Binding:
    """The task of the user's file, with the outputs that the caller asks for."""
    if call["root"]:
        sys.path.insert(0, call["root"])
        module = importlib.import_module(call["module"])
    else:
        module = import_file(Path(call["file"]))
    found = getattr(module, call["function"], None)
    binding: Binding | None = getattr(found, "binding", None)
    if binding is None:
        raise EnvError(
            f"task {call['name']!r} is not to be found as {call['function']!r} in its file",
            at=call["file"],
            help=f"decorate it there, so that importing the file makes the task {call['function']!r}",
        )
    outputs = {name: unpacked(told, Any) for name, told in call["outputs"].items()}
    return binding.changed(call["name"], outputs)


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, PxwError):
        facts = {"message": error.message, "at": error.at, "help": error.help, "details": list(error.details)}
        return {"pxw": type(error).__name__, **facts}
    shown = traceback.TracebackException.from_exception(error)
    _prune(shown)
    last = shown.stack[-1] if shown.stack else None
    return {
        "error": "".join(traceback.format_exception_only(error)).strip(),
        "at": f"{last.filename}:{last.lineno}, in {last.name}" if last else "",
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
        "details": "".join(shown.format()).splitlines(),
    }


def _prune(shown: traceback.TracebackException | None) -> None:
    """Leave pxw's own frames out, and those of the import machinery."""
    if shown is None:
        return
    ours = (_OURS, "<frozen ")
    shown.stack = traceback.StackSummary.from_list(
        [frame for frame in shown.stack if not frame.filename.startswith(ours)]
    )
    _prune(shown.__cause__)
    _prune(shown.__context__)
