"""Loads become parameters, and so do the values of `variables`."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.scripts.given import Source
from pxw.convert.scripts.scopes import PYTHONS
from pxw.convert.source import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.convert.scripts.calls import Ask, Load
    from pxw.convert.scripts.draft import Draft
    from pxw.convert.scripts.kinds import Kind

__all__ = ["Parameter", "convert_asks", "convert_loads"]

_FIXED = {"bytes", "str", "int", "float", "bool"}
_PARSERS: dict[str, tuple[str, Kind]] = {
    ".csv": ("{pd}.read_csv({io}({}))", "frame"),
    ".parquet": ("{pd}.read_parquet({io}({}))", "frame"),
    ".xlsx": ("{pd}.read_excel({io}({}))", "frame"),
    ".xls": ("{pd}.read_excel({io}({}))", "frame"),
    ".json": ("{json}.loads({})", "any"),
    ".npy": ("{np}.load({io}({}))", "array"),
    ".npz": ("dict({np}.load({io}({})))", "dict"),
    ".txt": ("{}.decode()", "str"),
}
_MODULES = {"pd": ("pandas", "pd"), "np": ("numpy", "np"), "json": ("json", "json"), "io": ("io.BytesIO", "BytesIO")}


@dataclass(frozen=True)
class Parameter:
    """A parameter of the function.

    Args:
        key: what the workflow calls it.
        name: its own name.
        hint: its annotation.
        default: as it is written; None: the caller gives it.
    """

    key: str
    name: str
    hint: str
    default: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.hint}" + (f" = {self.default}" if self.default is not None else "")


# ---------------------------------------------------------------------------------------------------- loads


def convert_loads(draft: Draft) -> list[Parameter]:
    """A parameter for each input that the script loads."""
    found: dict[str, Parameter] = {}
    for load in draft.script.calls.loads:
        sources = [_source(draft, load, key) for key in load.keys]
        wished = _wished(draft, load, sources)
        texts: list[str] = []
        for key, source, name in zip(load.keys, sources, wished or [""] * len(sources), strict=True):
            if key not in found:
                own = name or draft.new(key, f"{key}_{source.kind if source.kind in _FIXED else 'data'}")
                found[key] = Parameter(key, own, draft.hint(source.kind))
            elif source.kind not in _FIXED:
                draft.refuse(load.node, f"loads '{key}' more than once, and may have changed it")
            texts.append(_text(draft, load, source, found[key].name))
        for name, kind in _kinds_of_names(draft, load, sources, wished):
            draft.script.kinds.bind(name, kind)
        kinds = [_PARSERS[suffix][1] if (suffix := _parser(draft, load, x)) in _PARSERS else x.kind for x in sources]
        draft.script.kinds.note(load.node, kinds[0] if len(kinds) == 1 else "list")
        _put(draft, load, texts, found, wished)
    return list(found.values())


def _source(draft: Draft, load: Load, key: str) -> Source:
    source = draft.given.inputs.get(key)
    if source is None:
        draft.refuse(load.node, f"loads '{key}', which nothing feeds")
        return Source("any")
    if source.trouble:
        draft.refuse(load.node, f"loads '{key}': {source.trouble}")
    if load.style == "one" and source.kind in {"many", "files"}:
        draft.refuse(load.node, f"loads one value of '{key}', which is several files")
    if load.style == "all" and source.kind not in {"many", "files"}:
        draft.refuse(load.node, f"loads all files of '{key}', and nobody can tell how many there are")
    place = draft.statement_of(load.node)
    node = draft.script.statements[place].node
    value = node.value if isinstance(node, ast.Assign | ast.Expr | ast.AnnAssign) else None
    is_plain = value is not None and draft.script.roles[place] == "body" and _is_straight(value, load.node)
    if source.kind not in _FIXED and not is_plain:
        draft.refuse(load.node, f"loads '{key}' inside of {_named(node)}, and may change it there")
    return Source("many", "", source.is_external) if source.kind == "files" else source


def _is_straight(value: ast.expr, node: ast.expr) -> bool:
    """Whether a value is asked for once, not in a comprehension or a lambda."""
    looping = (ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Lambda)
    inner = [each for each in ast.walk(value) if isinstance(each, looping)]
    return not any(node in ast.walk(each) for each in inner)


def _named(node: ast.stmt) -> str:
    words = {"FunctionDef": "a function", "ClassDef": "a class", "AsyncFunctionDef": "a function"}
    name = type(node).__name__
    return words.get(name, f"{'an' if name[0] in 'AEIOU' else 'a'} `{name.lower()}`")


def _wished(draft: Draft, load: Load, sources: list[Source]) -> list[str] | None:
    """The names that a statement gives to what it loads: then the parameters have these, and it is not needed."""
    found = draft.assigned(load.node)
    if found is None or len(found[1]) != len(load.keys) or any(_parser(draft, load, each) for each in sources):
        return None
    place, names = found
    fit = all(_is_plain_name(draft, name) for name in names)
    return names if fit and not any(_is_read_before(draft, name, place) for name in names) else None


def _kinds_of_names(
    draft: Draft, load: Load, sources: list[Source], wished: list[str] | None
) -> Iterator[tuple[str, Kind]]:
    """Of which kind the names are that a statement gives to what it loads."""
    found = draft.assigned(load.node)
    if wished:
        yield from zip(wished, [source.kind for source in sources], strict=True)
    elif found is not None and len(found[1]) > 1 and [source.kind for source in sources] == ["many"]:
        yield from ((name, "bytes") for name in found[1] if len(draft.script.bindings(name)) == 1)


def _is_plain_name(draft: Draft, name: str) -> bool:
    """Whether a name can be a parameter's: it is bound once, and is none of Python's."""
    return len(draft.script.bindings(name)) == 1 and name not in PYTHONS


def _is_read_before(draft: Draft, name: str, place: int) -> bool:
    return any(name in each.use.reads for each in draft.script.statements[:place])


def _parser(draft: Draft, load: Load, source: Source) -> str:
    """The suffix by which a file of the project is parsed; empty if it comes as bytes."""
    parses = load.module == "local" or (load.module == "eexp" and draft.given.parses)
    return source.suffix if parses and source.is_external else ""


def _text(draft: Draft, load: Load, source: Source, name: str) -> str:
    suffix = _parser(draft, load, source)
    if not suffix:
        return name
    if suffix in {".pkl", ".pickle"}:
        draft.refuse(load.node, f"loads the pickle '{load.keys[0]}'")
    if suffix not in _PARSERS:
        return name
    template = _PARSERS[suffix][0]
    names = {short: draft.module(*known) for short, known in _MODULES.items() if f"{{{short}}}" in template}
    return template.format(name, **names)


def _put(draft: Draft, load: Load, texts: list[str], found: dict[str, Parameter], wished: list[str] | None) -> None:
    """Write the parameters where the call stood, or leave out the statement that only names them."""
    if wished == texts == [found[key].name for key in load.keys]:
        draft.dropped.add(id(draft.script.statements[draft.statement_of(load.node)].node))
        return
    pair = draft.assigned(load.node)
    if pair is not None and len(pair[1]) == len(texts) == 1 and texts[0].isidentifier():
        until = _until(draft, pair[1][0], pair[0])
        if until:
            _rename(draft, load.node, pair[1][0], texts[0], until)
            return
    unpacks = pair is not None and len(pair[1]) > 1
    several = ", ".join(texts)
    draft.script.text.replace(load.node, texts[0] if len(texts) == 1 else several if unpacks else f"[{several}]")


def _until(draft: Draft, name: str, place: int) -> range:
    """The statements that see what was loaded, of a name that is then bound to something made of it."""
    places = draft.script.bindings(name)
    if len(places) < 2 or places[0] != place or _is_read_before(draft, name, place):
        return range(0)
    until = range(place + 1, places[1] + 1)
    last = draft.script.statements[places[1]].node
    plain = isinstance(last, ast.Assign) and [ast.unparse(each) for each in last.targets] == [name]
    inner = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    nested = any(isinstance(node, inner) for n in until for node in ast.walk(draft.script.statements[n].node))
    return until if plain and not nested else range(0)


def _rename(draft: Draft, load: ast.Call, name: str, new: str, until: range) -> None:
    """Call by the parameter's name what has another kind later on, and leave out the statement that loads it."""
    kinds = draft.script.kinds
    for node in (node for n in until for node in ast.walk(draft.script.statements[n].node)):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            draft.script.text.replace(node, new)
            kinds.note(node, kinds.of(load))
    kinds.forget(name, load)
    draft.dropped.add(id(draft.script.statements[draft.statement_of(load)].node))


