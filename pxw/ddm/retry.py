"""When to try again, and how long to wait before it."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.errors import PxwError

__all__ = ["ALWAYS", "NEVER", "RATE", "TWICE", "Attempts", "Clock", "Retry", "Setback"]

NEVER, TWICE, ALWAYS = 1, 2, 1_000_000
"""How often a request is sent that meets one kind of setback; `Retry.tries` limits all kinds together."""

RATE = 2**20
"""Bytes a second that a slow service is granted where a limit is scaled by size."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Time and chance as the client meets them; tests pass their own."""

    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform


@dataclass(frozen=True)
class Retry:
    """How patient the client is; times in seconds.

    Pauses have full jitter: each is drawn evenly between 0 and a ceiling that doubles from try to try.

    >>> Retry(tries=1).tries  # never try again
    1
    """

    tries: int = 5
    first_pause: float = 0.5
    longest_pause: float = 20.0
    deadline: float = 120.0
    """From the first try to the last; a transfer gets a second more for each MiB."""
    appearance: float = 30.0
    """How long an upload may stay unreadable after the service took it; again a second more for each MiB."""

    def scaled(self, size: int) -> Retry:
        """The same for a transfer of `size` bytes."""
        return replace(self, deadline=self.deadline + size / RATE)

    def patient(self, size: int) -> Retry:
        """For bytes that were taken and are to become readable: any number of tries within `appearance`."""
        return replace(self, tries=ALWAYS, longest_pause=5.0, deadline=self.appearance + size / RATE)

    def ceiling(self, tries: int) -> float:
        """The longest pause after so many tries."""
        return min(self.longest_pause, self.first_pause * 2.0 ** min(tries - 1, 30))


class Setback(Exception):  # noqa: N818 - not an error yet: another try may mend it
    """One try that failed: the error to raise in the end, and what speaks for another try.

    Never leaves the client.

    Args:
        error: what the caller is told if there is no other try, or none that does better.
        tries: how often a request is sent that meets this (`NEVER`, `TWICE`, `ALWAYS`).
        wait: how many seconds the service asks to be left alone.
        doubtful: whether the service may have done what it was asked for all the same.
        status: of the answer; 0 if there was none.
    """

    def __init__(
        self, error: PxwError, *, tries: int = NEVER, wait: float = 0.0, doubtful: bool = False, status: int = 0
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.tries = tries
        self.wait = wait
        self.doubtful = doubtful
        self.status = status


@dataclass
class Attempts:
    """The tries of one operation."""

    retry: Retry
    clock: Clock
    made: int = 0
    _met: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._start = self.clock.monotonic()

    def pause(self, setback: Setback) -> bool:
        """Wait until the next try; False, at once, if there is to be none."""
        self.made += 1
        self._met[setback.tries] += 1
        if self.made >= self.retry.tries or self._met[setback.tries] >= setback.tries:
            return False
        pause = max(setback.wait, self.clock.uniform(0.0, self.retry.ceiling(self.made)))
        if self.elapsed + pause > self.retry.deadline:
            return False
        self.clock.sleep(pause)
        return True

    def pause_or_raise(self, setback: Setback) -> None:
        """Wait until the next try, or raise the error if there is to be none."""
        if not self.pause(setback):
            raise self.outcome(setback) from setback.__cause__

    def outcome(self, setback: Setback) -> PxwError:
        """The error of the last setback, with how much was tried."""
        error = setback.error
        if self.made > 1:
            error.details = (*error.details, f"tried {self.made} times in {self.elapsed:.1f} s")
        return error

    @property
    def elapsed(self) -> float:
        """Seconds since the first try began."""
        return self.clock.monotonic() - self._start
