"""Scripts that import modules of their project: these stand beside the functions, or keep them scripts."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from pxw.convert import Conversion, convert
from pxw.importing import find_flow, inline
from tests.convert.scripts_corpus import PATHS, PH

CONFIG = 'TASK_LIBRARY_PATH = "tasks"\nPYTHON_DEPENDENCIES_RELATIVE_PATH = "."\n'
SAVE = 'ph.save_dataset(variables, resultMap, "out", str(made).encode())\n'


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def project(modules: dict[str, str | bytes], *scripts: str, more: str = "", **workflows: str) -> Conversion:
    """Convert a project with these modules, and a task T0, T1, ... for each script, whose `out` goes to a file."""
    names = [f"T{number}" for number in range(len(scripts))]
    tasks = "".join(f'task {name} {{ implementation "{name.lower()}"; }}\n' for name in names)
    data = "".join(
        f'define output data D{n}; configure data D{n} {{ path "{n}.txt"; }}\n{n}.out --> D{n};\n' for n in names
    )
    files: dict[str, str | bytes] = {
        "eexp_config.py": CONFIG,
        "w.xxp": f"workflow W {{ {tasks} {data} START -> {' -> '.join(names)} -> END; }}\n",
        **modules,
    }
    for name, script in zip(names, scripts, strict=True):
        files[f"tasks/{name.lower()}/task.py"] = PH + PATHS + script + SAVE
        said = f'implementation "{name.lower()}/task.py"; dependency "src/**"; {more} define output data out;'
        files[f"tasks/{name.lower()}/task.xxp"] = f"task {name} {{ {said} }}"
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return convert(Path("w.xxp"), Path("flows"), tasks=True)


def outputs(target: str) -> dict[str, bytes]:
    from pxw.cli import main

    assert main(["run", target, "--inline"]) == 0
    return {path.name: path.read_bytes() for path in Path().glob("T*.txt")}


def judge(made: Conversion) -> None:
    """All became functions, and these give what the scripts gave."""
    assert not [each.message for each in made.entries if each.kind == "person"]
    expected = outputs("w.xxp")
    made.write()
    assert "pxw.script" not in made.files["w.py"]
    assert outputs("flows/w.py") == expected


def refused(made: Conversion) -> dict[tuple[str, int], list[str]]:
    """Why scripts stay, by file and line."""
    found: dict[tuple[str, int], list[str]] = {}
    for each in made.entries:
        if each.kind == "person":
            found.setdefault((each.file, each.line), []).append(each.message)
    return found


def test_modules_stand_beside_the_functions_under_their_names_byte_by_byte():
    cleaning = (
        b"# -*- coding: latin-1 -*-\r\nfrom common import base\r\nE = '\xe9'\r\ndef drop(x): return base.one(x) + E\r\n"
    )
    made = project(
        {
            "src/common/__init__.py": "",
            "src/common/base.py": "def one(x):\n    return x[:-1]\n",
            "src/common/cleaning.py": cleaning,
            "src/common/other.py": "raise SystemExit\n",
        },
        'from common.cleaning import drop\nmade = drop("abc")\n',
    )
    judge(made)
    assert made.copies.keys() == {"common/__init__.py", "common/base.py", "common/cleaning.py"}
    assert Path("flows/common/cleaning.py").read_bytes() == cleaning
    assert "import pxw\n\nfrom common.cleaning import drop\n" in made.files["tasks/t0.py"]
    told = json.loads(Path("flows/conversion.json").read_text())
    assert "common/cleaning.py" in told["files"]
    assert {"kind": "decided", "message": "common/base.py stands beside the modules: a copy",
            "file": "src/common/base.py", "line": 1} in told["entries"]  # fmt: skip
    assert "`common/cleaning.py`" in Path("flows/conversion.md").read_text()
    assert made.origins["common/cleaning.py"] == {1: "src/common/cleaning.py:1:1"}


IMPORTS = {
    "as": "import common.cleaning as c\nmade = c.drop(3)\n",
    "whole": "import common.cleaning\nmade = common.cleaning.drop(3)\n",
    "from a package": "from common import cleaning\nmade = cleaning.drop(3)\n",
    "renamed": "from common.cleaning import drop as d\nmade = d(3)\n",
    "in a function": "def f():\n    from common.cleaning import drop\n    return drop(3)\nmade = f()\n",
    "the folder above": "from src.common.cleaning import drop\nmade = drop(3)\n",
    "beside the script": "import beside\nmade = beside.drop(3)\n",
    "circular": "from common.circle import there\nmade = there(3)\n",
    "conditional": """
