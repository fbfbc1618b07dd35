"""`PXW_STORE`: machines that share a folder, or nothing but an object store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import pxw
import pxw.errors
from pxw.cli import main
from pxw.engines.inline import flow, task
from pxw.errors import MissingDataError, SettingsError
from pxw.importing import inline
from pxw.runs import collect, open_run
from pxw.settings import load_settings
from tests.runner.conftest import Project
from tests.s3 import S3Server


@task(outputs=["numbers"])
def count(n: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(n)})


@flow
def counting(n: int) -> pxw.Ref:
    return count(n)


@task(outputs=["auc"])
def measure() -> float:
    return 0.9


@flow
def measuring() -> pxw.Ref:
    return measure()


def objects(bucket: str) -> list[str]:
    from pxw.stores.bucket import below

    return [each.url for each in below(f"{bucket}/")]


# In an object store --------------------------------------------------------------------------------------------------


def test_outputs_without_a_place_go_to_the_store(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_STORE", f"{bucket}/lab/")
    ref = counting(3)
    assert ref.place.startswith(f"{bucket}/lab/runs/{ref.run}/count-")
    assert objects(bucket) == [ref.place]
    shutil.rmtree(load_settings().home)
    assert len(pxw.load(ref)) == 3


def test_a_worker_needs_no_setting_to_read_what_another_wrote(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_STORE", bucket)
    ref = counting(3)
    monkeypatch.delenv("PXW_STORE")
    shutil.rmtree(load_settings().home)
    assert len(pxw.load(ref)) == 3


def test_small_values_are_not_uploaded(s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_STORE", bucket)
    assert pxw.load(measuring()) == 0.9
    assert objects(bucket) == []


def test_gc_removes_old_runs_from_the_store_and_keeps_the_others(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PXW_STORE", bucket)
    pxw.save("mine", pxw.Remote(f"{bucket}/mine.txt"))
    old, needed = counting(1), counting(2)
    with open_run(needed.run, "counting").held():
        assert collect(load_settings()) == []
        later = time.time() + 15 * 86_400
        gone = [run for run, _ in collect(load_settings(), now=later)]
    assert sorted(gone) == sorted([old.run, f"{bucket}/runs/{old.run}"])
    assert objects(bucket) == [f"{bucket}/mine.txt", needed.place]
    shutil.rmtree(load_settings().home)  # another machine's copy
    with pytest.raises(MissingDataError):
        pxw.load(old)
    monkeypatch.setenv("PXW_KEEP_DAYS", "0")
    assert main(["cache", "gc", "--json"]) == 0
    assert f"{bucket}/runs/{needed.run}" in [each.get("run") for each in json.loads(capsys.readouterr().out)]
    assert objects(bucket) == [f"{bucket}/mine.txt"]


def test_doctor_writes_to_the_store_to_see_whether_it_can(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PXW_STORE", bucket)
    main(["doctor"])
    assert f"{bucket} can be written" in " ".join(capsys.readouterr().out.split())
    assert objects(bucket) == []
    monkeypatch.setenv("PXW_STORE", "s3://no-such-bucket")
    assert main(["doctor"]) == 1
    assert "there is no bucket s3://no-such-bucket" in " ".join(capsys.readouterr().out.split())


WORKER = """
import json, sys
import pandas as pd
from pydantic import TypeAdapter
import pxw
from pxw.binding import Binding, Step
from pxw.runs import open_run

REF = TypeAdapter(pxw.Ref)

def make(number: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(number, number + 10_000)})

def add(parts: list[pd.DataFrame], scale: int) -> pd.DataFrame:
    return pd.concat(parts) * scale

TASKS = {each.__name__: Binding.of(each, None, ["parts"] if each is add else None, ["out"]) for each in (make, add)}
run = open_run("the-run", "split")
with run.held():
    for line in sys.stdin:
        name, key, place, *arguments = json.loads(line)
        given = [[REF.validate_python(ref) for ref in each] if isinstance(each, list) else each for each in arguments]
        task = TASKS[name].changed(None, {"out": place} if place else None)
        try:
            print(REF.dump_json(task.call(Step(run, key), tuple(given), {})).decode(), flush=True)
        except pxw.errors.PxwError as error:
            print(json.dumps({"error": str(error)}), flush=True)
