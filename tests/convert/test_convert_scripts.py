"""Scripts as functions: what a script gave, its function gives; what may not become one says why, and where."""

from __future__ import annotations

import ast
import pickle
import random
import re
import shutil
import types
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pxw
from pxw.binding import Step
from pxw.compat import Job, run_script
from pxw.compat import Script as OldScript
from pxw.convert import convert
from pxw.convert.scripts import Given, Script, Source, TaskCode, decoded, kind_of_saved, write_task
from pxw.convert.scripts.frames import with_frames
from pxw.convert.scripts.own import SearchPath
from pxw.convert.scripts.parsing import parsed
from pxw.importing import find_flow, inline
from pxw.runs import Run
from pxw.specs import Local, Ref
from tests.convert.scripts_corpus import CONVERTED, IN, KEPT, OUT, PH, Case
from tests.engines.conftest import without_heartbeats

ROOT = Path(__file__).parents[2]
SEED = ROOT / "flows/old_project/tasks"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path):
    return Run("run-1", "demo", tmp_path / "home/runs/run-1")


def _lay_out(files: dict[str, bytes]) -> dict[str, Local]:
    """Files of the project, by the names of the inputs that they are for."""
    found = {}
    for name, content in files.items():
        path = Path("data") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        stem, slash, _ = name.partition("/")
        found[stem if slash else path.stem] = Local(f"data/{stem}/" if slash else path)
    return found


def _sources(inputs: dict[str, Local], maker: str) -> dict[str, Source]:
    found = {
        name: Source("many", is_external=True) if spec.is_folder else Source("bytes", Path(spec.path).suffix, True)
        for name, spec in inputs.items()
    }
    made = Script(maker)
    return found | {save.key: Source(kind_of_saved(save, made.kinds, None)[0]) for save in made.calls.saves}


def _code(case: Case, sources: dict[str, Source]) -> TaskCode:
    targets = {name: "folder" if place.endswith("/") else "file" for name, place in case.targets.items()}
    hints = {name: hint for name, (_, hint) in case.given.items()}
    about = Given(
        task="Task", place="task.py", inputs=sources, targets=targets, parameters=hints,
        parses=case.executionware == "LOCAL",
    )  # fmt: skip
    made = write_task(Script(decoded(case.code.encode())), about, "task")
    assert isinstance(made, TaskCode), made
    return made


def _run_old(case: Case, run: Run, inputs: dict[str, Any]) -> dict[str, Any]:
    path = Path("task.py")
    path.write_bytes(case.code.encode())
    script = OldScript(path=path, name="Task", executionware=case.executionware)
    places = {name: Local(f"old/{place}") for name, place in case.targets.items()}
    values = {name: value for name, (value, _) in case.given.items()}
    done = run_script(script, run=run, key="old", inputs=inputs, outputs=places, parameters=values, job=Job(id="w"))
    return {**done.outputs, **{key: value for key, value in done.result_map.items() if key not in done.outputs}}


def _run_new(case: Case, code: TaskCode, run: Run, inputs: dict[str, Any]) -> dict[str, Any]:
    module = types.ModuleType("converted")
    with inline():
        exec(compile(code.text, "converted.py", "exec", dont_inherit=True), vars(module))
    task = getattr(module, code.function)
    if case.targets:
        task = task.with_options(outputs={name: Local(f"new/{place}") for name, place in case.targets.items()})
    given = {code.inputs[key]: value for key, value in inputs.items() if key in code.inputs}
    casts = {"int": int, "float": float}
    for key, parameter in code.parameters.items():
        if key in case.given:
            given[parameter.name] = casts.get(parameter.hint, lambda value: value)(case.given[key][0])
    refs = task.binding.call(Step(run, "new"), (), given)
    refs = refs if isinstance(refs, tuple) else [refs] * bool(code.outputs)
    return {output.key: ref for output, ref in zip(code.outputs, refs, strict=True)}


