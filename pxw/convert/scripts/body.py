"""What stands inside of the function, and what outside, with the comments of both."""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

from pxw.convert.scripts.text import indented, narrow

if TYPE_CHECKING:
    from pxw.convert.scripts.draft import Draft
    from pxw.convert.scripts.script import Role
    from pxw.convert.scripts.text import Chunk

__all__ = ["Body"]

# Comments that only tell of a statement that is no longer there.
_NARRATING = re.compile(
    r"#+\W*([\w-]+ ){0,4}?"
    r"(load|read|fetch|get|retriev|import|librar|sav|stor|writ|output|upload|modul|depend|param|variab)",
    re.IGNORECASE,
)
_FOR_TOOLS = re.compile(r"#!|#.*coding[:=]|# *(noqa|type:|pylint|fmt:|isort)")


class Body:
    """Sorts a script's pieces."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._text = draft.script.text
        self._roles = {
            id(each.node): role for each, role in zip(draft.script.statements, draft.script.roles, strict=True)
        }
        self._chunks = list(self._text.chunks())

    def opening(self) -> str:
        """The comments at the head of the file, which are about all of it."""
        comments = self._comments(self._chunks[0]) if self._chunks else []
        return narrow("\n".join(each for each in comments if not _FOR_TOOLS.match(each)))

    def outside(self) -> str:
        """Functions, classes and constants."""
        pieces: list[str] = []
        is_constant = True
        for number, chunk in enumerate(self._chunks):
            if self._role(chunk) == "outside":
                was_constant, is_constant = is_constant, chunk.start == chunk.last
                comments = self._comments(chunk) if number else []
                code = self._text.lines(chunk.start, chunk.last)
                pieces += ["\n" if was_constant and is_constant else "\n\n\n", narrow("\n".join([*comments, code]))]
        return "".join(pieces[1:])

    def inside(self) -> str:
        """The statements of the function."""
        pieces: list[str] = []
        for number, chunk in enumerate(self._chunks):
            role = self._role(chunk)
            comments = self._comments(chunk) if number and role != "outside" else []
            is_gone = role != "body" or all(id(node) in self._draft.dropped for node in chunk.nodes)
            if not chunk.nodes:
                pieces += comments
            elif is_gone and role != "outside":
                pieces += [*_remaining(comments), *self._beside(chunk)]
            elif is_gone:
                continue
            else:
                pieces += [*comments, self._text.lines(chunk.start, chunk.last)]
        return indented(narrow("\n".join(pieces))) if any(pieces) else ""

    def _beside(self, chunk: Chunk) -> list[str]:
        """The comments in and behind a statement that is gone, if they tell of anything else."""
        lines = self._text.source.split("\n")[chunk.start - 1 : chunk.last]
        tokens = tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline)
        found = [each.string for each in tokens if each.type == tokenize.COMMENT]
        return [each for each in found if not (_NARRATING.match(each) or _FOR_TOOLS.match(each))]

    def _role(self, chunk: Chunk) -> Role:
        return self._roles[id(chunk.nodes[0])] if chunk.nodes else "body"

    def _comments(self, chunk: Chunk) -> list[str]:
        found = self._text.source.split("\n")[chunk.first - 1 : chunk.start - 1]
        return [line.strip() for line in found]


def _remaining(comments: list[str]) -> list[str]:
    """The comments above a statement that is gone: the last block spoke of it, if that is what it says."""
    last = len(comments)
    while last and comments[last - 1]:
        last -= 1
    block = comments[last:]
    return comments[:last] if block and all(map(_NARRATING.match, block[:1])) else comments
