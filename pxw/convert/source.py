"""Python source, line by line, as `ruff format` would leave it; each line may know where it comes from."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pxw.convert.names import is_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pxw.workflow import Span, Value

__all__ = ["Group", "Part", "Source", "call", "keywords", "mapping", "prefixed", "quoted", "sequence", "written"]

WIDTH = 120
STEP = "    "


@dataclass(frozen=True)
class Group:
    """What stands between brackets: on one line if it fits, else each part on a line of its own."""

    head: str
    parts: Sequence[Part]
    tail: str

    def flat(self) -> str:
        """All on one line."""
        return f"{self.head}{', '.join(map(_flat, self.parts))}{self.tail}"

    def lines(self, indent: str = "", suffix: int = 0) -> list[str]:
        """As few lines as fit; `suffix`: how much follows on the last one."""
        if len(indent) + len(self.flat()) + suffix <= WIDTH or not self.parts:
            return [self.flat()]
        found = [self.head]
        for part in self.parts:
            inner = part.lines(indent + STEP, 1) if isinstance(part, Group) else [part]
            found += [f"{STEP}{line}" for line in inner[:-1]] + [f"{STEP}{inner[-1]},"]
        return [*found, self.tail]


Part: TypeAlias = str | Group


def _flat(part: Part) -> str:
    return part.flat() if isinstance(part, Group) else part


def call(function: str, parts: Iterable[Part], end: str = ")") -> Group:
    """`function(part, part)`."""
    return Group(f"{function}(", list(parts), end)


def sequence(head: str, parts: Iterable[Part]) -> Group:
    """`head[part, part]`."""
    return Group(f"{head}[", list(parts), "]")


def mapping(head: str, items: Mapping[str, str]) -> Group:
    """`head{"key": value}`."""
    return Group(f"{head}{{", [f"{quoted(key)}: {value}" for key, value in items.items()], "}")


def keywords(items: Mapping[str, Part]) -> list[Part]:
    """`key=value`, and `**{"no name": value}` for what cannot be written so."""
    plain = [prefixed(f"{key}=", value) for key, value in items.items() if is_parameter(key)]
    odd = {key: _flat(value) for key, value in items.items() if not is_parameter(key)}
    return [*plain, *([mapping("**", odd)] if odd else [])]


def prefixed(text: str, part: Part) -> Part:
    """A part with something in front of it: `name = `, `key=`, `*`."""
    return Group(f"{text}{part.head}", part.parts, part.tail) if isinstance(part, Group) else f"{text}{part}"


def quoted(text: str) -> str:
    """A string in the quotes that ruff prefers.

    >>> print(quoted("it's"), quoted('say "so"'))
    "it's" 'say "so"'
    """
    shown = repr(text)
    if shown[0] == '"' or '"' in text:
        return shown
    return f'"{shown[1:-1]}"'


def written(value: Value) -> str:
    """A value as Python writes it.

    >>> written("a"), written(1e20), written(True), written(None)
    ('"a"', '1e20', 'True', 'None')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return quoted(value) if isinstance(value, str) else repr(value).replace("e+", "e")


@dataclass
class Source:
    """Lines, and where those come from that have an origin."""

    lines: list[str] = field(default_factory=list)
    origins: dict[int, Span] = field(default_factory=dict)
    depth: int = 0

    def add(self, part: Part = "", at: Span | None = None) -> None:
        """Add a statement at the present depth."""
        indent = STEP * self.depth
        lines = part.lines(indent) if isinstance(part, Group) else [part]
        if at is not None:
            self.origins[len(self.lines) + 1] = at
        self.lines += [f"{indent}{line}" if line else "" for line in lines]

    def blank(self, count: int = 2) -> None:
        """Leave lines empty."""
        self.lines += [""] * count

    def comment(self, text: str) -> None:
        """Add a comment, wrapped."""
        indent = f"{STEP * self.depth}# "
        self.lines += textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)

    def docstring(self, text: str) -> None:
        """Add a docstring: one sentence on the first line, or wrapped below it."""
        text = " ".join(text.replace("\\", "\\\\").replace('"""', "'''").split()).rstrip('" ')
        text = text if text.endswith((".", "!", "?")) else f"{text}."
        lines = textwrap.wrap(text, WIDTH - len(STEP) * self.depth - 6, break_long_words=False)
        self.add(f'"""{lines[0]}' + ('"""' if len(lines) == 1 else ""))
        for line in lines[1:]:
            self.add(line)
        if len(lines) > 1:
            self.add('"""')

    def append(self, other: Source) -> None:
        """Add all lines of another source."""
        self.origins |= {line + len(self.lines): at for line, at in other.origins.items()}
        self.lines += other.lines

    def text(self) -> str:
        """The whole file."""
        return "\n".join(self.lines).rstrip("\n") + "\n"
