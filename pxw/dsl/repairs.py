"""What a syntax error may have been meant to be: small changes of the words, of which the one is taken that reads best.

A change is judged by how far the file can be read behind it. Where several are equally good, the first of the order
here is taken: a misspelt keyword, a wrong arrow, something missing, something else in its place, something too much.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lark import Token

from pxw.dsl.expected import describe
from pxw.dsl.grammar import homes, keywords, spelled
from pxw.dsl.recogniser import LINKS, Recogniser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.dsl.recogniser import State

__all__ = ["Place", "Repair", "best", "made"]

LOOK_AHEAD = 40  # words
ARROWS = {"ARROW": "_FLOW", "_FLOW": "ARROW"}
QUOTED = 12  # words that an unquoted text may have
PAIRS = {"LSQB": "RSQB", "LBRACE": "RBRACE", "LPAR": "RPAR"}
_AROUND = frozenset({"SEMICOLON", "LBRACE", "RBRACE"})
MISSING = ("COMMA", "EQUAL", "LPAR", "RPAR", "RSQB", "_OR", "ARROW", "DOT", "_FLOW", "COLON", "SEMICOLON")
MISSING_TOGETHER = (("RPAR", "SEMICOLON"), ("SEMICOLON", "RBRACE"), ("RPAR", "SEMICOLON", "RBRACE"))
JOINING = frozenset({"ARROW", "_FLOW", "DOT", "_OR"})
INSTEAD = ("SEMICOLON", "ARROW", "_FLOW", "EQUAL", "COMMA", "COLON", "_OR", "DOT", "LPAR", "RPAR", "RSQB")
SIGNS = frozenset({"STRAY", "LOOKALIKE", "COLON", "COMMA", "DOT", "EQUAL", "LSQB", "RSQB", "LPAR", "RPAR", "_OR"})
ARROW_SIGNS = frozenset("-<>=!~")
ALL_ARROWS = frozenset({"ARROW", "_FLOW", "MAYBE", "EXCEPT"})


@dataclass(frozen=True)
class Repair:
    """Words `start` to `end` are replaced; what is said about it, and at which word."""

    start: int
    end: int
    words: tuple[Token, ...]
    code: str
    message: str
    at: Token
    help: str = ""
    need: int = 2
    """How many words must fit behind the change, for it to be believed."""


@dataclass(frozen=True)
class Place:
    """Where reading stopped: at the word `index`; `past` says how it had come to each word before."""

    words: list[Token]
    index: int
    past: list[list[State]]
    text: str
    opened: list[Token]

    @property
    def word(self) -> Token:
        """The word that does not fit."""
        return self.words[self.index]

    @property
    def before(self) -> Token | None:
        """The word before it."""
        return self.words[self.index - 1] if self.index else None

    def state(self, index: int) -> Recogniser:
        """How reading had come to a word."""
        return Recogniser(self.past[index])

    def fits(self, repair: Repair) -> int:
        """Say how many of the words behind a repair fit; `LOOK_AHEAD` if all that are looked at do."""
        words = [*repair.words, *self.words[repair.end : self.index + LOOK_AHEAD]]
        whole = self.index + LOOK_AHEAD >= len(self.words)
        stop = len(words) + whole
        reached = self.state(repair.start).reach(words, 0, stop)
        return LOOK_AHEAD if reached == stop else reached - len(repair.words)


def best(place: Place) -> Repair | None:
    """Find the change after which most can be read; None if nothing is convincing."""
    found: list[tuple[int, Repair]] = []
    for repair in _repairs(place):
        fitting = place.fits(repair)
        if fitting == LOOK_AHEAD:
            return repair
        if fitting >= repair.need and repair.end + fitting >= place.index + (repair.end < place.index):
            found.append((repair.end + fitting, repair))
    return max(found, key=lambda each: each[0])[1] if found else None


def made(kind: str, after: Token) -> Token:
    """Make a word of fixed spelling, as if it stood behind another one."""
    invented = after.start_pos == after.end_pos
    line, column = (after.line or 1, after.column or 1) if invented else (after.end_line or 1, after.end_column or 1)
    return Token(kind, spelled(kind), after.end_pos, line, column, line, column + 1, after.end_pos)


def _repairs(place: Place) -> Iterator[Repair]:
    yield from _elsewhere(place)
    yield from _misspelt(place)
    yield from _unquoted(place)
    yield from _without_quotes(place)
    yield from _wrong_arrow(place)
    yield from _side_by_side(place)
    yield from _idle(place)
    yield from _missing(place)
    yield from _missing_keyword(place)
    yield from _brackets(place)
    yield from _instead(place)
    yield from _too_much(place)


def _elsewhere(place: Place) -> Iterator[Repair]:
    """A whole member that stands in other braces than these."""
    words, start = place.words, place.index
    while start and words[start - 1].type not in _AROUND:
        start -= 1
    word = words[start]
    linked = start + 1 < len(words) and words[start + 1].type in LINKS
    kind = next((kind for kind in keywords() if spelled(kind) == word), "")  # it may have been taken for a name
    blocks = homes().get(kind, [])
    if blocks and not linked and not place.state(start).accepts([kind]):
        where = f"a {blocks[0]}: {blocks[0]} ... {{ {word} ...; }}" if len(blocks) == 1 else f": {', '.join(blocks)}"
        message, remedy = f"'{word}' cannot stand here", f"it stands in {where}".replace(" :", ":")
        yield Repair(start, _end_of_member(words, start), (), "PXW310", message, word, remedy, need=0)


def _end_of_member(words: list[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(words)):
        kind = words[index].type
        depth += {"LBRACE": 1, "RBRACE": -1}.get(kind, 0)
        if depth < 0:
            return index
        if depth == 0 and kind in {"SEMICOLON", "RBRACE"}:
            return index + 1
    return len(words)


def _misspelt(place: Place) -> Iterator[Repair]:
    """A keyword in another spelling: the word itself, or the name before it."""
    for index in range(max(place.index - 1, 0), place.index + 1):
        word = place.words[index]
        if word.type != "NAME" and (index < place.index or word.type not in keywords()):
            continue
        expected = {spelled(kind): kind for kind in place.state(index).expected() if kind in keywords()}
        close = difflib.get_close_matches(word.lower(), expected, n=1, cutoff=0.6)
        if close and close[0] != word:
            token = word.update(expected[close[0]], close[0])
            message, remedy = f"unexpected {describe(word)}", f"did you mean '{close[0]}'?"
            yield Repair(index, index + 1, (token,), "PXW310", message, word, remedy, need=1)


def _wrong_arrow(place: Place) -> Iterator[Repair]:
    """One kind of link for the other: ports make a data link, chains of tasks a control link."""
    if place.word.type not in {"DOT", "ARROW", "_FLOW", "MAYBE", "EXCEPT", "QMARK", "LBRACE"}:
        return
    for index in range(place.index - 1, max(place.index - 4, -1), -1):
        word = place.words[index]
        if word.type in {"SEMICOLON", "LBRACE", "RBRACE"}:
            return
        if word.type in ARROWS:
            token = word.update(ARROWS[word.type], spelled(ARROWS[word.type]))
            remedy = f"write '{token}': control links are '->', data links '-->', as in A.out --> B.in"
            yield Repair(index, index + 1, (token,), "PXW310", f"unexpected {describe(word)}", word, remedy)
            return


def _missing(place: Place) -> Iterator[Repair]:
    before = place.before
    if before is None:
        return
    new_line = place.word.line != before.end_line
    first: tuple[tuple[str, ...], ...] = (("SEMICOLON",), ("RBRACE",), ("LBRACE",)) if new_line else ()
    rest = tuple((kind,) for kind in MISSING)
    for kinds in dict.fromkeys((*first, *rest, ("LBRACE",), ("RBRACE",), *MISSING_TOGETHER)):
        closed = kinds == ("SEMICOLON",) and before.type == "RBRACE"  # it may stand there, but never must
        if not closed and place.state(place.index).accepts(kinds):
            need = 0 if new_line and kinds == ("SEMICOLON",) else 3 if kinds[0] in JOINING else 2
            tokens = tuple(made(kind, before) for kind in kinds)
            text = "".join(tokens)
            opener = f" (its '{{' is on line {place.opened[-1].line})" if "}" in text and place.opened else ""
            message = f"expected '{text}' after {describe(before)}{opener}"
            yield Repair(place.index, place.index, tokens, "PXW311", message, tokens[0], need=need)


def _missing_keyword(place: Place) -> Iterator[Repair]:
    """A keyword that must have stood here, because no other would do."""
    before = place.before
    fitting = []
    for kind in sorted(place.state(place.index).expected()) if before is not None else ():
        if kind in keywords():
            token = Token.new_borrow_pos(kind, spelled(kind), place.word)
            message = f"expected '{token}' before {describe(place.word)}"
            repair = Repair(place.index, place.index, (token,), "PXW311", message, place.word, need=3)
            fitting += [repair] if place.fits(repair) >= repair.need else []
    if len(fitting) == 1 or [each.words[0] for each in fitting] == ["condition", "event"]:
        yield fitting[0]  # an event means nothing to a run


def _instead(place: Place) -> Iterator[Repair]:
    """A sign in the place of another."""
    word = place.word
    if word.type not in SIGNS | {"ARROW"}:
        return
    meant = {
        "LOOKALIKE": ("ARROW", "_FLOW"),
        "STRAY": ("_OR",) if word in {"|", "&", "&&"} else ARROWS if set(word) <= ARROW_SIGNS else (),
    }
    for kind in meant.get(word.type, INSTEAD):
        if place.state(place.index).accepts([kind]):
            token = word.update(kind, spelled(kind))
            message = f"expected '{token}', found {describe(word)}"
            yield Repair(place.index, place.index + 1, (token,), "PXW310", message, word)


def _brackets(place: Place) -> Iterator[Repair]:
    """Values in other brackets than the language's."""
    word, state = place.word, place.state(place.index)
    opening: tuple[str, ...] = ("LPAR",) if state.accepts(["LPAR", "NUMBER"]) else ("ENUM", "LPAR")
    if word.type not in PAIRS or word.type == "LPAR" or not state.accepts([*opening, "NUMBER"]):
        return
    stop = min(len(place.words), place.index + LOOK_AHEAD)
    closing = next((k for k in range(place.index, stop) if place.words[k].type == PAIRS[word.type]), None)
    if closing is not None:
        inner = place.words[place.index + 1 : closing]
        last = place.words[closing]
        tokens = (*(word.update(kind, spelled(kind)) for kind in opening), *inner, last.update("RPAR", ")"))
        text = "".join(tokens[: len(opening)])
        message = f"expected '{text}...)', found {describe(word)}"
        remedy = "values are listed as enum(1, 2) or range(1, 9)"
        yield Repair(place.index, closing + 1, tokens, "PXW310", message, word, remedy)


