"""What stands for data is not the data: whoever touches it as if it were is told how to get the data."""

from __future__ import annotations

from typing import Any, Never, Protocol

from pxw.errors import RefTouchedError

__all__ = ["future_touched", "refuse_touching"]


class _StandIn(Protocol):
    def _touched(self, how: str) -> Exception: ...


_OPERATORS = {
    "__getitem__": "{}[...]",
    "__setitem__": "{}[...] = ...",
    "__contains__": "... in {}",
    "__len__": "len({})",
    "__iter__": "for ... in {}",
    "__bool__": "if {}",
    "__float__": "float({})",
    "__int__": "int({})",
    "__array__": "numpy.asarray({})",
    "__call__": "{}(...)",
    **{f"__{name}__": f"{{}} {sign} ..." for name, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items()},
    **{
        f"__{side}{name}__": f"arithmetic ({sign})"
        for side in ("", "r")
        for name, sign in {
            "add": "+",
            "sub": "-",
            "mul": "*",
            "truediv": "/",
            "matmul": "@",
            "and": "&",
            "or": "|",
        }.items()
    },
}


def refuse_touching(kind: type[_StandIn], noun: str) -> None:
    """Let the operators of a class, and attributes that it does not have, raise what its `_touched(how)` gives."""
    for operator, shown in _OPERATORS.items():
        _refuse(kind, operator, shown.format(noun))

    def unknown(self: _StandIn, name: str) -> Never:
        if name.startswith("_"):  # copy, pickle, pydantic and IDEs ask for these
            raise AttributeError(name)
        raise self._touched(f".{name}")

    setattr(kind, "__getattr__", unknown)  # noqa: B010 - a type checker would take it for a method of all classes


def future_touched(task: str, how: str) -> RefTouchedError:
    """The error of whoever takes a task's future for what the task returns."""
    return RefTouchedError(
        f"this is the future of task {task!r}, not what the task returns: {how}",
        help="pxw.load(future) waits, and gives the value; a task that declares it as an input receives the value. "
        "pxw.outputs(future).name is one of several outputs",
    )


def _refuse(kind: type[_StandIn], operator: str, shown: str) -> None:
    def touched(self: _StandIn, *_: Any) -> Never:
        raise self._touched(shown)

    setattr(kind, operator, touched)
