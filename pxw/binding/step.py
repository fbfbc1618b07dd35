"""One run of one task, as the journal of its flow run tells it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pxw import data
from pxw.runs import earlier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.runs import Run

__all__ = ["Noting", "Step"]


@dataclass(frozen=True)
class Step:
    """One run of one task: where its outputs go.

    Args:
        run: the flow run it belongs to.
        key: tells this task run from all others of the run; a retry has the same.
    """

    run: Run
    key: str

    @contextmanager
    def noted(self, task: str) -> Iterator[Noting]:
        """Write to the run's journal that this task started, and how it ended."""
        self.run.note("started", task=task, key=self.key)
        began = time.perf_counter()
        noting = Noting(self)
        try:
            yield noting
        except BaseException as error:
            self.run.note("failed", task=task, key=self.key, error=f"{type(error).__name__}: {error}"[:500])
            raise
        seconds = round(time.perf_counter() - began, 3)
        self.run.note(noting.event, task=task, key=self.key, seconds=seconds, **noting.facts)


@dataclass
class Noting:
    """What the journal is to say of a task run that ends well, so that a later attempt of the run need not repeat it.

    Args:
        step: the task run.
    """

    step: Step
    event: str = "finished"
    facts: dict[str, Any] = field(default_factory=dict)

    def again(self, call: str) -> tuple[Any] | None:
        """What an earlier attempt of the run got from the same call, if that is still there as it was."""
        if not call:
            return None
        self.facts = {"call": call}
        for key, told in earlier.finished(self.step.run.folder, call):
            result = earlier.retold(told)
            if data.is_whole(result) and self.step.run.takes(key, self.step.key):
                self.event, self.facts = "reused", {"of": key}
                return (result,)
        return None

    def keep(self, result: Any) -> None:
        """Note what the task gave; what JSON does not hold makes the task run again."""
        told = earlier.told(result) if self.facts else None
        self.facts = {} if told is None else self.facts | {"result": told}
