"""`pxw.task(env=pxw.Env(...))`: a task in a Python of its own."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

import pxw
from pxw.compat.environments import fingerprint, verify
from pxw.engines.inline import flow
from pxw.errors import ArgumentError, DeclarationError, EnvError, SchemaError
from pxw.importing import inline
from pxw.isolated import bind
from pxw.isolated.handover import packed, unpacked
from pxw.walks import Walk

FILE = Path(__file__).with_name("tasks_of_their_own.py")


def write_package(folder: Path) -> None:
    package = folder / "shout"
    package.mkdir()
    (package / "pxw_test_shout.py").write_text("def shout(text):\n    return text.upper()\n")
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "pxw-test-shout"\nversion = "1.0"\n'
    )
    (package / "backend.py").write_text(BACKEND)
    (folder / "requirements.txt").write_text("./shout  # by its path\n")


# A backend that needs no index, as a wheel is no more than this.
BACKEND = """
import zipfile
from pathlib import Path

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    about, name = "pxw_test_shout-1.0.dist-info", "pxw_test_shout-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.write("pxw_test_shout.py")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: pxw-test-shout\\nVersion: 1.0\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return name
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tasks, and the requirements of one; its environment is made once."""
    folder = tmp_path_factory.mktemp("isolated")
    write_package(folder)
    shutil.copy(FILE, folder / "own_tasks.py")
    return folder


@pytest.fixture
def tasks(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tasks without Prefect."""
    (project / "home").mkdir(exist_ok=True)
    monkeypatch.setenv("PXW_HOME", str(project / "home"))
    spec = importlib.util.spec_from_file_location("own_tasks", project / "own_tasks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "own_tasks", module)
    with inline():
        spec.loader.exec_module(module)
    return module


def run(body: Any) -> Any:
    return flow(body)()


def test_a_task_runs_with_its_own_packages_and_hands_on_references(tasks, project, caplog):
    caplog.set_level(logging.INFO)

    def main() -> Any:
        return tasks.loud.with_options(name="louder", outputs={"people": "out.csv"})(tasks.make(), "!", size=(2, 3))

    people, facts = run(main)
    assert Path("out.csv").read_text() == "name\nA!\nB!\n"
    assert (people.task, people.output, people.rows) == ("louder", "people", 2)
    told = pxw.load(facts)
    assert told["process"] != os.getpid()
    assert (told["prefect"], told["size"]) == (False, [2, 3])
    assert f"said in {project}/home/environments/" in caplog.text
    journal = [json.loads(line) for line in next(project.glob("home/runs/*/journal.jsonl")).read_text().splitlines()]
    assert [entry["event"] for entry in journal if entry.get("task") == "louder"] == [
        "started",
        "saved",
        "saved",
        "finished",
    ]
    assert list(project.glob("home/runs/*/*/call-*")) == []


def test_what_goes_wrong_there_arrives_with_its_place(tasks, project):
    def failing(how: str) -> EnvError:
        with pytest.raises(EnvError) as caught:
            run(lambda: tasks.fails(how))
        return caught.value

    raised = failing("raised")
    assert raised.message == "task 'fails' failed: LookupError: nothing there"
    line = FILE.read_text().splitlines().index('    raise LookupError("nothing there")') + 1
    assert raised.at == f"{project}/own_tasks.py:{line}, in fails"
    assert 'raise LookupError("nothing there")' in raised.details[-2]
    missing = failing("missing")
    assert missing.message == "the environment of task 'fails' has no module 'prefect'"
    assert str(project / "requirements.txt") in missing.help
    assert failing("killed").message == "task 'fails' was killed by SIGKILL"
    assert "SystemExit: 3" in failing("exits").message
    assert run(lambda: tasks.fails("works")) == Path("somewhere")
    with pytest.raises(SchemaError, match="PXW106"):
        run(tasks.wrong)


def test_an_async_task_and_a_plain_call_work_as_ever(tasks):
    import asyncio

    async def main() -> Any:
        return await tasks.later(1)

    assert pxw.load(asyncio.run(flow(main)())) == 2
    assert asyncio.run(tasks.later(1)) == 2  # outside of a flow it is the plain function


def test_an_environment_follows_its_packages_and_not_the_name_of_its_file(tmp_path):
    write_package(tmp_path)
    first = fingerprint(tmp_path / "requirements.txt")
    shutil.copytree(tmp_path / "shout", tmp_path / "other" / "shout")
    shutil.copy(tmp_path / "requirements.txt", tmp_path / "other" / "more.txt")
    assert fingerprint(tmp_path / "other" / "more.txt") == first
    (tmp_path / "shout/pxw_test_shout.py").write_text("changed = True\n")
    assert fingerprint(tmp_path / "requirements.txt") != first


def test_a_check_reads_the_requirements(tasks, tmp_path):
    (tmp_path / "good.txt").write_text(
        "pandas>=2.2\n# words\n-e ./shout\n--index-url https://x/simple\n\nnumpy ; python_version > '3'\nx @ file:///x\n"
    )
    verify(tmp_path / "good.txt")
    (tmp_path / "bad.txt").write_text("-r good.txt\npandas=2.2\n")
    with pytest.raises(EnvError) as caught:
        verify(tmp_path / "bad.txt")
    assert caught.value.details[0].startswith("bad.txt:2: 'pandas=2.2': ")
    (tmp_path / "bad.txt").write_text("-r nowhere.txt\n")
    with pytest.raises(EnvError, match=r"nowhere\.txt"):
        verify(tmp_path / "bad.txt")
    walk = Walk()
    with walk.going():
        run(lambda: tasks.loud(tasks.make()))
    assert (walk.findings, walk.edges) == ([], 1)


@pytest.mark.parametrize("version", ["3.10", "2.7", "newest", "4"])
def test_a_python_that_pxw_does_not_run_on_is_refused_at_once(version):
    with pytest.raises(DeclarationError):
        pxw.Env(python=version)


def test_a_function_that_a_child_could_not_import_is_refused_at_once(tmp_path):
    def inner() -> None: ...

    with pytest.raises(DeclarationError, match="not at the top level"):
        bind(inner, None, None, None, pxw.Env())
    typed: dict[str, Any] = {}
    exec(compile("def typed(): ...", "<notebook>", "exec"), typed)
    with pytest.raises(DeclarationError, match=r"\.py file"):
        bind(typed["typed"], None, None, None, pxw.Env())
    with pytest.raises(DeclarationError, match=r"no requirements file .*nowhere\.txt"):
        bind(write_package, None, None, None, pxw.Env(requirements="nowhere.txt"))


@pytest.mark.parametrize(
    ("value", "hint"),
    [(1.5, float), (float("nan"), float), ((1, "a"), tuple[int, str]), ({"a": [1, None]}, Any), (Path("x"), Path)],
)
def test_a_value_comes_out_as_it_went_in(value, hint):
    back = unpacked(json.loads(json.dumps(packed(value, hint, "x"))), hint)
    assert repr(back) == repr(value)
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, object(), {1: 2}, pd.Timedelta(1)])
def test_a_value_that_would_change_on_the_way_is_refused(value):
    with pytest.raises(ArgumentError, match="parameter 'x'"):
        packed(value, Any, "parameter 'x'")


