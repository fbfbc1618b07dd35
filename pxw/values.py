"""How a flow's body, a notebook or a test reaches what references and futures point at: `pxw.load` and its like."""

from __future__ import annotations

import pickle
from contextlib import suppress
from io import BytesIO
from typing import Any, Protocol, TypeVar, cast, overload

from pxw import data
from pxw.binding.output import Coming
from pxw.codecs import Codec, TableCodec, registry
from pxw.codecs.registry import known_as
from pxw.data.asked import asked
from pxw.errors import RefTouchedError
from pxw.runs import active
from pxw.specs import Dataset, Placed, Ref
from pxw.walks import Unknown, active_walk

__all__ = ["load", "outputs", "plain", "register", "results", "save"]

_SMALL = 10_000  # bytes of a value that is shown itself

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Future(Protocol[T_co]):
    def result(self, timeout: float | None = ..., raise_on_failure: bool = ...) -> T_co: ...


@overload
def load(source: Any) -> Any: ...
@overload
def load(source: Any, as_: type[T]) -> T: ...
def load(source: Any, as_: Any = None) -> Any:
    """Load the value that a reference, a spec or a task's future points at.

    Args:
        source: a `Ref`, `pxw.Local(...)`, `pxw.Remote(...)`, `pxw.DDM(...)`, the future of a task, or a list of these.
        as_: the type to load it as: `pandas.DataFrame`, `pyarrow.Table`, `bytes`, `pathlib.Path`, ...; by default what
            was saved, and a pandas frame for tables.

    Examples:
        >>> from pxw import Local
        >>> ref = save({"auc": 0.9}, Local(folder / "metrics.json"))
        >>> load(ref)
        {'auc': 0.9}
    """
    source = _settled(source)
    if not isinstance(source, Ref | Dataset):
        if isinstance(source, Unknown):
            raise RefTouchedError("the flow's body asks for a value", at=repr(source))
        return [load(item, as_) for item in source] if isinstance(source, list) else source
    if active_walk.get() is not None and isinstance(source, Ref) and source.is_declared_only:
        raise RefTouchedError(f"the flow's body asks for the value of {source.source}")
    return data.load(source, asked(as_))


def save(value: Any, spec: Placed) -> Ref:
    """Save a value, or copy what a reference points at, to a declared place; the bytes change only if the format does.

    Args:
        value: a table, an array, bytes, text, JSON, a `pathlib.Path`, a `Ref`, a spec, or a task's future.
        spec: where to, and as what.

    Returns:
        The reference to what is there now; it is there as a whole, and on disk.

    Examples:
        >>> from pxw import Local
        >>> ref = save("done", Local(folder / "note.txt"))
        >>> ref.format, ref.size
        ('text', 4)
    """
    value = _settled(value)
    walk = active_walk.get()
    if walk is not None:
        return walk.save(value, spec)
    put = data.copy if isinstance(value, Ref | Dataset) else data.save
    run = active.get()
    if run is None:
        return put(value, spec)
    maker = value if isinstance(value, Ref) else Ref()
    about: dict[str, Any] = {"flow": run.flow, "run": run.id, "task": maker.task, "output": maker.output}
    ref = put(value, spec, about=about).changed(**about)
    run.note_saved(ref, "")
    return ref


def outputs(future: _Future[T]) -> T:
    """The outputs of a submitted task by their names, to be handed on at once: no one waits but who takes them.

    Args:
        future: of a task with several outputs.

    Examples:
        >>> future = train.submit(rows)  # doctest: +SKIP
        >>> outputs(future).model  # doctest: +SKIP
    """
    is_running = known_as(future, "prefect.futures", "PrefectFuture")
    return cast("T", Coming(future) if is_running else _settled(future))


def results(*tasks: Any) -> dict[str, Any]:
    """Tell what tasks gave: by task and output, and by output alone; a small value itself, of any other its place.

    It is what conditions, reports and the runs of an experiment look at.

    Args:
        tasks: references, futures, or the tuples that tasks with several outputs give; a None is left out.

    Examples:
        >>> from pxw import Ref
        >>> results(Ref(value=0.9, task="train", output="accuracy"), None)
        {'accuracy': 0.9, 'train': {'accuracy': 0.9}}
    """
    if active_walk.get() is not None:
        return Unknown("pxw.results")  # type: ignore[return-value]  # who asks for more than it may know ends the walk
    refs = [ref for task in map(_settled, tasks) for ref in (task if isinstance(task, tuple) else (task,))]
    flat: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for ref in refs:
        if isinstance(ref, Ref):
            flat[ref.output] = nested.setdefault(ref.task, {})[ref.output] = plain(ref)
    return {**flat, **nested}


def plain(value: Any) -> Any:
    """A value as JSON holds it; the place of one that is large, or that JSON does not hold."""
    if not isinstance(value, Ref):
        return value
    if not value.place:
        return value.value
    if value.format in {"pickle", "text"} and value.size < _SMALL:
        loaded = _unpickled(value) if value.format == "pickle" else data.load(value)
        loaded = loaded.item() if type(loaded).__module__ == "numpy" and not getattr(loaded, "shape", ()) else loaded
        if _is_plain(loaded):
            return loaded
    return value.place


def _unpickled(value: Ref) -> Any:
    """A small object, if it is of Python's own types or numpy's; looking at it imports, and runs, nothing else."""
    pickled = data.load(value.changed(format="bytes"), bytes)
    with suppress(Exception):  # what a pickle does wrong can be anything
        return _OwnTypes(BytesIO(pickled)).load()
    return object()


class _OwnTypes(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if module in {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"} and name in {"scalar", "dtype"}:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no type of Python's own")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def register(codec: Codec | TableCodec) -> None:
    """Add a codec for a format of your own, or for values of your own type."""
    registry.register(codec)


def _settled(value: Any) -> Any:
    """The result of a future, or of a state."""
    is_future = any(known_as(value, module, name) for module, name in _FUTURES)
    return value.result() if is_future else value


# Prefect's are looked for only once somebody has imported Prefect.
_FUTURES = (
    ("pxw.engines.inline", "Done"),
    ("pxw.engines.inline", "DoneList"),
    ("pxw.binding.output", "Output"),
    ("prefect.futures", "PrefectFuture"),
    ("prefect.futures", "PrefectFutureList"),
    ("prefect.states", "State"),
)
