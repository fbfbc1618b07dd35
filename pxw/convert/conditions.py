"""Conditions of a workflow as Python."""

from __future__ import annotations

import ast
import builtins
import shlex
from io import StringIO
from itertools import chain, count
from tokenize import STRING, generate_tokens
from typing import TYPE_CHECKING

from pxw.convert.names import snake
from pxw.convert.source import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pxw.convert.report import Notes
    from pxw.workflow import ConditionKind, Span

__all__ = ["Tests"]


class Tests:
    """Writes conditions as tests of an `if`, and remembers what they need.

    Args:
        module: the name of the conditions module; empty if the project has none.
        functions: what is defined there.
        known: names of the workflow that an expression may use, and what they are called in Python.
    """

    def __init__(self, module: str, functions: Collection[str], known: Mapping[str, str], notes: Notes) -> None:
        self.module = module
        self._functions = set(functions)
        self._known = known
        self._notes = notes
        self._outputs: Collection[str] = ()
        self.uses_module = False
        self.stubs: dict[str, str] = {}
        """Functions that a person has to write: their names, and what they have to decide."""

    def test(self, text: str, kind: ConditionKind, at: Span | None, outputs: Collection[str] = ()) -> str:
        """Write one condition; it may speak of these outputs by their own names."""
        self._outputs = outputs
        if kind == "call":
            function, *words = shlex.split(text)
            self.uses_module = True
            return f"{self.module}.{function}({', '.join([*map(quoted, words), 'results'])})"
        if kind == "expression" and not (unknown := self._unknown(text)):
            return self._expression(text)
        if kind == "expression":
            said = f"'{text}' asks for {', '.join(unknown)}, which a task puts into variables"
            return self._stub(text, said, at)
        return self._stub(text, f"no run can decide '{text}'", at)

    def _unknown(self, text: str) -> list[str]:
        """Names that nothing of the workflow explains."""
        tree = ast.parse(text.strip(), mode="eval")
        own = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        known = {"results", *dir(builtins), *self._functions, *self._known, *self._outputs, *own}
        return sorted({each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} - known)

    def _stub(self, text: str, said: str, at: Span | None) -> str:
        words = "_".join(snake(text).strip("_").split("_")[:6])
        names = chain([f"decide_{words}"], (f"decide_{words}_{number}" for number in count(2)))
        name = next(each for each in names if self.stubs.get(each, text) == text)
        self.stubs[name] = text
        self._notes.add("person", f"{said}: write the function {name}()", at)
        return f"{name}(results)"

    def _expression(self, text: str) -> str:
        tree = ast.parse(text.strip(), mode="eval")
        return _requoted(ast.unparse(ast.fix_missing_locations(_Renamed(self).visit(tree))).replace("\n", " "))

    def renamed(self, name: str) -> ast.expr:
        """What a name of an expression is in Python."""
        if name in self._functions and name not in self._known:
            self.uses_module = True
            return ast.Attribute(ast.Name(self.module, ast.Load()), name, ast.Load())
        if name in self._outputs and name not in self._known:
            return ast.Subscript(ast.Name("results", ast.Load()), ast.Constant(name), ast.Load())
        return ast.Name(self._known.get(name, name), ast.Load())


def _requoted(code: str) -> str:
    """The same code, its texts in the quotes that ruff prefers."""
    line, end = "", 0
    for token in generate_tokens(StringIO(code).readline):
        is_text = token.type == STRING and token.string[0] in "'\""
        text = quoted(ast.literal_eval(token.string)) if is_text else token.string
        line += code[end : token.start[1]] + text
        end = token.end[1]
    return line.strip()


class _Renamed(ast.NodeTransformer):
    def __init__(self, tests: Tests) -> None:
        self._tests = tests

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._tests.renamed(node.id)
