"""Walk a flow without running any task: every edge is compared, schema against schema, before anything runs.

While a walk is active, a task call gives references that carry only what the task declares.
"""

from __future__ import annotations

import os
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Never

from pxw.binding.outcome import named_refs
from pxw.binding.swapping import leaves
from pxw.data.schema import schema_of
from pxw.errors import OutputError, PxwError, RefTouchedError
from pxw.specs import Dataset, Placed, Ref
from pxw.stores import store_of
from pxw.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.binding import Binding

__all__ = ["Unknown", "Walk", "active_walk"]

active_walk: ContextVar[Walk | None] = ContextVar("pxw_walk", default=None)
"""The walk that is going on, if one is."""


class Unknown:
    """What a task returns without declaring it: a walk knows nothing of it."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __repr__(self) -> str:
        return f"<what {self._source} returns>"

    def __getattr__(self, name: str) -> Never:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._asked()

    def _asked(self, *_: object) -> RefTouchedError:
        return RefTouchedError(f"the flow's body asks for the value that {self._source} returns")

    def _refuse(self, *_: object) -> Never:
        raise self._asked()

    __bool__ = __len__ = __iter__ = __getitem__ = __call__ = __float__ = __int__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __mul__ = __truediv__ = _refuse


@dataclass
class Walk:
    """One walk and what it found.

    Args:
        findings: everything that would go wrong, as the error that would say so.
        tasks: the names of the tasks that were reached, in order.
        edges: how many references reached a task.
        stopped: where the flow's body asked for a value, so that the walk could not go on.
    """

    findings: list[PxwError] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    edges: int = 0
    stopped: str = ""
    _written: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def going(self) -> Iterator[None]:
        """Walk while the block runs; it ends early, and without an error, where a value is asked for."""
        token = active_walk.set(self)
        try:
            with in_order():
                yield
        except RefTouchedError as error:
            self.stopped = f"{_line(error)}: {error.message}"
        except PxwError as error:
            self.findings.append(error)
        finally:
            active_walk.reset(token)

    def call(self, binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stand in for a task call: look at its inputs, and give references to what it declares."""
        self.tasks.append(binding.name)
        with self._noting(f"task {binding.name!r}"):
            binding.verify()
        bound = binding.complete(args, kwargs)
        for name, value in bound.arguments.items():
            with self._noting():
                binding.refuse_text(name, value)
            for item in leaves(value):
                self._look_at(binding, name, item)
        refs = [self._declared(binding, name, spec) for name, spec in binding.outputs.items()]
        if not refs:
            return Unknown(f"task {binding.name!r}")
        return refs[0] if len(refs) == 1 else named_refs(tuple(binding.outputs), refs)

    def save(self, source: Any, spec: Dataset) -> Ref:
        """Stand in for `pxw.save`."""
        known = source if isinstance(source, Ref) else Ref()
        with self._noting():
            self._claim(spec, "pxw.save")
        return known.changed(place=spec.address, digest="")

    def _look_at(self, binding: Binding, name: str, value: Any) -> None:
        if isinstance(value, Ref):
            self.edges += 1
            with self._noting():
                binding.check_edge(name, value)
        elif isinstance(value, Dataset) and name in binding.inputs:
            with self._noting(f"task {binding.name!r}, input {name!r}"):
                if not self._makes(value.address):
                    binding.look(name, value)

    def _declared(self, binding: Binding, name: str, spec: Dataset) -> Ref:
        at = f"task {binding.name!r}, output {name!r}"
        with self._noting(at):
            self._claim(spec, at)
        schema = schema_of(spec)
        columns = schema.columns if schema else None
        checked = schema.fingerprint if schema else ""
        return Ref(place=spec.address, columns=columns, checked=checked, task=binding.name, output=name)

    def _makes(self, place: str) -> bool:
        """Whether an earlier task of this flow makes what is at a place, or in a folder elsewhere."""
        in_folder = place.endswith("/") and any(written.startswith(place) for written in self._written)
        return place in self._written or in_folder

    def _claim(self, spec: Dataset, owner: str) -> None:
        if not isinstance(spec, Placed):
            return
        address = spec.address
        if address in self._written and not address.endswith("//"):  # a project takes files of several names
            raise OutputError(f"two outputs go to {address}: {owner}, after {self._written[address]}")
        self._written[address] = owner
        store_of(spec).refuse_unwritable(spec, owner)

    @contextmanager
    def _noting(self, at: str = "") -> Iterator[None]:
        try:
            yield
        except PxwError as error:
            error.at = ", ".join(filter(None, [at, error.at]))
            self.findings.append(error)


def _line(error: BaseException) -> str:
    """The line of the user's own code that asked."""
    here = os.path.dirname(__file__)  # noqa: PTH120 - compared as text
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(here)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