try:
    from common.fast import drop
except ImportError:
    from common.cleaning import drop
made = drop(3)
""",
    "a star inside": "from common.star import drop\nmade = drop(3)\n",
}
MODULES: dict[str, str | bytes] = {
    "src/common/cleaning.py": "from . import base\n\n\ndef drop(x):\n    return base.LIMIT - x\n",
    "src/common/base.py": "LIMIT = 5\n",
    "src/common/star.py": "from math import *\nfrom common.cleaning import *\n",
    "src/common/circle.py": "import common.back\n\n\ndef there(x):\n    return common.back.again(x)\n",
    "src/common/back.py": "from common import circle\n\n\ndef again(x):\n    return x and circle.there(x - 1)\n",
    "tasks/t0/beside.py": "from common.cleaning import drop\n",
}


@pytest.mark.parametrize("package", [{"src/common/__init__.py": ""}, {}], ids=["package", "folder"])
@pytest.mark.parametrize("said", IMPORTS.values(), ids=IMPORTS)
def test_however_it_is_imported(said, package):
    judge(project({**package, **MODULES}, said))


def test_a_folder_becomes_a_package_that_type_checkers_know(checked):
    script = "import a.b.io\nimport a.io\nmade = a.b.io.use(1) + a.io.use(2)\n"
    use = "def use(x: int) -> int:\n    return x\n"
    made = project({"src/a/b/io.py": use, "src/a/io.py": use}, script)
    judge(made)
    assert made.copies.keys() == {"a/__init__.py", "a/b/__init__.py", "a/b/io.py", "a/io.py"}
    checked(Path("flows"), ["."], ["--select", "E,F,I,W"], ["--isolated", "--line-length", "120"])


def test_what_a_package_hands_on_is_followed_to_where_it_is_from():
    package = "from .cleaning import drop as also\n"
    made = project({"src/common/__init__.py": package, **MODULES}, "from common import also\nmade = also(3)\n")
    judge(made)
    assert made.copies.keys() == {"common/__init__.py", "common/cleaning.py", "common/base.py"}


STARS = """
{}
from pandas import DataFrame, Series as S
import json
import numpy.random
from own.base import *
from . import base

__version__ = "1"


def table(rows):
    return DataFrame(rows)


def _hidden():
    pass
