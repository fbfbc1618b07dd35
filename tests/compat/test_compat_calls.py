"""Every call that scripts make, by every module and in every style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pxw
from pxw.compat import Job
from pxw.errors import ScriptError
from pxw.specs import Local
from tests.compat.conftest import Runner

PROACTIVE = "import proactive_helper as ph"
LOCAL = "import local_helper as ph"
EEXP = "from eexp_engine_utils import utils as ph"


@pytest.mark.parametrize(
    ("save", "load"),
    [
        ("ph.save_dataset(variables, resultMap, 'k', v)", "ph.load_dataset(variables, resultMap, 'k')"),
        ("ph.save_dataset(variables, None, 'k', v)", "ph.load_dataset(variables, None, 'k')"),
        (
            "ph.save_dataset(variables=variables, resultMap=resultMap, key='k', value=v)",
            "ph.load_dataset(variables=variables, resultMap=resultMap, key='k')",
        ),
        ("ph.save_dataset(variables, 'k', v)", "ph.load_dataset(variables, 'k')"),
        ("ph.save_datasets(variables, ('k', v))", "ph.load_datasets(variables, 'k')"),
        ("ph.save_datasets(variables, resultMap, ('k', v))", "ph.load_datasets(variables, 'k')"),
        ("ph.save_output(('k', v))", "ph.get_input('k')"),
        ("ph.save_output('k', v)", "ph.get_input('k')"),
        ("ph.save_datasets(variables, ('k', v), ('l', 2))", "ph.load_datasets(variables, 'k', 'l')[0]"),
        ("ph.save_datasets(variables, resultMap, 'k', [v])", "ph.load_datasets(variables, resultMap, 'k')[0]"),
    ],
)
def test_an_intermediate_comes_back_as_the_value_that_was_saved(script: Runner, save: str, load: str) -> None:
    value = "{'a': (1, 2.5, None), 'b': [b'x', {3}]}"
    first = script(f"{PROACTIVE}\nv = {value}\n{save}", name="First")
    script(f"{PROACTIVE}\nassert {load} == {value}", name="Second", inputs=first.outputs)


@pytest.mark.parametrize(("saving", "loading"), [(PROACTIVE, LOCAL), (LOCAL, EEXP), (EEXP, PROACTIVE)])
def test_whichever_module_saves_any_other_loads(script: Runner, saving: str, loading: str) -> None:
    first = script(f"{saving}\nph.save_datasets(variables, ('raw', b'a,b'), ('text', 'é'))")
    script(
        f"{loading}\nraw, text = ph.load_datasets(variables, 'raw', 'text')\nassert (raw, text) == (b'a,b', 'é')",
        inputs=first.outputs,
    )


def test_several_datasets_keep_their_order_and_their_names(script: Runner) -> None:
    first = script(
        PROACTIVE + "\nph.save_datasets(variables, resultMap, 'all', [b'z', b'a', b'm'], ['z.csv', 'a.csv', 'm.csv'])"
        "\nph.save_datasets(variables, resultMap, 'mixed', [b'z', {'a': 1}])"
        "\nph.save_datasets(variables, resultMap, 'unnamed', [b'1', b'2'])"
    )
    script(
        PROACTIVE + "\nassert ph.load_datasets(variables, resultMap, 'all') == [b'z', b'a', b'm']"
        "\nassert ph.load_datasets(variables, resultMap, 'mixed') == [b'z', {'a': 1}]",
        inputs=first.outputs,
    )
    assert pxw.load(first.outputs["all"], dict[str, bytes]) == {"a.csv": b"a", "m.csv": b"m", "z.csv": b"z"}
    assert set(pxw.load(first.outputs["unnamed"], dict[str, bytes])) == {"output_0", "output_1"}


def test_one_of_several_is_never_taken_for_all(script: Runner) -> None:
    first = script(PROACTIVE + "\nph.save_datasets(variables, resultMap, 'all', [b'z', b'a'])", name="First")
    with pytest.raises(ScriptError, match="input 'all' of task 'Next', from task 'First', output 'all', is 2 files"):
        script(PROACTIVE + "\nph.load_dataset(variables, resultMap, 'all')", name="Next", inputs=first.outputs)


@pytest.mark.parametrize(
    ("module", "executionware", "kind"),
    [
        (PROACTIVE, "LOCAL", "bytes"),
        (PROACTIVE, "PROACTIVE", "bytes"),
        (LOCAL, "PROACTIVE", "DataFrame"),
        (EEXP, "LOCAL", "DataFrame"),
        (EEXP, "KUBEFLOW", "bytes"),
        (EEXP, "PROACTIVE", "bytes"),
    ],
)
def test_an_external_input_is_bytes_or_parsed_as_its_module_has_it(
    script: Runner, module: str, executionware: str, kind: str
) -> None:
    raw = script.write("data/input.csv", "a,b\n1,2\n")
    code = f"\nassert type(ph.load_dataset(variables, resultMap, 'raw')).__name__ == '{kind}'"
    code += f"\nassert type(ph.load_datasets(variables, 'raw')).__name__ == '{kind}'"
    code += "\nassert variables['raw'] == variables.get('raw') and open(variables['raw']).read() == 'a,b\\n1,2\\n'"
    script(module + code, inputs={"raw": Local("data/input.csv")}, executionware=executionware)
    assert raw.exists()


def test_the_local_helper_parses_by_suffix(script: Runner, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "t": ["x", "y"]})
    frame.to_csv(tmp_path / "f.csv", index=False)
    frame.to_parquet(tmp_path / "f.parquet")
    frame.to_pickle(tmp_path / "f.pkl")
    np.save(tmp_path / "f.npy", np.arange(3))
    np.savez(tmp_path / "f.npz", one=np.arange(3))
    (tmp_path / "f.json").write_text('{"a": [1, 2]}')
    (tmp_path / "f.txt").write_bytes("é\r\n".encode())
    (tmp_path / "f.bin").write_bytes(b"\x00")
    names = ["csv", "parquet", "pkl", "npy", "npz", "json", "txt", "bin"]
    script(
        LOCAL
        + """
