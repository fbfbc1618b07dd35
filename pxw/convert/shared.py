"""Wrapped scripts: those that several modules define alike stand in one of their own, which these import."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from pxw.convert.frame import framed
from pxw.convert.source import WIDTH, Source
from pxw.convert.tasks import written_task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
        counts = Counter((name, source.text()) for known in self._known.values() for name, source in known.items())
        self._texts: dict[str, str] = {}
        for (name, text), count in counts.most_common():
            if count > 1:  # of two that go by one name, the more frequent one
                self._texts.setdefault(name, text)

    def own(self, module: str) -> list[Source]:
        """The definitions that stand in a module itself."""
        return [source for name, source in self._known[module].items() if source.text() != self._texts.get(name)]

    def imports(self, module: str) -> list[str]:
        """What a module imports of those that it shares."""
        known = self._known[module].items()
        names = sorted(name for name, source in known if source.text() == self._texts.get(name))
        line = f"from {SHARED} import {', '.join(names)}"
        wrapped = "".join(f"    {name},\n" for name in names)
        return [line if len(line) <= WIDTH else f"from {SHARED} import (\n{wrapped})"] if names else []

    def source(self) -> Source | None:
        """The module of those that are shared, if any are."""
        body = Source()
        for name, text in self._texts.items():
            every = (known[name] for known in self._known.values() if name in known)
            body.append(next(source for source in every if source.text() == text))
        return framed("Scripts of the old project that several flows run.", body) if self._texts else None


def _definitions(module: Module, out: Path) -> dict[str, Source]:
    return {
        step.function: written_task(step, wiring, module.project, out)
        for wiring in module.wirings
        for step in wiring.steps.values()
        if step.code is None
    }
