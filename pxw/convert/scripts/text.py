"""A script's text: where its nodes stand, and how pieces of it are changed without touching the rest."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Chunk", "Reason", "Text", "decoded", "indented", "moved", "narrow"]

STEP = "    "


@dataclass(frozen=True, order=True)
class Reason:
    """Why a script, or a part of it, cannot become a function.

    Args:
        line: where it says so.
        message: what it does.
        file: the file, if it is not the script's.
        is_shared: whether it does no harm in a process of its own.
    """

    line: int
    message: str
    file: str = ""
    is_shared: bool = False


@dataclass(frozen=True)
class Chunk:
    """A top-level statement, or several that share a line, with the comments above.

    Args:
        nodes: the statements.
        first: the line that its comments, or blank lines, begin with.
        start: the line that its statements begin with.
        last: the line that they end with.
    """

    nodes: tuple[ast.stmt, ...]
    first: int
    start: int
    last: int


@dataclass
class Text:
    """A script that Python can parse, and the changes to be made to it."""

    source: str
    tree: ast.Module = field(init=False)
    edits: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.source)
        self._lines = self.source.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends in the text."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        """The place of a line and a column, which counts bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Write something else in a node's place."""
        self.edits[self.span(node)] = text

    def changed(self, node: ast.expr | ast.stmt) -> str:
        """A node's text with the changes inside of it."""
        return self._between(*self.span(node))

    def lines(self, first: int, last: int) -> str:
        """Some lines with the changes inside of them."""
        return self._between(self._starts[first - 1], self._starts[last] - 1)

    def _between(self, start: int, end: int) -> str:
        pieces, at = [], start
        for (begin, stop), text in sorted(self.edits.items(), key=lambda each: (each[0][0], -each[0][1])):
            if begin >= at and stop <= end:
                pieces += [self.source[at:begin], text]
                at = stop
        return "".join([*pieces, self.source[at:end]])

    def chunks(self) -> Iterator[Chunk]:
        """The top-level statements in order; what follows the last of them comes as a chunk of none."""
        at, body = 1, list(self.tree.body)
        while body:
            nodes = [body.pop(0)]
            while body and body[0].lineno <= (nodes[-1].end_lineno or 0):
                nodes.append(body.pop(0))
            last = nodes[-1].end_lineno or 0
            yield Chunk(tuple(nodes), at, first_line(nodes[0]), last)
            at = last + 1
        if at <= len(self._lines):
            yield Chunk((), at, len(self._lines) + 1, len(self._lines))


def first_line(node: ast.stmt) -> int:
    """The line that a statement begins with, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def indented(text: str) -> str:
    """The text one step deeper; the inner lines of a string stay, for they are its value."""
    return "\n".join(
        line if inner or not line.strip() else f"{STEP}{line}" for line, inner in _with_strings(text.split("\n"), text)
    )


def moved(lines: list[str], source: str, first: int, by: int) -> list[str]:
    """Lines of a source, from number `first` on, with `by` signs less in front."""
    inner = dict(enumerate((inner for _, inner in _with_strings(source.split("\n"), source)), 1))
    return [line if inner[number] else line[min(by, _depth(line)) :] for number, line in enumerate(lines, first)]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_strings(lines: list[str], source: str) -> Iterable[tuple[str, bool]]:
    inner = set(_inner_lines(source))
    return [(line, number in inner) for number, line in enumerate(lines, 1)]


def _inner_lines(source: str) -> Iterator[int]:
    """The lines that begin inside of a string."""
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
        name = tokenize.tok_name[token.type]
        if name.endswith("STRING_START"):
            begun.append(token.start[0])
        elif name.endswith("STRING_END"):
            yield from range(begun.pop() + 1, token.end[0] + 1)
        elif name == "STRING":
            yield from range(token.start[0] + 1, token.end[0] + 1)


def narrow(text: str) -> str:
    """The text without blank lines around it, and with one at most in a row within."""
    kept: list[str] = []
    for line in text.strip("\n").split("\n"):
        if line.strip() or (kept and kept[-1]):
            kept.append(line if line.strip() else "")
    return "\n".join(kept)


def decoded(content: bytes) -> str:
    """A script's text as Python reads it.

    Raises:
        SyntaxError: it is in no encoding that it names.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(str(error)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