import numpy as np
load = lambda name: ph.load_dataset(variables, resultMap, name)
for name in ("csv", "parquet", "pkl"):
    assert load(name).to_dict("list") == {"a": [1, 2], "t": ["x", "y"]}, name
assert load("npy").tolist() == [0, 1, 2] == load("npz")["one"].tolist()
assert load("json") == {"a": [1, 2]}
assert load("txt") == "é\\r\\n"
assert load("bin") == b"\\x00"
assert ph.load_dataset_by_path(variables["json"]) == {"a": [1, 2]}
""",
        inputs={name: Local(tmp_path / f"f.{name}", allow_pickle=True) for name in names},
    )


def test_a_pickle_that_nobody_vouched_for_is_not_parsed(script: Runner, tmp_path: Path) -> None:
    pd.Series([1]).to_pickle(tmp_path / "f.pkl")
    with pytest.raises(ScriptError, match="is a pickle that nobody has vouched for"):
        script(LOCAL + "\nph.load_dataset(variables, 'm')", inputs={"m": Local("f.pkl")})


def test_a_folder_and_a_pattern_give_their_files_by_name(script: Runner) -> None:
    for name in ("b.csv", "a.csv", "note.txt"):
        script.write(f"data/{name}", name)
    script(
        PROACTIVE
        + """
