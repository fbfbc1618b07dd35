"""One output of a task that may still be running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pxw.errors import ArgumentError, nearest

__all__ = ["Coming", "Output"]


@dataclass(frozen=True)
class Output:
    """One of several outputs: Prefect finds the future in it, waits for it, and puts what it gave in its place.

    Args:
        source: the task's future, and later the references that it gave.
        name: the output's.
    """

    source: Any
    name: str

    def settled(self) -> Any:
        """The reference, if the task is over; else this, as it is.

        Raises:
            ArgumentError: the task has no such output.
        """
        if not isinstance(self.source, tuple) or not hasattr(self.source, "_fields"):
            return self if hasattr(self.source, "result") else self._refuse(())
        if self.name not in self.source._fields:
            self._refuse(self.source._fields)
        return getattr(self.source, self.name)

    def result(self) -> Any:
        """Wait for the task, and give the reference."""
        return Output(self.source.result(), self.name).settled()

    def _refuse(self, known: tuple[str, ...]) -> Any:
        raise ArgumentError(
            f"pxw.outputs(...).{self.name}: the task has no output {self.name!r}"
            if known
            else f"pxw.outputs(...).{self.name}: the task does not give several outputs",
            help=nearest(self.name, known) if known else "hand on its future itself",
        )


class Coming:
    """The outputs of a task that may still be running, by their names."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def __getattr__(self, name: str) -> Output:
        if name.startswith("__"):
            raise AttributeError(name)
        return Output(self._future, name)
