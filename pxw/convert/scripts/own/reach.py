"""From what a script imports of its project to all that this uses, as Python would find it."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.compat.imports import SUPPLIED, imports_of, is_installed, references
from pxw.convert.scripts.calls import HELPERS
from pxw.convert.scripts.own.inert import is_inert
from pxw.convert.scripts.own.module import Module
from pxw.convert.scripts.text import Reason, decoded

if TYPE_CHECKING:
    from pxw.compat.imports import Import
    from pxw.convert.scripts.kinds import Kinds
    from pxw.convert.scripts.own.places import Place, SearchPath
    from pxw.convert.scripts.scopes import Statement

__all__ = ["Reach", "Use"]

_STANDARD = {*sys.stdlib_module_names, *SUPPLIED}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Use:
    """Where a module's name is used: `node` is the name with what leads to it, as in `config.LIMIT`."""

    user: Module
    node: ast.expr
    module: Module
    name: str


class Reach:
    """Follows a script's imports, and of each module only the statements that run.

    Args:
        script: the script.
        path: where modules of its project are.
        apart: whether it runs with packages of its own.
    """

    def __init__(self, script: ast.Module, path: SearchPath, *, apart: bool) -> None:
        self._path, self._apart = path, apart
        self._modules: dict[str, Module] = {}
        self._left: list[tuple[Module, Statement]] = []
        self._seen: set[object] = set()
        self.places: dict[str, Place] = {}
        """The modules that a run imports, by name."""
        self.lines: dict[str, int] = {}
        """The line of the script that imports each root."""
        self.statements: list[tuple[Module, Statement]] = []
        """What may run of them."""
        self.effects: list[tuple[Module, ast.stmt]] = []
        """What runs when they are imported, beside definitions."""
        self.uses: list[Use] = []
        self.reasons: list[Reason] = []
        """What cannot be imported elsewhere."""
        self.lacks_packages = False
        """Whether they import what is installed only where the script runs."""
        self._script = Module(script)
        self._visit_all(self._script)
        while self._left:
            self._follow(*self._left.pop())

    def is_own(self, name: str) -> bool:
        """Whether a name that is written out whole is one of the project."""
        return self._path.split(name) is not None

    def function(self, name: str) -> tuple[Module, ast.FunctionDef] | None:
        """A function of the project by its whole name, with its module."""
        seen: set[str] = set()
        while name not in seen and (found := self._path.split(name)) and (module := self._modules.get(found[0].name)):
            seen.add(name)
            match [each.node for each in module.binding(found[1])]:
                case [ast.FunctionDef() as node]:
                    return module, node
                case [ast.ImportFrom()]:
                    name = module.aliases[found[1]]
        return None

    def kinds(self, name: str) -> tuple[Kinds, ast.FunctionDef] | None:
        """The same, with the kinds of its module."""
        found = self.function(name)
        return (found[0].kinds, found[1]) if found else None

    # ---------------------------------------------------------------------------------------------- what is used

    def _visit_all(self, module: Module) -> None:
        for each in module.statements:
            self._visit(module, each)

    def _visit(self, module: Module, statement: Statement) -> None:
        if id(statement) not in self._seen:
            self._seen.add(id(statement))
            self._left.append((module, statement))

    def _follow(self, module: Module, statement: Statement) -> None:
        if module is not self._script:
            self.statements.append((module, statement))
        for each in imports_of(statement.node, module.package):
            self._import(module, each)
        for node, name in references(statement.node):
            self._refer(module, statement, node, name)

    def _refer(self, module: Module, statement: Statement, node: ast.expr, name: str) -> None:
        """Follow a name, with what is written behind it, to where it comes from."""
        root, dot, rest = name.partition(".")
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            return
        if root in statement.use.reads and module is not self._script:
            self._use(module, root)
            self.uses.append(Use(module, _above(node, name.count(".")), module, root))
        full = f"{module.aliases[root]}{dot}{rest}" if root in module.aliases else ""
        found = self._path.split(full) if full else None
        target = self._load(found[0]) if found else None
        if found and target is not None:
            place, member = found
            beyond = full.count(".") - place.name.count(".") - bool(member)
            self.uses.append(Use(module, _above(node, beyond), target, member))
            self._use_from_outside(target, member)

    def _use_from_outside(self, module: Module, name: str) -> None:
        """Visit what defines a name of a module; all of it, if nobody can tell."""
        if (module, name) in self._seen:
            return
        self._seen.add((module, name))
        found = self._path.split(module.aliases[name]) if name in module.aliases else None
        target = self._load(found[0]) if found else None
        if found and target is not None:
            self._use_from_outside(target, found[1])
        elif not self._use(module, name):
            self._visit_all(module)

    def _use(self, module: Module, name: str) -> bool:
        """Visit what defines a name of a module, or may do so."""
        for each in module.binding(name):
            self._visit(module, each)
        starred = [] if module.binding(name) else [self._path.find(each) for each in module.stars]
        targets = [target for each in starred if each and (target := self._load(each))]
        for target in targets:
            self._use_from_outside(target, name)
        return bool(module.binding(name) or targets)

    # ---------------------------------------------------------------------------------------------- modules

    def _import(self, module: Module, said: Import) -> None:
        root = said.module.partition(".")[0]
        if not root:
            self.reasons.append(module.reason(said.line, "imports from a package that it is not in"))
        elif self._path.find(root) is None:
            self._import_foreign(module, said, root)
        else:
            self.lines.setdefault(root, said.line if module is self._script else 1)
            other = self._path.hides(root)
            if other:
                self.reasons.append(module.reason(said.line, f"imports '{root}' of its project, which hides {other}"))
            self._import_own(module, said)

    def _import_foreign(self, module: Module, said: Import, root: str) -> None:
        if said.module in HELPERS and module is not self._script:
            self.reasons.append(module.reason(said.line, f"asks the old system, by '{said.module}'"))
        elif root in _STANDARD or is_installed(root):
            return
        elif self._apart:
            self.lacks_packages |= module is not self._script
        elif not said.is_optional:
            self.reasons.append(module.reason(said.line, f"imports '{said.module}', which is not installed here"))

    def _import_own(self, module: Module, said: Import) -> None:
        parts = said.module.split(".")
        for count in range(1, len(parts) + 1):
            place = self._path.find(".".join(parts[:count]))
            if place is not None:
                self._load(place)
            elif not said.is_optional:
                text = f"imports '{said.module}', which its project has not"
                self.reasons.append(module.reason(said.line, text))
                return
        member = self._path.find(f"{said.module}.{said.member}") if said.member else None
        if member is not None:
            self._load(member)

    def _load(self, place: Place) -> Module | None:
        """Import a module: of its definitions, only those that somebody uses are visited."""
        if place.name in self.places or place.file is None:
            return self._modules.get(place.name)
        self.places[place.name] = place
        try:
            tree = ast.parse(decoded(place.file.read_bytes()) if place.file.suffix == ".py" else "no source")
            module = Module(tree, place.name, place.package, str(place.file), self.kinds)
        except (SyntaxError, ValueError) as error:
            text = f"imports '{place.name}', which is no Python: {error}"
            self.reasons.append(Reason(getattr(error, "lineno", None) or 1, text, str(place.file)))
            return None
        self._modules[place.name] = module
        for each in module.statements:
            if not is_inert(each.node, module.aliases):
                self.effects.append((module, each.node))
                self._visit(module, each)
            elif not isinstance(each.node, _DEFINITIONS):
                for said in imports_of(each.node, module.package):
                    self._import(module, said)
        return module


def _above(node: ast.expr, beyond: int) -> ast.expr:
    """The part of `a.b.c` without the last names."""
    for _ in range(beyond):
        node = node.value if isinstance(node, ast.Attribute) else node
    return node
