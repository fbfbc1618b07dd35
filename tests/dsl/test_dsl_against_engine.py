"""Whatever the current engine's own grammar accepts, pxw accepts, with the same tasks, links and values.

The grammar is read from `eexp_engine` 1.0.3 as it is published: downloaded once, without its dependencies, into
pytest's cache. `DSL_EXAMPLES=1000` draws more files.
"""

import os
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path
from zipfile import ZipFile

import pytest
from dsl_classic import files
from hypothesis import HealthCheck, given, settings

from pxw.dsl.rendering import render_text
from pxw.dsl.resolve import resolve
from pxw.experiment import Listing
from pxw.workflow import DataRef, DDMPlace, as_type

textx = pytest.importorskip("textx")

CASES = Path(__file__).with_name("cases")
NEEDED = "eexp-engine==1.0.3"


@pytest.fixture(scope="session")
def grammars(request):
    folder = request.config.cache.mkdir("eexp_engine")
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), NEEDED]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"{NEEDED} cannot be downloaded: {done.stderr.strip()[-200:]}")
    with ZipFile(next(folder.glob("*.whl"))) as wheel:
        names = {"workflow": "eexp_engine/grammar/workflow_grammar.tx", "task": "eexp_engine/grammar/task_grammar.tx"}
        return {kind: textx.metamodel_from_str(wheel.read(name).decode()) for kind, name in names.items()}


def accepted(metamodel, text):
    try:
        return metamodel.model_from_str(text)
    except textx.TextXError:
        return None


def kind(thing):
    return type(thing).__name__


# -------------------------------------------------------------------------------------------------- as textX has it


def engine_workflow(component):
    of_kind = {}
    for element in component.elements:
        of_kind.setdefault(kind(element), []).append(element)
    edges = set()
    for name in ("StartAndEndEvent", "StartEvent", "EndEvent"):
        edges |= {(a.name, b.name) for each in of_kind.get(name, []) for a, b in pairwise(each.nodes)}
    for each in of_kind.get("TaskLink", []):
        edges |= {(a.name, b.name) for a, b in pairwise([each.initial_node, *each.nodes])}
    return {
        "tasks": {each.name for each in of_kind.get("Task", [])},
        "values": {
            (task.name, name): value
            for task in of_kind.get("Task", [])
            for name, value in zip(task.parameters, task.values, strict=True)
        },
        "edges": edges,
        "conditions": {
            (c.from_node.name, c.condition, c.if_node.name, c.else_node.name, c.continuation_Node.name)
            for c in of_kind.get("ConditionLink", [])
        },
        "flows": {engine_flow(each) for each in of_kind.get("DataLink", [])},
        "places": {each.alias.name: engine_place(each) for each in of_kind.get("ConfigureData", [])},
    }


def engine_flow(link):
    if link.firstData:
        return (link.firstData.name, (link.secondNode.name, link.secondData1))
    if link.secondNode:
        return ((link.firstNode.name, link.firstData2), (link.secondNode.name, link.secondData2))
    return ((link.firstNode.name, link.firstData3), link.secondData.name)


def engine_place(configured):
    return configured.path or (configured.project or None, configured.name or None)


def engine_experiment(component):
    edges = set()
    for link in (link for block in component.control for link in block.explink):
        if kind(link) == "ConditionalExpLink":
            edges |= {
                (a, b, link.condition) for a, b in product(engine_names(link.from_node), engine_names(link.to_node))
            }
            continue
        chain = link.nodes or link.start_nodes or link.end_nodes or [link.first_node, *link.other_nodes]
        for left, right in pairwise(chain):
            edges |= {(a, b, None) for a, b in product(engine_names(left), engine_names(right))}
    spaces = {node.name: engine_space(node) for node in component.experimentNode if kind(node) == "SpaceConfig"}
    return {"edges": edges, "spaces": spaces}


def engine_names(node):
    return (
        [node.single_node.name] if node.single_node else [node.node_one.name, *(each.name for each in node.rest_nodes)]
    )


def engine_space(space):
    points = {}
    for each in space.vps:
        given = each.vp_values
        values = list(given.values) if kind(given) == "ENUM" else (given.minimum, given.maximum, given.step or 1)
        points.setdefault(each.vp_name, []).append(values)
    return {
        "of": space.assembled_workflow.name,
        "strategy": space.strategy_name,
        "runs": space.runs or None,
        "points": points,
        "bindings": {(task.task.name, each.param_name, each.vp) for task in space.tasks for each in task.config},
        "filter": space.filter_function or None,
        "generator": space.generator_function or None,
    }


# -------------------------------------------------------------------------------------------------- as pxw has it


