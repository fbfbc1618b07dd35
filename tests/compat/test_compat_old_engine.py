"""The same scripts under the old engine's own helper and under pxw: the same bytes, the same records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pxw.compat import Job
from pxw.specs import DDM, Dataset, Local
from tests.compat.conftest import Runner
from tests.server.test_old_helper import helper  # noqa: F401 - a fixture: the package from the index, or a skip

SCRIPTS = Path(__file__).parents[2] / "flows/old_project/tasks"

# What Proactive does around a script; its shared folder is here below the test's own.
HARNESS = """
import json, os, sys

class Mapping(dict):
    def put(self, key, value):
        self[key] = value

told = json.load(open(sys.argv[1]))
variables, resultMap, join = Mapping(told["variables"]), Mapping(), os.path.join
os.path.join = lambda first, *rest: join(told["shared"] if first == "/shared" else first, *rest)
source = "from io import BytesIO\\nimport pickle\\n" + open(told["script"]).read()
exec(compile(source, told["script"], "exec"), {"variables": variables, "resultMap": resultMap, "__name__": "__main__"})
json.dump([variables, resultMap], open(sys.argv[1], "w"), default=str)
"""

PREPARE = """
import json
import os
import sys
import pickle
import proactive_helper as ph
import numpy as np
import pandas as pd

for folder in variables.get("dependent_modules_folders").split(","):
    sys.path.append(os.path.join(os.getcwd(), folder))

raw = ph.load_dataset(variables, resultMap, "raw")
frame = pd.read_csv(BytesIO(raw))
ph.save_dataset(variables, resultMap, "frame", frame[frame.a > 1])
ph.save_dataset(variables, resultMap, "bytes", raw[::-1])
ph.save_dataset(variables, resultMap, "document", {"b": (1, 2.5), "a": [None, "é"], 3: np.arange(3)})
resultMap.put("rows", len(frame))
"""

REPORT = """
import json
import pickle
import proactive_helper as ph

frame = ph.load_dataset(variables, resultMap, "table")
document = ph.load_dataset(variables, resultMap, "document")
ph.save_dataset(variables, resultMap, "csv", frame.to_csv().encode())
ph.save_dataset(variables, resultMap, "back", ph.load_dataset(variables, resultMap, "bytes")[::-1])
ph.save_dataset(variables, resultMap, "json", json.dumps(document, cls=ph.NumpyEncoder).encode())
ph.save_dataset(variables, resultMap, "pickle", pickle.dumps((document["b"], frame.dtypes.astype(str).to_dict())))
with open(ph.get_file_path(variables, "folder", "note.txt"), "w") as note:
    note.write(variables.get("greeting") + str(frame.shape))
with open(ph.create_dir(variables, "scratch") + "/part.bin", "wb") as part:
    part.write(frame.t.str.cat().encode())
