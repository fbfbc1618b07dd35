"""Questions at a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator
from rich.console import Console

from pxw.cli.asking import ask
from pxw.compat.asking import Question
from pxw.errors import ScriptError


class Range(BaseModel):
    low: float = Field(0.5, ge=0, le=1)
    high: float
    mode: Literal["open", "closed"] = "open"
    strict: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


def asked(monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[dict[str, Any], str]:
    console = Console(file=StringIO(), width=60)
    rest = iter(lines)

    def answer(*_: object) -> str:
        try:
            return next(rest)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    place = "/somewhere/" + "deep/" * 20 + "table.arrow"
    answered = ask(console, Question("key", "task Limit", ("Make.mean: 6.0", f"Make.table: {place}"), Range))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert place in shown  # in one piece, to be copied
    assert list(rest) == []
    return answered, shown


def test_each_line_says_what_may_be_answered_and_nothing_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, shown = asked(monkeypatch, "", "2", "", "true")
    assert answered == {"low": 0.5, "high": 2.0, "mode": "open", "strict": True}
    for words in ("low (0 to 1) [0.5]: ", "high: ", "mode (open, closed) [open]: ", "strict (true, false) [False]: "):
        assert words in shown


def test_what_does_not_fit_is_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, shown = asked(monkeypatch, "7", "0.1", "", "2", "opne", "closed", "")
    assert answered == {"low": 0.1, "high": 2.0, "mode": "closed", "strict": False}
    assert shown.index("less than or equal to 1") < shown.index("high")
    assert "Input should be 'open' or 'closed'" in shown


def test_what_does_not_fit_together_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, shown = asked(monkeypatch, "0.9", "0.1", "", "", "0.1", "0.9", "", "")
    assert (answered["low"], answered["high"]) == (0.1, 0.9)
    assert shown.count("low is above high") == 1


def test_an_input_that_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScriptError, match="task Limit: the input ended before it was answered"):
        asked(monkeypatch, "0.1")
