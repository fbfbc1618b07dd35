"""What plain Prefect tasks and flows do while `pxw check` walks a flow: nothing."""

from __future__ import annotations

import inspect
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import prefect

from pxw.engines.inline import Done, DoneList
from pxw.walks import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["stand_ins"]


@contextmanager
def stand_ins() -> Iterator[None]:
    """While the block walks a flow, plain Prefect tasks give a value that nobody knows, and their bodies do not run."""
    stands: dict[type, dict[str, Any]] = {
        prefect.Task: {"__call__": _called, "submit": _submitted, "map": _mapped, "delay": _submitted},
        prefect.Flow: {"__call__": _walked},
    }
    with ExitStack() as undo:
        for owner, methods in stands.items():
            for name, stand in methods.items():
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, stand)
        yield


def _called(task: Any, *_args: Any, **_kwargs: Any) -> Any:
    unknown = Unknown(f"task {task.name!r}")

    async def later() -> Unknown:
        return unknown

    return later() if inspect.iscoroutinefunction(task.fn) else unknown


def _submitted(task: Any, *_args: Any, **_kwargs: Any) -> Done:
    return Done(lambda: Unknown(f"task {task.name!r}"))


def _mapped(task: Any, *_args: Any, **_kwargs: Any) -> DoneList:
    return DoneList([_submitted(task)])


def _walked(flow: Any, *args: Any, **kwargs: Any) -> Any:
    return flow.fn(*args, **kwargs)
