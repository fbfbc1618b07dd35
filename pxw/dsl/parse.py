"""From text to syntax: one pass that goes on after an error, so that one run reports them all.

The grammar is LALR(1). After an unexpected word the reader tries, in this order: to put in what is obviously missing
(a `;`, a brace), to leave out a stray piece of punctuation, and to skip to where the next member of the block begins.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lark import Lark, Token
from lark.exceptions import UnexpectedToken

from pxw.dsl import syntax
from pxw.dsl.build import Build
from pxw.dsl.diagnostics import Report, shown, span
from pxw.dsl.expected import describe, hint, spelled
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lark.parsers.lalr_interactive_parser import InteractiveParser

__all__ = ["parse", "parse_file"]

MOST_ERRORS = 50
LINKS = frozenset({"ARROW", "MAYBE", "EXCEPT", "_FLOW", "DOT"})
STRAYS = frozenset({"SEMICOLON", "COMMA", "ARROW", "MAYBE", "EXCEPT", "EQUAL", "RPAR", "RSQB", "DOT"})
MISSING = (("SEMICOLON",), ("RBRACE",), ("RPAR",), ("RPAR", "SEMICOLON"), ("SEMICOLON", "RBRACE"), ("RSQB",))


@cache
def _lark() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark")
    # Its tables take 90 ms to build: they are kept where Python keeps the compiled modules, and lark makes them anew if
    # they are of another grammar, or damaged.
    tables = Path(cache_from_source(grammar)).with_suffix(".lark")
    return Lark(
        grammar.read_text(encoding="utf-8"),
        start=["start", "unreadable"],
        parser="lalr",
        lexer="basic",
        transformer=cast("Any", Build()),  # any object with a method for each rule will do
        lexer_callbacks={"STRING": _unquoted},
        maybe_placeholders=True,
        cache=False if sys.dont_write_bytecode else str(tables),
    )


def _unquoted(token: Token) -> Token:
    text = token[1:-1]
    return token.update(value=re.sub(rf"\\([\\{token[0]}])", r"\1", text) if "\\" in text else text)


@cache
def _keywords() -> frozenset[str]:
    return frozenset(term.name for term in _lark().terminals if spelled(_lark(), term.name).isidentifier())


def parse_file(path: Path, report: Report) -> syntax.File | None:
    """Read and parse one file; None, and a diagnostic, if it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        report.add("PXW314", f"cannot read '{shown(str(path))}': {error.strerror}", Span(str(path), 1, 1, 2))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        place = Span(str(path), line, column, column + 1)
        report.add("PXW314", f"byte {error.object[error.start]:#04x} is not UTF-8", place, "save the file as UTF-8")
    else:
        return parse(text, path, report)
    return None


def parse(text: str, path: Path, report: Report) -> syntax.File:
    """Parse a text; what cannot be read becomes a diagnostic and a `Broken` node.

    >>> report = Report()
    >>> file = parse("workflow W { START -> A -> END; task A; }", Path("w.xxp"), report)
    >>> file.items[0].word, [type(member).__name__ for member in file.items[0].members]
    (Token('NAME', 'W'), ['Chain', 'Task'])
    """
    report.source(path, text)
    return syntax.File(path, text, _Reader(text, path, report).read())