def _side_by_side(place: Place) -> Iterator[Repair]:
    """Names joined by `||` without brackets around them."""
    words, start, end = place.words, place.index - 1, place.index
    if place.word.type != "_OR" or place.before is None or place.before.type != "NAME":
        return
    while end + 1 < len(words) and words[end].type == "_OR" and words[end + 1].type == "NAME":
        end += 2
    names = words[start:end]
    tokens = (made("LPAR", names[0]), *names, made("RPAR", names[-1]))
    remedy = f"write ({' '.join(names)})"
    yield Repair(start, end, tokens, "PXW310", f"unexpected {describe(place.word)}", place.word, remedy)


def _without_quotes(place: Place) -> Iterator[Repair]:
    """A string where only a name can stand."""
    word = place.word
    if word.type == "STRING" and word.isidentifier():
        message = f"expected a name, found {describe(word)}"
        yield Repair(
            place.index,
            place.index + 1,
            (word.update("NAME"),),
            "PXW310",
            message,
            word,
            f"write {word}, without quotes",
        )


def _idle(place: Place) -> Iterator[Repair]:
    """A `;` behind what has one, or needs none."""
    word, before = place.word, place.before
    if word.type == "SEMICOLON" and (before is None or before.type in {"SEMICOLON", "LBRACE", "RBRACE"}):
        yield Repair(place.index, place.index + 1, (), "PXW310", f"unexpected {describe(word)}", word, "leave it out")


