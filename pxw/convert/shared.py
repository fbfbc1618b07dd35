"""Wrapped scripts: those that several modules define alike stand in one of their own, which these import."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from pxw.convert.frame import framed
from pxw.convert.source import WIDTH, Source
from pxw.convert.tasks import define

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.convert.tasks import Definition
    from pxw.convert.wiring import Wiring
    from pxw.dsl.project import Project

__all__ = ["SHARED", "Shared"]

SHARED = "scripts"


class Module(Protocol):
    """A converted module: its name, the graphs whose tasks it calls, and their project."""

    module: str
    project: Project

    @property
    def wirings(self) -> list[Wiring]: ...


class Shared:
    """The definitions of all wrapped scripts, by module and name.

    Args:
        modules: all of a conversion.
        out: their folder.
    """

    def __init__(self, modules: Iterable[Module], out: Path) -> None:
        self._known = {each.module: _definitions(each, out) for each in modules}
        counts = Counter((name, each.source().text()) for known in self._known.values() for name, each in known.items())
        self._texts: dict[str, str] = {}
        for (name, text), count in counts.most_common():
            if count > 1:  # of two that go by one name, the more frequent one
                self._texts.setdefault(name, text)

    def _is_shared(self, definition: Definition) -> bool:
        return definition.source().text() == self._texts.get(definition.step.function)

    def own(self, module: str) -> list[Source]:
        """The definitions that stand in a module itself."""
        known = self._known[module].values()
        imported = [each for each in known if self._is_shared(each)]
        return _written([each for each in known if not self._is_shared(each)], imported)

    def imports(self, module: str) -> list[str]:
        """What a module imports of those that it shares."""
        names = sorted(name for name, each in self._known[module].items() if self._is_shared(each))
        line = f"from {SHARED} import {', '.join(names)}"
        wrapped = "".join(f"    {name},\n" for name in names)
        return [line if len(line) <= WIDTH else f"from {SHARED} import (\n{wrapped})"] if names else []

    def source(self) -> Source | None:
        """The module of those that are shared, if any are."""
        first: dict[str, Definition] = {}
        for each in (each for known in self._known.values() for each in known.values() if self._is_shared(each)):
            first.setdefault(each.step.function, each)
        body = Source()
        for source in _written(first.values()):
            body.append(source)
        return framed("Scripts of the old project that several flows run.", body) if first else None


def _written(definitions: Iterable[Definition], known: Iterable[Definition] = ()) -> list[Source]:
    """Definitions one below the other; of those with the same script, the later ones are the first by other names."""
    first = {each.script: each.step.function for each in known}
    return [each.source(_other(first.setdefault(each.script, each.step.function), each)) for each in definitions]


def _other(first: str, definition: Definition) -> str:
    return first if first != definition.step.function else ""


def _definitions(module: Module, out: Path) -> dict[str, Definition]:
    return {
        step.function: define(step, wiring, module.project, out)
        for wiring in module.wirings
        for step in wiring.steps.values()
        if step.code is None
    }
