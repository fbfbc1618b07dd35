"""The grammar as tables: made once, kept beside the compiled modules."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lark import Lark
from lark.lexer import PatternStr

from pxw.dsl.build import Build

if TYPE_CHECKING:
    from lark import Token

__all__ = ["homes", "keywords", "lark", "spelled", "spellings"]


@cache
def lark() -> Lark:
    """Make the parser."""
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
def spellings() -> dict[str, str]:
    """The words of the grammar that have a fixed spelling."""
    return {term.name: term.pattern.value for term in lark().terminals if isinstance(term.pattern, PatternStr)}


def spelled(kind: str) -> str:
    """Spell a fixed word of the grammar; empty if it has no fixed spelling."""
    return spellings().get(kind, "")


@cache
def keywords() -> frozenset[str]:
    """The kinds of words that are spelt like a name."""
    return frozenset(kind for kind, text in spellings().items() if text.isidentifier())


@cache
def homes() -> dict[str, list[str]]:
    """In the braces of what each keyword may begin a member.

    >>> homes()["SUBWORKFLOW"], homes()["STRATEGY"]
    (['task'], ['space'])
    """
    first: dict[str, set[str]] = {}
    for rule in lark().rules:
        first.setdefault(rule.origin.name, set()).update(each.name for each in rule.expansion[:1])
    found: dict[str, list[str]] = {}
    for name in first:
        block = re.fullmatch(r"_(\w+)_member", name)
        for kind in sorted(_beginnings(name, first) & keywords()) if block else ():
            found.setdefault(kind, []).append(_BLOCKS.get(block[1], block[1]) if block else "")
    return found


_BLOCKS = {"place": "configure data", "self": "configure self", "link": "condition", "domain": "param"}


def _beginnings(name: str, first: dict[str, set[str]]) -> set[str]:
    """The kinds of words that something may begin with."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in first.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found
