"""One slip is one problem, at its place: each of these is made in a file that is otherwise right."""

import re
from pathlib import Path

import pytest
from dsl_fuzz import CASES

from pxw.dsl.diagnostics import Report
from pxw.dsl.parse import parse

WORKFLOW = """workflow W {
  START -> Read -> (Train || Test) -> END;
  Read -> "rows > 3" ? Train : Test;

  task Read {
    implementation "tasks/read";
  }
  task Train {
    implementation "tasks/train";
    param depth = 3;
  }

  define input data Raw;
  configure data Raw {
    path "data/in.csv";
  }

  Raw --> Read.table;
  Read.rows --> Train.rows;
}

experiment E {
  control {
    START -> S1 -> S2 -> END;
    S1 ?-> S3 { condition "better S1" };
  }
  space S1 of W {
    strategy randomsearch;
    runs = 2;
    param_values d = enum(1, 2);
    task Train { param depth = d; }
  }
}
"""

SLIPS = [
    # keywords
    ("workflow W", "worflow W", "1:1 unexpected name 'worflow': did you mean 'workflow'?"),
    ("task Read", "taks Read", "5:3 unexpected name 'taks': did you mean 'task'?"),
    ("task Read", "Task Read", "5:3 unexpected name 'Task': did you mean 'task'?"),
    ("implementation", "implementaton", "6:5 unexpected name 'implementaton': did you mean 'implementation'?"),
    ("define input", "defin input", "13:3 unexpected name 'defin': did you mean 'define'?"),
    ("define input data", "define input dta", "13:16 unexpected name 'dta': did you mean 'data'?"),
    ("configure data", "confgure data", "14:3 unexpected name 'confgure': did you mean 'configure'?"),
    ("path", "pth", "15:5 unexpected name 'pth': did you mean 'path'?"),
    ("condition ", "conditon ", "25:17 unexpected name 'conditon': did you mean 'condition'?"),
    ("param_values", "param_vales", "30:5 unexpected name 'param_vales': did you mean 'param_values'?"),
    ("enum(", "enm(", "30:22 unexpected name 'enm': did you mean 'enum'?"),
    ("input data Raw", "input Raw", "13:16 expected 'data' before name 'Raw'"),
    ("param depth = 3", "depth = 3", "10:5 expected 'param' before name 'depth'"),
    ("space S1 of W", "space S1 W", "27:12 expected 'of' before name 'W'"),
    # braces, brackets and semicolons
    ("task Read {", "task Read", "5:12 expected '{' after name 'Read'"),
    ("workflow W {", "workflow W", "1:11 expected '{' after name 'W'"),
    ("space S1 of W {", "space S1 of W", "27:16 expected '{' after name 'W'"),
    ('read";\n  }', 'read";', "6:33 expected '}' after ';' (its '{' is on line 5)"),
    ('read";\n  }', 'read";\n  }}', "7:4 unmatched '}': leave it out"),
    ("Train.rows;\n}", "Train.rows;\n", "19:28 expected '}' after ';' (its '{' is on line 1)"),
    ("= d; }\n  }", "= d; }\n", "31:36 expected '}' after '}' (its '{' is on line 27)"),
    ("data Raw;", "data Raw", "13:24 expected ';' after name 'Raw'"),
    ("END;", "END:", "2:42 expected ';', found ':'"),
    ("depth = 3", "depth : 3", "10:17 expected '=', found ':'"),
    ("depth = 3", "depth 3", "10:16 expected '=' after name 'depth'"),
    ("runs = 2", "runs 2", "29:9 expected '=' after 'runs'"),
    ("enum(1, 2)", "enum(1 2)", "30:28 expected ',' after '1'"),
    ("enum(1, 2)", "enum 1, 2)", "30:26 expected '(' after 'enum'"),
    ("enum(1, 2)", "enum[1, 2]", "30:26 expected '(...)', found '[': values are listed as enum(1, 2) or range(1, 9)"),
    ("enum(1, 2)", "[1, 2]", "30:22 expected 'enum(...)', found '[': values are listed as enum(1, 2) or range(1, 9)"),
    ("strategy random", "strategy = random", "28:14 unexpected '=': leave it out"),
    # links
    (
        "Raw -->",
        "Raw ->",
        "18:7 unexpected '->': write '-->': control links are '->', data links '-->', as in A.out --> B.in",
    ),
    ("S1 -> S2", "S1 => S2", "24:17 expected '->', found '=>'"),
    ("S1 -> S2", "S1 → S2", "24:17 expected '->', found '→'"),
    ("S1 -> S2", "S1 S2", "24:16 expected '->' after name 'S1'"),
    ("Train || Test", "Train | Test", "2:27 expected '||', found '|'"),
    ("Train || Test", "Train, Test", "2:26 expected '||', found ','"),
    ("(Train || Test)", "Train || Test", "2:26 unexpected '||': write (Train || Test)"),
    ("Raw --> Read.table", "Raw --> ", "18:11 expected a name, found ';'"),
    ("Raw --> Read.table", "--> Read.table", "18:3 expected a name before '-->'"),
    # quotes
    ('"tasks/read"', '"tasks/read', '6:20 this string does not end on its line: close it with "'),
    ('"tasks/read"', "tasks/read", '6:20 a text without its quotes: write "tasks/read"'),
    ('"tasks/read"', 'tasks/read"', '6:20 a text without its quotes: write "tasks/read"'),
    ('"tasks/read"', "“tasks/read”", '6:20 typographic quotes: write "tasks/read"'),
    ('"rows > 3"', "rows > 3", '3:11 a text without its quotes: write "rows > 3"'),
    ('"better S1"', "better S1", '25:27 a text without its quotes: write "better S1"'),
    (
        "randomsearch",
        '"randomsearch"',
        '28:14 expected a name, found string "randomsearch": write randomsearch, without quotes',
    ),
    # what other languages have
    ("  define", "  # the data\n  define", "13:3 unexpected character '#': comments begin with '//'"),
]


