"""Spaces, how they are sampled, and the control graph."""

import pytest

from pxw.errors import DSLError
from pxw.experiment import (
    Binding,
    Control,
    Event,
    Experiment,
    Listing,
    Range,
    Space,
    Transition,
    VariabilityPoint,
    arguments,
    configurations,
)
from pxw.workflow import Parameter, TaskNode, Workflow


def space(strategy="gridsearch", runs=None, **points):
    made = tuple(
        VariabilityPoint(name, choices if isinstance(choices, tuple) else (choices,))
        for name, choices in points.items()
    )
    return Space("S", "W", strategy, made, runs=runs)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (Range(4, 6, 2), [4, 6]),
        (Range(4, 7, 2), [4, 6]),
        (Range(50, 50, 1), [50]),
        (Range(1, 3), [1, 2, 3]),
        (Range(3, 1, -1), [3, 2, 1]),
        (Range(0.1, 0.5, 0.2), [0.1, 0.3, 0.5]),
        (Range(1, 2, 0.5), [1.0, 1.5, 2.0]),
        (Range(5, 1), []),
    ],
)
def test_a_range_ends_with_its_upper_bound(given, values):
    assert list(given.sequence()) == values


@pytest.mark.parametrize(
    ("given", "values"),
    [(Range(4, 6, 2), [4]), (Range(4, 7, 2), [4, 6]), (Range(50, 50), []), (Range(0.5, 1, 0.5), [0.5])],
)
def test_an_exclusive_range_is_that_of_the_old_engine(given, values):
    assert list(given.sequence(inclusive=False)) == values


def test_a_long_range_is_not_written_out():
    assert len(Range(0, 10**15).sequence()) == 10**15 + 1


def test_a_space_larger_than_any_machine_can_be_sampled_but_not_searched():
    huge = {"a": Range(0.5, 1e30), "b": Range(0, 10**30)}
    drawn = configurations(space("randomsearch", 3, **huge))
    assert len({tuple(each.items()) for each in drawn}) == 3
    with pytest.raises(DSLError, match="configurations"):
        configurations(space("gridsearch", **huge))


def test_several_lists_of_too_many_values_are_refused():
    with pytest.raises(DSLError, match="from several lists"):
        VariabilityPoint("v", (Range(0, 10**9), Listing((1,)))).values()


def test_values_listed_twice_are_searched_once():
    assert configurations(space(a=Listing((1, 1, 2)))) == [{"a": 1}, {"a": 2}]


def test_a_range_in_steps_of_nothing_is_refused():
    with pytest.raises(DSLError, match="steps of 0"):
        Range(1, 2, 0).sequence()


def test_a_point_declared_twice_takes_the_union_of_its_values():
    point = VariabilityPoint("v", (Listing((3, 1)), Range(1, 4), Listing(("1", True, 1.0))))
    assert point.values() == [3, 1, 2, 4, "1", True, 1.0]


def test_a_grid_is_the_product_with_the_last_point_changing_fastest():
    found = configurations(space(a=Listing((1, 2)), b=Listing(("x", "y"))))
    assert found == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_space_without_points_runs_once_with_the_defaults():
    assert configurations(space("singlerun")) == [{}]
    assert configurations(space("gridsearch")) == [{}]


def test_a_random_search_draws_without_replacement_and_the_same_for_the_same_seed():
    drawn = configurations(space("randomsearch", 20, a=Range(1, 5), b=Range(1, 5)), seed=7)
    assert len({tuple(each.items()) for each in drawn}) == 20
    assert drawn == configurations(space("randomsearch", 20, a=Range(1, 5), b=Range(1, 5)), seed=7)
    assert drawn != configurations(space("randomsearch", 20, a=Range(1, 5), b=Range(1, 5)), seed=8)
    assert all(each in configurations(space(a=Range(1, 5), b=Range(1, 5))) for each in drawn)


def test_a_random_search_in_a_huge_space_builds_only_what_it_draws():
    found = configurations(space("randomsearch", 3, a=Range(1, 10**6), b=Range(1, 10**6), c=Range(1, 10**6)))
    assert len(found) == 3


def test_more_runs_than_configurations_run_each_once():
    found = configurations(space("randomsearch", 99, a=Range(1, 4)))
    assert sorted(each["a"] for each in found) == [1, 2, 3, 4]


def test_a_filter_sees_the_whole_grid_and_what_a_generator_gives_is_appended():
    found = configurations(
        space(a=Range(1, 4)),
        keep=lambda grid: [each for each in grid if each["a"] % 2],
        generate=lambda: [{"a": 9}, {"a": 3}, {"b": "new"}],
    )
    assert found == [{"a": 1}, {"a": 3}, {"a": 9}, {"a": 3}, {"b": "new"}]


