"""From text to syntax, in two steps: find and mend what is wrong, then build; so that one run reports all errors.

The grammar is LALR(1). After an unexpected word the reader looks for the small change after which most can be read
(`repairs`); where none is convincing, it skips to where the next member of the block begins. A file with errors is read
a second time with its braces as its lines are indented (`braces`), and the reading with fewer errors is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lark import Token

from pxw.dsl import syntax
from pxw.dsl.braces import Reading, as_indented
from pxw.dsl.diagnostics import Report, shown, span
from pxw.dsl.expected import hint
from pxw.dsl.grammar import keywords, lark
from pxw.dsl.recogniser import LINKS, Recogniser
from pxw.dsl.repairs import Place, Repair, best, made
from pxw.workflow import Span

if TYPE_CHECKING:
    from pathlib import Path

    from lark.parsers.lalr_interactive_parser import InteractiveParser

    from pxw.dsl.recogniser import State

__all__ = ["parse", "parse_file"]

MOST_ERRORS = 50
LONE_RETURN = re.compile(r"\r(?!\n)")  # where files of old Macs begin a new line
MEMBERS = frozenset({"NAME", "STRING", "LBRACE", "DATA", "TASK", "INPUT", "OUTPUT"})  # what comes behind a keyword


def parse_file(path: Path, report: Report) -> syntax.File | None:
    """Read and parse one file; None, and a diagnostic, if it cannot be read."""
    try:
        text = LONE_RETURN.sub("\n", path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        report.add("PXW314", f"cannot read '{shown(str(path))}': {error.strerror}", Span(str(path), 1, 1, 2))
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        report.source(path, error.object.decode("utf-8-sig", "replace"))
        place = Span(str(path), line, column, column + 1)
        wide = error.object[:2] in {b"\xff\xfe", b"\xfe\xff"}
        message = "the file is in UTF-16" if wide else f"byte {error.object[error.start]:#04x} is not UTF-8"
        report.add("PXW314", message, place, "save the file as UTF-8")
    else:
        return parse(text, path, report)
    return None


def parse(text: str, path: Path, report: Report) -> syntax.File:
    """Parse a text; what cannot be read becomes a diagnostic and a `Broken` node.

    >>> from pathlib import Path
    >>> report = Report()
    >>> file = parse("workflow W { START -> A -> END; task A; }", Path("w.xxp"), report)
    >>> file.items[0].word, [type(member).__name__ for member in file.items[0].members]
    (Token('NAME', 'W'), ['Chain', 'Task'])
    """
    report.source(path, text)
    reading = _read(text)
    for code, message, word, remedy in reading.problems:
        report.add(code, message, span(path, word), remedy)
    return syntax.File(path, text, _built(reading.words))


def _words(text: str) -> list[Token]:
    # The lexer knows no context, so that all words can be read first.
    parser: Any = lark().parse_interactive(text, start="start")
    words: list[Token] = []
    for word in parser.lexer_thread.lex(parser.parser_state):
        if word.type == "STRAY" and words and words[-1].type == "STRAY" and words[-1].end_pos == word.start_pos:
            words[-1] = _joined(words[-1], word)
        else:
            words.append(word)
    return words


def _joined(first: Token, last: Token) -> Token:
    """Make one word of strange characters that stand together."""
    return Token(
        "STRAY", first + last, first.start_pos, first.line, first.column, last.end_line, last.end_column, last.end_pos
    )


def _read(text: str) -> Reading:
    first = _Reader(Reading(_words(text)), text).read()
    if not first.problems:
        return first
    indented = as_indented(_words(text))
    if not indented.problems:
        return first
    return min(_Reader(indented, text).read(), first, key=lambda each: len(each.problems))


def _built(words: list[Token]) -> list[syntax.Node]:
    """Build the syntax of words that are known to fit."""
    parser: InteractiveParser = lark().parse_interactive("", start="start")
    for word in words:
        parser.feed_token(word)
    items: list[syntax.Node] = parser.feed_token(Token("$END", ""))
    return items


class _Reader:
    """One pass over the words of one file, which changes them until they fit."""

    def __init__(self, reading: Reading, text: str) -> None:
        self.reading, self.words, self.text = reading, reading.words, text
        self.state = Recogniser()
        self.past: list[list[State]] = []  # how reading had come to each word
        self.errors = 0
        self.cut: Token | None = None  # the last string that did not end: what is missing behind it is no news
        self.whole = True

    def read(self) -> Reading:
        """Read all words."""
        while len(self.past) < len(self.words):
            if self._feed():
                continue
            if self.errors == MOST_ERRORS:
                message = f"more than {MOST_ERRORS} syntax errors: the rest of the file is not read"
                self._say("PXW313", message, self.words[len(self.past)])
                self._drop_rest()
                break
            self.errors += 1
            self._recover()
        self._finish()
        return self.reading

    def _say(self, code: str, message: str, word: Token, remedy: str = "") -> None:
        self.reading.problems.append((code, message, word, remedy))

    def _drop_rest(self) -> None:
        del self.words[len(self.past) :]
        self.whole = False

    def _feed(self) -> bool:
        index = len(self.past)
        kind = self.state.choose(self.words, index)
        before = self.state.stack
        if not self.state.feed(kind, index):
            return False
        if kind != self.words[index].type:
            self.words[index] = self.words[index].update(kind)
        self.past.append(before)
        return True

    def _open(self) -> list[Token]:
        """The braces that are open where reading stands."""
        found: list[Token] = []
        for word in self.words[: len(self.past)]:
            if word.type == "LBRACE":
                found.append(word)
            elif word.type == "RBRACE" and found:
                found.pop()
        return found

    # ------------------------------------------------------------------------------------------ after an error

    def _recover(self) -> None:
        index = len(self.past)
        word = self.words[index]
        if word.type == "UNCLOSED_COMMENT":
            self._say("PXW312", "this comment does not end", word, "close it with '*/'")
            self._drop_rest()
        elif word.type == "STRAY" and word.startswith("#"):
            self._say("PXW310", "unexpected character '#'", word, "comments begin with '//'")
            end = next((k for k in range(index, len(self.words)) if self.words[k].line != word.line), len(self.words))
            del self.words[index:end]
        elif repair := best(Place(self.words, index, [*self.past, self.state.stack], self.text, self._open())):
            self._mend(repair)
        elif word.type in {"UNCLOSED_STRING", "CURLY_STRING"}:
            self._close(word)
        else:
            self._complain(word)
            self._skip()

    def _close(self, word: Token) -> None:
        if word.type == "CURLY_STRING":
            text = word[1:-1]
            self._say("PXW310", "typographic quotes", word, f'write "{text}"')
        else:
            text = word[1:].rstrip()
            self._say("PXW312", "this string does not end on its line", word, f"close it with {word[0]}")
        self.words[len(self.past)] = self.cut = word.update("STRING", text)

    def _mend(self, repair: Repair) -> None:
        if not (repair.code == "PXW311" and self.cut is not None and self.words[repair.start - 1] is self.cut):
            self._say(repair.code, repair.message, repair.at, repair.help)
        self._replace(repair.start, repair.end, repair.words)

    def _replace(self, start: int, end: int, words: tuple[Token, ...]) -> None:
        """Put other words in the place of some, and go back to there."""
        self.words[start:end] = words
        if start < len(self.past):
            self.state.stack = self.past[start]
            del self.past[start:]

    def _complain(self, word: Token) -> None:
        before = self.words[len(self.past) - 1] if self.past else None
        at, message, remedy = hint(word, before, self.state.expected())
        self._say("PXW310", message, at, remedy)

    def _skip(self) -> None:
        """Leave a `Broken` in the place of the member that was begun, and go on with the next one."""
        index = len(self.past)
        word = self.words[index]
        end = self._next_member(index)
        self._break(index, end, word)
        self._feed()
        index = len(self.past)
        if index < len(self.words) and self.words[index] is word and not self.state.accepts([word.type]):
            del self.words[index]

    def _break(self, index: int, end: int, word: Token) -> None:
        height = self.state.member()
        begin = self.state.stack[height][1] if height < len(self.state.stack) else index
        self.state.stack = self.state.stack[:height]
        self.words[begin:end] = [word.update("BROKEN")]
        del self.past[begin:]

    def _next_member(self, start: int) -> int:
        depth = 0
        for index in range(start, len(self.words)):
            kind = self.words[index].type
            if kind == "LBRACE":
                depth += 1
            elif kind == "RBRACE":
                if not depth:
                    return index
                depth -= 1
            elif not depth and index > start and self._starts_member(index):
                return index
            if not depth and kind in {"SEMICOLON", "RBRACE"}:
                closed = kind == "RBRACE" and [each.type for each in self.words[index + 1 : index + 2]] == ["SEMICOLON"]
                return index + 1 + closed
        return len(self.words)

    def _starts_member(self, index: int) -> bool:
        word = self.words[index]
        following = self.words[index + 1].type if index + 1 < len(self.words) else ""
        if word.line == self.words[index - 1].line:
            return False
        return following in (MEMBERS if word.type in keywords() else LINKS if word.type == "NAME" else ())

    def _finish(self) -> None:
        """Close what the file leaves open."""
        if self.state.accepts(["$END"]):
            return
        end = made("RBRACE", self.words[-1])
        if self.whole:
            opened = self._open()
            opener = f" (its '{{' is on line {opened[-1].line})" if opened else ""
            missing = "'}'" if self.state.accepts(["RBRACE"]) else "the rest of a member"
            self._say("PXW311", f"the file ends too early: expected {missing}{opener}", end)
        while not self.state.accepts(["$END"]):
            if self.state.accepts(["RBRACE"]):
                self.words.append(end)
            else:
                self._break(len(self.past), len(self.words), end)
            self._feed()
