"""Turns what the parser recognised into the classes of `syntax`: one method for each rule that keeps something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lark import Token

from pxw.dsl import syntax

if TYPE_CHECKING:
    from pxw.dsl.syntax import Node, Word

__all__ = ["Build"]


def _first(cls: type[Node]) -> Any:
    """Make a node of all its parts, in order."""
    return staticmethod(lambda parts: cls(*parts))


def _rest(cls: Any, fixed: int) -> Any:
    """Make a node of its first parts, and of the list of all others."""
    return staticmethod(lambda parts: cls(*parts[:fixed], parts[fixed:]))


_list: Any = staticmethod(list)


def _field(parts: list[Any]) -> syntax.Field:
    return syntax.Field(parts[0], parts[1], parts[2:])


class Build:
    """The callbacks of the parser."""

    start = _list
    package = _first(syntax.Package)
    broken = _first(syntax.Broken)
    description = _first(syntax.Description)

    # workflows
    operator = _first(syntax.Operator)
    group = _rest(syntax.Group, 1)
    setting = _first(syntax.Setting)
    place = _list
    configure_data = _first(syntax.ConfigureData)
    place_field = link_field = task_field = domain_field = metric_field = staticmethod(_field)
    branch = staticmethod(lambda parts: syntax.Branch(parts[0], parts))
    choice = _first(syntax.Choice)
    link_body = _list
    flow = staticmethod(lambda ends: syntax.Flow(ends[0].word, ends))
    endpoint = _first(syntax.Endpoint)

    # tasks
    task_body = _list
    implementation = _first(syntax.Implementation)
    subworkflow = _first(syntax.Subworkflow)
    domain = _first(syntax.Domain)
    domain_body = _list
    metric = _rest(syntax.Metric, 1)

    # experiments
    experiment = _rest(syntax.Experiment, 1)
    intent = _first(syntax.Intent)
    interaction = _first(syntax.Interaction)
    control = _rest(syntax.Control, 1)
    lone = staticmethod(lambda parts: syntax.Lone(parts[0].word, parts[0]))
    space = _rest(syntax.Space, 2)
    strategy = _first(syntax.Strategy)
    runs = _first(syntax.Runs)
    listed = staticmethod(lambda parts: syntax.Listed(parts[0], parts[1] or []))
    point = _first(syntax.Point)
    hook = _first(syntax.Hook)
    method = _first(syntax.Method)
    assignment = _first(syntax.Assignment)
    event = _rest(syntax.Event, 1)
    event_field = _first(syntax.EventField)

    # words
    values = _list
    value = staticmethod(lambda parts: parts[0])

    @staticmethod
    def workflow(parts: list[Any]) -> Node:
        """Leave out the word `assembled`: `from` says the same."""
        _, name, parent, *members = parts
        return syntax.Workflow(name, parent, members)

    @staticmethod
    def data(parts: list[Any]) -> Node:
        """Tell a place from a list of elements."""
        direction, name, *tail = parts
        if tail and isinstance(tail[0], syntax.Data):
            return syntax.Data(name, direction, None, tail[0].elements)
        return syntax.Data(name, direction, *tail)

    @staticmethod
    def elements(parts: list[Any]) -> Node:
        """Carry the elements to `data`."""
        return syntax.Data(Token("NAME", ""), None, None, parts[0] or [])

    @staticmethod
    def step(parts: list[Any]) -> Node:
        """Make a station of names, or of one choice."""
        if isinstance(parts[0], syntax.Choice):
            return syntax.Step(parts[0].word, [], parts[0])
        return syntax.Step(parts[0], parts)

    @staticmethod
    def chain(parts: list[Any]) -> Node:
        """Tell stations, arrows and the body apart."""
        fields = parts.pop() if isinstance(parts[-1], list) else []
        return syntax.Chain(parts[0].word, parts[::2], parts[1::2], fields)

    @staticmethod
    def task(parts: list[Any]) -> Node:
        """Tell `task T;` (no members at all) from `task T { }`."""
        verb, name, *body = parts
        return syntax.Task(name, verb, body[0] if body else None)

    @staticmethod
    def port(parts: list[Any]) -> Node:
        """Put the name first."""
        direction, name, *place = parts
        return syntax.Port(name, direction, *place)

    @staticmethod
    def param(parts: list[Any]) -> Node:
        """Make a parameter of a name and, perhaps, values."""
        return syntax.Param(parts[0], parts[1] if len(parts) > 1 else None)

    @staticmethod
    def declared_param(parts: list[Any]) -> Node:
        """Make a parameter of a name and its declaration."""
        return syntax.Param(parts[0], None, parts[1])

    @staticmethod
    def configure_self(parts: list[Any]) -> Node:
        """Point at the first thing in it: the block has no name."""
        return syntax.ConfigureSelf(parts[0].word if parts else Token("NAME", "self", 0, 1, 1, 1, 2, 0), parts)

    @staticmethod
    def dotted(parts: list[Word]) -> Word:
        """Join `a.b` into one word, from the first to the last of its parts."""
        if len(parts) == 1:
            return parts[0]
        first, last = parts[0], parts[-1]
        text = ".".join(parts)
        return Token(
            "NAME", text, first.start_pos, first.line, first.column, last.end_line, last.end_column, last.end_pos
        )


setattr(Build, "import", _first(syntax.Import))  # the rule is named by its keyword, which Python reserves
