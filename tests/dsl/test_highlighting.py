"""Colours for `.xxp` files: Pygments finds the lexer, and it knows every word of the language."""

from __future__ import annotations

from pathlib import Path

import pytest
from pygments.lexers import get_lexer_for_filename
from pygments.token import Error, Keyword, String

CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("generation", ["G0", "G1", "G2", "G3", "G3z", "G4", "G5", "G6", "T1", "T2", "seed"])
def test_every_word_of_a_generation_is_known(generation):
    texts = [path.read_text(encoding="utf-8") for path in (CASES / generation).rglob("*.xxp")]
    assert texts
    for text in texts:
        tokens = list(get_lexer_for_filename("w.xxp", stripnl=False, ensurenl=False).get_tokens(text))
        assert "".join(said for _, said in tokens) == text.replace("\r\n", "\n").removeprefix("\ufeff")
        assert [said for kind, said in tokens if kind is Error] == []


def test_keywords_and_texts_stand_out():
    lexer = get_lexer_for_filename("w.xxp")
    tokens = [(kind, said) for kind, said in lexer.get_tokens('task taskless { implementation "a // b"; }')]
    assert (Keyword, "task") in tokens
    assert [said for kind, said in tokens if kind is Keyword] == ["task", "implementation"]
    assert (String, '"a // b"') in tokens