@pytest.mark.parametrize(("right", "wrong", "problem"), SLIPS, ids=[f"{a!r} -> {b!r}" for a, b, _ in SLIPS])
def test_one_slip_is_one_problem_at_its_place(right, wrong, problem):
    assert right in WORKFLOW
    assert _problems(WORKFLOW.replace(right, wrong, 1)) == [problem]


def test_a_file_without_slips_has_no_problem():
    assert _problems(WORKFLOW) == []


def test_many_slips_in_one_file_are_as_many_problems():
    text = WORKFLOW
    chosen = ["task Read", "param_values", "END;", "depth = 3", '"rows > 3"', "Raw -->", "condition ", "Train || Test"]
    for right in chosen:
        text = text.replace(right, next(wrong for first, wrong, _ in SLIPS if first == right), 1)
    assert len(_problems(text)) == len(chosen)


def _problems(text):
    report = Report()
    parse(text, Path("w.xxp"), report)
    return [
        f"{each.at.line}:{each.at.column} {each.message}{': ' * bool(each.help)}{each.help}"
        for each in report.diagnostics
    ]


@pytest.mark.parametrize("case", ["seed/local", "G5/imports_and_spaces", "G6/newest_editor", "T2/full/task"])
@pytest.mark.parametrize("slip", ["left out", "twice", "two letters changed"])
def test_a_slip_in_any_word_of_a_file_is_at_most_two_problems(case, slip):
    text = (CASES / f"{case}.xxp").read_text(encoding="utf-8")
    words = [(each.start(), each.end()) for each in re.finditer(r'"[^"]*"|[\w.]+(?:-\w+)*|[-?!]*->|\|\||\S', text)]
    for start, end in words:
        word = text[start:end]
        changed = {"left out": "", "twice": f"{word} {word}", "two letters changed": word[:1] + word[2:0:-1] + word[3:]}
        found = _problems(text[:start] + changed[slip] + text[end:])
        assert len(found) <= 2, (word, text.count("\n", 0, start) + 1, found)