import os
assert ph.load_datasets(variables, resultMap, "all") == [b"a.csv", b"b.csv", b"note.txt"]
assert ph.load_datasets(variables, "tables") == [b"a.csv", b"b.csv"]
assert sorted(os.listdir(variables["all"])) == ["a.csv", "b.csv", "note.txt"]
""",
        inputs={"all": Local("data/"), "tables": Local("data/*.csv")},
    )


@pytest.mark.parametrize(
    ("value", "name", "content"),
    [
        ("b'\\x00raw'", "out.bin", b"\x00raw"),
        ("'é\\n'", "out.txt", "é\n".encode()),
        ("pd.DataFrame({'a': [1], 'b': ['x']})", "out.csv", b"a,b\n1,x\n"),
        ("pd.DataFrame({'a': [1], 'b': ['x']})", "out.json", b'[{"a":1,"b":"x"}]'),
        ("pd.DataFrame({'a': [1]}, index=['r'])", "out.csv", b",a\nr,1\n"),
    ],
)
def test_an_external_output_takes_bytes_text_and_frames(
    script: Runner, tmp_path: Path, value: str, name: str, content: bytes
) -> None:
    script(
        f"import pandas as pd\n{PROACTIVE}\nph.save_dataset(variables, resultMap, 'out', {value})",
        outputs={"out": Local(f"new/folder/{name}")},
    )
    assert (tmp_path / "new/folder" / name).read_bytes() == content
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == [name]


@pytest.mark.parametrize(("value", "kind"), [("[1]", "list"), ("{'a': 1}", "dict"), ("1.5", "float")])
def test_an_external_output_of_anything_else_is_an_error_that_says_so(script: Runner, value: str, kind: str) -> None:
    with pytest.raises(
        ScriptError, match=f"a {kind} cannot be written to .*out.json.*bytes, text or a DataFrame"
    ) as told:
        script(PROACTIVE + f"\nph.save_dataset(variables, 'out', {value})", outputs={"out": Local("out.json")})
    assert told.value.at == f"{Path('tasks/task/task.py').absolute()}:2"


def test_an_output_that_is_also_an_input_of_the_next_task_is_what_was_saved(script: Runner) -> None:
    first = script(PROACTIVE + "\nph.save_dataset(variables, 'out', b'a,b\\n1,2\\n')", outputs={"out": Local("o.csv")})
    assert first.outputs["out"].format == "csv"
    script(
        PROACTIVE + "\nassert ph.load_dataset(variables, 'in') == b'a,b\\n1,2\\n'", inputs={"in": first.outputs["out"]}
    )


def test_a_file_that_the_script_writes_itself_counts_as_saved(script: Runner) -> None:
    outcome = script(
        PROACTIVE
        + """
open(variables["figure"], "wb").write(b"png")
path = ph.get_file_path(variables, "figures", "one.png")
open(path, "wb").write(b"1")
""",
        outputs={"figure": Local("figure.png"), "figures": Local("figures/")},
    )
    assert pxw.load(outcome.outputs["figure"], bytes) == b"png"
    assert pxw.load(outcome.outputs["figures"], dict[str, bytes]) == {"one.png": b"1"}


def test_a_directory_of_a_task_lasts_for_later_tasks_and_is_its_own(script: Runner) -> None:
    code = PROACTIVE + "\npath = ph.create_dir(variables, 'parts')\nopen(path + '/x', 'w').write(str(variables['n']))"
    paths = [
        script(code + "\nvariables.put('at', path)", name="Same", parameters={"n": n}).variables["at"] for n in (1, 2)
    ]
    assert [Path(path, "x").read_text() for path in paths] == ["1", "2"]


def test_experiment_results_are_found_by_number_and_by_text(script: Runner) -> None:
    results = {"S1": {"1": {"configuration": {"k": 3}, "result": {"accuracy": 0.5}}}}
    script(
        PROACTIVE
        + """
for results in (ph.get_experiment_results(), ph.get_experiment_results(variables)):
    assert results["S1"][1]["result"]["accuracy"] == 0.5 == results["S1"]["1"]["result"]["accuracy"]
    assert 1 in results["S1"] and results["S1"].get(1) and results["S1"].get(2) is None
""",
        job=Job(results=results),
    )
    script(PROACTIVE + "\nassert ph.get_experiment_results(variables) is None")


def test_the_small_functions(script: Runner) -> None:
    path = script.write("x.csv", b"a\n")
    outcome = script(
        LOCAL.replace(" as ph", " as lh")
        + """
