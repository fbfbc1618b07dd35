"""What a flow reads: its source tells which of its dataset parameters are inputs, so that a missing one is found first.

The flow's body is not run. A parameter is an input unless its name stands as what `pxw.save` saves to, or inside
`outputs=`; one that is assigned to, or handed to a function that is neither a task nor a Python builtin, is left alone.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from pxw import data, values
from pxw.binding.swapping import leaves
from pxw.cli.target import binding_of, tasks_near, user_function
from pxw.errors import PxwError
from pxw.specs import Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pxw.binding import Binding
    from pxw.specs import Dataset

__all__ = ["Uses", "missing_inputs"]


def missing_inputs(flow: Any, given: dict[str, Any]) -> list[PxwError]:
    """Look at the places and headers of a flow's inputs, and give what is wrong with them.

    Args:
        flow: a flow, of ours or of Prefect.
        given: the parameters that differ from their defaults.
    """
    fn = user_function(flow)
    defaults = {name: parameter.default for name, parameter in inspect.signature(fn).parameters.items()}
    uses = Uses.of(fn)
    specs = [
        (name, spec) for name, value in (defaults | given).items() for spec in leaves(value) if isinstance(spec, Placed)
    ]
    looks: list[tuple[str, Dataset, Callable[[], Any]]] = [
        (f"flow {flow.name!r}, parameter {name!r}", spec, look)
        for name, spec in specs
        if name not in uses.written | uses.unseen
        # As what the flow's body may load it is not known: it must be there.
        for look in [partial(read, spec) for read in uses.read_by[name]] or [partial(data.look, spec, None, bytes)]
    ]
    looks += [
        (f"task {task!r}, input {name!r}", spec, partial(binding.look, name, spec))
        for task, binding in tasks_near(flow).items()
        for name, spec in binding.moved.items()
    ]
    findings = {(at, str(spec)): error for at, spec, look in reversed(looks) if (error := _faults_of(look, at))}
    return list(reversed(findings.values()))


def _faults_of(look: Callable[[], Any], at: str) -> PxwError | None:
    try:
        look()
    except PxwError as error:
        error.at = ", ".join(filter(None, [at, error.at]))
        return error
    return None


class Uses(ast.NodeVisitor):
    """What a function's source does with the names in it.

    Args:
        fn: the function.
    """

    def __init__(self, fn: Any) -> None:
        self.written: set[str] = set()
        self.unseen: set[str] = set()
        self.read_by: defaultdict[str, list[Callable[[Dataset], Any]]] = defaultdict(list)
        self._names = vars(builtins) | fn.__globals__ | inspect.getclosurevars(fn).nonlocals
        self._always = True

    @classmethod
    def of(cls, fn: Any) -> Uses:
        """Read the function's source, if there is one."""
        uses = cls(fn)
        try:
            source = textwrap.dedent(inspect.getsource(fn))
        except (OSError, TypeError):
            uses.unseen |= set(inspect.signature(fn).parameters)
            return uses
        for statement in ast.parse(source).body[0].body:  # type: ignore[attr-defined]  # a function's
            uses.visit(statement)
        return uses

    def generic_visit(self, node: ast.AST) -> None:
        """Go on; what stands in a branch or a loop may never run."""
        before = self._always
        self._always &= not isinstance(node, _BRANCHES)
        super().generic_visit(node)
        self._always = before

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is assigned to is no parameter any more."""
        if isinstance(node.ctx, ast.Store | ast.Del):
            self.unseen.add(node.id)

    def visit_Call(self, node: ast.Call) -> None:
        """Tasks read what they are given; others may do anything to it."""
        called = self._resolve(node.func)
        binding = binding_of(called)
        if called is values.save:
            targets = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "spec")]
            self.written |= {name for target in targets for name in _names_in(target)}
        elif binding is not None:
            self._note_task(binding, node)
        elif called is not values.load and getattr(called, "__module__", None) != "builtins":
            self.unseen |= {name for argument in _arguments(node) for name in _names_in(argument)}
        for keyword in node.keywords:
            if keyword.arg == "outputs":
                self.written |= set(_names_in(keyword.value))
        self.generic_visit(node)

    def _note_task(self, binding: Binding, node: ast.Call) -> None:
        given = dict(zip(binding.signature.parameters, node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        for name, argument in given.items():
            if isinstance(argument, ast.Name) and self._always:
                self.read_by[argument.id].append(partial(binding.look, name))

    def _resolve(self, node: ast.expr) -> Any:
        """The object that an expression means, as far as names tell; `None` where they do not."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            if owner is None or binding_of(owner) is not None:  # task.submit, task.with_options
                return owner
            return getattr(owner, node.attr, None)
        return self._resolve(node.func) if isinstance(node, ast.Call) else None


_BRANCHES = (
    *(ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match, ast.BoolOp, ast.Lambda),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def _arguments(node: ast.Call) -> Iterator[ast.expr]:
    yield from node.args
    yield from (keyword.value for keyword in node.keywords if keyword.arg != "outputs")


def _names_in(node: ast.expr) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