"""


@pytest.mark.parametrize(
    ("listed", "said", "imports"),
    [
        (None, "made = table(base.ROWS)", "from own import base, table\n"),
        (None, "made = table(ROWS)", "from own import ROWS, table\n"),
        (None, "made = S([1])", "import pxw\nfrom pandas import Series as S\n"),
        (None, "made = json.dumps(ROWS)", "import json\n\nimport pxw\n\nfrom own import ROWS\n"),
        (["table", "_hidden"], "made = _hidden()", "from own import _hidden\n"),
    ],
)
def test_a_star_becomes_the_names_that_are_used(listed, said, imports):
    text = STARS.format(f"__all__ = {listed}" if listed else "")
    modules = {"src/own/__init__.py": text, "src/own/base.py": "ROWS = [1, 2]\n"}
    made = project(modules, f"from own import *  # all\n{said}\n")
    assert imports in made.files["tasks/t0.py"]
    judge(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__all__ = [x for x in 'a']\na = 1\n", "made = a"),
        ("a = 1\n", "a = 2\nmade = a"),
        ("def max(x):\n    return x\n", "made = max(1)"),
        ("def f(:\n", "made = 1"),
    ],
)
def test_a_star_of_which_nobody_can_tell_keeps_the_script(text, said):
    made = project({"src/own.py": text}, f"from own import *\n{said}\n")
    assert any("imports all of 'own'" in each for found in refused(made).values() for each in found)


def test_of_two_stars_the_last_one_gives_a_name():
    modules = {"src/one.py": "A = 1\nB = 1\n", "src/two.py": "B = 2\nC = 2\n"}
    judge(project(modules, "from one import *\nfrom two import *\nmade = (A, B, C)\n"))


def test_what_functions_of_modules_give_has_a_type():
    modules = {
        "src/own.py": "from more import keep\n",
        "src/more.py": "import pandas as pd\n\n\ndef made(n):\n    return pd.DataFrame({'a': [n]})\n\n\n"
        "def keep(table):\n    return table.dropna()\n",
    }
    script = (
        'import more\nfrom own import keep\nt = keep(more.made(1))\nph.save_datasets(variables, ("t", t))\nmade = 1\n'
    )
    made = project(modules, script)
    assert "    t: pd.DataFrame\n" in made.files["tasks/t0.py"]
    judge(made)


def using(body: str, head: str = "") -> str:
    """A module with a function `use`."""
    lines = "".join(f"    {line}\n" for line in body.split("; "))
    return f"{head}\n\ndef use(x):\n{lines}"


HARMLESS = {
    "what is only read": using(
        "return [CODES.get(name, LIMIT) for name in NAMES if name in x] + NAMES[:1]",
        'NAMES = ["a", "b"]\nCODES = {"a": 1}\nLIMIT = 3 * 2\n',
    ),
    "a list that its functions only read": using(
        "return sure(shown(NAMES, x), names=NAMES)",
        'NAMES = ["a"]\n\n\ndef shown(names, x):\n    names = [*names, x]\n    return sorted(names)\n'
        "\n\ndef sure(x, names, n=2):\n    return sure(x, names, n - 1) if n else (x, len(names))\n",
    ),
    "a class": using(
        "return Box(list(x)).items",
        "from dataclasses import dataclass, field\n\n\n"
        "@dataclass\nclass Box:\n    items: list = field(default_factory=list)\n",
    ),
    "what nobody uses": using(
        "return x.upper()",
        "import glob\nimport os\nCACHE = {}\n\n\n"
        "def save(x):\n    global CACHE\n    CACHE = x\n    return open(glob.glob(x)[0])\n",
    ),
    "what runs alone": using("return log and x", "import logging\nlog = logging.getLogger(__name__)\n")
    + '\n\nif __name__ == "__main__":\n    print(open("x"))\n',
    "a default that is only read": 'def use(x, sep=["-"]):\n    return sep[0].join(x)\n',
    "a package that need not be there": using(
        "return no_such is None", "try:\n    import no_such\nexcept ImportError:\n    no_such = None\n"
    ),
    "types": "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    "    from no_such import T\n\n\ndef use(x: T) -> T:\n    return x\n",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_does_no_harm_runs_among_the_other_tasks(text):
    made = project({"src/own.py": text}, 'from own import use\nmade = use("ab")\n')
    assert "env=" not in made.files["tasks/t0.py"]
    judge(made)


STATE = {
    "a cache": (using("SEEN.append(x); return SEEN", "SEEN = []\n"), 1, "shares 'SEEN' with all tasks"),
    "a list that it gives away": (using("return ALL", "ALL = []\n"), 1, "shares 'ALL'"),
    "a list in a list": (using('one = ALL["a"]; one += x; return one', 'ALL = {"a": []}\n'), 1, "shares 'ALL'"),
    "a list that a function of it is given": (
        using("return add(ALL, x)", "ALL = []\n\n\ndef add(a, x):\n    a.append(x)\n    return a\n"), 1, "shares 'ALL'",
    ),
    "a counter": (using("global N; N += 1; return N", "N = 0\n"), 5, "changes its 'N' from within a function"),
    "a default": ("def use(x, seen=[]):\n    seen.append(x)\n    return seen\n", 1, "keeps a default of 'use'"),
    "a class": (using("Box.a.append(x); return Box.a", "class Box:\n    a = []\n"), 2, "keeps values in the class"),
    "a function with a mark": (using("use.n = getattr(use, 'n', 0) + 1; return use.n"), 4, "changes 'use' of 'own'"),
    "a memory": ("from functools import cache\n\n\n@cache\ndef use(x):\n    return [x]\n", 5, "remembers what 'use'"),
    "a decorator": (using("return x", "REG = {}\n\n\ndef reg(f):\n    return f\n\n\n@reg"), 10, "runs code when it is"),
    "a counting class": (
        using("return Box().n", "class Box:\n  n = 0\n\n  def __init__(self):\n    type(self).n += 1\n"),
        5, "changes its class by 'type(self).n'",
    ),
    "a list in a try": (
        using("ALL.append(x); return ALL", "try:\n    ALL = []\nexcept OSError:\n    pass\n"), 1, "runs code when",
    ),
    "a seed": (using("random.seed(3); return random.random()", "import random\n"), 5, "seeds a generator"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), STATE.values(), ids=STATE)
def test_what_remembers_something_gets_a_process_of_its_own(text, line, said):
    script = 'from own import use\nuse("a")\nmade = use("b")\n'
    made = project({"src/own.py": text}, script, script)
    assert made.files["tasks/t0.py"].count("env=pxw.Env()") == 1
    told = {(each.file, each.line): each.message for each in made.entries if each.kind == "decided"}
    assert told["src/own.py", line].startswith("task 'T")
    assert "runs in a process of its own: it imports 'own', which " in told["src/own.py", line]
    assert said in told["src/own.py", line]
    judge(made)


def test_a_script_that_changes_a_module_gets_a_process_of_its_own():
    made = project({"src/own.py": "LIMIT = 1\n"}, "import own\nown.LIMIT += 1\nmade = own.LIMIT\n")
    assert "env=pxw.Env()" in made.files["tasks/t0.py"]
    judge(made)


def test_what_runs_on_import_is_imported_where_the_task_runs():
    text = 'import random\nrandom.seed(5)\nprint("imported")\nTABLE = [random.random()]\n'
    made = project({"src/own.py": text}, "from own import TABLE\ndef f():\n    return TABLE\nmade = f()\n")
    code = made.files["tasks/t0.py"]
    assert code.index("def t0(") < code.index("from own import TABLE") < code.index("def f(")
    judge(made)


REFUSED = {
    "files": (using("return open(x).read()"), 4, "works with files of its own folder"),
    "its place": (using("return HERE", "import os\nHERE = os.path.dirname(__file__)\n"), 2, "asks where or as what"),
    "resources": (using("return files('own')", "from importlib.resources import files\n"), 5, "only a run can find"),
    "the environment": (using("return environ['HOME']", "from os import environ\n"), 5, "reaches for its process"),
    "the old system": (using("return 1", "import proactive_helper as ph\n"), 1, "asks the old system"),
    "what is not there": (using("return 1", "import no_such\n"), 1, "imports 'no_such', which is not installed"),
    "a module that is not there": (using("return 1", "import own.more\n"), 1, "'own.more', which its project has not"),
    "beyond its package": (using("return 1", "from . import x\n"), 1, "imports from a package that it is not in"),
    "no Python": (using("return ("), 4, "no Python"),
    "a return": ("def use(x):\n    pass\nreturn 3\n", 3, "no Python"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), REFUSED.values(), ids=REFUSED)
def test_what_needs_its_own_folder_keeps_the_script(text, line, said):
    made = project({"src/own.py": text}, 'from own import use\nmade = use("a")\n')
    told = refused(made)["src/own.py", line]
    assert any(each.startswith("task 'T0' stays a script: it imports 'own', which ") and said in each for each in told)
    assert not made.copies
    assert "pxw.script" in made.files["w.py"]


def test_what_has_no_source_keeps_the_script():
    made = project({"src/own.pyc": b""}, "import own\nmade = own.x\n")
    assert "imports 'own', which is no Python" in refused(made)["src/own.pyc", 1][0]


@pytest.mark.parametrize(
    ("name", "said"),
    [("statistics", "hides Python's own"), ("yaml", "hides the installed one"), ("tasks", "that name is taken")],
)
def test_a_module_that_would_hide_another_one_keeps_the_script(name, said):
    made = project({f"src/{name}.py": "def use(x):\n    return x\n"}, f"import {name}\nmade = {name}.use(1)\n")
    ((told,),) = refused(made).values()
    assert f"it imports '{name}' of its project, " in told
    assert said in told


def test_a_folder_hides_nothing_that_is_installed():
    made = project({"src/yaml/x.py": "", "src/statistics/x.py": ""}, "import yaml, statistics\nmade = yaml.dump(1)\n")
    assert not made.copies
    judge(made)


def test_two_modules_of_one_name_let_the_second_script_stay():
    modules = {f"tasks/t{n}/beside.py": f"def use():\n    return {n // 2}\n" for n in range(3)}
    made = project(modules, *["import beside\nmade = beside.use()\n"] * 3)
    ((place, (told,)),) = refused(made).items()
    assert place == ("tasks/t2/task.py", 6)
    assert told == (
        "task 'T2' stays a script: it imports 'beside', which is tasks/t2/beside.py, but tasks/t0/beside.py "
        "elsewhere: rename one of them"
    )
    assert made.copies.keys() == {"beside.py"}
    expected = outputs("w.xxp")
    made.write()
    assert outputs("flows/w.py") == expected


CONDITIONAL = """
workflow Chosen {
  START -> N -> "big" ? M : O -> END;
  task N { implementation "n"; } task M { implementation "n"; } task O { implementation "n"; }
}
"""


def test_modules_that_conditions_import_come_along():
    files = {
        "eexp_config.py": CONFIG + 'PYTHON_CONDITIONS = "conditions"\n',
        "conditions.py": "from lib.limits import LIMIT\n\n\ndef big(results):\n    return results['N']['n'] > LIMIT\n",
        "lib/limits.py": "LIMIT = 2\n",
        "tasks/n/task.py": 'resultMap.put("n", 3)\n',
        "chosen.xxp": CONDITIONAL,
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    made = convert(Path("chosen.xxp"), Path("flows"))
    made.write()
    assert made.copies.keys() == {"conditions.py", "lib/__init__.py", "lib/limits.py"}
    with inline():
        assert find_flow("flows/chosen.py")()["M"]["n"] == 3


def test_a_module_of_the_name_of_the_conditions_keeps_the_script():
    Path("conditions.py").write_text("")
    made = project(
        {"src/conditions.py": "x = 1\n", "eexp_config.py": CONFIG + 'PYTHON_CONDITIONS = "conditions"\n'},
        "import conditions\nmade = conditions.x\n",
    )
    ((told,),) = refused(made).values()
    assert "imports 'conditions', which is src/conditions.py, but conditions.py elsewhere: rename one of them" in told


def test_a_workflow_makes_room_for_a_module_of_its_name():
    made = project({"src/w.py": "def use():\n    return 1\n"}, "import w\nmade = w.use()\n")
    assert {"w.py"} == made.copies.keys()
    assert "w_workflow.py" in made.files


def test_a_module_that_stands_there_already_is_left_alone():
    project({"src/own.py": "def use():\n    return 1\n"}, "import own\nmade = own.use()\n")
    made = convert(Path("w.xxp"), Path("src"), tasks=True)
    assert not made.copies
    made.write()
    expected = outputs("w.xxp")
    assert outputs("src/w.py") == expected


def test_a_pickle_of_a_class_of_a_module_is_read_by_scripts_and_functions_alike():
    modules = {"src/own/__init__.py": "", "src/own/net.py": "class Net:\n    def __init__(self):\n        self.n = 3\n"}
    made = project(modules, "import pickle\nfrom own.net import Net\nmade = pickle.dumps(Net())\n")
    judge(made)
    text = Path("T0.txt").read_text()
    assert b"own.net" in pickle.dumps(text)


def test_with_packages_of_its_own_a_task_imports_modules_where_it_runs():
    made = project(
        {"src/own.py": "import no_such_package\n\n\ndef use():\n    return no_such_package.x\n", "tasks/t0/r.txt": ""},
        "import own\nmade = own.use()\n",
        more='venv "r.txt";',
    )
    code = made.files["tasks/t0.py"]
    assert code.index("def t0(") < code.index("import own")
    assert made.copies.keys() == {"own.py"}


def test_converting_again_spares_a_module_that_a_person_changed():
    made: Any = project({"src/own.py": "def use():\n    return 1\n"}, "import own\nmade = own.use()\n")
    made.write()
    made.write()
    Path("flows/own.py").write_text("def use():\n    return 2\n")
    with pytest.raises(Exception, match=r"own\.py in .* changed by a person"):
        made.write()
