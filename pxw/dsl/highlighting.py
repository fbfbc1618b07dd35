"""Colours for `.xxp` in documents and terminals: a lexer that Pygments finds by itself."""

from __future__ import annotations

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

from pxw.dsl.grammar import keywords, lark, spelled

__all__ = ["XxpLexer"]


def _pattern(kind: str) -> str:
    """How the grammar spells a kind of words."""
    return next(term.pattern.to_regexp() for term in lark().terminals if term.name == kind)


class XxpLexer(RegexLexer):  # type: ignore[misc]  # Pygments ships no types
    """The words of the DSL, by the classes that the grammar gives them.

    >>> from pygments import lex
    >>> [(str(kind), text) for kind, text in lex("task T;", XxpLexer()) if text.strip()]
    [('Token.Keyword', 'task'), ('Token.Name', 'T'), ('Token.Punctuation', ';')]
    """

    name = "ExtremeXP DSL"
    aliases = ("xxp",)
    filenames = ("*.xxp",)
    tokens = {  # noqa: RUF012 - as Pygments asks for it
        "root": [
            (r"//[^\n]*", Comment.Single),
            (r"/\*[\s\S]*?(\*/|\Z)", Comment.Multiline),
            (_pattern("STRING"), String),
            (r"(START|END)\b", Keyword.Constant),
            (words([spelled(kind) for kind in keywords()], suffix=r"(?![\w-])"), Keyword),
            (_pattern("NAME"), Name),
            (r"-->|\?->|!->|->|\|\||[?:=.*]", Operator),
            (_pattern("NUMBER"), Number),
            (r"[{}()\[\];,]", Punctuation),
            (r"\s+", Text.Whitespace),
        ]
    }