ph.save_dataset(variables, resultMap, "part", ph.load_dataset_by_path(part.name))
ph.save_dataset(variables, resultMap, "results", json.dumps(ph.get_experiment_results(variables)).encode())
"""
RESULTS = {"S1": {"1": {"configuration": {"v": 1}, "result": {"n": 0.5, "T": {"n": 0.5}}}}}


@pytest.fixture
def old(helper: Path, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:  # noqa: F811 - that fixture
    """Run a script with the old helper; gives `variables` and `resultMap` as it left them."""
    folder = tmp_path / "old"
    folder.mkdir()

    def run(script: Path, variables: dict[str, Any], **config: Any) -> list[dict[str, Any]]:
        local = {"DATASET_MANAGEMENT": "LOCAL", "DDM_URL": "", "DDM_TOKEN": ""}
        ids = {"exp_name": "exp", "exp_id": "e1", "wf_id": "w1"}
        config = {"mapping": {}, "exp_engine_metadata": ids, "dataset_config": local} | config
        (folder / "execution_engine_runtime_config_w1.json").write_text(json.dumps(config))
        common = {"PA_JOB_ID": "j1", "PA_JOB_NAME": "W", "wf_id": "w1", "dependent_modules_folders": ""}
        told = folder / "told.json"
        told.write_text(
            json.dumps({"script": str(script), "shared": str(folder / "shared"), "variables": common | variables})
        )
        command = [sys.executable, "-c", HARNESS, str(told)]
        environment = {"PYTHONPATH": str(helper), "PATH": "", "NO_PROXY": "*"}
        done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(told.read_text())

    return run


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file; the old helper also leaves placeholders."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".placeholder")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_seeds_script_writes_the_same_bytes(old: Callable[..., Any], script: Runner, tmp_path: Path) -> None:
    raw = script.write("input.csv", "a,b,c\n1,x,2.50\n,y,3\n3,é,1e-7\n4,,5\n")
    places = {name: tmp_path / name / "out.csv" for name in ("theirs", "ours")}
    variables = {"PA_TASK_ID": "t", "PA_TASK_NAME": "T", "dataset": str(raw), "processed_data": str(places["theirs"])}
    old(SCRIPTS / "clean/task.py", variables)
    script(SCRIPTS / "clean/task.py", inputs={"dataset": raw}, outputs={"processed_data": Local(places["ours"])})
    assert places["ours"].read_bytes() == places["theirs"].read_bytes() != b""


def test_a_workflow_of_two_tasks_writes_the_same_bytes(old: Callable[..., Any], script: Runner, tmp_path: Path) -> None:
    raw = script.write("input.csv", "a,t,f\n1,x,0.1\n2,é,\n3,z,1e300\n")
    prepare, report = script.write("prepare.py", PREPARE), script.write("report.py", REPORT)
    names = {"csv": "t.csv", "back": "b.bin", "json": "d.json", "pickle": "p.pkl", "part": "p.bin", "results": "r.json"}
    (tmp_path / "old" / "experiment_results_w1.json").write_text(json.dumps(RESULTS))

    theirs = {name: str(tmp_path / "theirs" / file) for name, file in names.items()}
    variables, first = old(prepare, {"PA_TASK_ID": "t1", "PA_TASK_NAME": "Prepare", "raw": str(raw)})
    task = {"PA_TASK_ID": "t2", "PA_TASK_NAME": "Report", "PREVIOUS_TASK_ID": variables["PREVIOUS_TASK_ID"]}
    task |= {"folder": str(tmp_path / "theirs" / "notes"), "greeting": "hello"}
    old(report, task | theirs, mapping={"Report": {"table": "frame"}})

    prepared = script(prepare, inputs={"raw": raw})
    outputs: dict[str, Dataset | None] = {name: Local(tmp_path / "ours" / file) for name, file in names.items()}
    script(
        report,
        inputs=prepared.outputs | {"table": prepared.outputs["frame"]},
        outputs=outputs | {"folder": Local(f"{tmp_path}/ours/notes/")},
        parameters={"greeting": "hello"},
        job=Job(id="w1", results=RESULTS),
    )
    assert _contents(tmp_path / "ours") == _contents(tmp_path / "theirs")
    assert len(_contents(tmp_path / "ours")) == 7
    assert prepared.result_map["rows"] == first["rows"] == 3
    assert prepared.result_map.keys() == first.keys()


SAVE_ALL = """
import proactive_helper as ph
raw = ph.load_dataset(variables, resultMap, "raw")
ph.save_datasets(variables, resultMap, "all", [raw, raw[::-1], b""], ["a.csv", "b.bin", "empty.txt"])
ph.save_datasets(variables, resultMap, "unnamed", [raw])
ph.save_dataset(variables, resultMap, "one", raw * 2)
ph.save_dataset(variables, resultMap, "between", raw * 3)
"""

LOAD_ALL = """
import proactive_helper as ph
between = ph.load_dataset(variables, resultMap, "input")
everything = ph.load_datasets(variables, resultMap, "folder")
ph.save_dataset(variables, resultMap, "joined", b"|".join([between, *sorted(everything)]))
"""


def test_a_ddm_holds_the_same_files_under_the_same_names(
    old: Callable[..., Any], script: Runner, server: str, ddm: Any
) -> None:
    client = ddm()
    client.upload(b"a,b\n2.50,\xff\n", "shared/data", "raw.csv")
    code = script.write("save.py", SAVE_ALL)
    addresses = {"all": "|all", "unnamed": "|unnamed", "one": "one.csv|single"}
    variables = {"PA_TASK_NAME": "Save", "PREVIOUS_TASK_ID": "", "raw": "raw.csv|shared/data"} | addresses
    config = {"DATASET_MANAGEMENT": "DDM", "DDM_URL": server, "DDM_TOKEN": "secret"}
    ids = {"exp_name": "theirs", "exp_id": "e1", "wf_id": "w1"}
    client.upload(b"more", "shared/data", "more.csv")
    _, theirs = old(code, variables, dataset_config=config, exp_engine_metadata=ids)
    load = script.write("load.py", LOAD_ALL)
    variables = {"PA_TASK_NAME": "Load", "PREVIOUS_TASK_ID": "Save", "folder": "|shared/data", "joined": "j.bin|"}
    mapping = {"Load": {"input": "between"}}
    _, loaded = old(load, variables, dataset_config=config, exp_engine_metadata=ids, mapping=mapping)

    below = "ours/e1/w1/output/Save"
    outputs = {
        "all": DDM(project=f"{below}/all"),
        "unnamed": DDM(project=f"{below}/unnamed"),
        "one": DDM(project=f"{below}/single", name="one.csv"),
        "between": None,
    }
    job = Job(workflow="W", id="w1", experiment="ours", experiment_id="e1", management="DDM")
    saved = script(
        code, name="Save", inputs={"raw": DDM(project="shared/data", name="raw.csv")}, outputs=outputs, job=job
    )
    ours_loaded = script(
        load,
        name="Load",
        inputs={"input": saved.outputs["between"], "folder": DDM(project="shared/data")},
        outputs={"joined": DDM(project="ours/e1/w1/output/Load", name="j.bin")},
        job=job,
    )
    ours, theirs = saved.result_map | ours_loaded.result_map, theirs | loaded

    def files(whose: str) -> dict[tuple[str, str], tuple[bytes, str, dict[str, Any]]]:
        return {
            (entry.project.removeprefix(whose), entry.name): (
                client.fetch(entry).read_bytes(),
                entry.description,
                client.metadata(entry),
            )
            for entry in client.list(whose)
        }

    assert files("ours") == files("theirs")
    assert len(files("ours")) == 7
    assert ours.keys() == theirs.keys()
    for key in theirs:
        records = [
            [{name: value for name, value in file.items() if name not in {"file_url", "project_id"}} for file in each]
            for each in (json.loads(ours[key]), json.loads(theirs[key]))
        ]
        assert records[0] == records[1], key