def test_specs_and_references_pass_inside_lists_and_dicts():
    ref = pxw.save([1, 2], pxw.Local("x.json"))
    value = {"a": [ref], "b": pxw.Local("y.csv")}
    assert unpacked(json.loads(json.dumps(packed(value, Any, "x"))), Any) == value
    with pytest.raises(ArgumentError, match="a spec with a schema"):
        packed(pxw.Local("x.csv", schema={"a": "int64"}), Any, "x")


@pytest.mark.server
def test_prefect_runs_it_with_retries_and_in_time(project, monkeypatch, prefect_server, tmp_path):
    assert PREFECT_API_URL.value() == prefect_server
    monkeypatch.setenv("PXW_HOME", str(project / "home"))
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "own_tasks", raising=False)
    import own_tasks  # type: ignore[import-not-found]

    @pxw.flow
    def main() -> Any:
        late = own_tasks.fails.with_options(timeout_seconds=20)("slow", return_state=True)
        again = own_tasks.fails.with_options(retries=1)("raised", return_state=True)
        return late.name, again.name, own_tasks.loud(own_tasks.make()), own_tasks.fails("works")

    late, again, (people, _), path = main()
    assert (late, again, path) == ("TimedOut", "Failed", Path("somewhere"))
    assert list(pxw.load(people, as_=pd.DataFrame)["name"]) == ["A", "B"]
    process = int((tmp_path / "started").read_text())
    assert not Path(f"/proc/{process}").exists()
    monkeypatch.delitem(sys.modules, "own_tasks")
