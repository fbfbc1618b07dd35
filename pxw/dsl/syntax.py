"""What a `.xxp` file says, rule by rule: one small class for each rule of `grammar.lark`.

A leaf is a `Word`: the text of a name, a number or a string (without its quotes), which knows its `type`, `line`,
`column`, `end_line` and `end_column`. Every node has a `word`: the one to point at when something is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lark import Token

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Assignment",
    "Branch",
    "Broken",
    "Chain",
    "Choice",
    "ConfigureData",
    "ConfigureSelf",
    "Control",
    "Data",
    "Description",
    "Domain",
    "Endpoint",
    "Event",
    "EventField",
    "Experiment",
    "Field",
    "File",
    "Flow",
    "Group",
    "Hook",
    "Implementation",
    "Import",
    "Intent",
    "Interaction",
    "Listed",
    "Lone",
    "Method",
    "Metric",
    "Node",
    "Operator",
    "Package",
    "Param",
    "Point",
    "Port",
    "Runs",
    "Setting",
    "Space",
    "Step",
    "Strategy",
    "Subworkflow",
    "Task",
    "Word",
    "Workflow",
]

Word: TypeAlias = Token


@dataclass(slots=True)
class Node:
    """What every rule's class is."""

    word: Word


@dataclass(slots=True)
class Broken(Node):
    """What could not be read: the names that it may have declared are unknown, not wrong."""


@dataclass(slots=True)
class Field(Node):
    """A keyword and its value: `venv "r.txt";`, `type Integer;`, `path "p";`, `condition "c";`."""

    value: Word
    more: list[Word] = field(default_factory=list)


@dataclass(slots=True)
class Description(Node):
    """`description "text";`."""


@dataclass(slots=True)
class Package(Node):
    """`package a.b;`."""


@dataclass(slots=True)
class Import(Node):
    """`import "w.xxp";`, `ref "w.xxp";`."""


# -------------------------------------------------------------------------------------------------- workflows


@dataclass(slots=True)
class Workflow(Node):
    """`workflow W { }`, `workflow A from W { }`, `assembled workflow A from W { }`."""

    parent: Word | None
    members: list[Node]


@dataclass(slots=True)
class Operator(Node):
    """`define operator O;`."""


@dataclass(slots=True)
class Group(Node):
    """`group G { A B };`."""

    names: list[Word]


@dataclass(slots=True)
class Setting(Node):
    """`param p = 0;` of a workflow."""

    value: Word


@dataclass(slots=True)
class Data(Node):
    """`define input data D;`, `output data D;`, `data D;`, `define data D [data= 1, 2];`."""

    direction: Word | None
    place: list[Node] | None = None
    elements: list[Word] | None = None


@dataclass(slots=True)
class ConfigureData(Node):
    """`configure data D { path "p"; }`."""

    place: list[Node]


@dataclass(slots=True)
class Branch(Node):
    """The tasks behind one side of a choice."""

    names: list[Word]


@dataclass(slots=True)
class Choice(Node):
    """`"condition" ? B : C`: the word is the condition."""

    then: Branch | None
    otherwise: Branch | None


@dataclass(slots=True)
class Step(Node):
    """One station of a chain: a name, `(A || B)`, or a choice."""

    names: list[Word]
    choice: Choice | None = None


@dataclass(slots=True)
class Chain(Node):
    """`A -> B -> C;`, `A ?-> B { condition "c"; }`, `A !-> B { event "e"; }`."""

    steps: list[Step]
    arrows: list[Word]
    fields: list[Node]


@dataclass(slots=True)
class Endpoint(Node):
    """`T.port`, or a dataset's name."""

    port: Word | None


@dataclass(slots=True)
class Flow(Node):
    """`D --> T.port;`, `A.out --> B.in;`, `X --> T --> Y;`."""

    ends: list[Endpoint]


# -------------------------------------------------------------------------------------------------- tasks


@dataclass(slots=True)
class Task(Node):
    """`task T;`, `task T { }`, `define task T;`, `configure task T { }`."""

    verb: Word | None
    members: list[Node] | None


@dataclass(slots=True)
class Implementation(Node):
    """`implementation "a/b";`: the word is the target."""


@dataclass(slots=True)
class Subworkflow(Node):
    """`subworkflow "f";`: the word is the target."""


@dataclass(slots=True)
class Port(Node):
    """`define input data d;` of a task."""

    direction: Word
    place: list[Node] | None = None


@dataclass(slots=True)
class Domain(Node):
    """`range (1, 9, 2)`, `range [1, 9]` or `enum ("a", "b")`: the word is the keyword."""

    values: list[Word]


@dataclass(slots=True)
class Param(Node):
    """`param p = 1;`, or a declaration with a body."""

    values: list[Word] | None = None
    members: list[Node] | None = None


@dataclass(slots=True)
class Metric(Node):
    """`define metric m { }`."""

    members: list[Node]


# -------------------------------------------------------------------------------------------------- experiments


@dataclass(slots=True)
class Experiment(Node):
    """`experiment E { }`."""

    members: list[Node]


@dataclass(slots=True)
class Intent(Node):
    """`intent FindBest;`."""


@dataclass(slots=True)
class Interaction(Node):
    """`interaction I { implementation ".."; }`."""

    members: list[Node]


@dataclass(slots=True)
class Lone(Node):
    """`S1;` in a control block."""

    step: Step


@dataclass(slots=True)
class Control(Node):
    """`control { }`."""

    members: list[Node]


@dataclass(slots=True)
class Space(Node):
    """`space S of W { }`, `espace S of W { }`."""

    workflow: Word | None
    members: list[Node]


@dataclass(slots=True)
class Strategy(Node):
    """`strategy gridsearch;`."""


@dataclass(slots=True)
class Runs(Node):
    """`runs = 3;`."""


@dataclass(slots=True)
class Listed(Node):
    """`enum(1, 2)` or `range(1, 5)` of a variability point: the word is the keyword."""

    values: list[Word]


@dataclass(slots=True)
class Point(Node):
    """`param_values v = enum(1, 2);`."""

    choices: Listed | list[Word]


@dataclass(slots=True)
class Hook(Node):
    """`filter "f";`, `generator "g";`: the word is the keyword."""

    function: Word


@dataclass(slots=True)
class Method(Node):
    """`method gridsearch as g;`."""

    alias: Word


@dataclass(slots=True)
class Assignment(Node):
    """`g.k = enum(1, 2);`."""

    choices: Listed | list[Word]


@dataclass(slots=True)
class ConfigureSelf(Node):
    """`configure self { }`."""

    members: list[Node]


@dataclass(slots=True)
class EventField(Node):
    """`type manual;`, `task review(avg, "acc", S);`."""

    value: Word | None
    arguments: list[Word] | None


@dataclass(slots=True)
class Event(Node):
    """`event V { }`."""

    members: list[Node]


@dataclass(slots=True, eq=False)
class File:
    """One parsed file."""

    path: Path
    text: str
    items: list[Node]
