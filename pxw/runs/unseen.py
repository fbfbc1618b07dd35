"""No flow is done while a task that it submitted failed, and its code never saw that."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from pxw.errors import UnseenFailureError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Future", "Submitted", "none_unseen", "submitted"]


class Future(Protocol):
    """What a flow gets for a task that it submits."""

    task: str

    def unseen_failure(self) -> BaseException | None:
        """What the task failed with, unless somebody has looked at it; a task that still runs is waited for."""


class Submitted:
    """The tasks that a flow run submitted and that may have failed."""

    def __init__(self) -> None:
        self._futures: dict[int, Future] = {}

    def add(self, future: Future) -> None:
        """Look at this one in the end."""
        self._futures[id(future)] = future

    def drop(self, future: Future) -> None:
        """Let go of one that has not failed, and of what it holds."""
        self._futures.pop(id(future), None)

    def failures(self) -> Iterator[tuple[str, BaseException]]:
        """Each task that failed unseen, and its error; tasks that still run are waited for."""
        while futures := list(self._futures.values()):  # those that run may submit others
            for future in futures:
                error = future.unseen_failure()
                self.drop(future)
                if error is not None:
                    yield future.task, error


submitted: ContextVar[Submitted | None] = ContextVar("pxw_submitted", default=None)
"""The tasks that the flow run at hand submitted."""


@contextmanager
def none_unseen(flow: str) -> Iterator[None]:
    """Be a flow's body, whose end is an error if a task that it submitted failed unseen.

    Raises:
        UnseenFailureError: it names each such task, and what it failed with.
    """
    tasks = Submitted()
    token = submitted.set(tasks)
    try:
        yield
    finally:
        submitted.reset(token)
    failed = list(tasks.failures())
    if failed:
        names = ", ".join(dict.fromkeys(repr(task) for task, _ in failed))
        raise UnseenFailureError(
            f"flow {flow!r} never looked at what it submitted, and it failed: {names}",
            details=[f"task {task!r}: {_first_line(error)}" for task, error in failed[:10]]
            + ([f"... and {len(failed) - 10} more"] if len(failed) > 10 else []),
            help="ask each future for its result(), or for result(raise_on_failure=False) where the task may fail",
        ) from failed[0][1]


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