class _Reader:
    """One pass over the words of one file."""

    def __init__(self, text: str, path: Path, report: Report) -> None:
        self.path = path
        self.report = report
        self.parser: InteractiveParser = _lark().parse_interactive(text, start="start")
        # The lexer knows no context, so that all words can be read first, and skipped after an error.
        lexer: Any = self.parser.lexer_thread
        self.words: list[Token] = list(lexer.lex(self.parser.parser_state))
        self.end = self._end(text)
        self.index = 0
        self.errors = 0
        self.open: list[Token] = []
        self.cut: Token | None = None  # the last string that did not end: what is missing behind it is no news
        self.table: dict[Any, dict[str, Any]] = self.parser.parser_state.parse_conf.states

    def _end(self, text: str) -> Token:
        if self.words:
            last = self.words[-1]
            line, column = last.end_line or 1, last.end_column or 1
        else:
            line, column = 1, 1
        return Token("$END", "", len(text), line, column, line, column + 1, len(text))

    def read(self) -> list[syntax.Node]:
        while self.index < len(self.words):
            if self._feed(self.words[self.index]):
                self.index += 1
            elif self.errors < MOST_ERRORS:
                self._recover(self.words[self.index])
            else:
                at = span(self.path, self.words[self.index])
                self.report.add(
                    "PXW313", f"more than {MOST_ERRORS} syntax errors: the rest of the file is not read", at
                )
                self.index = len(self.words)
        return self._finish()

    # ------------------------------------------------------------------------------------------ feeding

    def _feed(self, word: Token) -> bool:
        """Feed one word; a keyword that cannot stand here, or that an arrow or a dot follows, as a name."""
        keyword = word.type in _keywords()
        if not keyword or self._kind(self.index + 1) not in LINKS or not self._accepts(["NAME"]):
            if self._try(word):
                return True
            if not keyword:
                return False
        kind, word.type = word.type, "NAME"
        if self._try(word):
            return True
        word.type = kind
        return False

    def _try(self, word: Token) -> bool:
        try:
            self.parser.feed_token(word)
        except UnexpectedToken:
            return False
        if word.type == "LBRACE":
            self.open.append(word)
        elif word.type == "RBRACE" and self.open:
            self.open.pop()
        return True

    def _kind(self, index: int) -> str:
        return self.words[index].type if index < len(self.words) else "$END"

    def _accepts(self, kinds: Iterable[str], depth: int | None = None) -> bool:
        """Would these kinds of words be accepted, one after the other, with so much of the stack?"""
        state = self.parser.parser_state.copy(deepcopy_values=False)
        if depth is not None:
            del state.state_stack[depth:], state.value_stack[depth - 1 :]
        state.parse_conf = type(state.parse_conf)(state.parse_conf.parse_table, {}, state.parse_conf.start)
        try:
            for kind in kinds:
                state.feed_token(Token(kind, ""), kind == "$END")
        except UnexpectedToken:
            return False
        return True

    # ------------------------------------------------------------------------------------------ after an error

    def _recover(self, word: Token) -> None:
        self.errors += 1
        if word.type in {"UNCLOSED_STRING", "UNCLOSED_COMMENT", "STRAY"}:
            self._unreadable(word)
        elif not self._put_in(word) and not self._leave_out(word):
            self._complain(word)
            self._skip()

    def _unreadable(self, word: Token) -> None:
        at = span(self.path, word)
        if word.type == "STRAY":
            self.report.add("PXW310", f"unexpected character {str(word)!r}", at)
            self.index += 1
        elif word.type == "UNCLOSED_COMMENT":
            self.report.add("PXW312", "this comment does not end", at, "close it with '*/'")
            self.index = len(self.words)
        else:
            self.report.add("PXW312", "this string does not end on its line", at, f"close it with {word[0]}")
            self.words[self.index] = self.cut = word.update("STRING", word[1:].rstrip())

    def _made(self, kind: str, after: Token) -> Token:
        line, column = after.end_line or 1, after.end_column or 1
        return Token(kind, spelled(_lark(), kind), after.end_pos, line, column, line, column + 1, after.end_pos)

    def _put_in(self, word: Token) -> bool:
        """Go on as if a missing bracket or semicolon were there, if then the next words fit."""
        previous = self.words[self.index - 1] if self.index else None
        if previous is None:
            return False
        for missing in MISSING:
            if "RBRACE" in missing and word.line == previous.end_line:
                continue
            if self._accepts((*missing, word.type)):
                self._miss(missing, previous)
                return True
        return False

    def _miss(self, missing: tuple[str, ...], previous: Token) -> None:
        made = [self._made(kind, previous) for kind in missing]
        text = "".join(made)
        opener = f" (its '{{' is on line {self.open[-1].line})" if "}" in text and self.open else ""
        message = f"expected '{text}' after {describe(previous)}{opener}"
        if previous is not self.cut:
            self.report.add("PXW311", message, span(self.path, made[0]))
        for each in made:
            self._feed(each)

    def _leave_out(self, word: Token) -> bool:
        stray = word.type in STRAYS or (word.type == "RBRACE" and not self.open)
        if not stray or not (word.type == "RBRACE" or self._accepts([self._kind(self.index + 1)])):
            return False
        extra = "unmatched" if word.type == "RBRACE" else "unexpected"
        self.report.add("PXW310", f"{extra} {describe(word)}", span(self.path, word), "leave it out")
        self.index += 1
        return True

    def _complain(self, word: Token) -> None:
        before = self.words[self.index - 1] if self.index else None
        position = self.parser.parser_state.position
        expected = [kind for kind in self.table[position] if kind.isupper() and self._accepts([kind])]
        at, message, remedy = hint(_lark(), word, before, expected)
        self.report.add("PXW310", message, span(self.path, at), remedy)

    def _skip(self) -> None:
        """Drop what belongs to the broken member, and leave a `Broken` node in its place."""
        start = self.words[self.index]
        self.index = self._next_member()
        self._break(start)
        if self.index < len(self.words) and self.words[self.index] is start and not self._accepts([start.type]):
            self.index += 1

    def _break(self, at: Token) -> None:
        state = self.parser.parser_state
        depth = next((k for k in range(len(state.state_stack), 0, -1) if self._accepts(["BROKEN"], k)), 1)
        del state.state_stack[depth:], state.value_stack[depth - 1 :]
        self.parser.feed_token(at.update("BROKEN"))

    def _next_member(self) -> int:
        depth = 0
        for index in range(self.index, len(self.words)):
            kind = self.words[index].type
            if kind == "LBRACE":
                depth += 1
            elif kind == "RBRACE":
                if not depth:
                    return index
                depth -= 1
            elif not depth and index > self.index and self._starts_member(index):
                return index
            if not depth and kind in {"SEMICOLON", "RBRACE"}:
                return index + 1
        return len(self.words)

    def _starts_member(self, index: int) -> bool:
        word = self.words[index]
        return (
            word.line != self.words[index - 1].line
            and word.type in _keywords()
            and self._kind(index + 1) in {"NAME", "STRING", "LBRACE", "DATA", "TASK", "INPUT", "OUTPUT"}
        )

    def _finish(self) -> list[syntax.Node]:
        """Close what the file leaves open."""
        if not self._accepts(["$END"]) and self.errors < MOST_ERRORS:
            opener = f" (its '{{' is on line {self.open[-1].line})" if self.open else ""
            missing = "'}'" if self._accepts(["RBRACE"]) else "the rest of a member"
            self.report.add("PXW311", f"the file ends too early: expected {missing}{opener}", span(self.path, self.end))
        while not self._accepts(["$END"]):
            if self._accepts(["RBRACE"]):
                self._feed(self._made("RBRACE", self.end))
            else:
                self._break(self.end)
        items: list[syntax.Node] = self.parser.feed_token(self.end)
        return items
