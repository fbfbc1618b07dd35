"""Regular expressions: RE2 checks whole columns, and the engine that the pattern was written for has the last word.

The engines agree on ASCII text but for a few corners; beyond, `\\d`, `\\w`, `\\b` and case differ. Values where they
may disagree are given to the pattern's own engine, one by one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pyarrow as pa
from pydantic import ConfigDict, StringConstraints, TypeAdapter

from pxw.errors import SpecError
from pxw.schemas.model import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["readable", "unmatched"]

# RE2 takes these for something else without a word: set operations in classes, Rust's \< \> and \b{start}.
_MISREAD = re.compile(r"(?<!\\)\[[^\]]*(?:&&|--|~~|\[(?!:))|\\[<>]|\\b\{")
# These mean more beyond ASCII in Rust and in Python than in RE2.
_WIDER_ELSEWHERE = re.compile(r"\\[dDwWsSbB]|\(\?[a-zA-Z]*i|\[:")


def readable(regex: str, engine: Literal["rust-regex", "python-re"], at: str) -> Pattern:
    """Build the rule if RE2 reads the expression as its own engine does."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 30 ms that a schema without patterns does not pay

    misread = _MISREAD.search(regex)
    reason = f"RE2 reads {misread[0]!r} in another way" if misread else ""
    try:
        pc.match_substring_regex(pa.array([""]), regex)
    except pa.ArrowInvalid as error:
        reason = str(error)
    if reason:
        raise SpecError(
            f"the pattern {regex!r} cannot be checked on a column: {reason}",
            at=at,
            help="write it without look-around, back-references and set operations, or check it in a validator and "
            "compile the schema with validators=True",
        )
    return Pattern(regex, engine)


def unmatched(rule: Pattern, values: pa.Array) -> pa.BooleanArray:
    """Mark the texts that hold no match."""
    import pyarrow.compute as pc  # noqa: PLC0415 - as above

    verdict = pc.invert(pc.match_substring_regex(values, rule.regex))
    doubtful = _doubtful(rule, values, pc)
    if doubtful is None or not pc.any(doubtful).as_py():
        return verdict
    own = _engine(rule)
    answers = [not own(text) for text in values.filter(doubtful).to_pylist()]
    return pc.replace_with_mask(verdict, doubtful, pa.array(answers, pa.bool_()))


def _doubtful(rule: Pattern, values: pa.Array, pc: Any) -> pa.BooleanArray | None:
    """Mark the values on which the engines may disagree."""
    masks = []
    if _WIDER_ELSEWHERE.search(rule.regex):
        masks.append(pc.invert(pc.string_is_ascii(values)))
    if rule.engine == "python-re" and re.search(r"\$|\\[sS]", rule.regex):
        masks.append(pc.match_substring_regex(values, r"[\n\v\x1c-\x1f]"))  # $ before a last \n; more white space
    elif re.search(r"\\[sS]", rule.regex):
        masks.append(pc.match_substring(values, "\v"))  # the one ASCII space that RE2's \s leaves out
    mask = masks[0] if masks else None
    for other in masks[1:]:
        mask = pc.or_(mask, other)
    return None if mask is None else pc.fill_null(mask, False)


@lru_cache(maxsize=256)
def _engine(rule: Pattern) -> Callable[[str], bool]:
    if rule.engine == "python-re":
        search = re.compile(rule.regex).search
        return lambda text: search(text) is not None
    constrained = Annotated[str, StringConstraints(pattern=rule.regex)]
    adapter: TypeAdapter[str] = TypeAdapter(constrained, config=ConfigDict(regex_engine="rust-regex"))
    return adapter.validator.isinstance_python
