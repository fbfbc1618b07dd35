"""Spaces of configurations, and the runs that were made of them: for experiments written by hand or converted.

>>> runs = Runs()
>>> for configuration in sample(grid(depth=range(1, 5), rate=[0.1, 0.3]), 2, seed=1):
...     runs.add(configuration, {"accuracy": configuration["depth"] * configuration["rate"]})
>>> runs[1]
{'configuration': {'depth': 2, 'rate': 0.1}, 'result': {'accuracy': 0.2}}
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeAlias

from pxw.errors import ArgumentError, PxwError
from pxw.threads import go_on, parallel

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_keys, dict_values

__all__ = ["Configuration", "Grid", "Runs", "grid", "sample"]

Configuration: TypeAlias = dict[str, Any]
P = ParamSpec("P")


class Grid(Sequence[Configuration]):
    """All combinations of some values, each made when it is asked for.

    Args:
        axes: the values by name; the last name changes fastest.
        sizes: how many values there are of each, where `len` cannot say it.
    """

    def __init__(self, axes: Mapping[str, Sequence[Any]], sizes: Iterable[int] | None = None) -> None:
        self._axes = dict(axes)
        self._sizes = list(sizes) if sizes is not None else [len(values) for values in axes.values()]
        self.size = prod(self._sizes)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self.at(each) for each in range(self.size)[index]]
        if not -self.size <= index < self.size:
            raise IndexError(index)
        return self.at(index % self.size)

    def __repr__(self) -> str:
        return f"<{self.size} configurations of {', '.join(self._axes) or 'nothing'}>"

    def at(self, index: int) -> Configuration:
        """Make one configuration, also of a grid that is longer than `len` can say."""
        values: list[Any] = []
        for size, axis in zip(reversed(self._sizes), reversed(self._axes.values()), strict=True):
            index, place = divmod(index, size)
            values.append(axis[place])
        return dict(zip(self._axes, reversed(values), strict=True))


def grid(**axes: Iterable[Any]) -> Grid:
    """List all combinations of some values, as dicts; the last name changes fastest.

    Args:
        axes: the values by name. Without any there is one configuration: the one that says nothing.

    Raises:
        ArgumentError: a name without values.

    Examples:
        >>> list(grid(rate=[0.1, 0.3], depth=range(1, 3)))
        [{'rate': 0.1, 'depth': 1}, {'rate': 0.1, 'depth': 2}, {'rate': 0.3, 'depth': 1}, {'rate': 0.3, 'depth': 2}]
    """
    return Grid({name: _axis(name, values) for name, values in axes.items()})


def _axis(name: str, values: Iterable[Any]) -> Sequence[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ArgumentError(f"pxw.grid: {name!r} is {values!r}, no list of values", help=f"write {name}=[{values!r}]")
    axis = values if isinstance(values, Sequence) else list(values)
    if not axis:
        raise ArgumentError(f"pxw.grid: {name!r} takes no value", at=repr(values), help="give it at least one")
    return axis


def sample(configurations: Iterable[Configuration], runs: int, *, seed: int = 0) -> list[Configuration]:
    """Draw some configurations, each at most once, and the same ones for the same seed.

    Args:
        configurations: a grid, of which only those are made that are drawn, or any others.
        runs: how many; all of them, in another order, if there are no more.
        seed: draws others.

    Raises:
        ArgumentError: there is nothing to draw from, or nothing to be drawn.

    Examples:
        >>> sample(grid(rate=[0.1, 0.3], depth=range(1, 1000)), 2)
        [{'rate': 0.3, 'depth': 731}, {'rate': 0.1, 'depth': 789}]
        >>> len(sample([{"depth": 1}, {"depth": 2}], runs=5))
        2
    """
    known = configurations if isinstance(configurations, Grid) else list(configurations)
    size = known.size if isinstance(known, Grid) else len(known)
    if not size or runs < 1:
        raise ArgumentError(
            f"pxw.sample: {runs} of {size} configurations", help="a run needs one: did a filter drop all of them?"
        )
    pick = known.at if isinstance(known, Grid) else known.__getitem__
    return [pick(index) for index in _draw(random.Random(seed), size, runs)]  # noqa: S311 - no secret is drawn


def _draw(rng: random.Random, size: int, count: int) -> Iterable[int]:
    if size <= sys.maxsize:
        return rng.sample(range(size), min(count, size))
    return list(dict.fromkeys(rng.randrange(size) for _ in range(2 * count)))[:count]  # repetitions are out of the way


class Submit(Protocol):
    """Makes the next run of a space: by which configuration, of which flow, called with what."""

    def __call__(
        self, configuration: Mapping[str, Any], flow: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...


class Runs(dict[int | str, Any]):
    """The runs of one space, counted from 1, and found as `1` and as `"1"`; to JSON it is an object.

    It may be looked at while other threads add to it.

    Examples:
        >>> runs = Runs()
        >>> runs.add({"depth": 3}, {"accuracy": 0.9})
        >>> runs[1] is runs["1"], 1 in runs, runs[1]["result"]["accuracy"], runs.get(2)
        (True, True, 0.9, None)
    """

    def add(self, configuration: Mapping[str, Any], result: Any) -> None:
        """Note the next run: what it was made with, and what it gave."""
        self._note(self._next(), configuration, result)

    @contextmanager
    def parallel(self, most: int = 1) -> Iterator[Submit]:
        """Make runs side by side, `most` of them at a time; they are counted in the order of their configurations.

        When one fails, those that go on meanwhile come to their end, no other is begun, and its error is raised at the
        end of the block; the results of the others are kept.

        Examples:
            >>> runs = Runs()
            >>> with runs.parallel(2) as submit:
            ...     for configuration in grid(depth=[3, 4]):
            ...         submit(configuration, lambda depth: {"accuracy": depth / 5}, depth=configuration["depth"])
            >>> [run["result"]["accuracy"] for run in runs.values()]
            [0.6, 0.8]
        """
        if most < 1:
            raise ArgumentError(f"{most} runs at a time: expected a whole number from 1 on")
        numbers = count(self._next())
        with parallel(most) as begin:

            def submit(
                configuration: Mapping[str, Any], flow: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs
            ) -> None:
                once = partial(self._run, next(numbers), dict(configuration), partial(flow, *args, **kwargs))
                if most > 1:
                    begin(once)
                else:
                    go_on()
                    once()

            yield submit

    def _run(self, number: int, configuration: Configuration, flow: Callable[[], Any]) -> None:
        try:
            self._note(number, configuration, flow())
        except Exception as error:
            which = f"run {number}, with {configuration}"
            if isinstance(error, PxwError):
                error.at = ", ".join(filter(None, [which, error.at]))
            else:
                error.add_note(which)
            raise

    def _note(self, number: int, configuration: Mapping[str, Any], result: Any) -> None:
        self[str(number)] = {"configuration": dict(configuration), "result": result}

    def _next(self) -> int:
        return max((int(each) for each in self), default=0) + 1

    # Runs that end earlier than those before them come behind them all the same; each look is at a copy of its own.

    def _now(self) -> dict[int | str, Any]:
        return dict(sorted(super().items(), key=lambda each: (len(str(each[0])), str(each[0]))))

    def __iter__(self) -> Iterator[int | str]:
        return iter(self._now())

    def keys(self) -> dict_keys[int | str, Any]:
        """The numbers, in order."""
        return self._now().keys()

    def values(self) -> dict_values[int | str, Any]:
        """The runs, in order."""
        return self._now().values()

    def items(self) -> dict_items[int | str, Any]:
        """The runs and their numbers, in order."""
        return self._now().items()

    def __reduce__(self) -> tuple[type[Runs], tuple[dict[int | str, Any]]]:
        return Runs, (self._now(),)

    def __missing__(self, number: object) -> Any:
        if isinstance(number, int) and str(number) in self:
            return self[str(number)]
        raise KeyError(number)

    def __contains__(self, number: object) -> bool:
        return super().__contains__(str(number))

    def get(self, number: Any, default: Any = None) -> Any:
        """The run of this number, or the default."""
        try:
            return self[number]
        except KeyError:
            return default