def _value(found: Any) -> Any:
    """What there is: bytes where bytes were written."""
    if not isinstance(found, Ref):
        return found
    if found.format == "folder":
        return pxw.load(found, dict[str, bytes])
    is_raw = found.place and found.python in {"builtins.bytes", "builtins.str"}
    return pxw.load(found, bytes) if is_raw or Path(found.place).suffix in {".csv", ".bin"} else pxw.load(found)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two)
        return True
    if isinstance(one, np.ndarray):
        return type(one) is type(two) and one.dtype == two.dtype and np.array_equal(one, two)
    as_bytes = [each.encode() if isinstance(each, str) else each for each in (one, two)]
    return as_bytes[0] == as_bytes[1] and (type(one) is type(two) or isinstance(as_bytes[0], bytes))


@pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)
def test_a_function_gives_what_its_script_gave(case, run):
    inputs: dict[str, Any] = dict(_lay_out(case.files))
    code = _code(case, _sources(inputs, case.maker))
    if case.maker:
        maker = Case("maker", case.maker)
        made = _run_old(maker, run, {})
        new = _run_new(maker, _code(maker, {}), run, {}) if "if 1:" not in case.maker else made
        assert made.keys() == new.keys()
    else:
        made = new = inputs
    old = _run_old(case, run, made)
    for given in (made, new):
        found = _run_new(case, code, run, given)
        assert found.keys() == old.keys()
        for key, value in old.items():
            assert _same(_value(value), _value(found[key])), key


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("x = pd.DataFrame()\nx = x.dropna()", "frame"),
        ("x = pd.DataFrame()\nx = x.size", "any"),
        ("x = 1\nfor _ in range(3):\n    x = x + 1", "int"),
        ("x = 1\nx = x + 0.5", "any"),
        ("def f(t, u):\n    return t\nx = f('', 1)", "str"),
        ("def f(t, u):\n    return t\nx = f(u='', t=1)", "int"),
        ("def f(t):\n    return t\nx = f(*[1])", "any"),
        ("def f(t):\n    t = str(t)\n    return t\nx = f('')", "str"),
        ("def f(t):\n    if t:\n        return t\nx = f('')", "any"),
        ("def f(t):\n    yield t\nx = f('')", "any"),
        ("def f(t):\n    return f(t)\nx = f('')", "any"),
        ("@cache\ndef f(t):\n    return t\nx = f('')", "any"),
    ],
)
def test_of_which_kind_a_value_is(code, kind):
    kinds = Script(f"import pandas as pd\n{code}\nprint(x)").kinds
    assert kinds.of(ast.parse("x", mode="eval").body) == kind


@pytest.mark.parametrize(("code", "line", "said"), KEPT, ids=lambda value: value if isinstance(value, str) else "")
def test_a_script_that_may_not_become_a_function_says_why_and_where(code, line, said, tmp_path):
    (tmp_path / "beside.py").write_text("def read():\n    return open('x')\n")
    sources = {
        "in": Source("bytes", ".bin", True), "folder": Source("many", is_external=True), "any": Source("any"),
        "odd": Source("bytes", ".gz", True, "it is compressed"), "pickled": Source("bytes", ".pkl", True),
    }  # fmt: skip
    wanted = ("wanted",) if "wanted" in said else ()
    about = Given(task="T", inputs=sources, wanted=wanted, foreign=frozenset({"other"}))
    reasons = write_task(Script(code, path=SearchPath([tmp_path])), about, "t")
    assert isinstance(reasons, list), reasons.text
    assert any(each.line == line and said in each.message for each in reasons), reasons


def test_the_example_project_becomes_functions_that_write_the_same_files(tmp_path, monkeypatch):
    from pxw.cli import main

    project = shutil.copytree(ROOT / "flows/old_project", tmp_path / "project")
    monkeypatch.chdir(project)
    shutil.rmtree("results", ignore_errors=True)
    made = convert(project, project / "flows", tasks=True)
    assert not [each for each in made.entries if "stays a script" in each.message]
    made.write()
    names = ["data_processing", "machine_learning"]
    assert [main(["run", f"workflows/{name}.xxp", "--inline"]) for name in names] == [0, 0]
    expected = _files(project / "results")
    shutil.rmtree("results")
    modules = [next(Path("flows").glob(f"{name}*.py")) for name in names]
    assert [main(["run", str(path), "--inline"]) for path in modules] == [0, 0]
    found = _files(project / "results")
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name] != expected[name]} <= {"analysis/model.pkl"}
    one, two = (pickle.loads(each["analysis/model.pkl"]) for each in (expected, found))
    rows = pd.read_csv(BytesIO(found["analysis/X_test.csv"]))
    assert np.array_equal(one.predict_proba(rows), two.predict_proba(rows))


