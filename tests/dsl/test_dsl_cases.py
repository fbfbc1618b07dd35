"""Each construct of each generation: a case file, and beside it what it means and what is wrong with it.

`DSL_GOLDEN=write pytest tests/dsl/test_dsl_cases.py` writes the golden files anew; read the difference.
"""

import os
import re
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path
from pprint import pformat

import pytest

from pxw.dsl.diagnostics import CODES
from pxw.dsl.emit_xxp import print_project
from pxw.dsl.rendering import render_text
from pxw.dsl.resolve import resolve

CASES = Path(__file__).with_name("cases")
GENERATIONS = ["G0", "G1", "G2", "G3", "G3z", "G4", "G5", "G6", "seed", "diagnostics"]
FILES = sorted(
    path for generation in GENERATIONS for path in (CASES / generation).rglob("*.xxp") if path.name != "task.xxp"
)
GOOD = [path for path in FILES if "diagnostics" not in path.parts]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return shutil.copytree(CASES, tmp_path_factory.mktemp("project") / "cases")


def golden(path):
    return path.with_suffix(".golden")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_a_case_means_what_its_golden_file_says(path, monkeypatch):
    monkeypatch.chdir(CASES)
    found = resolve(path)
    text = f"{render_text(found.diagnostics)}\n\n" if found.diagnostics else ""
    text += print_project(found.workflows.values(), found.experiments.values(), found.project)
    if os.environ.get("DSL_GOLDEN") == "write":
        golden(path).write_text(text, encoding="utf-8")
    assert text == golden(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_case_of_a_generation_is_read_without_errors(path):
    assert [each.message for each in resolve(path).report.errors] == []


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_printing_a_case_and_reading_it_again_gives_the_same_graph(path, project):
    found = resolve(project / path.relative_to(CASES))
    again = found.target.with_name("printed.xxp")
    again.write_text(
        print_project(found.workflows.values(), found.experiments.values(), found.project), encoding="utf-8"
    )
    read = resolve(again)
    assert [each.message for each in read.report.errors] == []
    complete = {name: each for name, each in found.workflows.items() if not any(task.abstract for task in each.tasks)}
    assert complete == {name: read.workflows[name] for name in complete}
    assert found.experiments == read.experiments


TASKS = sorted(path for generation in ("T1", "T2") for path in (CASES / generation).rglob("task.xxp"))


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.relative_to(CASES).as_posix())
def test_a_task_file_means_what_its_golden_file_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(CASES)
    (tmp_path / "w.xxp").write_text(f'workflow W {{ task T {{ implementation "{path.parent.as_posix()}"; }} }}')
    (node,) = resolve(tmp_path / "w.xxp", CASES / "eexp_config.py").raise_errors().workflows["W"].tasks
    text = pformat(_plain(node), width=110, sort_dicts=False) + "\n"
    if os.environ.get("DSL_GOLDEN") == "write":
        golden(path).write_text(text, encoding="utf-8")
    assert text == golden(path).read_text(encoding="utf-8")


def _plain(value):
    """Show a graph without positions, and with paths below the cases."""
    if is_dataclass(value):
        shown = {each.name: getattr(value, each.name) for each in fields(value) if each.compare}
        return {type(value).__name__: {name: _plain(each) for name, each in shown.items() if each not in (None, ())}}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value).replace(f"{CASES}/", "") if isinstance(value, str | Path) else value


def test_every_code_has_a_case():
    every = "".join(golden(path).read_text(encoding="utf-8") for path in FILES)
    assert set(re.findall(r"\[(PXW3\d\d)\]", every)) == set(CODES) - {
        "PXW315",
        "PXW350",
    }  # they are in test_dsl_resolve and test_project


def test_the_reference_names_a_case_for_each_construct_and_a_construct_for_each_case():
    page = (CASES.parents[2] / "docs/reference/dsl.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"\| `", line)]
    named = [set(re.findall(r"`(\w+/\w+)`", row[-1])) for row in rows]
    assert [row[0] for row, cases in zip(rows, named, strict=True) if not cases] == []
    cases = {path.relative_to(CASES).with_suffix("").as_posix() for path in GOOD}
    tasks = {path.parent.relative_to(CASES).as_posix() for path in TASKS}
    assert set().union(*named) <= cases | tasks
    assert cases - set().union(*named) == set()