# ---------------------------------------------------------------------------------------------------- variables


def convert_asks(draft: Draft) -> list[Parameter]:
    """A parameter for each value of `variables` that the script asks for."""
    asked: dict[str, list[Ask]] = {}
    for ask in draft.script.calls.asks:
        asked.setdefault(ask.key, []).append(ask)
    return [found for key, asks in asked.items() if (found := _asked(draft, key, asks)) is not None]


def _asked(draft: Draft, key: str, asks: list[Ask]) -> Parameter | None:
    if key in _SYSTEM or key in draft.given.inputs or key in draft.given.targets:
        what = "which the system gave to its scripts" if key in _SYSTEM else "the place of its data"
        draft.refuse(asks[0].node, f"asks for '{key}', {what}")
        return None
    if key in draft.given.foreign and key not in draft.given.parameters:
        draft.refuse(asks[0].node, f"asks for '{key}', which another task puts there")
        return None
    casts = [_cast(draft, ask.node) for ask in asks]
    hint = draft.given.parameters.get(key)
    if hint is None:
        types = {ast.unparse(each.func) if each else "str" for each in casts}
        hint = types.pop() if len(types) == 1 else "str"
        if hint == "str" and not any(casts) and key not in draft.given.parameters:
            hint = _type_of(asks[0].default)
    default, optional = _default(draft, key, asks, hint)
    name = _name(draft, key, asks, casts, hint)
    for ask, cast in zip(asks, casts, strict=True):
        node: ast.expr = cast if cast is not None and ast.unparse(cast.func) == hint else ask.node
        draft.script.text.replace(node, name)
        draft.script.kinds.note(node, hint if hint in _FIXED else "any")  # type: ignore[arg-type]  # these are kinds
    if hint == "Any":
        draft.imports.add("from typing import Any")
    return Parameter(key, name, f"{hint} | None" if optional else hint, default)