def test_its_functions_and_its_experiment_pass_the_check_and_give_on_prefect_what_the_dsl_gives(
    tmp_path, monkeypatch, prefect_server
):
    from pxw.cli import main

    project = shutil.copytree(ROOT / "flows/old_project", tmp_path / "project")
    monkeypatch.chdir(project)
    shutil.rmtree("results", ignore_errors=True)
    convert(project, project / "flows", tasks=True).write(force=True)
    for name in ("limited", "machine_learning", "largest_radius"):
        assert main(["check", f"flows/{name}.py"]) == 0
    for file in ("workflows/machine_learning.xxp", "experiments/largest_radius.xxp"):
        assert main(["run", file, "--inline"]) == 0
    ours = re.compile(r"^.*-(?=(Coarse|Fine)-)")  # each run of the DSL has the id of the whole in front
    expected = {ours.sub("", name): content for name, content in _files(project / "results").items()}
    shutil.rmtree("results")
    with without_heartbeats():
        find_flow("flows/machine_learning.py")()
        find_flow("flows/largest_radius.py")(parallel=2)
    found = _files(project / "results")
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name] != expected[name]} <= {"analysis/model.pkl"}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("golden", sorted((Path(__file__).parent / "golden").glob("*.py")), ids=lambda path: path.stem)
def test_a_function_reads_as_written_by_hand(golden, converted):
    assert converted[golden.name] == golden.read_text()


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The example project, converted beside itself."""
    project = shutil.copytree(ROOT / "flows/old_project", tmp_path_factory.mktemp("project") / "old")
    made = convert(project, project / "flows", tasks=True)
    return {Path(name).name: text for name, text in made.files.items()}


def test_on_request_tables_come_as_frames_and_the_report_names_each(tmp_path, monkeypatch):
    from pxw.cli import main

    project = shutil.copytree(ROOT / "flows/old_project", tmp_path / "project")
    monkeypatch.chdir(project)
    shutil.rmtree("results", ignore_errors=True)
    made = convert(project, project / "typed", frames=True)
    text = made.files["tasks/clean.py"]
    assert "def clean(dataset: pd.DataFrame) -> bytes:" in text
    assert "read_csv" not in text + made.files["tasks/train.py"]
    assert "DataFrames" not in made.files["tasks/train.py"]  # the comment on how it was read
    assert "pd.read_csv(BytesIO(input_data))" in made.files["tasks/process_data.py"]  # no file: a task saved it
    told = [each.message for each in made.entries if "pxw reads it" in each.message]
    assert "'dataset' of task 'Clean' comes as 'dataset: pd.DataFrame': pxw reads it, not the script" in told
    assert len(told) == 5
    made.write()
    found = []
    for target in ("workflows/data_processing.xxp", "typed/data_processing_workflow.py"):
        assert main(["run", target, "--inline"]) == 0
        found.append(Path("results/output.csv").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "said",
    [
        "t = pd.read_csv(BytesIO(x), index_col=0)",
        "t = pd.read_csv(BytesIO(x), na_values=['-'])",
        "t = pd.read_csv(BytesIO(x), sep=None)",
        "t = pd.read_csv(BytesIO(x), sep=r'\\s+')",
        "t = pd.read_csv(BytesIO(x), encoding='utf-16')",
        "t = pd.read_csv(BytesIO(x), parse_dates=['day'])",
        "t = pd.read_csv(BytesIO(x), **{})",
        "t = pd.read_table(BytesIO(x), nrows=3)",
        "t = pd.read_json(BytesIO(x))",
        "t = pd.read_csv(BytesIO(x))\nn = len(x)",
        "t = u = pd.read_csv(BytesIO(x))",
        "print(t := 1)\nt = pd.read_csv(BytesIO(x))",
    ],
)
def test_what_is_more_than_parsing_keeps_its_bytes(said):
    code = f"{PH}import pandas as pd\nx = ph.load_dataset(variables, resultMap, 'in')\n{said}\n"
    about = Given(task="T", inputs={"in": Source("bytes", ".csv", True)})
    made = write_task(Script(code), about, "t")
    assert isinstance(made, TaskCode), made
    assert with_frames(made, about.inputs) == (made, {})


CSV = "pxw.Dataset(format=pxw.Csv({}))"


@pytest.mark.parametrize(
    ("suffix", "said", "hint", "spec"),
    [
        (".csv", "pd.read_csv(BytesIO(x), sep=';', decimal=',')", "pd.DataFrame", 'delimiter=";", decimal=","'),
        (".csv", "pd.read_csv(io.BytesIO(x), encoding='latin1')", "pd.DataFrame", 'encoding="latin-1"'),
        (".csv", "pd.read_csv(io.StringIO(x.decode('utf-8')), low_memory=False)", "pd.DataFrame", ""),
        (".csv", "pd.read_table(BytesIO(x))", "pd.DataFrame", 'delimiter="\\t"'),
        (".tsv", "pd.read_csv(BytesIO(x), sep='\\t')", "pd.DataFrame", ""),
        (".parquet", "pd.read_parquet(BytesIO(x), engine='pyarrow')", "pd.DataFrame", ""),
        (".json", "json.loads(x)", "Any", ""),
        (".json", "json.loads(x.decode())", "Any", ""),
        (".json", "json.load(BytesIO(x))", "Any", ""),
        (".npy", "np.load(BytesIO(x))", "np.ndarray", ""),
        (".txt", "x.decode('utf-8')", "str", ""),
    ],
)
def test_what_pxw_reads_alike_comes_parsed(suffix, said, hint, spec, tmp_path, checked):
    used = {"pd.": "import pandas as pd", "np.": "import numpy as np", "json.": "import json", "io.": "import io"}
    code = PH + "".join(f"{each}\n" for name, each in used.items() if name in said)
    code += f"x = ph.load_dataset(variables, resultMap, 'in')\n# what it is\nt = {said}\n"
    code += "ph.save_dataset(variables, resultMap, 'out', repr(t).encode())\n"
    about = Given(task="T", inputs={"in": Source("bytes", suffix, True)})
    made, lifted = with_frames(write_task(Script(code), about, "t"), about.inputs)
    assert lifted == {"in": f"t_: {hint}" if f"t_: {hint}" in made.text else f"t: {hint}"}
    assert said not in made.text
    assert "# what it is" not in made.text
    assert (CSV.format(spec) in made.text) == bool(spec)
    (tmp_path / "t.py").write_text(made.text)
    checked(tmp_path, ["t.py"], ["--select=E,F,I"], ["--isolated", "--line-length=120"])


@pytest.mark.parametrize(
    ("suffix", "said"),
    [
        (".json", "np.load(BytesIO(x))"),
        (".npy", "np.load(BytesIO(x), allow_pickle=True)"),
        (".npz", "np.load(BytesIO(x))"),
        (".tsv", "pd.read_csv(BytesIO(x))"),
        (".pkl", "pickle.loads(x)"),
        (".csv", "x.decode('latin-1')"),
    ],
)
def test_what_pxw_would_read_otherwise_keeps_its_bytes(suffix, said):
    assert parsed(ast.parse(said, mode="eval").body, "x", suffix) is None


def test_an_output_of_the_name_of_its_input_keeps_it():
    load = "import pandas as pd\nx = ph.load_dataset(variables, resultMap, 'in')\nt = pd.read_csv(BytesIO(x))\n"
    code = PH + load + "ph.save_dataset(variables, resultMap, 'x', t.to_csv().encode())\n"
    about = Given(task="T", inputs={"in": Source("bytes", ".csv", True)})
    text = with_frames(write_task(Script(code), about, "t"), about.inputs)[0].text
    assert 'inputs=["t"], outputs=["x"]' in text
    assert "t: pd.DataFrame" in text


def test_the_parts_of_a_split_table_are_tables():
    code = (
        PH + "from sklearn.model_selection import train_test_split\n"
        "rows = ph.load_datasets(variables, 'rows')\n"
        "train, test, one, other = train_test_split(rows, [1, 2], test_size=0.5)\n"
        "first, *rest = train_test_split(rows)\n"
        "ph.save_datasets(variables, ('train', train), ('test', test), ('one', one), ('first', first))\n"
        "ph.save_datasets(variables, ('rest', rest))\n"
    )
    made = write_task(Script(code), Given("Split", "split.py", inputs={"rows": Source("frame")}), "split")
    assert isinstance(made, TaskCode)
    hints = dict(re.findall(r"^    (\w+): (.+)$", made.text, re.MULTILINE))
    assert hints == {
        "train": "pd.DataFrame",
        "test": "pd.DataFrame",
        "one": "list[Any]",
        "first": "pd.DataFrame",
        "rest": "Any",
    }


def test_all_functions_pass_ruff_and_mypy(tmp_path, checked):
    folder = tmp_path / "flows"
    convert(shutil.copytree(ROOT / "flows/old_project", tmp_path / "old"), folder, tasks=True).write()
    for number, case in enumerate(CONVERTED):
        code = _code(case, _sources(_lay_out(case.files), case.maker))
        (folder / f"case_{number}.py").write_text(code.text)
    checked(folder, ["."], ["--select", "E,F,I,W"], ["--isolated", "--line-length", "120"])


def test_no_script_is_too_much_for_the_converter(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)  # as where ruff is not installed
    chance = random.Random(4)
    scripts = [case.code for case in CONVERTED] + [code for code, _, _ in KEPT]
    scripts += [path.read_text() for path in SEED.glob("*/task.py")]
    about = Given(task="T", inputs=dict.fromkeys(["in", "data", "one", "two"], Source("bytes", ".csv", True)))
    became = 0
    for _ in range(2_000):
        lines = [line for each in chance.sample(scripts, 2) for line in each.splitlines()]
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(lines) + 1)
            lines[place : place + chance.randrange(2)] = chance.choice(lines or [""]).split("(", chance.randrange(2))
        try:
            found = write_task(Script(decoded("\n".join(lines).encode())), about, "t")
        except SyntaxError:
            continue
        if isinstance(found, TaskCode):
            compile(found.text, "converted", "exec", dont_inherit=True)
            became += 1
        else:
            assert all(each.line > 0 and each.message for each in found)
    assert became > 50


WORKFLOW = """
workflow W {
  START -> Maybe -> Twice -> Again -> END;
  param mode = "fast";
  task Maybe { implementation "maybe"; param n = 3; param unused = 1; }
  task Twice { implementation "twice"; param n = 3; param unused = 1; }
  task Again { implementation "twice"; param n = "many"; }
  define input data D;
  configure data D { path "d.txt"; }
  D --> Maybe.in;
  Maybe.out --> Twice.in;
  Twice.out --> Again.in;
}
"""
MAYBE = PH + IN + 'if variables.get("n"):\n    ' + OUT
TWICE = PH + IN + 'n = int(variables.get("n"))\nph.save_dataset(variables, resultMap, "out", x * n)\n'


def test_the_flow_calls_functions_and_scripts_and_the_report_tells_them_apart(tmp_path):
    files = {"workflows/w.xxp": WORKFLOW, "tasks/maybe/task.py": MAYBE, "tasks/twice/task.py": TWICE}
    for name, text in {**files, "datasets/d.txt": "d"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = convert(tmp_path / "workflows/w.xxp", tmp_path / "flows", tasks=True)
    flow = made.files["w.py"]
    assert re.search(r'maybe = pxw\.script\(\s*"\.\./tasks/maybe/task\.py"', flow)
    assert "from tasks.twice import twice\n" in flow
    assert re.search(r'again = pxw\.script\(\s*"\.\./tasks/twice/task\.py"', flow)
    assert "def twice(x: bytes, n: int) -> bytes:" in made.files["tasks/twice.py"]
    assert "twice_n: int = 3" in flow
    assert "n=twice_n)" in flow
    assert "twice_unused" not in flow
    told = {(each.file, each.line): each.message for each in made.entries if each.kind == "person"}
    assert told["tasks/maybe/task.py", 4] == "task 'Maybe' stays a script: it saves 'out' inside of an `if`"
    assert told["tasks/twice/task.py", 1] == "task 'Again' stays a script: it makes int of 'n', which is 'many'"
    place = next(iter(made.origins["tasks/twice.py"].items()))
    assert made.files["tasks/twice.py"].splitlines()[place[0] - 1].startswith("def twice(")
    assert place[1] == "tasks/twice/task.py:1:1"


APART = """
workflow Whole {
  START -> Drawn -> Tabled -> Old -> Odd -> END;
  task Drawn { implementation "drawn"; }
  task Tabled { implementation "tabled"; }
  task Old { implementation "old"; }
  task Odd { implementation "odd"; }
  Drawn.out --> Tabled.in;
}
workflow Alone {
  task Drawn { implementation "drawn"; }
  define output data D;
  configure data D { path "d.bin"; }
  Drawn.out --> D;
}
"""
DRAWN = (
    PH
    + """