def _too_much(place: Place) -> Iterator[Repair]:
    """Something to leave out: a sign, a word that stands twice."""
    word, before = place.word, place.before
    unmatched = word.type == "RBRACE" and not place.opened
    again = before is not None and (word.type, word) == (before.type, before)
    arrows = before is not None and before.type in ALL_ARROWS and word.type in ALL_ARROWS
    if unmatched or again or arrows or word.type in SIGNS:
        strange = word.type in {"STRAY", "LOOKALIKE"}
        what = "unmatched" if unmatched else "unexpected"
        message = f"{what} character{'s' * (len(word) > 1)} {str(word)!r}" if strange else f"{what} {describe(word)}"
        remedy = "" if strange else "leave it out"
        need = 0 if strange or unmatched else 2
        yield Repair(place.index, place.index + 1, (), "PXW310", message, word, remedy, need=need)


# Text without its quotes ----------------------------------------------------------------------------------------------


def _unquoted(place: Place) -> Iterator[Repair]:
    """A text that should stand in quotes: a path, or a condition."""
    for start, end in (*_path(place), *_sentence(place)):
        first, last = place.words[start], place.words[end - 1]
        text = place.text[first.start_pos : last.end_pos].strip("\"'")
        token = Token(
            "STRING", text, first.start_pos, first.line, first.column, last.end_line, last.end_column, last.end_pos
        )
        yield Repair(start, end, (token,), "PXW310", "a text without its quotes", token, f'write "{text}"')


