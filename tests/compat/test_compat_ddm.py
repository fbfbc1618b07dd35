"""Scripts whose data lives in a DDM: the embedded one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

import pxw
from pxw.compat import Job
from pxw.errors import DDMNotFoundError, ScriptError
from pxw.specs import DDM, Dataset
from tests.compat.conftest import Runner


@pytest.fixture
def job(request: pytest.FixtureRequest) -> Job:
    return Job(workflow="W", id="w1", experiment=request.node.name, experiment_id="e1", management="DDM")


def test_intermediates_of_every_kind_travel_by_the_ddm(script: Runner, ddm: Any, job: Job) -> None:
    first = script(
        """
        import pandas as pd, proactive_helper as ph
        ph.save_dataset(variables, resultMap, "object", {"a": (1, {2})})
        ph.save_dataset(variables, resultMap, "frame", pd.DataFrame({"a": [1, 2]}))
        ph.save_dataset(variables, resultMap, "text", "é")
        ph.save_datasets(variables, resultMap, "files", [b"2", b"1"], ["b", "a"])
        ph.save_datasets(variables, resultMap, "mixed", [b"2", (1,)])
        """,
        name="First",
        job=job,
        outputs={"object": None, "frame": Dataset()},
    )
    project = job.project("First")
    assert {ref.place for ref in first.outputs.values()} == {
        f"ddm://{project}//{name}" for name in ("object", "frame", "text", "", "mixed")
    }
    outcome = script(
        """
        import proactive_helper as ph
        load = lambda key: ph.load_dataset(variables, resultMap, key)
        assert load("object") == {"a": (1, {2})} and load("text") == "é" and load("frame").a.tolist() == [1, 2]
        assert ph.load_datasets(variables, resultMap, "files") == [b"2", b"1"]
        assert ph.load_datasets(variables, resultMap, "mixed") == [b"2", (1,)]
        """,
        name="Second",
        job=job,
        inputs=first.outputs,
    )
    told = {key: json.loads(value) for key, value in outcome.result_map.items()}
    assert told["file:Second:input:object"] == json.loads(first.result_map["file:First:output:object"])
    assert [file["file_name"] for file in told["file:Second:input:files"]] == ["b", "a"]
    pd.testing.assert_frame_equal(pxw.load(first.outputs["frame"]), pd.DataFrame({"a": [1, 2]}))
    assert pxw.load(first.outputs["object"]) == {"a": (1, {2})}
    assert pxw.load(first.outputs["files"], dict[str, bytes]) == {"a": b"1", "b": b"2"}


def test_addresses_stand_in_the_variables_and_files_are_parsed_by_their_names(
    script: Runner, ddm: Any, job: Job
) -> None:
    for name in ("z.csv", "a.csv"):
        ddm().upload(f"a\n{len(name)}\n".encode(), "compat/parsed", name)
    script(
        """
        import local_helper as lh, proactive_helper as ph
        assert variables["one"] == "z.csv|compat/parsed" and variables["all"] == "|compat/parsed"
        assert variables["out"] == "out.csv|compat/out" and variables["folder"] == "|compat/folder"
        assert lh.load_dataset(variables, resultMap, "one").a.tolist() == [5]
        assert ph.load_datasets(variables, resultMap, "all") == [b"a\\n5\\n"] * 2
        assert [len(frame) for frame in lh.load_datasets(variables, "all")] == [1, 1]
        ph.save_dataset(variables, resultMap, "out", "text")
        ph.save_dataset(variables, resultMap, "folder", b"x")
        """,
        job=job,
        inputs={"one": DDM(project="compat/parsed", name="z.csv"), "all": DDM(project="compat/parsed")},
        outputs={"out": DDM(project="compat/out", name="out.csv"), "folder": DDM(project="compat/folder")},
    )
    assert [entry.name for entry in ddm().files("compat/folder")] == ["output_0"]


def test_the_files_of_a_project_come_in_the_order_in_which_they_went_there(script: Runner, ddm: Any, job: Job) -> None:
    for name in ("c", "a", "b"):
        ddm().upload(name.encode(), "compat/order", name)
    script(
        "import proactive_helper as ph\nassert ph.load_datasets(variables, resultMap, 'all') == [b'c', b'a', b'b']",
        job=job,
        inputs={"all": DDM(project="compat/order")},
    )


def test_a_script_that_fails_leaves_nothing_in_the_ddm(script: Runner, ddm: Any, job: Job) -> None:
    with pytest.raises(ScriptError):
        script("import proactive_helper as ph\nph.save_dataset(variables, 'k', 1)\n1 / 0", job=job)
    assert not ddm().list(job.experiment)


def test_a_missing_file_names_the_task_and_the_nearest(script: Runner, ddm: Any, job: Job) -> None:
    ddm().upload(b"", "compat/missing", "input.csv")
    with pytest.raises(DDMNotFoundError, match=r"inptu\.csv") as told:
        script("pass", name="T", job=job, inputs={"raw": DDM(project="compat/missing", name="inptu.csv")})
    assert "input.csv" in told.value.help
    assert told.value.at.startswith("task 'T', input 'raw'")


def test_without_a_ddm_neither_its_client_nor_prefect_is_imported(script: Runner) -> None:
    task = script.write("task.py", "import proactive_helper as ph\nph.save_dataset(variables, 'k', 1)")
    code = """
        import sys
        from pathlib import Path
        from pxw.compat import Script, run_script
        from pxw.runs import Run
        root = Path(sys.argv[1])
        run_script(Script(path=root / "task.py"), run=Run("r", "f", root / "run"), key="1", outputs={"k": None})
        assert {"httpx", "prefect", "pandas"}.isdisjoint(sys.modules), sorted(sys.modules)
        """
    program = script.write("parent.py", code)
    subprocess.run([sys.executable, str(program), str(task.parent)], check=True)