def our_workflow(workflow):
    return {
        "tasks": {task.name for task in workflow.tasks},
        "values": {
            (task.name, each.name): each.value for task in workflow.tasks for each in task.parameters if each.given
        },
        "edges": {(link.before, link.after) for link in workflow.links},
        "conditions": {(*c.sources, c.text, *c.then, *c.otherwise, *c.continuation) for c in workflow.conditions},
        "flows": {(our_end(link.source), our_end(link.target)) for link in workflow.data_links},
        "places": {each.name: our_place(each.place) for each in workflow.datasets if each.place},
    }


def our_end(end):
    return end.name if isinstance(end, DataRef) else (end.task, end.port)


def our_place(place):
    if isinstance(place, DDMPlace):
        return (place.project, place.name)
    return place.path.as_posix() + "/**" * (place.kind == "directory")


def our_experiment(experiment):
    edges = {
        (a, b, each.condition)
        for each in experiment.control.transitions
        for a, b in product(each.sources, each.targets)
    }
    return {"edges": edges, "spaces": {space.name: our_space(space) for space in experiment.spaces}}


def our_space(space):
    points = {
        point.name: [
            list(each.values) if kind(each) == "Listing" else (each.start, each.stop, each.step)
            for each in point.choices
        ]
        for point in space.points
    }
    return {
        "of": space.workflow,
        "strategy": space.strategy,
        "runs": space.runs,
        "points": points,
        "bindings": {(each.task, each.parameter, each.point) for each in space.bindings},
        "filter": space.filter,
        "generator": space.generator,
    }


def our_values(choices):
    return list(choices.values) if isinstance(choices, Listing) else (choices.start, choices.stop, choices.step)


# -------------------------------------------------------------------------------------------------- the comparison

SYNTAX = {"PXW310", "PXW311", "PXW312", "PXW313", "PXW314"}


def compare(model, path):
    """Compare what textX made of a file with what pxw makes of it."""
    found = resolve(path, alone=True)
    assert not [each for each in found.diagnostics if each.code in SYNTAX], render_text(found.diagnostics)
    for component in model.component:
        if kind(component) == "Workflow":
            theirs, ours = engine_workflow(component), our_workflow(found.workflows[component.name])
            ours["places"] = {name: _below(place, found.project.datasets) for name, place in ours["places"].items()}
            assert ours == theirs
        elif kind(component) == "Experiment":
            theirs, ours = engine_experiment(component), our_experiment(found.experiments[component.name])
            if not theirs["edges"] and not any(len(each.explink) for each in component.control):
                ours["edges"] = set()  # without links, pxw runs everything in order; the engine runs nothing
            assert ours == theirs


def _below(place, folder):
    return place.removeprefix(f"{folder.as_posix()}/") if isinstance(place, str) else place


@settings(
    max_examples=int(os.environ.get("DSL_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(text=files())
def test_random_files_mean_the_same_to_both(grammars, tmp_path, text):
    path = tmp_path / "w.xxp"
    path.write_text(text, encoding="utf-8")
    compare(grammars["workflow"].model_from_str(text), path)


def test_the_cases_that_the_engine_accepts_mean_the_same_to_both(grammars):
    every = [path for path in sorted(CASES.rglob("*.xxp")) if path.name != "task.xxp" and path.stem != "not_utf8"]
    models = {path: accepted(grammars["workflow"], path.read_text(encoding="utf-8")) for path in every}
    agreed = {path: model for path, model in models.items() if model is not None}
    assert {path.stem for path in agreed} >= {"local", "ddm"}
    for path, model in agreed.items():
        compare(model, path)


def test_the_task_files_that_the_engine_accepts_declare_the_same_to_both(grammars, tmp_path):
    agreed = []
    for path in sorted((CASES / "tasks").rglob("task.xxp")):
        model = accepted(grammars["task"], path.read_text(encoding="utf-8"))
        if model is None:
            continue
        agreed.append(path.parent.name)
        (tmp_path / "w.xxp").write_text(f'workflow W {{ task T {{ implementation "{path.parent.name}"; }} }}')
        (node,) = resolve(tmp_path / "w.xxp", CASES / "eexp_config.py").workflows["W"].tasks
        elements = model.component[0].elements
        assert [each.name for each in node.inputs] == [each.name for each in elements if kind(each) == "InputData"]
        assert [each.name for each in node.outputs] == [each.name for each in elements if kind(each) == "OutputData"]
        assert [each.name for each in node.metrics] == [each.name for each in elements if kind(each) == "Metric"]
        params = {each.name: each.default for each in elements if kind(each) == "Parameter"}
        assert {each.name for each in node.parameters} == set(params)
        assert all(each.default == as_type(params[each.name], each.type) for each in node.parameters)
    assert {"read", "train"} <= set(agreed)
