"""The graph between language and engine."""

import math
import pickle

import pytest

from pxw.workflow import (
    Choices,
    Condition,
    ControlLink,
    DataLink,
    DataNode,
    DataRef,
    Interval,
    Parameter,
    Port,
    PortRef,
    Span,
    TaskNode,
    Workflow,
    as_type,
    find_cycle,
    topological_order,
)


@pytest.fixture
def diamond():
    """A feeds B and C by data, B leads to D by control, a condition after A chooses E or nothing, and D follows it."""
    return Workflow(
        "W",
        tasks=tuple(TaskNode(name, outputs=(Port("out"),), inputs=(Port("in"),)) for name in "DECBA"),
        links=(ControlLink("B", "D"), ControlLink("C", "D")),
        conditions=(Condition(("A",), "x", "expression", then=("E",), continuation=("D",)),),
        datasets=(DataNode("In", "input"), DataNode("Out", "output")),
        data_links=(
            DataLink(DataRef("In"), PortRef("A", "in")),
            DataLink(PortRef("A", "out"), PortRef("B", "in")),
            DataLink(PortRef("A", "out"), PortRef("C", "in")),
            DataLink(PortRef("D", "out"), DataRef("Out")),
        ),
    )


def test_every_kind_of_edge_orders_the_tasks(diamond):
    assert diamond.order() == ["A", "E", "B", "C", "D"]
    assert diamond.predecessors() == {"A": (), "B": ("A",), "C": ("A",), "E": ("A",), "D": ("B", "C", "A", "E")}


def test_equal_port_names_of_different_tasks_are_different_things(diamond):
    assert diamond.sources_of("B") == {"in": [PortRef("A", "out")]}
    assert diamond.sources_of("A") == {"in": [DataRef("In")]}
    assert diamond.targets_of("A") == {"out": [PortRef("B", "in"), PortRef("C", "in")]}
    assert diamond.targets_of("D") == {"out": [DataRef("Out")]}
    assert diamond.sources_of("E") == {}


def test_names_lead_to_tasks_and_datasets(diamond):
    assert diamond.task("A").name == "A"
    assert diamond.dataset("Out").direction == "output"
    with pytest.raises(KeyError):
        diamond.task("X")


def test_a_graph_is_the_same_wherever_it_was_declared():
    here, there = Span("a.xxp", 1, 2, 3), Span("b.xxp", 9, 8, 9)
    assert TaskNode("A", at=here, stated=frozenset({"metrics"})) == TaskNode("A", at=there)
    assert Workflow("W", (TaskNode("A", at=here),), at=here) == Workflow("W", (TaskNode("A"),))
    assert Workflow("W", (TaskNode("A"),)) != Workflow("W", (TaskNode("A", interactive=True),))


def test_a_workflow_can_be_sent_to_another_process(diamond):
    diamond.order()
    assert pickle.loads(pickle.dumps(diamond)) == diamond


def test_the_branches_of_a_condition_wait_for_its_sources_and_the_continuation_for_all():
    condition = Condition(("A",), "x", "expression", ("B",), ("C",), ("D",))
    assert set(condition.edges()) == {("A", "B"), ("A", "C"), ("A", "D"), ("B", "D"), ("C", "D")}


def test_a_task_knows_its_ports_parameters_and_values():
    parameters = (Parameter("a", value=1), Parameter("b"), Parameter("c", given=True))
    task = TaskNode("T", inputs=(Port("i"),), outputs=(Port("o"),), parameters=parameters)
    assert (task.input("i"), task.input("o"), task.output("o")) == (Port("i"), None, Port("o"))
    assert task.values == {"a": 1, "c": None}
    assert task.parameter("b") == Parameter("b")
    assert task.parameter("z") is None
    assert task.abstract


@pytest.mark.parametrize(
    ("value", "inside"),
    [(1, True), (9, True), (0.99, False), (9.01, False), ("5", False), (True, False), (None, False)],
)
def test_both_bounds_belong_to_an_interval(value, inside):
    assert (value in Interval(1, 9)) is inside


def test_steps_between_decimal_fractions_are_found():
    assert Interval(0, 1, 0.1).on_step(0.3)
    assert not Interval(0, 1, 0.1).on_step(0.35)
    assert Interval(0, 1).on_step(0.35)


def test_true_is_not_one_of_a_list_of_numbers():
    assert 1 in Choices((1, 2))
    assert True not in Choices((1, 2))
    assert "1" not in Choices((1, 2))


@pytest.mark.parametrize(
    ("value", "kind", "becomes"),
    [
        ("true", "Boolean", True),
        ("FALSE", "Boolean", False),
        (True, "Boolean", True),
        (3, "Float", 3.0),
        ("3.5", "Float", 3.5),
        (3.0, "Integer", 3),
        ("-7", "Integer", -7),
        ("1e3", "Integer", 1000),
        (2.5, "String", "2.5"),
        ("x", "Blob", "x"),
        (2, None, 2),
        (None, "Integer", None),
        (9007199254740993, "Integer", 9007199254740993),
    ],
)
def test_a_value_becomes_what_its_parameter_declares(value, kind, becomes):
    found = as_type(value, kind)
    assert (found, type(found)) == (becomes, type(becomes))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("yes", "Boolean"),
        (1, "Boolean"),
        (2.5, "Integer"),
        ("x", "Float"),
        (True, "Integer"),
        (math.inf, "Float"),
        ("", "Integer"),
    ],
)
def test_a_value_that_cannot_become_that_is_refused(value, kind):
    with pytest.raises(ValueError):  # noqa: PT011 - float() words it
        as_type(value, kind)


def test_a_cycle_is_shown_from_the_name_that_was_declared_first():
    assert find_cycle("abcd", [("d", "c"), ("c", "b"), ("b", "d"), ("a", "b")]) == ["b", "d", "c", "b"]
    assert find_cycle("ab", [("a", "b")]) == []
    assert find_cycle("a", [("a", "a")]) == ["a", "a"]


def test_what_lies_behind_a_cycle_has_no_place_in_the_order():
    assert topological_order("abcd", [("b", "c"), ("c", "b"), ("c", "d")]) == ["a"]
