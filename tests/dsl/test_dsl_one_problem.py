"""One slip in the names or the shape of a project is one problem, at the place where one would mend it."""

import pytest

from pxw.dsl.resolve import resolve

FILES = {
    "eexp_config.py": 'TASK_LIBRARY_PATH = "tasks"\nDATASET_LIBRARY_RELATIVE_PATH = "data"\n'
    'PYTHON_CONDITIONS = "conditions"\n',
    "conditions.py": "def better(space, results):\n    return True\n",
    "data/in.csv": "a\n1\n",
    "tasks/read/task.py": "",
    "tasks/train/task.py": "",
    "tasks/train/task.xxp": """task Train {
  define input data rows;
  define output data model;
  define param depth { type Integer; default 3; }
}
""",
    "main.xxp": """workflow Part {
  START -> Read -> END;
  task Read { implementation "read"; }
}
workflow Base {
  START -> First -> Train -> Test -> END;
  Train -> "depth > 3" ? Test : END;
  task First { subworkflow "Part"; }
  task Train;
  task Test { implementation "train"; }
  define input data Raw;
  configure data Raw { path "in.csv"; }
  Raw --> Train.rows;
  Train.model --> Test.rows;
}
workflow A from Base {
  task Train { implementation "train"; }
}
workflow B from Base {
  task Train { implementation "train"; }
}
experiment E {
  control {
    START -> S1 -> S2 -> END;
    S1 ?-> S2 { condition "better S1" };
  }
  space S1 of A { strategy gridsearch; param_values d = enum(1, 2); task Train { param depth = d; } }
  space S2 of B { strategy randomsearch; runs = 2; param_values d = enum(1, 2); task Train { param depth = d; } }
}
""",
}

SLIPS = [
    ("START -> First", "start -> First", "6:3 unknown task 'start' in workflow 'Base': did you mean 'START'?"),
    ("Test -> END", "Test -> ENDE", "6:38 unknown task 'ENDE' in workflow 'Base': did you mean 'END'?"),
    ("? Test :", "? Tset :", "7:26 unknown task 'Tset' in workflow 'Base': did you mean 'Test'? (declared at .:10:8)"),
    ("-> Test -> END", "-> First", "6:30 a cycle in workflow 'Base': Read -> Train -> Read: "),
    (
        "  task Test {",
        "  task Tess {",
        "6:30 unknown task 'Test' in workflow 'Base': did you mean 'Tess'? (declared at .:10:8)",
    ),
    (
        "task Train { implementation",
        "task Trian { implementation",
        "17:8 unknown task 'Trian' in workflow 'A': did you mean 'Train'? (declared at .:9:8)",
    ),
    ('"Part"', '"Prat"', "8:28 no workflow and no file 'Prat': did you mean 'Part'?"),
    ('"read"', '"raed"', "3:30 no task 'raed': neither a folder with task.xxp nor a Python file: did you mean 'read'?"),
    (
        '"in.csv"',
        '"inn.csv"',
        "12:29 dataset 'Raw' is not there: no 'data/inn.csv': did you mean 'in.csv'? (paths are below data)",
    ),
    (
        "Train.model --> Test.rows",
        "Test.rows --> Train.model",
        "14:8 'rows' is an input of task 'Test': nothing can flow out of it: turn it round: Train.model --> Test.rows;",
    ),
    (
        "Raw --> Train.rows",
        "START --> Train.rows",
        "13:3 unknown dataset 'START' in workflow 'Base': control links are written '->'",
    ),
    (
        " ? Test : END",
        "",
        '7:12 the condition "depth > 3" lacks both branches: write END for a branch that does nothing',
    ),
    (
        "param_values d = enum(1, 2); task Train",
        "param_values d = ; task Train",
        "27:57 expected 'enum', 'range', a name, a number or a string, found ';': ",
    ),
    ("strategy gridsearch", "strategy 3", "27:28 expected a name, found '3': "),
    ("runs = 2", "runs = two", "28:49 expected a number, found name 'two': "),
    ('{ condition "better S1" }', "{ better }", "25:17 expected 'condition', 'event' or '}', found name 'better': "),
    ("START -> S1 ->", "START -> 1 ->", "24:14 expected '(', a name or a string, found '1': "),
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_project_without_slips_has_no_problem(project):
    assert _problems(project) == []


@pytest.mark.parametrize(("right", "wrong", "problem"), SLIPS, ids=[f"{a!r} -> {b!r}" for a, b, _ in SLIPS])
def test_one_slip_is_one_problem_at_the_place_to_mend(project, right, wrong, problem):
    assert right in FILES["main.xxp"]
    (project / "main.xxp").write_text(FILES["main.xxp"].replace(right, wrong, 1))
    assert [each for each in _problems(project) if not each.startswith("warning")] == [problem]


TASK_SLIPS = [
    (
        "define input data rows",
        "define data rows",
        "2:10 expected 'input', 'metric', 'output' or 'param', found 'data': ",
    ),
    ("task Train {", "Train {", "1:1 unexpected name 'Train': "),
    ("default 3", "default ", "4:46 expected a name, a number or a string, found ';': "),
    ("default 3", 'default "three"', "4:46 parameter 'depth' is declared Integer, and cannot be \"three\": "),
    (
        "type Integer",
        "type Integr",
        "4:29 nothing is known of the type 'Integr': any value is taken: did you mean 'Integer'?",
    ),
    ("define param depth", "defin param depth", "4:3 unexpected name 'defin': did you mean 'define'?"),
]


@pytest.mark.parametrize(("right", "wrong", "problem"), TASK_SLIPS, ids=[f"{a!r} -> {b!r}" for a, b, _ in TASK_SLIPS])
def test_a_slip_in_a_task_file_is_told_there_and_nowhere_else(project, right, wrong, problem):
    text = FILES["tasks/train/task.xxp"]
    assert right in text
    (project / "tasks/train/task.xxp").write_text(text.replace(right, wrong, 1))
    (found,) = resolve(project / "main.xxp").diagnostics
    assert found.at.file == str(project / "tasks/train/task.xxp")
    assert f"{found.at.line}:{found.at.column} {found.message}: {found.help}".startswith(problem)


def _problems(project):
    return [
        f"{each.at.line}:{each.at.column} {each.message}: {each.help}".replace("main.xxp", ".")
        for each in resolve(project / "main.xxp").diagnostics
    ]