def _path(place: Place) -> Iterator[tuple[int, int]]:
    """Words without any space between them, such as data/in.csv."""
    words, start, end = place.words, place.index, place.index + 1
    while start and words[start - 1].end_pos == words[start].start_pos and words[start - 1].type not in PAIRS:
        start -= 1
    while end < len(words) and words[end - 1].end_pos == words[end].start_pos and words[end].type not in _ENDS:
        end += 1
    signs = {word[0] for word in words[start:end] if word.type in {"STRAY", "UNCLOSED_STRING"}}
    if words[start].type == "UNCLOSED_STRING" or any(word.type == "STRING" for word in words[start:end]):
        return  # it is a quote that is missing, not both
    if signs & {"/", "\\", '"', "'", "*"} and place.state(start).accepts(["STRING"]):
        yield start, end


def _sentence(place: Place) -> Iterator[tuple[int, int]]:
    """Words up to the end of the line, or to a `?`, where only a string can stand."""
    words, start, ends = place.words, place.index, _ENDS
    if place.state(start).expected() != ["STRING"]:
        arrows = [k for k in range(max(0, start - QUOTED), start) if words[k].type in {"ARROW", "MAYBE"}]
        start, ends = arrows[-1] + 1 if arrows else len(words), frozenset({"QMARK"})
    stop = min(len(words), start + QUOTED)
    end = next((k for k in range(start, stop) if words[k].type in ends), None)
    if end is None or end <= place.index or words[start].line != words[end].line:
        return
    if words[start].type != "UNCLOSED_STRING" and place.state(start).accepts(["STRING"]):
        yield start, end


_ENDS = frozenset({"SEMICOLON", "LBRACE", "RBRACE", "COMMA", "RPAR", "QMARK"})
