"""What a run needs to know of the project that a graph comes from, and the functions of its own modules."""

from __future__ import annotations

import inspect
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pxw.errors import DSLError, nearest
from pxw.importing import import_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from pxw.compat.asking import Ask
    from pxw.specs import Dataset
    from pxw.workflow import ConditionKind, Span

__all__ = ["Setup"]

Where: TypeAlias = Literal["conditions", "configurations"]


@dataclass(frozen=True)
class Setup:
    """What a run needs to know of its project.

    Args:
        conditions: the module with the functions that conditions call.
        configurations: the module with filters and generators.
        executionware: with `LOCAL`, `eexp_engine_utils` parses external inputs.
        inclusive: whether the end of a range belongs to it.
        seed: of random searches.
        parallel: how many runs of a space go on at a time.
        ask: asks a person what interactive tasks want to know; None: nobody is there.
        places: other places for datasets of the workflow, by their names.
        values: other values for parameters of tasks, by task and name.
    """

    conditions: Path | None = None
    configurations: Path | None = None
    executionware: str = "PROACTIVE"
    inclusive: bool = True
    seed: int = 0
    parallel: int = 1
    ask: Ask | None = None
    places: Mapping[str, Dataset] = field(default_factory=lambda: MappingProxyType({}))
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, text: str, kind: ConditionKind, known: Mapping[str, Any], at: Span | None) -> bool:
        """Decide a condition: a Python expression over what is known, or a call of the conditions module.

        Raises:
            DSLError: it cannot be decided; it is never taken for false.
        """
        self.refuse_undecidable(text, kind, at)
        try:
            answer = self._answer(text, kind, known)
            if answer is not None:
                return bool(answer)
        except DSLError:
            raise
        except Exception as error:
            raise DSLError(
                f"the condition {text!r} cannot be decided: {type(error).__name__}: {error}",
                at=str(at or ""),
                help=_seen(text, kind, known),
            ) from error
        raise DSLError(f"the condition {text!r} says None, neither true nor false", at=str(at or ""))

    def _answer(self, text: str, kind: ConditionKind, known: Mapping[str, Any]) -> Any:
        if kind == "call":
            name, *words = shlex.split(text)
            return self.function(name, "conditions")(*words, known["results"])
        module = self._modules["conditions"]
        return eval(text.strip(), {**(vars(module) if module else {}), **known})  # noqa: S307 - the project's own code

    def refuse_undecidable(self, text: str, kind: ConditionKind, at: Span | None) -> None:
        """Refuse a condition that is written for people, and a call that its function cannot take."""
        if kind == "call":
            name, *words = shlex.split(text)
            try:
                with suppress(ValueError):  # a builtin may not say what it takes
                    inspect.signature(self.function(name, "conditions")).bind(*words, {})
            except TypeError as error:
                raise DSLError(
                    f"the condition {text!r} cannot be called: {error}",
                    at=str(at or ""),
                    help=f"{name}() gets the words after its name, and then the results",
                ) from None
        if kind == "text":
            raise DSLError(
                f"no run can decide the condition {text!r}: it is neither Python nor a call",
                at=str(at or ""),
                help="write an expression over results, or the name of a function in the conditions module",
            )

    def function(self, name: str, where: Where) -> Callable[..., Any]:
        """A function of the project's own modules."""
        module = self._modules[where]
        found = getattr(module, name, None)
        if not callable(found):
            values = vars(module) if module else {}
            functions = [key for key, value in values.items() if callable(value) and not key.startswith("_")]
            raise DSLError(
                f"the {where} module has no function {name!r}",
                at=str(getattr(self, where) or "eexp_config.py names none"),
                help=nearest(name, functions),
            )
        return found  # type: ignore[no-any-return]  # of the user's module

    @cached_property
    def _modules(self) -> dict[str, ModuleType | None]:
        paths = {"conditions": self.conditions, "configurations": self.configurations}
        return {name: import_file(path) if path else None for name, path in paths.items()}


def _seen(text: str, kind: ConditionKind, known: Mapping[str, Any]) -> str:
    if kind == "call":
        return f"{shlex.split(text)[0]}() gets the results of {', '.join(known['results']) or 'nothing yet'}"
    return f"it sees: {', '.join(known)}"