import numpy as np
np.random.seed(7)
ph.save_dataset(variables, resultMap, "out", str(np.random.rand(3)).encode())
"""
)
TABLED = (
    PH
    + IN
    + """
import no_such_package as strange

def shown(x):
    return strange.show(x)

ph.save_dataset(variables, resultMap, "out", shown(x).encode())
"""
)
ODD = PH + 'ph.save_dataset(variables, "out", {1, 2})\n'
TASKS = {
    "tabled": 'venv "r.txt"; python_version "3.12"; define input data in;',
    "old": 'python_version "3.9";',
    "odd": 'venv "../tabled/r.txt"; define output data out;',
}


@pytest.fixture
def apart(tmp_path):
    """A project whose tasks need a process, or packages, of their own."""
    scripts = {"drawn": DRAWN, "tabled": TABLED, "old": "", "odd": ODD}
    files = {f"tasks/{name}/task.py": text for name, text in scripts.items()}
    for name, said in TASKS.items():
        files[f"tasks/{name}/task.xxp"] = f'task T {{ implementation "{name}/task.py"; {said} }}'
    files |= {"w.xxp": APART, "tasks/tabled/r.txt": "strange\n", "eexp_config.py": 'TASK_LIBRARY_PATH = "tasks"\n'}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return convert(tmp_path / "w.xxp", tmp_path / "flows", tasks=True)


def test_a_script_with_packages_of_its_own_becomes_a_function_with_them(apart):
    text = apart.files["tasks/tabled.py"]
    assert 'env=pxw.Env(requirements="../../tasks/tabled/r.txt", python="3.12")' in text
    begin, function, imported = (text.index(each) for each in ("def tabled(", "def shown(", "import no_such_package"))
    assert begin < imported < function  # it is installed only there


def test_a_script_that_would_disturb_others_gets_a_process_of_its_own(apart):
    from pxw.cli import main

    assert "env=pxw.Env()" in apart.files["tasks/drawn.py"]
    assert any("'Drawn' runs in a process of its own: it seeds" in each.message for each in apart.entries)
    apart.write()
    found = []
    for target in ("w.xxp:Alone", "flows/alone.py"):
        assert main(["run", target, "--inline"]) == 0
        found.append(Path("d.bin").read_bytes())
    assert found[0] == found[1]
    assert found[0].startswith(b"[")


def test_what_no_python_of_its_own_can_do_stays_a_script_and_says_why(apart):
    told = "\n".join(each.message for each in apart.entries if each.kind == "person")
    assert "'Old' stays a script: it runs with Python 3.9, and functions need 3.11" in told
    assert "'Odd' stays a script: it runs with packages of its own, and 'out' goes as a pickle" in told


def test_scripts_of_one_task_name_are_told_apart_by_their_own_names(tmp_path):
    for name, text in (("knn", "k"), ("tree", "depth")):
        folder = tmp_path / "tasks" / f"train_{name}"
        folder.mkdir(parents=True)
        load = "train = ph.load_datasets(variables, 'train')\n" if name == "tree" else ""
        (folder / "task.py").write_text(f"{PH}{load}ph.save_datasets(variables, ('model', '{text}'))\n")
        (tmp_path / f"{name}.xxp").write_text(
            f'workflow {name.title()} {{ START -> Train -> END; task Train {{ implementation "train_{name}"; }}\n'
            'define input data D; configure data D { path "d.csv"; } D --> Train.train; }'
        )
    (tmp_path / "other.xxp").write_text(
        'workflow Other { START -> Train -> END; task Train { implementation "train_more"; } }'
    )
    (tmp_path / "tasks" / "train_more.py").write_text(f"{PH}ph.save_datasets(variables, ('model', 'more'))\n")
    (tmp_path / "eexp_config.py").write_text('TASK_LIBRARY_PATH = "tasks"\n')
    (tmp_path / "d.csv").write_text("a\n1\n")
    files = convert(tmp_path, tmp_path / "flows", tasks=True).files
    assert "def train()" in files["tasks/train.py"]
    assert "def train()" in files["tasks/train_more.py"]
    assert "def train_tree(train: " in files["tasks/train_tree.py"]  # it has a parameter 'train'
    assert "from tasks.train_tree import train_tree" in files["tree.py"]


READS = {
    "prices.csv": ("pd.read_csv(BytesIO(x), sep=';', decimal=',')", b"day;price\nmon;1,5\ntue;-2\n"),
    "menu.csv": ("pd.read_csv(BytesIO(x), encoding='latin-1')", "dish,n\nCrème brûlée,1\n".encode("latin-1")),
    "tabs.csv": ("pd.read_table(BytesIO(x))", b"a\tb\n1\t2.5\n"),
    "tabs.tsv": ("pd.read_csv(BytesIO(x), sep='\\t')", b"a\tb\n1\tx,y\n"),
    "some.json": ("json.loads(x.decode())", b'\n{"a": [1, 2.0, NaN, null], "a": {"b": "\\u00e9"}}'),
    "some.npy": ("np.load(BytesIO(x))", None),
    "some.txt": ("x.decode()", "one\r\ntwo \u00e9\n".encode()),
}


def test_what_comes_parsed_is_what_the_script_read(tmp_path, monkeypatch):
    from pxw.cli import main

    monkeypatch.chdir(tmp_path)
    array = BytesIO()
    np.save(array, np.arange(6.0).reshape(2, 3))
    for name, (said, data) in READS.items():
        key = name.replace(".", "_")
        for folder in ("tasks", "datasets", "workflows"):
            Path(folder).mkdir(exist_ok=True)
        Path("datasets", name).write_bytes(array.getvalue() if data is None else data)
        Path("tasks", f"{key}.py").write_text(
            f"{PH}import json\nfrom io import BytesIO\nimport numpy as np\nimport pandas as pd\n"
            f"x = ph.load_dataset(variables, resultMap, 'in')\nt = {said}\n"
            "is_table = isinstance(t, pd.DataFrame)\n"
            "t_shown = t.to_csv() + str(t.dtypes) if is_table else repr(t if type(t) in (dict, str) else t.tolist())\n"
            "ph.save_dataset(variables, resultMap, 'out', t_shown.encode())\n"
        )
        Path("workflows", f"{key}.xxp").write_text(
            f'workflow {key} {{ START -> T -> END; task T {{ implementation "{key}.py"; }}\n'
            f'define input data I; define output data O; configure data I {{ path "{name}"; }}\n'
            f'configure data O {{ path "out/{key}"; }} I --> T.in; T.out --> O; }}'
        )
    made = convert(Path(), Path("typed"), frames=True)
    made.write()
    assert len([each for each in made.entries if "pxw reads it" in each.message]) == len(READS)
    assert not any("loads(" in text or "read_" in text for name, text in made.files.items() if "tasks/" in name)
    for name in READS:
        key = name.replace(".", "_")
        found = []
        for target in (f"workflows/{key}.xxp", f"typed/{key}.py"):
            assert main(["run", target, "--inline"]) == 0
            found.append(Path("datasets/out", key).read_bytes())
        assert found[0] == found[1]


def test_a_file_in_a_ddm_comes_parsed_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tasks").mkdir()
    load = "x = ph.load_dataset(variables, resultMap, 'in')\nt = json.loads(x)\n"
    Path("tasks/t.py").write_text(
        f"{PH}import json\n{load}ph.save_dataset(variables, resultMap, 'out', repr(t).encode())\n"
    )
    Path("w.xxp").write_text(
        'workflow W { START -> T -> END; task T { implementation "t.py"; } define input data I;'
        'configure data I { name "in.json"; project "demo"; } I --> T.in; }'
    )
    made = convert(Path("w.xxp"), Path("typed"), frames=True)
    assert "'in' of task 'T' comes as 't: Any': pxw reads it, not the script" in [each.message for each in made.entries]
    assert any("(t: Any)" in text for text in made.files.values())