def _type_of(default: ast.expr | None) -> str:
    """What comes where the workflow gives nothing: the default as it is."""
    found = type(default.value).__name__ if isinstance(default, ast.Constant) else "str" if default is None else "Any"
    return "str" if found == "NoneType" else found


def _default(draft: Draft, key: str, asks: list[Ask], hint: str) -> tuple[str | None, bool]:
    """The default as it is written, and whether there may be no value."""
    if len({ast.unparse(each.default) if each.default is not None else "" for each in asks}) > 1:
        draft.refuse(asks[0].node, f"has several defaults for '{key}'")
    default, is_given = asks[0].default, key in draft.given.parameters
    if default is None and is_given:
        return None, False
    if default is None or (isinstance(default, ast.Constant) and default.value is None):
        if any(each.strict for each in asks) or hint != "str":
            draft.refuse(asks[0].node, f"asks for '{key}', which the workflow does not give")
        return "None", True
    try:
        value = ast.literal_eval(default)
        cast = _TYPES.get(hint, type(value))(value)
    except (ValueError, TypeError):
        draft.refuse(asks[0].node, f"has a default for '{key}' that is no plain value")
        return None, False
    return (None if isinstance(value, list | dict | set) else written(cast)), False


_TYPES = {"int": int, "float": float, "str": str, "bool": bool}
_SYSTEM = {
    *("PA_JOB_ID", "PA_JOB_NAME", "PA_TASK_ID", "PA_TASK_NAME", "PREVIOUS_TASK_ID", "wf_id", "workflow_id"),
    *("task_name", "dependent_modules_folders"),
}


def _cast(draft: Draft, node: ast.expr) -> ast.Call | None:
    """`int(...)`, `float(...)` or `str(...)` around it."""
    statement = draft.script.statements[draft.statement_of(node)].node
    for each in ast.walk(statement):
        is_cast = (
            isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in {"int", "float", "str"}
        )
        if is_cast and isinstance(each, ast.Call) and each.args == [node] and not each.keywords:
            return each
    return None


def _name(draft: Draft, key: str, asks: list[Ask], casts: list[ast.Call | None], hint: str) -> str:
    """The parameter's name: the key, which may be what a first statement calls it, too."""
    cast = casts[0]
    node = cast if cast is not None and ast.unparse(cast.func) == hint else asks[0].node
    found = draft.assigned(node)
    if found is not None and found[1] == [key]:
        place, _ = found
        if (
            draft.script.bindings(key)[0] == place
            and not _is_read_before(draft, key, place)
            and _is_plain_name(draft, key)
        ):
            draft.dropped.add(id(draft.script.statements[place].node))
            return key
    return draft.new(key, f"{key}_value")