def test_a_generator_alone_fills_an_empty_space():
    assert configurations(space(a=Listing(())), generate=lambda: [{"a": 1}]) == [{"a": 1}]


def test_a_space_without_any_configuration_is_an_error():
    with pytest.raises(DSLError, match="space 'S' has no configuration"):
        configurations(space(a=Listing(())))
    with pytest.raises(DSLError, match="space 'S' has no configuration"):
        configurations(space(a=Range(1, 3)), keep=lambda grid: [])


@pytest.mark.parametrize("wrong", [None, 3, ["a"], {"a": 1}])
def test_a_filter_that_returns_something_else_is_an_error(wrong):
    with pytest.raises(DSLError, match="expected a list of dicts"):
        configurations(space(a=Range(1, 3)), keep=lambda grid: wrong)


def test_an_exception_in_a_filter_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        configurations(space(a=Range(1, 3)), keep=lambda grid: 1 / 0)


def test_values_reach_the_tasks_in_their_declared_types():
    made = Space("S", "W", bindings=(Binding("T", "p", "v"), Binding("T", "q", None, 3), Binding("U", "p", "left_out")))
    workflow = Workflow(
        "W", (TaskNode("T", parameters=(Parameter("p", "String"), Parameter("q", "Float"))), TaskNode("U"))
    )
    assert arguments(made, {"v": 1}, workflow) == {"T": {"p": "1", "q": 3.0}}


# -------------------------------------------------------------------------------------------------- control


def walk(control, decide=lambda transition: True):
    """Run a control graph: give the order in which its nodes finish, and those that were skipped."""
    finished, skipped = [], set()
    while True:
        taken = {i: decide(control.transitions[i]) for i in control.decided(set(finished), skipped)}
        ready, never = control.advance(finished=set(finished), skipped=skipped, taken=taken)
        if not ready and not never:
            return finished, skipped
        skipped |= set(never)
        finished += ready[:1]


def test_a_node_waits_for_all_of_its_branches():
    control = Control(tuple("DCBA"), (Transition(("A",), ("B", "C")), Transition(("B", "C"), ("D",))))
    assert walk(control)[0] == ["A", "C", "B", "D"]


def test_all_true_branches_run_and_the_others_are_skipped():
    control = Control(tuple("ABCD"), tuple(Transition(("A",), (name,), name) for name in "BCD"))
    assert walk(control, lambda each: each.condition != "C") == (["A", "B", "D"], {"C"})


def test_a_node_that_several_taken_branches_lead_to_runs_once():
    links = (
        Transition(("A",), ("B",)),
        Transition(("A",), ("C",)),
        Transition(("B",), ("D",)),
        Transition(("C",), ("D",)),
    )
    assert walk(Control(tuple("ABCD"), links)) == (["A", "B", "C", "D"], set())


def test_a_node_runs_after_the_branches_that_were_taken_only():
    links = (Transition(("A",), ("B",), "no"), Transition(("A",), ("D",)), Transition(("B",), ("D",)))
    assert walk(Control(tuple("ABD"), links), lambda each: each.condition is None) == (["A", "D"], {"B"})


def test_behind_a_skipped_node_everything_is_skipped():
    links = (Transition(("A",), ("B",), "no"), Transition(("B",), ("C",)), Transition(("C",), ("D",), "c"))
    assert walk(Control(tuple("ABCD"), links), lambda each: False) == (["A"], {"B", "C", "D"})


def test_a_condition_is_only_asked_when_its_sources_have_finished():
    control = Control(tuple("ABC"), (Transition(("A", "B"), ("C",), "c"),))
    assert list(control.decided({"A"}, set())) == []
    assert list(control.decided({"A", "B"}, set())) == [0]
    assert list(control.decided({"A"}, {"B"})) == [0]
    assert list(control.decided(set(), {"A", "B"})) == []


def test_a_cycle_of_control_is_found():
    assert Control(tuple("AB"), (Transition(("A",), ("B",)), Transition(("B",), ("A",)))).cycle() == ["A", "B", "A"]


def test_an_experiment_finds_its_nodes_and_workflows():
    experiment = Experiment("E", (Workflow("W"),), (Space("S", "W"),), events=(Event("V"),))
    assert experiment.node("S") == Space("S", "W")
    assert experiment.node("V") == Event("V")
    assert experiment.workflow("W") == Workflow("W")
    with pytest.raises(KeyError):
        experiment.node("X")
