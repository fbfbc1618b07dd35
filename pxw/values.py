"""`pxw.load` and `pxw.save`: how a flow's body, a notebook or a test reaches the values behind references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, overload

from pxw import data
from pxw.codecs import Codec, TableCodec, registry
from pxw.codecs.registry import known_as
from pxw.data.asked import asked
from pxw.errors import RefTouchedError
from pxw.runs import active
from pxw.specs import DDM, Dataset, Local, Ref
from pxw.walks import Unknown, active_walk

__all__ = ["load", "register", "save"]

T = TypeVar("T")


@overload
def load(source: Any) -> Any: ...
@overload
def load(source: Any, as_: type[T]) -> T: ...
def load(source: Any, as_: Any = None) -> Any:
    """Load the value that a reference, a spec or a task's future points at.

    Args:
        source: a `Ref`, `pxw.Local(...)`, `pxw.DDM(...)`, the future of a task, or a list of these.
        as_: the type to load it as: `pandas.DataFrame`, `pyarrow.Table`, `bytes`, `pathlib.Path`, ...; by default what
            was saved, and a pandas frame for tables.

    Examples:
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


def save(value: Any, spec: Local | DDM) -> Ref:
    """Save a value, or copy what a reference points at, to a declared place; the bytes change only if the format does.

    Args:
        value: a table, an array, bytes, text, JSON, a `pathlib.Path`, a `Ref`, a spec, or a task's future.
        spec: where to, and as what.

    Returns:
        The reference to what is there now; it is there as a whole, and on disk.

    Examples:
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
    ref = replace(put(value, spec, about=about), **about)
    run.note_saved(ref, "")
    return ref


def register(codec: Codec | TableCodec) -> None:
    """Add a codec for a format of your own, or for values of your own type."""
    registry.register(codec)


def _settled(value: Any) -> Any:
    """The result of a future, or of a state."""
    is_future = any(known_as(value, module, name) for module, name in _FUTURES)
    return value.result() if is_future else value


# Prefect's are looked for only once somebody has imported Prefect.
_FUTURES = (
    ("pxw.inline", "Done"),
    ("pxw.inline", "DoneList"),
    ("prefect.futures", "PrefectFuture"),
    ("prefect.futures", "PrefectFutureList"),
    ("prefect.states", "State"),
)
