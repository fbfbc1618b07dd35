"""`PXW_STORE`: machines that share a folder, or nothing but an object store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest

import pxw
from pxw.cli import main
from pxw.errors import MissingDataError, SettingsError
from pxw.importing import inline
from pxw.inline import flow, task
from pxw.runs import collect, open_run
from pxw.settings import load_settings
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
    assert main(["gc", "--json"]) == 0
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


WORKERS = """
    import os
    import tempfile
    from pathlib import Path

    import pandas as pd
    from prefect.task_runners import ProcessPoolTaskRunner

    import pxw

    # Each process is a machine of its own: nothing of another one's disk is known to it.
    os.environ["PXW_HOME"] = tempfile.mkdtemp(prefix="home-", dir=os.environ["MACHINES"])
    os.chdir(tempfile.mkdtemp(prefix="work-", dir=os.environ["MACHINES"]))


    @pxw.task(outputs=["part"])
    def make(number: int) -> pd.DataFrame:
        return pd.DataFrame({"n": range(number, number + 10_000), "home": os.environ["PXW_HOME"]})


    @pxw.task(inputs=["parts", "scale"], outputs=["total"])
    def add(parts: list[pd.DataFrame], scale: pd.DataFrame, shift: int) -> pd.DataFrame:
        return pd.concat(parts).assign(n=lambda table: table.n * scale["by"][0] + shift)


    @pxw.flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
    def split(out: pxw.Spec) -> pxw.Ref:
        parts = make.map(list(range(6)))
        scale = pd.DataFrame({"by": [2]})
        totals = [add.submit(parts, scale, shift) for shift in range(4)]
        return pxw.save(totals[0], out), totals


    if __name__ == "__main__":
        saved, totals = split(pxw.Remote(os.environ["OUT"]))
        homes = set(pxw.load(saved)["home"])
        print("homes", len(homes), len({pxw.load(total, bytes) for total in totals}), saved.rows)
"""


@pytest.mark.server
def test_two_isolated_workers_finish_a_flow_and_each_downloads_each_byte_at_most_once(
    s3: S3Server, bucket: str, tmp_path: Path, prefect_server: str
) -> None:
    machines = tmp_path / "machines"
    machines.mkdir()
    Path("split.py").write_text(textwrap.dedent(WORKERS))
    environment = os.environ | {"MACHINES": str(machines), "PXW_STORE": f"{bucket}/lab", "OUT": f"{bucket}/out.parquet"}
    start = s3.now
    done = subprocess.run(
        [sys.executable, "split.py"], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert "homes 2 4 60000" in done.stdout, done.stdout + done.stderr
    copies = [path.name for path in machines.glob("home-*/cache/??/*")]
    written, read = s3.asked("PUT", start), s3.asked("GET", start)
    assert len(written) == 6 + 4 + 4 + 1  # the parts, the argument of each call, the totals, and the output
    assert set(written.values()) == {1}
    assert max(read.values()) <= 2  # there are three machines, and the one that made it asks for nothing
    # Each download made a copy on a machine that had none; another copy of each content stayed where it was made.
    assert sum(read.values()) == len(copies) - len(set(copies))
    assert not (tmp_path / "pxw-home").exists()


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
