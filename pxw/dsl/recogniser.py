"""Recognises words by the grammar, and builds nothing: so one may look ahead, and go back."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from lark.parsers.lalr_analysis import Shift

from pxw.dsl.grammar import keywords, lark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lark import Token

__all__ = ["LINKS", "Recogniser", "State"]

LINKS = frozenset({"ARROW", "MAYBE", "EXCEPT", "_FLOW", "DOT"})


State: TypeAlias = "tuple[Any, int]"
"""A state of the grammar's table, and the number of the word that it was entered with."""


@cache
def _tables() -> tuple[dict[Any, dict[str, Any]], Any, Any]:
    parse: Any = lark().parse_interactive("", start="start").parser_state.parse_conf
    return parse.states, parse.start_state, parse.end_state


class Recogniser:
    """Where the reader is in the grammar: a stack of states.

    The grammar has no recursion but its lists, which are read from the left: the stack stays small, and copies are
    cheap. A stack is never changed, but replaced: who keeps one can go back to it.
    """

    def __init__(self, stack: list[State] | None = None) -> None:
        self._table, start, self._end = _tables()
        self.stack = stack or [(start, 0)]

    def feed(self, kind: str, index: int) -> bool:
        """Go on by one word; if it does not fit, nothing changes."""
        stack = self.stack.copy()
        if not self._push(stack, kind, index):
            return False
        self.stack = stack
        return True

    def accepts(self, kinds: Iterable[str], depth: int | None = None) -> bool:
        """Would these kinds of words be accepted, one after the other, with so much of the stack?"""
        stack = self.stack[:depth]
        return all(self._push(stack, kind, 0) for kind in kinds)

    def expected(self) -> list[str]:
        """List the kinds of words that can come next."""
        return [kind for kind in self._table[self.stack[-1][0]] if kind.isupper() and self.accepts([kind])]

    def choose(self, words: Sequence[Token], index: int) -> str:
        """Say how a word is meant: a keyword that cannot stand here, or that an arrow or a dot follows, is a name."""
        kind = str(words[index].type)
        if kind in keywords():
            linked = index + 1 < len(words) and words[index + 1].type in LINKS
            if (linked or not self.accepts([kind])) and self.accepts(["NAME"]):
                return "NAME"
        return kind

    def reach(self, words: Sequence[Token], start: int, stop: int) -> int:
        """Say which word is the first that does not fit, if one reads on; the end of the file is one more word."""
        for index in range(start, min(stop, len(words))):
            if not self.feed(self.choose(words, index), index):
                return index
        if stop > len(words):
            return stop if self.accepts(["$END"]) else len(words)
        return stop

    def member(self) -> int:
        """Find the height of the stack at which a whole member could stand in the place of what has been begun."""
        return next((k for k in range(len(self.stack), 0, -1) if self.accepts(["BROKEN"], k)), 1)

    def _push(self, stack: list[State], kind: str, index: int) -> bool:
        while True:
            action = self._table[stack[-1][0]].get(kind)
            if action is None:
                return False
            move, then = action
            if move is Shift:
                stack.append((then, index))
                return True
            size = len(then.expansion)
            begin = stack[-size][1] if size else index
            del stack[len(stack) - size :]
            state = self._table[stack[-1][0]][then.origin.name][1]
            stack.append((state, begin))
            if kind == "$END" and state == self._end:
                return True
