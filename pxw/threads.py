"""Calls side by side, each in a thread of its own: what fails stops what has not begun, in blocks within it, too."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from pxw.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Begin", "go_on", "in_order", "is_beside", "on_its_own", "parallel"]

P = ParamSpec("P")
R = TypeVar("R")
MANY = 1000  # threads are made as calls need them


class Begin(Protocol):
    """Begins a call beside the others of its block."""

    def __call__(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Begin it; its result is there when the block is over."""


@dataclass
class _Block:
    """The failures of some calls that go on side by side, perhaps within one of another block."""

    around: _Block | None
    failures: list[BaseException] = field(default_factory=list)

    def is_over(self) -> bool:
        """Whether nothing more may begin in it."""
        return bool(self.failures) or (self.around is not None and self.around.is_over())

    def run(self, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a function as one of this block's."""
        _around.set(self)
        go_on()
        try:
            return fn(*args, **kwargs)
        except CancelledError:  # it heard of the failure of another one
            raise
        except BaseException as error:
            self.failures.append(error)
            raise


_around: ContextVar[_Block | None] = ContextVar("pxw_threads", default=None)


def is_beside() -> bool:
    """Whether this goes on beside something else, so that nobody can tell which of them calls first."""
    return _around.get() is not None


def go_on() -> None:
    """Raise CancelledError if what runs beside this has failed."""
    block = _around.get()
    if block is not None and block.is_over():
        raise CancelledError("something that ran beside this failed")


_in_order: ContextVar[bool] = ContextVar("pxw_in_order", default=False)


@contextmanager
def in_order() -> Iterator[None]:
    """Call one after the other, and here, what would go on side by side: who reads a flow goes through it in order."""
    token = _in_order.set(True)
    try:
        yield
    finally:
        _in_order.reset(token)


@contextmanager
def on_its_own() -> Iterator[None]:
    """Whatever fails beside it, what has begun in here goes on."""
    token = _around.set(None)
    try:
        yield
    finally:
        _around.reset(token)


@contextmanager
def parallel(most: int | None = None) -> Iterator[Begin]:
    """Call functions side by side; at the end of the block all of them are over.

    When one fails, the tasks and flows that go on meanwhile come to their end, and no other is begun; its error is
    raised at the end of the block.

    Args:
        most: how many at a time, if not all.

    Raises:
        ArgumentError: less than one at a time.

    Examples:
        >>> with parallel() as begin:
        ...     three = begin(len, "abc")
        ...     five = begin(sum, [2, 3])
        >>> three.result(), five.result()
        (3, 5)
    """
    if most is not None and most < 1:
        raise ArgumentError(f"{most} at a time: expected a whole number from 1 on")
    block = _Block(_around.get())
    threads = ThreadPoolExecutor(most or MANY, thread_name_prefix="pxw-parallel")

    def begin(fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if _in_order.get():
            done: Future[R] = Future()
            done.set_result(fn(*args, **kwargs))
            return done
        return threads.submit(copy_context().run, block.run, fn, *args, **kwargs)  # type: ignore[arg-type]  # as it is

    try:
        yield begin
        threads.shutdown()
    except BaseException as error:
        block.failures.append(error)  # nobody waits any more for what runs
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    if block.failures:
        raise block.failures[0]
    go_on()
