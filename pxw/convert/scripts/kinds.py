"""Of which kind a value is, as far as its script tells: bytes, text, a number, a frame, an array, or who knows."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Kind", "Kinds", "Others"]

Kind: TypeAlias = Literal[
    "bytes", "str", "int", "float", "bool", "dict", "list", "frame", "array", "files", "many", "any"
]
"""`files`: several files by name; `many`: a list of bytes."""

_CALLS: dict[str, Kind] = {
    **dict.fromkeys(["len", "int"], "int"),
    **dict.fromkeys(["str", "repr", "json.dumps"], "str"),
    **dict.fromkeys(["bytes", "pickle.dumps"], "bytes"),
    **dict.fromkeys(["dict", "json.loads"], "any"),
    **dict.fromkeys(["sorted", "list"], "list"),
    "float": "float",
    "bool": "bool",
}
_PANDAS = {"DataFrame", "read_csv", "read_excel", "read_parquet", "read_json", "merge", "get_dummies", "json_normalize"}
_NUMPY = {"array", "asarray", "zeros", "ones", "arange", "linspace", "concatenate", "vstack", "hstack", "full"}
_OF_FRAME = {
    *(
        "dropna",
        "fillna",
        "copy",
        "head",
        "tail",
        "merge",
        "reset_index",
        "set_index",
        "rename",
        "sort_values",
        "assign",
    ),
    *(
        "query",
        "sample",
        "drop_duplicates",
        "astype",
        "drop",
        "replace",
        "round",
        "join",
        "sort_index",
        "ffill",
        "bfill",
    ),
}
_OF_TEXT = {"strip", "lstrip", "rstrip", "upper", "lower", "title", "replace", "capitalize", "join", "removeprefix"}
_WRITTEN: dict[type[ast.expr], Kind] = {
    ast.JoinedStr: "str",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.List: "list",
    ast.ListComp: "list",
}
_ENCODING = re.compile(r"utf[-_]?(8|16|32).*|ascii|latin.*|iso.*|cp\d+|strict|ignore|replace", re.IGNORECASE)
_BUFFERS: dict[str, Kind] = {"BytesIO": "bytes", "io.BytesIO": "bytes", "StringIO": "str", "io.StringIO": "str"}


Others: TypeAlias = "Callable[[str], tuple[Kinds, ast.FunctionDef] | None]"


class Kinds:
    """Tells the kinds of a script's expressions.

    Args:
        body: the script's statements.
        modules: what its names of modules and functions are by their full names, as in `{"pd": "pandas"}`.
        others: finds functions of other modules by their full names, each with the kinds of its module.
    """

    def __init__(self, body: Iterable[ast.stmt], modules: Mapping[str, str], others: Others = lambda _: None) -> None:
        self._modules = modules
        self._others = others
        self._nodes: dict[int, Kind] = {}
        self._bound: dict[str, Kind] = {}
        self._values = _assigned(body)
        self._functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
        self._asked: set[str] = set()
        self._called: tuple[ast.FunctionDef, ...] = ()
        self._known: dict[tuple[object, ...], Kind] = {}

    def note(self, node: ast.expr, kind: Kind) -> None:
        """An expression is of this kind: what it is stands elsewhere."""
        self._nodes[id(node)] = kind

    def bind(self, name: str, kind: Kind) -> None:
        """A name stands for a parameter of this kind."""
        self._bound[name] = kind

    def forget(self, name: str, value: ast.expr) -> None:
        """A name is no longer bound to this value."""
        self._values[name] = [each for each in self._values[name] if each is not value]

    def of(self, node: ast.expr) -> Kind:
        """The kind of an expression."""
        return self._nodes.get(id(node)) or self._of_syntax(node)

    def _of_syntax(self, node: ast.expr) -> Kind:
        match node:
            case ast.Constant(value=value) if type(value) in {bytes, str, int, float, bool}:
                return type(value).__name__  # type: ignore[return-value]  # these five are kinds
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left=left, op=op, right=right):
                return self._sum(self.of(left), op, self.of(right))
            case ast.Subscript():
                return self._part(node)
            case ast.Call(func=function):
                return self._call(node, function)
        return _WRITTEN.get(type(node), "any")

    def elements(self, node: ast.expr) -> list[ast.expr] | None:
        """The elements of a list that is written out, here or where its name is bound."""
        if isinstance(node, ast.Name):
            values = self._values.get(node.id, [])
            node = values[0] if len(values) == 1 and values[0] is not None else node
        is_plain = isinstance(node, ast.List | ast.Tuple) and not any(isinstance(x, ast.Starred) for x in node.elts)
        return list(node.elts) if is_plain and isinstance(node, ast.List | ast.Tuple) else None

    def full_name(self, node: ast.expr) -> str:
        """What a function is called where it comes from: `pandas.read_csv`."""
        root, dot, rest = ast.unparse(node).partition(".")
        return f"{self._modules.get(root, root)}{dot}{rest}"

    def _name(self, name: str) -> Kind:
        if name in self._bound:
            return self._bound[name]
        if name in self._asked or not self._values.get(name):
            return "any"
        return self._kind_of_all(name, self._values[name]) or "any"

    def _kind_of_all(self, name: str, values: list[ast.expr | None]) -> Kind | None:
        """The kind of a name's values; what is made of it, as in `x = f(x)`, must be of the kind of the others."""
        of_itself = [each for each in values if each is not None and _names(each, name)]
        self._asked.add(name)
        kinds = {self.of(each) if each is not None else "any" for each in values if each not in of_itself}
        self._asked.discard(name)
        if len(kinds) != 1:
            return None
        if of_itself:
            self._bound[name] = kind = next(iter(kinds))
            kinds |= {self.of(each) for each in of_itself}
            del self._bound[name]
            return kind if kinds == {kind} else None
        return kinds.pop()

    @staticmethod
    def _sum(left: Kind, op: ast.operator, right: Kind) -> Kind:
        if isinstance(op, ast.Mult) and right == "int" and left in {"str", "bytes"}:
            return left
        if left == right and left in {"bytes", "str", "list"}:
            return left if isinstance(op, ast.Add) else "any"
        if {left, right} <= {"int", "float"} and isinstance(op, ast.Add | ast.Sub | ast.Mult):
            return "float" if "float" in {left, right} else "int"
        return "any"

    def _part(self, node: ast.Subscript) -> Kind:
        match node.value, node.slice:
            case ast.Call() as call, ast.Constant(value=int(place)):
                return self._one_of(call, place)
            case value, ast.Slice() if (kind := self.of(value)) in {"str", "bytes", "frame"}:
                return kind
            case value, ast.List() | ast.Compare() if self.of(value) == "frame":
                return "frame"
        return "any"

    def _one_of(self, node: ast.Call, place: int) -> Kind:
        """One of several values that a call gives: two of each kind that scikit-learn is given to split."""
        splits = self.full_name(node.func) == "sklearn.model_selection.train_test_split"
        given = node.args if splits and not any(isinstance(each, ast.Starred) for each in node.args) else []
        return self.of(given[place // 2]) if 0 <= place < 2 * len(given) else "any"

    def _call(self, node: ast.Call, function: ast.expr) -> Kind:
        name = self.full_name(function)
        is_here = isinstance(function, ast.Name) and name in self._functions
        called = (self, self._functions[name]) if is_here else self._others(name)
        if called is not None:
            return called[0].returned(called[1], self._given(node, called[1]), self._called)
        if name in _CALLS:
            return _CALLS[name]
        module, _, last = name.rpartition(".")
        if module == "pandas" and last in _PANDAS:
            return "frame"
        if module == "numpy" and last in _NUMPY:
            return "array"
        if module == "sklearn.metrics" and last.endswith(("_score", "_error", "_loss")):
            return "any" if {each.arg for each in node.keywords} & {"average", "multioutput"} else "float"
        return self._method(node, function) if isinstance(function, ast.Attribute) else "any"

    def _method(self, node: ast.Call, function: ast.Attribute) -> Kind:
        name, kind = function.attr, self.of(function.value)
        if name in {"encode", "decode"} and (kind in {"str", "bytes"} or _is_encoding(node)):
            return "bytes" if name == "encode" else "str"
        if name == "getvalue" and isinstance(function.value, ast.Name):
            values = self._values.get(function.value.id, [])
            made = {_BUFFERS.get(ast.unparse(x.func)) for x in values if isinstance(x, ast.Call)}
            return made.pop() or "any" if len(made) == 1 and len(values) == 1 else "any"
        if (
            name in {"to_csv", "to_json"}
            and not node.args
            and "path_or_buf" not in {each.arg for each in node.keywords}
        ):
            return "str"
        if kind == "frame" and name in _OF_FRAME:
            return "any" if any(each.arg == "inplace" for each in node.keywords) else "frame"
        if kind in {"str", "bytes"} and name in _OF_TEXT:
            return kind
        return "str" if name == "format" and kind == "str" else "any"

    def _given(self, node: ast.Call, function: ast.FunctionDef) -> dict[str, Kind]:
        """The kinds of the parameters that a call gives."""
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        found = {name: self.of(each) for name, each in zip(names, node.args, strict=False)}
        named = {each.arg: self.of(each.value) for each in node.keywords if each.arg is not None}
        return {} if any(isinstance(each, ast.Starred) for each in node.args) else found | named

    def returned(
        self, function: ast.FunctionDef, given: Mapping[str, Kind], called: tuple[ast.FunctionDef, ...]
    ) -> Kind:
        """What a function gives: its own variables are looked at alone."""
        if function in called or len(called) > _DEEP or function.decorator_list or not _returns(function.body):
            return "any"
        key = (function, *sorted(given.items()))
        if key not in self._known:
            self._known[key] = self._of_function(function, given, (*called, function))
        return self._known[key]

    def _of_function(
        self, function: ast.FunctionDef, given: Mapping[str, Kind], called: tuple[ast.FunctionDef, ...]
    ) -> Kind:
        inner = Kinds(function.body, self._modules, self._others)
        inner._functions, inner._known, inner._called = self._functions, self._known, called
        for each in (node for node in ast.walk(function.args) if isinstance(node, ast.arg)):
            value = ast.Constant(...)  # in the place of what the caller gives
            inner.note(value, given.get(each.arg, "any"))
            inner._values.setdefault(each.arg, []).append(value)
        values = [each.value for each in ast.walk(function) if isinstance(each, ast.Return)]
        kinds = {inner.of(each) if each is not None else "any" for each in values}
        return kinds.pop() if len(kinds) == 1 else "any"


_DEEP = 8


def _returns(body: list[ast.stmt]) -> bool:
    """Whether a function always ends with a `return`, or an error."""
    match body[-1]:
        case ast.If(body=one, orelse=other):
            return bool(other) and _returns(one) and _returns(other)
        case ast.With(body=inner):
            return _returns(inner)
    return isinstance(body[-1], ast.Return | ast.Raise)


def _names(node: ast.expr, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _is_encoding(node: ast.Call) -> bool:
    """Whether a call's arguments are what `encode` and `decode` of texts take."""
    given = [*node.args, *(each.value for each in node.keywords)]
    texts = [each.value if isinstance(each, ast.Constant) else None for each in given]
    return all(isinstance(text, str) and _ENCODING.fullmatch(text) for text in texts)


def _assigned(body: Iterable[ast.stmt]) -> dict[str, list[ast.expr | None]]:
    """What each name is bound to; None where that is no plain assignment."""
    nodes = [inner for each in body for inner in _own_nodes(each)]
    found: dict[str, list[ast.expr | None]] = {}
    plain: dict[int, ast.expr] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            pairs = (pair for target in node.targets for pair in _pairs(target, node.value))
            plain |= {id(target): value for target, value in pairs}
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            plain[id(node.target)] = node.value
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.setdefault(node.id, []).append(plain.get(id(node)))
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What goes where, as in `a, b = 1, 2`; of what a call gives, which part: `a, b = f()`."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Call):
        for place, each in enumerate(target.elts):
            if isinstance(each, ast.Starred):
                break  # nobody knows how many it takes
            yield each, ast.Subscript(value, ast.Constant(place), ast.Load())
    elif isinstance(target, ast.Name):
        yield target, value


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those inside of it, but not what is inside of functions and classes."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _own_nodes(child)