import json, numpy as np
import proactive_helper as ph
data = {"array": np.arange(2), "one": np.int64(1), "half": np.float32(0.5)}
assert json.loads(json.dumps(data, cls=ph.NumpyEncoder)) == {"array": [0, 1], "one": 1, "half": 0.5}
assert ph.load_dataset_by_path(variables["path"]) == b"a\\n"
lh.save_result({"accuracy": 0.5})
""",
        parameters={"path": str(path)},
    )
    assert outcome.result_map == {"accuracy": 0.5}


def test_a_path_among_the_variables_can_be_loaded(script: Runner) -> None:
    path = script.write("x.csv", b"a\n")
    script(
        PROACTIVE + "\nassert ph.load_dataset(variables, resultMap, 'file') == b'a\\n'", parameters={"file": str(path)}
    )


def test_a_task_may_load_what_it_saved(script: Runner) -> None:
    script(
        PROACTIVE + "\nph.save_dataset(variables, 'k', 1)\nph.save_dataset(variables, 'k', 2)"
        "\nassert ph.load_dataset(variables, 'k') == 2"
    )


def test_what_no_task_connects_is_named(script: Runner) -> None:
    with pytest.raises(ScriptError, match=r"task 'B' has no input 'datset': did you mean 'dataset'\?"):
        script(PROACTIVE + "\nph.load_dataset(variables, 'datset')", name="B", inputs={"dataset": 1})


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_a_file_name_cannot_lead_out_of_its_folder(script: Runner, name: str) -> None:
    with pytest.raises(ScriptError, match="is no name for a file"):
        script(PROACTIVE + f"\nph.save_datasets(variables, resultMap, 'k', [b''], [{name!r}])")


@pytest.mark.parametrize(
    "call",
    ["ph.save_datasets(variables, resultMap, 'k', [b'1', b'2'], ['a', 'a'])", "ph.save_dataset(variables, 'k')"],
)
def test_a_call_that_would_lose_something_is_refused(script: Runner, call: str) -> None:
    with pytest.raises(ScriptError):
        script(f"{PROACTIVE}\n{call}")


def test_values_given_from_outside_arrive(script: Runner) -> None:
    values: dict[str, Any] = {
        "frame": pd.DataFrame({"a": [1.5]}),
        "array": np.arange(3),
        "raw": b"\x00",
        "text": "x" * 10_000,
        "document": {"a": [1, None]},
    }
    script(
        PROACTIVE
        + """
frame, array, raw, text, document = ph.load_datasets(variables, "frame", "array", "raw", "text", "document")
assert frame.to_dict("list") == {"a": [1.5]} and array.tolist() == [0, 1, 2]
assert (raw, text, document) == (b"\\x00", "x" * 10_000, {"a": [1, None]})
""",
        inputs=values,
    )


def test_the_modules_refuse_to_work_outside_of_a_task(tmp_path: Path) -> None:
    import subprocess
    import sys

    import pxw.compat

    modules = Path(pxw.compat.__file__).with_name("modules")
    done = subprocess.run(
        [sys.executable, "-c", "import proactive_helper as ph; ph.load_dataset({}, {}, 'k')"],
        env={"PYTHONPATH": str(modules)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "belongs to a script that pxw runs as a task" in done.stderr


def test_the_three_modules_offer_the_same(script: Runner) -> None:
    outcome = script(
        """
        import proactive_helper, local_helper
        from eexp_engine_utils import utils
        resultMap.put("names", [sorted(module.__all__) for module in (proactive_helper, local_helper, utils)])
        """
    )
    first, second, third = outcome.result_map["names"]
    assert first == second == third
    assert json.dumps(first)


def test_bytes_that_hold_a_pickle_stay_bytes_to_scripts(script: Runner) -> None:
    first = script(
        PROACTIVE + "\nph.save_dataset(variables, 'm', pickle.dumps([1]))", outputs={"m": Local("models/m.pkl")}
    )
    script(PROACTIVE + "\nassert pickle.loads(ph.load_dataset(variables, 'm')) == [1]", inputs=first.outputs)
    outcome = script("open(variables['m'], 'wb').write(b'x')", outputs={"m": Local("models/other.pkl")})
    script(PROACTIVE + "\nassert ph.load_dataset(variables, 'm') == b'x'", inputs=outcome.outputs)
