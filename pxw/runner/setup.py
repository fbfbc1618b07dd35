"""What a run needs to know of the project that a graph comes from, and the functions of its own modules."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pxw.errors import DSLError, nearest
from pxw.importing import import_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pxw.specs import Dataset
    from pxw.workflow import ConditionKind

__all__ = ["Setup"]


@dataclass(frozen=True)
class Setup:
    """What a run needs to know of its project.

    Args:
        conditions: the module with the functions that conditions call.
        configurations: the module with filters and generators.
        executionware: with `LOCAL`, `eexp_engine_utils` parses external inputs.
        management: where intermediates go; by default `PXW_DATASET_MANAGEMENT`.
        inclusive: whether the end of a range belongs to it.
        seed: of random searches.
        places: other places for datasets of the workflow, by their names.
    """

    conditions: Path | None = None
    configurations: Path | None = None
    executionware: str = "PROACTIVE"
    management: Literal["LOCAL", "DDM"] | None = None
    inclusive: bool = True
    seed: int = 0
    places: Mapping[str, Dataset] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, text: str, kind: ConditionKind, known: Mapping[str, Any], at: object) -> bool:
        """Decide a condition: a Python expression over what is known, or a call of the conditions module.

        Raises:
            DSLError: it cannot be decided; it is never taken for false.
        """
        try:
            if kind == "call":
                name, *words = shlex.split(text)
                return bool(self.function(name, "conditions")(*words, known["results"]))
            if kind == "expression":
                return bool(eval(text, {**vars(self._module("conditions")), **known}))  # noqa: S307 - the project's own code
        except DSLError:
            raise
        except Exception as error:
            raise DSLError(
                f"the condition {text!r} cannot be decided: {type(error).__name__}: {error}",
                at=str(at or ""),
                help=f"it sees {', '.join(known)}",
            ) from error
        raise DSLError(f"the condition {text!r} is for people: no run can decide it", at=str(at or ""))

    def function(self, name: str, where: Literal["conditions", "configurations"]) -> Callable[..., Any]:
        """A function of the project's own modules."""
        module = self._module(where)
        found = getattr(module, name, None)
        if not callable(found):
            functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            raise DSLError(
                f"the {where} module has no function {name!r}",
                at=str(getattr(self, where) or ""),
                help=nearest(name, functions),
            )
        return found  # type: ignore[no-any-return]  # of the user's module

    def _module(self, where: str) -> Any:
        return self._modules[where]

    @cached_property
    def _modules(self) -> dict[str, Any]:
        paths = {"conditions": self.conditions, "configurations": self.configurations}
        return {name: import_file(path) if path else _Nothing() for name, path in paths.items()}


class _Nothing:
    """The module of a project that has none."""
