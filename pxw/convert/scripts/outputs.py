"""Saves become what the function returns."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.scripts.calls import Put, Save, SaveAll
from pxw.convert.scripts.text import Reason
from pxw.convert.source import quoted

if TYPE_CHECKING:
    from pxw.convert.scripts.calls import Saving
    from pxw.convert.scripts.draft import Draft
    from pxw.convert.scripts.kinds import Kind, Kinds

__all__ = ["Output", "convert_saves", "kind_of_saved"]

_FIXED = {"bytes", "str", "int", "float", "bool"}
_AS_SUCH = {*_FIXED, "frame", "array", "files"}


@dataclass(frozen=True)
class Output:
    """Something that the function returns.

    Args:
        key: its name.
        kind: of which kind it is.
        spec: how it is declared.
        value: what stands behind `return`.
        names: of the files that it is, in order, where they are known.
    """

    key: str
    kind: Kind
    spec: str
    value: str
    names: tuple[str, ...] = ()


def kind_of_saved(save: Saving, kinds: Kinds, target: str | None) -> tuple[Kind, tuple[str, ...]]:
    """The kind of what is saved, and the names of its files if it is several."""
    if not isinstance(save, SaveAll):
        return kinds.of(save.value), ()
    values = kinds.elements(save.values)
    if target == "file" and values is not None and len(values) == 1:
        return kinds.of(values[0]), ()
    texts = {"bytes", "str"} if target == "folder" else {"bytes"}
    if values is None or not {kinds.of(each) for each in values} <= texts:
        return "any", ()
    return "files", _file_names(save, kinds, len(values))


def _file_names(save: SaveAll, kinds: Kinds, count: int) -> tuple[str, ...]:
    if save.names is None or (isinstance(save.names, ast.Constant) and save.names.value is None):
        return tuple(f"output_{place}" for place in range(count))
    found = kinds.elements(save.names) or []
    return tuple(each.value for each in found if isinstance(each, ast.Constant) and isinstance(each.value, str))


def convert_saves(draft: Draft) -> list[Output]:
    """An output for each dataset that the script saves, and for each value that it puts into `resultMap`."""
    found: dict[str, Output] = {}
    for save in draft.script.calls.saves:
        if save.key in found:
            draft.refuse(save.node, f"saves '{save.key}' more than once")
            continue
        place = draft.statement_of(save.node)
        node = draft.script.statements[place].node
        stands = node is save.node or (isinstance(node, ast.Expr) and node.value is save.node)
        if not stands or draft.script.roles[place] != "body":
            draft.refuse(save.node, f"saves '{save.key}' inside of {_around(node)}")
            continue
        found[save.key] = _output(draft, save, place)
    odd = [key for key in found if not key.isidentifier()]
    if odd and len(found) > 1:
        draft.reasons += [_refusal(draft, key) for key in odd]
    return list(found.values())


def _refusal(draft: Draft, key: str) -> Reason:
    node = next(save.node for save in draft.script.calls.saves if save.key == key)
    return Reason(node.lineno, f"saves '{key}', which is no name in Python")


def _around(node: ast.stmt) -> str:
    words = {
        ast.FunctionDef: "a function",
        ast.ClassDef: "a class",
        ast.If: "an `if`",
        ast.For: "a loop",
        ast.While: "a loop",
    }
    return words.get(type(node), f"a `{type(node).__name__.lower()}`")


def _output(draft: Draft, save: Saving, place: int) -> Output:
    target = draft.given.targets.get(save.key)
    kind, names = kind_of_saved(save, draft.script.kinds, target)
    if isinstance(save, SaveAll):
        return _files(draft, save, place, kind, names)
    if isinstance(save, Save) and target == "folder":
        kind = "files" if kind in {"bytes", "str"} else "any"
        if kind == "any":
            draft.refuse(save.node, f"saves '{save.key}' as the one file of a folder, and nobody can tell its kind")
        text, names = f'{{"output_0": {_inner(draft, save.value)}}}', ("output_0",)
        return Output(save.key, kind, "pxw.Dataset()", _placed(draft, save, place, text, [save.value]), names)
    spec = "pxw.Dataset()"
    if isinstance(save, Save) and kind not in _AS_SUCH and target is None:
        spec = 'pxw.Dataset(format="pickle")'
    return Output(save.key, kind, spec, _placed(draft, save, place, _inner(draft, save.value), [save.value]))


def _files(draft: Draft, save: SaveAll, place: int, kind: Kind, names: tuple[str, ...]) -> Output:
    values = draft.script.kinds.elements(save.values)
    if kind == "any" or values is None:
        draft.refuse(save.node, f"saves several values as '{save.key}', and nobody can tell that all are bytes")
        return Output(save.key, kind, "pxw.Dataset()", "")
    if kind != "files":
        text = _inner(draft, values[0]) if isinstance(save.values, ast.List) else f"{_inner(draft, save.values)}[0]"
        return Output(save.key, kind, "pxw.Dataset()", _placed(draft, save, place, text, values[:1]))
    if len(names) != len(values) or len(set(names)) != len(names):
        draft.refuse(save.node, f"saves several values as '{save.key}', and nobody can tell the names of all")
    if isinstance(save.values, ast.Name) and isinstance(save.names, ast.Name):
        text = f"dict(zip({save.names.id}, {save.values.id}, strict=True))"
    elif isinstance(save.values, ast.Name):
        text = f"dict(zip([{', '.join(map(quoted, names))}], {save.values.id}, strict=True))"
    else:
        pairs = zip(names, values, strict=False)
        text = f"{{{', '.join(f'{quoted(name)}: {_inner(draft, value)}' for name, value in pairs)}}}"
    parts = [save.values, *([save.names] if save.names is not None else [])]
    return Output(save.key, kind, "pxw.Dataset()", _placed(draft, save, place, text, parts), names)


def _inner(draft: Draft, node: ast.expr) -> str:
    """An expression, as it may stand anywhere."""
    text = draft.script.text.changed(node)
    try:
        alone = isinstance(ast.parse(text).body[0], ast.Expr) and not isinstance(node, ast.Tuple | ast.NamedExpr)
    except SyntaxError:  # it goes over several lines
        alone = False
    return text if alone or text.startswith("(") else f"({text})"


# ---------------------------------------------------------------------------------------------------- where


def _placed(draft: Draft, save: Saving, place: int, text: str, parts: list[ast.expr]) -> str:
    """What to return: the expression itself if it may wait until the end, else a name that is bound here."""
    statement = draft.script.statements[place].node
    after = [n for n in range(place + 1, len(draft.script.statements)) if draft.script.roles[n] == "body"]
    saving = {draft.statement_of(each.node) for each in draft.script.calls.saves}
    quiet = all(n in saving or _prints(draft, n) for n in after)
    # What was put into resultMap is looked at when the script has ended: it may change until then.
    fixed = isinstance(save, Put) or all(draft.script.kinds.of(each) in _FIXED for each in parts)
    simple = all(map(_is_simple, parts))
    names = {each.id for part in parts for each in ast.walk(part) if isinstance(each, ast.Name)}
    rebound = any(names & draft.script.statements[n].use.binds for n in after)
    if (simple and (quiet or (fixed and not rebound))) or all(n in saving for n in after):
        draft.dropped.add(id(statement))
        return text
    if not (fixed or quiet or all(_is_fresh(draft, each) for each in parts)):
        text = _copied(draft, save, text, parts)
    name = draft.new(*([save.key] if save.key.isidentifier() else []), f"{save.key}_output")
    if _shares(draft, save):
        draft.refuse(save.node, f"saves '{save.key}' with others in one call, and goes on")
    draft.script.text.replace(statement, f"{name} = {text}")
    return name


def _shares(draft: Draft, save: Saving) -> bool:
    return sum(each.node is save.node for each in draft.script.calls.saves) > 1


def _copied(draft: Draft, save: Saving, text: str, parts: list[ast.expr]) -> str:
    """A copy, because the script goes on and may change what it saved."""
    kinds = {draft.script.kinds.of(each) for each in parts}
    if kinds <= {"frame", "array"} and len(parts) == 1 and isinstance(parts[0], ast.Name):
        return f"{text}.copy()"
    draft.refuse(save.node, f"goes on after it saved '{save.key}', and may change it")
    return text


def _prints(draft: Draft, place: int) -> bool:
    node = draft.script.statements[place].node
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return is_call and ast.unparse(node).startswith(("print(", "logger.", "logging."))


def _is_simple(node: ast.expr) -> bool:
    """Names, and lists of names: what may as well be looked up later."""
    if isinstance(node, ast.List | ast.Tuple):
        return all(map(_is_simple, node.elts))
    return isinstance(node, ast.Name | ast.Constant)


def _is_fresh(draft: Draft, node: ast.expr) -> bool:
    """Whether a value is made where it is saved, of nothing that may change."""
    kinds = draft.script.kinds
    match node:
        case ast.Dict(values=values):
            return all(kinds.of(each) in _FIXED for each in values)
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if kinds.of(node) == kinds.of(value) == "frame":
            return name not in {"head", "tail"}  # these may show a part of the whole
    return False
