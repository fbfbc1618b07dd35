"""Files that a function parses itself as parameters of what it makes of them: on request, for pxw reads them then."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pxw.convert.scripts.headers import formatted, header, is_standard, single_imports
from pxw.convert.scripts.parsing import parsed
from pxw.convert.source import mapping, quoted, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pxw.convert.scripts.given import Source
    from pxw.convert.scripts.parsing import Parsed
    from pxw.convert.scripts.writing import TaskCode

__all__ = ["with_frames"]


def with_frames(code: TaskCode, sources: Mapping[str, Source]) -> tuple[TaskCode, dict[str, str]]:
    """The same task, given what it makes of files if all that it does with one is `table = pd.read_csv(BytesIO(x))`.

    Args:
        code: the task.
        sources: what feeds each input.

    Returns:
        The task, and its new parameters, each as it is written, by input.
    """
    found: dict[str, str] = {}
    for key, source in sources.items():
        if source.is_external and source.kind == "bytes" and key in code.inputs:
            lift = _lift(code, key, source.suffix)
            if lift is not None:
                code = replace(code, text=lift.text(), inputs={**code.inputs, key: lift.name})
                found[key] = f"{lift.name}: {lift.made.hint}"
    return code, found


def _lift(code: TaskCode, key: str, suffix: str) -> _Lift | None:
    """What has to change for an input, if it can."""
    given = code.inputs[key]
    tree = ast.parse(code.text)
    task = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == code.function)
    taken = {each.arg for each in (*task.args.args, *task.args.kwonlyargs)}
    names = [node.id for each in task.body for node in ast.walk(each) if isinstance(node, ast.Name)]
    for node in task.body:
        made = parsed(node.value, given, suffix) if isinstance(node, ast.Assign) else None
        if made is None or not isinstance(node, ast.Assign) or names.count(given) != 1:
            continue
        name = ast.unparse(node.targets[0])
        is_new = len(node.targets) == 1 < len(task.body) and name.isidentifier() and name not in taken
        if is_new and names.index(name) >= _count(task.body[: task.body.index(node)]):
            return _Lift(code.text, task, node, given, name, made)
    return None


def _count(statements: list[ast.stmt]) -> int:
    return sum(isinstance(each, ast.Name) for statement in statements for each in ast.walk(statement))


@dataclass(frozen=True)
class _Lift:
    """Another parameter for a task, in the place of one and of the statement that parses it.

    Args:
        source: the module.
        task: its function.
        node: the statement.
        given: the parameter with the bytes.
        name: what the statement makes of them.
        made: how.
    """

    source: str
    task: ast.FunctionDef
    node: ast.stmt
    given: str
    name: str
    made: Parsed

    def text(self) -> str:
        """The module with the other parameter, and without the statement and the comment on it."""
        lines = self.source.split("\n")
        arguments = [*self.task.args.args, *self.task.args.kwonlyargs]
        calls = [each for each in self.task.decorator_list if isinstance(each, ast.Call)]
        declared = [each.value for call in calls for each in call.keywords if each.arg == "inputs"]
        edits: list[tuple[ast.expr | ast.arg, str]] = [
            *((each, f"{self.name}: {self.made.hint}") for each in arguments if each.arg == self.given),
            *((each, self._inputs(each)) for each in declared),
        ]
        first, last = self.node.lineno - 1, self.node.end_lineno or self.node.lineno
        while lines[first - 1].lstrip().startswith("#"):
            first -= 1
        del lines[first:last]  # it is below all that is edited
        for node, new in sorted(edits, key=lambda each: (each[0].lineno, each[0].col_offset), reverse=True):
            _replace(lines, node, new)
        return formatted(_with_imports("\n".join(lines), self.source))

    def _inputs(self, node: ast.expr) -> str:
        specs = dict(_specs(node))
        specs = {self.name if each == self.given else each: spec for each, spec in specs.items()}
        specs[self.name] = self.made.spec
        if not any(specs.values()):
            return sequence("", [quoted(each) for each in specs]).flat()
        return mapping("", {each: spec or "pxw.Dataset()" for each, spec in specs.items()}).flat()


def _specs(node: ast.expr) -> Iterator[tuple[str, str]]:
    """The declared inputs, and the specs of those that have one."""
    match node:
        case ast.List(elts=names):
            yield from ((ast.literal_eval(each), "") for each in names)
        case ast.Dict(keys=names, values=specs):
            for each, spec in zip(names, specs, strict=True):
                yield ast.literal_eval(each or ast.Constant("")), ast.unparse(spec).replace("'", '"')


def _replace(lines: list[str], node: ast.expr | ast.arg, new: str) -> None:
    """Write something else in the place of a node."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset :].decode()
    lines[first : last + 1] = [f"{head}{new}{tail}"]


def _with_imports(text: str, before: str) -> str:
    """The module with what it imports of Python's own: what it needs now, and without what it needed before only."""
    tree = ast.parse(text)
    used, known = _used(tree), _used(ast.parse(before))
    nodes = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    standard = [each for each in nodes if any(is_standard(root) and root for _, root, _ in single_imports(each))]
    standard = [each for each in standard if getattr(each, "module", "") != "__future__"]
    single = [one for each in standard for one in single_imports(each)]
    kept = [line for name, _, line in single if name in used or name not in known]
    if "Any" in used:
        kept.append("from typing import Any")
    lines = text.split("\n")
    start = (standard or [each for each in nodes if getattr(each, "module", "") != "__future__"])[0].lineno - 1
    end = standard[-1].end_lineno or start if standard else start
    new = header(kept).split("\n") if kept else []
    gap = [""] if new and not standard else []
    skip = 1 if standard and not new and not lines[end] else 0
    return "\n".join([*lines[:start], *new, *gap, *lines[end + skip :]])


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
