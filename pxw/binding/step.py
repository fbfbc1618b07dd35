"""One run of one task, as the journal of its flow run tells it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import xxhash

from pxw import data
from pxw.runs import about, earlier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pxw.runs import Run

__all__ = ["Noting", "Step"]


@lru_cache(256)
def _digest(code: str) -> str:
    """What tells a task's code from what it was in another run."""
    return xxhash.xxh3_64_hexdigest(code.encode())


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
    def noted(self, task: str, label: str = "") -> Iterator[Noting]:
        """Write to the run's journal that this task started, and how it ended.

        Args:
            task: its name.
            label: which run of an experiment it belongs to.
        """
        labelled = {"label": label} if label else {}
        self.run.note("started", task=task, key=self.key, **labelled)
        began = time.perf_counter()
        noting = Noting(self, labelled)
        try:
            yield noting
        except BaseException as error:
            facts: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"[:500]}
            self._note_end("failed", task, began, noting, facts)
            raise
        self._note_end(noting.event, task, began, noting, noting.facts)

    def _note_end(self, event: str, task: str, began: float, noting: Noting, facts: dict[str, Any]) -> None:
        seconds = round(time.perf_counter() - began, 3)
        self.run.note(event, task=task, key=self.key, seconds=seconds, **noting.given, **facts)


@dataclass
class Noting:
    """What the journal is to say of a task run that ends well, so that a later attempt of the run need not repeat it.

    Args:
        step: the task run.
        labelled: which run of an experiment it belongs to, if it is of one.
    """

    step: Step
    labelled: dict[str, str] = field(default_factory=dict)
    event: str = "finished"
    facts: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)

    def takes(self, arguments: Mapping[str, Any], code: str) -> None:
        """Tell what the task is given, and a fingerprint of its code, whether it ends well or not.

        Args:
            arguments: by parameter.
            code: what tells the task's code from any other.
        """
        inputs = {name: about.taken(value) for name, value in arguments.items()}
        self.given = {"inputs": inputs, "code": _digest(code), **self.labelled}

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
