"""What a script asks of the old system: each call of a helper, each use of `variables` and `resultMap`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from pxw.convert.scripts.text import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["HELPERS", "Ask", "Calls", "Load", "Put", "Save", "SaveAll", "find_calls", "is_helper_import"]

HELPERS = {
    "proactive_helper": "proactive",
    "local_helper": "local",
    "eexp_engine_utils": "eexp",
    "eexp_engine_utils.utils": "eexp",
}
_MAPS = ("variables", "resultMap")
_BEYOND = {
    "create_dir": "makes a folder in its run",
    "get_file_path": "asks for the path of a file in a folder of the workflow",
    "get_experiment_results": "asks for the results of the experiment's earlier runs",
    "load_dataset_by_path": "loads a file by its path",
    "NumpyEncoder": "writes JSON with the helper's NumpyEncoder",
}


@dataclass(frozen=True)
class Load:
    """One value (`one`), the list of all files (`all`), or the value or values of each name (`any`)."""

    node: ast.Call
    keys: tuple[str, ...]
    style: Literal["one", "all", "any"]
    module: str


@dataclass(frozen=True)
class Save:
    """One value under one name."""

    node: ast.Call
    key: str
    value: ast.expr


@dataclass(frozen=True)
class SaveAll:
    """Several values under one name, each a file."""

    node: ast.Call
    key: str
    values: ast.expr
    names: ast.expr | None


@dataclass(frozen=True)
class Put:
    """A value in `resultMap`."""

    node: ast.Call | ast.Assign
    key: str
    value: ast.expr


@dataclass(frozen=True)
class Ask:
    """A value of `variables`; `default` is what `.get` falls back on, `strict` that a missing one is an error."""

    node: ast.expr
    key: str
    default: ast.expr | None
    strict: bool


Saving: TypeAlias = Save | SaveAll | Put


@dataclass
class Calls:
    """All that a script asks for, in order, and what cannot be understood of it."""

    loads: list[Load] = field(default_factory=list)
    saves: list[Saving] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


class _Unclear(Exception):  # noqa: N818 - a way out, and no error
    """Why a call cannot be understood."""


def is_helper_import(node: ast.stmt) -> bool:
    """Whether a statement imports helper modules, and nothing else."""
    if isinstance(node, ast.ImportFrom):
        return node.module in HELPERS
    return isinstance(node, ast.Import) and all(alias.name in HELPERS for alias in node.names)


def find_calls(tree: ast.Module, constants: Mapping[str, ast.expr]) -> Calls:
    """Find them; `constants` are the literals that names stand for."""
    return _Finder(tree, constants).find()


class _Finder:
    def __init__(self, tree: ast.Module, constants: Mapping[str, ast.expr]) -> None:
        self._tree = tree
        self._constants = constants
        self._modules: dict[str, str] = {}
        self._functions: dict[str, tuple[str, str]] = {}
        self._known: set[int] = set()
        self._calls = Calls()

    def find(self) -> Calls:
        self._read_imports()
        watched = {*self._modules, *self._functions, *_MAPS}
        for node in _in_order(self._tree):
            try:
                self._take(node)
            except _Unclear as why:
                self._calls.reasons.append(Reason(getattr(node, "lineno", 1), str(why)))
                self._known.update(map(id, ast.walk(node)))
        for node in _in_order(self._tree):
            if isinstance(node, ast.Name) and node.id in watched and id(node) not in self._known:
                self._calls.reasons.append(Reason(node.lineno, f"uses '{node.id}' in a way that only the script knows"))
        return self._calls

    def _read_imports(self) -> None:
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [alias.name for alias in node.names]
            of_helpers = (
                node.module in HELPERS if isinstance(node, ast.ImportFrom) else any(n in HELPERS for n in names)
            )
            if not of_helpers:
                continue
            if node not in self._tree.body or not is_helper_import(node):
                self._calls.reasons.append(Reason(node.lineno, "imports a helper module in an odd place"))
            for alias in node.names:
                self._note_import(node, alias)

    def _note_import(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> None:
        name = alias.asname or alias.name
        if isinstance(node, ast.Import):
            self._modules[name] = HELPERS.get(alias.name, "")
        elif node.module == "eexp_engine_utils" and alias.name == "utils":
            self._modules[name] = "eexp"
        else:
            self._functions[name] = (HELPERS[node.module or ""], alias.name)

    def _take(self, node: ast.AST) -> None:
        if id(node) in self._known:
            return
        if isinstance(node, ast.Call):
            found = self._helper(node.func)
            if found is not None:
                self._helper_call(node, *found)
            elif self._map_of(node.func):
                self._map_call(node)
        elif isinstance(node, ast.Attribute) and (told := self._helper(node)) is not None:
            raise _Unclear(_BEYOND.get(told[1], f"hands the helper's '{told[1]}' on"))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            self._assigned(node, node.targets[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in _MAPS:
            self._subscript(node, node.value)

    # ------------------------------------------------------------------------------------------ variables, resultMap

    def _map_of(self, function: ast.expr) -> str:
        is_method = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        name = ast.unparse(function).partition(".")[0] if is_method else ""
        return name if name in _MAPS else ""

    def _map_call(self, node: ast.Call) -> None:
        name, _, method = ast.unparse(node.func).partition(".")
        given = [*node.args, *(each.value for each in node.keywords)]
        if (name, method) == ("variables", "get") and len(given) in {1, 2}:
            self._ask(node, given[0], given[1] if given[1:] else None, strict=False)
        elif (name, method) == ("resultMap", "put") and len(given) == 2:
            self._calls.saves.append(Put(node, self._key(given[0]), given[1]))
        elif method in {"put", "update", "setdefault"} or name == "resultMap":
            raise _Unclear(f"calls {name}.{method}(), which other tasks see")
        else:
            raise _Unclear(f"looks at all of {name}")
        self._know(node.func)

    def _ask(self, node: ast.expr, key: ast.expr, default: ast.expr | None, *, strict: bool) -> None:
        self._calls.asks.append(Ask(node, self._key(key), default, strict))

    def _assigned(self, node: ast.Assign, target: ast.Subscript) -> None:
        name = target.value.id if isinstance(target.value, ast.Name) else ""
        if name == "resultMap" and len(node.targets) == 1:
            self._calls.saves.append(Put(node, self._key(target.slice), node.value))
            self._know(target)
        elif name in _MAPS:
            raise _Unclear(f"sets {name}[...], which other tasks see")

    def _subscript(self, node: ast.Subscript, name: ast.Name) -> None:
        if name.id != "variables" or not isinstance(node.ctx, ast.Load):
            raise _Unclear(f"uses {name.id}[...]")
        self._ask(node, node.slice, None, strict=True)
        self._know(node)

    # ------------------------------------------------------------------------------------------ helpers

    def _helper(self, function: ast.expr) -> tuple[str, str] | None:
        """The kind of the module and the name of the function, if this names one of a helper module."""
        if isinstance(function, ast.Name):
            return self._functions.get(function.id)
        if not isinstance(function, ast.Attribute):
            return None
        module = self._modules.get(ast.unparse(function.value))
        return (module, function.attr) if module is not None else None

    def _helper_call(self, node: ast.Call, module: str, name: str) -> None:
        if name in _BEYOND:
            raise _Unclear(_BEYOND[name])
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            raise _Unclear(f"calls {name}() with arguments that are not written out")
        given = {each.arg: each.value for each in node.keywords}
        rest = [each for each in node.args if not self._is_map(each)]
        maps = len(node.args) - len(rest) + sum(self._is_map(each) for each in given.values())
        given = {key: value for key, value in given.items() if not self._is_map(value)}
        if name in {"load_dataset", "load_datasets", "get_input"}:
            self._load(node, module, name, [*rest, *given.values()], seed=maps > 1 or bool(given))
        elif name in {"save_dataset", "save_datasets", "save_output"}:
            self._save(node, name, rest, given)
        elif name == "save_result" and len(rest) == 1:
            self._save_result(node, rest[0])
        else:
            raise _Unclear(f"calls {name}(), which no helper module has")
        self._know(node.func)
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            if self._is_map(each):
                self._know(each)

    def _is_map(self, node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in _MAPS) or (
            isinstance(node, ast.Constant) and node.value is None
        )

    def _load(self, node: ast.Call, module: str, name: str, given: Sequence[ast.expr], *, seed: bool) -> None:
        keys = tuple(map(self._key, given))
        if name == "load_dataset" and len(keys) == 1:
            self._calls.loads.append(Load(node, keys, "one", module))
        elif name != "load_dataset" and keys:
            is_all = name == "load_datasets" and seed and len(keys) == 1
            self._calls.loads.append(Load(node, keys, "all" if is_all else "any", module))
        else:
            raise _Unclear(f"calls {name}() with {len(keys)} names")

    def _save(self, node: ast.Call, name: str, rest: list[ast.expr], given: Mapping[str | None, ast.expr]) -> None:
        pairs = [each for each in rest if isinstance(each, ast.Tuple | ast.List) and len(each.elts) == 2]
        if rest and pairs == rest and not given:
            self._calls.saves += [Save(node, self._key(each.elts[0]), each.elts[1]) for each in pairs]
            return
        said = [*rest, *(given[word] for word in ("key", "value", "values", "file_names") if word in given)]
        if name == "save_datasets" and len(said) in {2, 3}:
            self._calls.saves.append(SaveAll(node, self._key(said[0]), said[1], said[2] if said[2:] else None))
        elif name != "save_datasets" and len(said) == 2:
            self._calls.saves.append(Save(node, self._key(said[0]), said[1]))
        else:
            raise _Unclear(f"calls {name}() with {len(said)} arguments")

    def _save_result(self, node: ast.Call, results: ast.expr) -> None:
        if not isinstance(results, ast.Dict):
            raise _Unclear("saves results whose names are not written out")
        for key, value in zip(results.keys, results.values, strict=True):
            if key is None:
                raise _Unclear("saves results whose names are not written out")
            self._calls.saves.append(Put(node, self._key(key), value))

    def _key(self, node: ast.expr) -> str:
        found = self._constants.get(node.id) if isinstance(node, ast.Name) else node
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            return found.value
        raise _Unclear(f"the name {ast.unparse(node)} is known only when it runs")

    def _know(self, node: ast.AST) -> None:
        self._known.update(map(id, ast.walk(node)))


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes, as they stand in the text: assignments before their targets."""
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _in_order(child)
