"""Reading text: positions, keywords as names, going on after errors."""

import sys
from pathlib import Path

import pytest

from pxw.dsl import grammar, syntax
from pxw.dsl.diagnostics import Report
from pxw.dsl.parse import parse, parse_file

PATH = Path("w.xxp")


def read(text):
    report = Report()
    return parse(text, PATH, report).items, [
        (each.at.line, each.at.column, each.message) for each in report.diagnostics
    ]


def test_every_node_knows_where_it_stands():
    (workflow,), _ = read('workflow W {\n  task T { implementation "a.py"; }\n  A -> B;\n}')
    assert (workflow.word.line, workflow.word.column) == (1, 10)
    task, chain = workflow.members
    assert (task.word.line, task.word.column, task.word.end_column) == (2, 8, 9)
    assert [(step.word.line, step.word.column) for step in chain.steps] == [(3, 3), (3, 8)]
    (implementation,) = task.members
    assert (implementation.word, implementation.word.column, implementation.word.end_column) == ("a.py", 27, 33)


@pytest.mark.parametrize(
    "name",
    ["task", "data", "type", "input", "param", "control", "event", "range", "workflow", "name", "from", "define"],
)
def test_every_keyword_may_be_a_name(name):
    (workflow,), problems = read(
        f"workflow {name} {{ task {name} {{ implementation {name}.{name}; param {name} = {name}; }}"
        f" {name} -> A; A -> {name}; {name}.{name} --> {name}.{name}; define input data {name}; }}"
    )
    assert problems == []
    assert [type(member).__name__ for member in workflow.members] == ["Task", "Chain", "Chain", "Flow", "Data"]


def test_members_come_in_any_order():
    one, _ = read(
        'task T { type interactive; venv "r"; define input data a; implementation "x"; param p { type Integer; } }'
    )
    other, _ = read(
        'task T { param p { type Integer; } implementation "x"; define input data a; venv "r"; type interactive; }'
    )
    assert sorted(type(each).__name__ for each in one[0].members) == sorted(
        type(each).__name__ for each in other[0].members
    )


@pytest.mark.parametrize("text", ["", "  \n ", "// only a comment", "/* a\n b */", "\ufeff"[:0]])
def test_an_empty_file_is_read(text):
    assert read(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a"', "a"),
        ("'a'", "a"),
        (r'"a\"b"', 'a"b'),
        (r'"a\\"', "a\\"),
        (r'"C:\new"', r"C:\new"),
        ('"it\'s"', "it's"),
        ('"// no comment"', "// no comment"),
        ('"two\nlines"', "two\nlines"),
    ],
)
def test_strings_mean_what_is_between_their_quotes(text, value):
    (workflow,), problems = read(f"workflow W {{ description {text}; }}")
    assert problems == []
    assert workflow.members[0].word == value


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("workflow W {\n  A -> B\n  task A;\n}", [(2, 9, "expected ';' after name 'B'")]),
        ("workflow W {\n  task A {\n  task B;\n}", [(2, 11, "expected '}' after '{' (its '{' is on line 2)")]),
        ("workflow W { task A; ", [(1, 21, "the file ends too early: expected '}' (its '{' is on line 1)")]),
        ("workflow W { } }", [(1, 16, "unmatched '}'")]),
        ("workflow W { A -> -> B; }", [(1, 19, "unexpected '->'")]),
        ("worflow W { }", [(1, 1, "unexpected name 'worflow'")]),
        ('workflow W { task A { implmentation "x"; } }', [(1, 23, "unexpected name 'implmentation'")]),
        ('workflow W { description "x; }', [(1, 26, "this string does not end on its line")]),
        ("workflow W { } $", [(1, 16, "unexpected character '$'")]),
        ("experiment E { space S of W { param_values v = enum(1, 2; } }", [(1, 57, "expected ')' after '2'")]),
    ],
)
def test_one_mistake_is_one_problem_at_its_place(text, problems):
    assert read(text)[1] == problems


def test_all_mistakes_of_a_file_are_found_and_the_rest_is_read():
    items, problems = read(
        "workflow A { task 1; START -> ; task Good; }\nworkflow 2 { }\nworkflow C { task = ; START -> A; }\nnonsense\n"
    )
    assert [line for line, _, _ in problems] == [1, 1, 2, 3, 4]
    assert [type(each).__name__ for each in items] == ["Workflow", "Broken", "Workflow", "Broken"]
    assert [type(each).__name__ for each in items[0].members] == ["Broken", "Broken", "Task"]
    assert isinstance(items[2].members[1], syntax.Chain)


def test_after_too_many_mistakes_reading_stops():
    _, problems = read("workflow W {\n" + "  task = 1;\n" * 80 + "}\n")
    assert len(problems) == 51
    assert problems[-1][2] == "more than 50 syntax errors: the rest of the file is not read"


def test_a_file_that_cannot_be_read_is_a_problem_of_its_own(tmp_path):
    report = Report()
    assert parse_file(tmp_path / "nowhere.xxp", report) is None
    (tmp_path / "latin.xxp").write_bytes(b"workflow W {\n // caf\xe9\n}")
    assert parse_file(tmp_path / "latin.xxp", report) is None
    assert [(each.code, each.at.line, each.at.column) for each in report.diagnostics] == [
        ("PXW314", 2, 8),
        ("PXW314", 1, 1),
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path):
    (tmp_path / "w.xxp").write_bytes(b"\xef\xbb\xbfworkflow W {\r\n  task T;\r\n}\r\n")
    report = Report()
    file = parse_file(tmp_path / "w.xxp", report)
    assert report.diagnostics == []
    assert (file.items[0].members[0].word.line, file.items[0].members[0].word.column) == (2, 8)


def test_tables_of_the_grammar_that_are_cut_short_or_cannot_be_kept_are_made_anew(tmp_path, monkeypatch):
    kept = tmp_path / "grammar.cpython-311.lark"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(grammar, "cache_from_source", lambda _: str(kept.with_suffix(".pyc")))

    def words():
        grammar.lark.cache_clear()
        file = parse("workflow W { START -> A; task A; }", Path("w.xxp"), Report())
        return [type(member).__name__ for member in file.items[0].members]

    try:
        assert words() == ["Chain", "Task"]
        whole = kept.read_bytes()
        assert words() == ["Chain", "Task"]
        for damaged in (whole[:5000], b"\n", b""):
            kept.write_bytes(damaged)
            assert words() == ["Chain", "Task"]
        kept.unlink()
        kept.mkdir()
        assert words() == ["Chain", "Task"]
    finally:
        grammar.lark.cache_clear()