"""


class Machine:
    """A worker that shares nothing with another one but the object store."""

    def __init__(self, folder: Path, store: str) -> None:
        self.home = folder / "home"
        (folder / "work").mkdir(parents=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=folder / "work",
            env=os.environ | {"PXW_HOME": str(self.home), "PXW_STORE": store},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, task: str, key: str, *arguments: object, place: str = "") -> dict[str, object]:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps([task, key, place, *arguments]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate(timeout=60)


@contextmanager
def two_machines(folder: Path, bucket: str) -> Iterator[list[Machine]]:
    machines = [Machine(folder / name, f"{bucket}/lab") for name in ("one", "two")]
    try:
        yield machines
    finally:
        for machine in machines:
            machine.end()


def test_two_isolated_workers_finish_a_run_and_each_downloads_each_byte_at_most_once(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    start = s3.now
    with two_machines(tmp_path, bucket) as machines:
        parts = [machines[number % 2].run("make", f"make-{number}", number) for number in range(6)]
        totals = [machines[number % 2].run("add", f"add-{number}", parts, number + 1) for number in range(4)]
    assert [total["rows"] for total in totals] == [60_000] * 4
    assert [pxw.load(pxw.Remote(str(total["place"]))).n.sum() for total in totals] == [
        scale * sum(sum(range(number, number + 10_000)) for number in range(6)) for scale in (1, 2, 3, 4)
    ]
    read = s3.asked("GET", start)
    made = {str(part["place"]).removeprefix("s3:/") for part in parts}
    assert {place: read[place] for place in made} == dict.fromkeys(made, 1)  # each by the machine that did not make it
    assert all(not list(machine.home.glob("runs/**/*.arrow")) for machine in machines)


def test_isolated_workers_refuse_to_write_to_one_declared_place(bucket: str, tmp_path: Path) -> None:
    with two_machines(tmp_path, bucket) as (one, two):
        place = f"{bucket}/out.parquet"
        one.run("make", "first", 0, place=place)
        refused = two.run("make", "second", 7, place=place)
        assert f"two outputs of this run go to {place}: task 'make', output 'out', after task" in str(refused["error"])
        assert one.run("make", "first", 0, place=place)["rows"] == 10_000  # its own retry
    assert pxw.load(pxw.Remote(place), pd.DataFrame).n.min() == 0


def test_a_second_attempt_of_a_flow_may_write_to_the_places_of_the_first(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PXW_STORE", bucket)
    run = open_run("some-run", "counting")
    for key in ("first", "second"):
        with run.noted():
            run.claim(f"{bucket}/out.csv", "task 'count', output 'numbers'", key)


# In a folder ---------------------------------------------------------------------------------------------------------


def test_runs_live_in_a_folder_that_machines_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_STORE", str(tmp_path / "shared"))
    ref = counting(3)
    assert Path(ref.place).is_relative_to(tmp_path / "shared" / "runs" / ref.run)
    assert (tmp_path / "shared" / "runs" / ref.run / "journal.jsonl").exists()
    assert not (tmp_path / "pxw-home" / "runs").exists()
    assert [run for run, _ in collect(load_settings(), now=time.time() + 15 * 86_400)] == [ref.run]


def test_a_reference_to_the_disk_of_another_machine_says_what_to_share(tmp_path: Path) -> None:
    ref = counting(3)
    shutil.rmtree(tmp_path / "pxw-home")
    with pytest.raises(MissingDataError, match="share no disk: set PXW_STORE"):
        pxw.load(ref)


@pytest.mark.parametrize("store", ["s3://key:hush@bucket/x", "https://example.org/x", "s3://"])
def test_a_store_that_cannot_be_one_is_refused_without_its_secrets(monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    monkeypatch.setenv("PXW_STORE", store)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hush" not in str(caught.value)


def test_local_data_costs_neither_an_http_library_nor_a_cloud_library() -> None:
    code = """
import sys, pxw
pxw.load(pxw.save({"a": 1}, pxw.Local("x.json")))
print(sorted({"httpx", "obstore", "pxw.cache", "pxw.stores.ddm"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Old scripts ---------------------------------------------------------------------------------------------------------


def test_an_old_script_reads_and_writes_objects(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("task.py").write_text(
        "import proactive_helper as ph\n"
        "text = ph.load_dataset(variables, resultMap, 'raw')\n"
        "ph.save_dataset(variables, resultMap, 'out', text.upper())\n"
        "ph.save_dataset(variables, resultMap, 'kept', text * 2)\n"
    )
    with inline():
        step = pxw.script(
            Path("task.py").absolute(), inputs=["raw"], outputs={"out": pxw.Remote(f"{bucket}/out.txt"), "kept": None}
        )

    @flow
    def main(raw: pxw.Spec) -> tuple[pxw.Ref, pxw.Ref]:
        again = step.with_options(outputs={"out": pxw.Remote(f"{bucket}/again.txt")})
        return again(step(raw).kept)

    pxw.save(b"abc", pxw.Remote(f"{bucket}/raw.txt"))
    monkeypatch.setenv("PXW_STORE", f"{bucket}/lab")
    shutil.rmtree(load_settings().home)
    out, kept = main(pxw.Remote(f"{bucket}/raw.txt"))
    assert out.place == f"{bucket}/again.txt"
    assert kept.place.startswith(f"{bucket}/lab/runs/")
    shutil.rmtree(load_settings().home)
    assert (pxw.load(out, bytes), pxw.load(kept, bytes)) == (b"ABCABC", b"abc" * 4)
    assert pxw.load(pxw.Remote(f"{bucket}/out.txt"), bytes) == b"ABC"


def test_the_intermediates_of_an_old_project_go_to_the_store(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PXW_STORE", f"{bucket}/lab")
    project = Project(tmp_path)
    project.scripts(
        a="""
        import pandas as pd
        resultMap.put("auc", 0.9)
        variables.put("model", {1, 2})
        frame = pd.DataFrame({"n": [1, 2]})
        ph.save_datasets(variables, ("frame", frame), ("text", "abc"), ("several", [b"x", b"y"]))
        """,
        b="""
        frame, text = ph.load_datasets(variables, "frame", "text")
        assert ph.load_datasets(variables, "several") == [b"x", b"y"]
        assert variables.get("model") == {1, 2} and resultMap.get("auc") == 0.9
        ph.save_datasets(variables, ("out", f"{text} {frame.n.sum()}"))
        """,
    )
    outputs = project.run("""workflow W {
        START -> A -> B -> END; task A { implementation "a"; } task B { implementation "b"; }
        A.frame --> B.frame; B.out --> Out;
        define output data Out; configure data Out { path "out.txt"; }
    }""")
    assert Path("out.txt").read_text() == "abc 3"
    assert outputs["Out"].place == str(tmp_path / "out.txt")
    shutil.rmtree(load_settings().home)
    (frame,) = (place for place in objects(bucket) if "/frame/" in place)
    assert frame.startswith(f"{bucket}/lab/runs/{outputs['Out'].run}/A-")
    assert pxw.load(pxw.Remote(frame), pd.DataFrame).n.tolist() == [1, 2]
