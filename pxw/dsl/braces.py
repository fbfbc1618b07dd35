"""Where a brace is missing, or too many, by what the lines' indentation says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pxw.dsl.expected import describe
from pxw.dsl.repairs import made

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Reading", "as_indented"]


@dataclass
class Reading:
    """Words that one may read, and what was wrong with them: code, message, where, and what to do."""

    words: list[Token]
    problems: list[tuple[str, str, Token, str]] = field(default_factory=list)


def as_indented(words: list[Token]) -> Reading:
    """Put in and leave out braces until each block ends where its lines end to be indented."""
    return _Indented(words).read()


class _Indented:
    def __init__(self, words: list[Token]) -> None:
        self.given = words
        self.reading = Reading([])
        self.open: list[tuple[Token, int]] = []
        self.lines: list[tuple[int, Token]] = []  # the indentation of each line, and its last word
        self.starts_line: Token | None = None

    def read(self) -> Reading:
        for index, word in enumerate(self.given):
            first = self.starts_line is None or word.line != self.starts_line.line
            if first:
                self.starts_line = word
                self.lines.append((word.column or 1, word))
            indent = self.lines[-1][0]
            if first:
                self._begin(word, indent)
            if word.type == "RBRACE":
                self._close(word, indent, self._behind(index), first=first)
            else:
                self.reading.words.append(word)
            if word.type == "LBRACE":
                self.open.append((word, indent))
            self.lines[-1] = (indent, word)
        return self.reading

    def _begin(self, word: Token, indent: int) -> None:
        """A line that is indented no deeper than a block's first line stands behind the block."""
        closing = word.type == "RBRACE"
        while self.open and (indent < self.open[-1][1] or (indent == self.open[-1][1] and not closing)):
            opener, _ = self.open.pop()
            last = self.reading.words[-1]
            message = f"expected '}}' after {describe(last)} (its '{{' is on line {opener.line})"
            token = made("RBRACE", last)
            self.reading.words.append(token)
            self.reading.problems.append(("PXW311", message, token, ""))

    def _close(self, word: Token, indent: int, following: Token | None, *, first: bool) -> None:
        own_line = self.starts_line is not None and self.starts_line.type == "RBRACE"
        if self.open and not (own_line and indent > self.open[-1][1]) and not self._goes_on(word, following):
            self.open.pop()
            self.reading.words.append(word)
            return
        if self.open and not own_line:
            self.reading.problems.append(("PXW310", "unmatched '}'", word, "leave it out"))
            return
        head = next((last for depth, last in reversed(self.lines[:-1]) if depth == indent), None)
        if first and head is not None and head.type not in {"SEMICOLON", "LBRACE", "RBRACE"}:
            place = self.reading.words.index(head) + 1
            token = made("LBRACE", head)
            self.reading.words[place:place] = [token]
            self.reading.problems.append(("PXW311", f"expected '{{' after {describe(head)}", token, ""))
            self.reading.words.append(word)
        else:
            self.reading.problems.append(("PXW310", "unmatched '}'", word, "leave it out"))

    def _behind(self, index: int) -> Token | None:
        """The next word that is no `;`."""
        return next((word for word in self.given[index + 1 : index + 3] if word.type != "SEMICOLON"), None)

    def _goes_on(self, word: Token, following: Token | None) -> bool:
        """Is the block that this brace would end still indented on the next line?"""
        if following is None or following.line == word.line or following.type == "RBRACE":
            return False
        *outer, (_, indent) = self.open
        within = bool(outer) and outer[-1][1] == indent  # a block that began on the same line goes on
        return (following.column or 1) > indent and not within
