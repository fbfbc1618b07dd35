"""Prefect's futures, which remember whether the flow's code has looked at how their task ended."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from prefect.client.schemas.objects import State
from prefect.exceptions import UpstreamTaskError
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.utilities.annotations import allow_failure
from prefect.utilities.collections import visit_collection

from pxw.runs.unseen import submitted
from pxw.specs.touching import future_touched, refuse_touching

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from pxw.errors import RefTouchedError
    from pxw.runs.unseen import Submitted

__all__ = ["see_allowed", "watched"]


def watched(future: Any, task: str) -> Any:
    """The future of a task, as one that says how to get its value, and remembers whether it was looked at."""
    if not isinstance(future, PrefectFuture):
        return future
    future.__class__ = _seen_kind(type(future))  # a task runner may know its own futures by their class
    future.task = task  # type: ignore[attr-defined]  # it is of the new class
    tasks = submitted.get()
    if tasks is None:  # in a plain Prefect flow, Prefect's own rules hold
        return future
    tasks.add(future)  # type: ignore[arg-type]  # as above
    if isinstance(future, PrefectConcurrentFuture):
        future.wrapped_future.add_done_callback(lambda done: _drop_completed(tasks, future, done))
    return future


def see_allowed(values: Iterable[Any]) -> None:
    """Count the futures in `allow_failure(...)` as looked at: whoever takes them copes with what they hold."""
    for value in values:
        if isinstance(value, allow_failure):
            visit_collection(value.unwrap(), _see)


def _see(value: Any) -> None:
    if hasattr(type(value), "unseen_failure"):
        value.is_seen = True


def _drop_completed(tasks: Submitted, future: Any, done: Future[Any]) -> None:
    if not done.cancelled() and done.exception() is None:
        state = done.result()
        if isinstance(state, State) and state.is_completed():
            tasks.drop(future)


@cache
def _seen_kind(kind: type[PrefectFuture[Any]]) -> type[PrefectFuture[Any]]:
    """A kind of Prefect's futures that remembers whether it was looked at."""

    class Watched(kind):  # type: ignore[valid-type, misc]  # the task runner decides which it is
        is_seen = False
        task: str

        @property
        def state(self) -> State:
            self.is_seen = self.is_seen or not _asked_by_prefect()
            return cast("State", super().state)

        def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
            try:
                return super().result(timeout, raise_on_failure)
            finally:
                self.is_seen = self.is_seen or self._final_state is not None

        def unseen_failure(self) -> BaseException | None:
            if self.is_seen:
                return None
            self.wait()
            state = super().state
            if state.is_completed():
                return None
            if not state.is_final():  # as Prefect leaves those whose inputs failed
                return UpstreamTaskError(f"it did not run: {state.message}")
            error = state.result(raise_on_failure=False, _sync=True)
            return error if isinstance(error, BaseException) else RuntimeError(state.message or state.name)

        def _touched(self, how: str) -> RefTouchedError:
            return future_touched(self.task, how)

    refuse_touching(Watched, "future")
    Watched.__name__ = Watched.__qualname__ = kind.__name__
    return Watched


def _asked_by_prefect() -> bool:
    """Whether Prefect looks at a future's state, as it does for those among a task's arguments, and not the user."""
    asking = str(sys._getframe(2).f_globals.get("__name__"))  # noqa: SLF001 - nothing else tells
    return asking.partition(".")[0] in {"prefect", "prefect_dask", "prefect_ray"}
