"""`pxw init`, `pxw doctor`, `pxw cache gc`: what surrounds a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_a_new_project_checks_runs_and_passes_its_tests(pxw, monkeypatch):
    code, out, _ = pxw("init", "mine")
    assert code == 0
    assert "cd mine && pxw run irises.py" in out
    monkeypatch.chdir("mine")
    assert pxw("check", "irises.py")[:2] == (0, "no errors, 2 tasks and 1 edge looked at\n")
    code, out, err = pxw("run", "irises.py", "--inline")
    assert code == 0, err
    assert "results/summary.csv     3" in out
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_new_project_is_formatted_and_has_no_lint(pxw):
    pxw("init", "mine")
    for command in (["format", "--check"], ["check", "--select=E,F,I,UP"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length=120", "mine"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_project_overwrites_nothing(pxw):
    Path("README.md").write_text("mine")
    code, out, err = pxw("init")
    assert (code, out) == (2, "")
    assert "README.md would be overwritten" in err
    assert [path.name for path in Path().iterdir()] == ["README.md"]


def test_doctor_lists_packages_and_hides_secrets(pxw, monkeypatch):
    monkeypatch.setenv("PXW_DDM_TOKEN", "s3cret-token")
    monkeypatch.setenv("PXW_DDM_URL", "http://me:s3cret-word@127.0.0.1:9/")
    code, out, err = pxw("doctor")
    assert code == 0, out
    assert "✓ prefect" in out
    assert "PXW_HOME" in out
    assert "http://127.0.0.1:9/" in out
    assert "s3cret" not in out + err


def test_doctor_speaks_json(pxw):
    code, out, _ = pxw("doctor", "--json")
    report = json.loads(out)
    assert code == 0
    assert {"Python", "prefect", "fastapi", "PXW_HOME", "disk", "Prefect server"} <= {
        check["name"] for check in report["checks"]
    }
    assert report["settings"]["keep_days"] == 14


def test_doctor_names_bad_settings_and_exits_with_1(pxw, monkeypatch):
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "CLOUD")
    code, out, _ = pxw("doctor")
    assert code == 1
    assert "dataset_management" in out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_doctor_names_a_home_without_permission(pxw, tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "locked" / "home"))
    assert pxw("doctor")[0] == 1


def test_doctor_names_a_home_below_a_file(pxw, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "file" / "home"))
    code, out, _ = pxw("doctor")
    assert code == 1
    assert "set PXW_HOME to a folder of your own" in out


@pytest.mark.parametrize(
    ("prefect", "fastapi", "is_bad"),
    [("3.8.8", "0.151.0", True), ("3.8.8", "0.138.2", True), ("3.8.8", "0.150.0", False), ("3.9.1", "0.139.0", False)],
)
def test_doctor_knows_the_pair_that_does_not_work_and_the_remedy(prefect, fastapi, is_bad):
    from pxw.cli.doctor import pairs

    found = list(pairs({"prefect": prefect, "fastapi": fastapi}))
    assert [(check.status, check.help) for check in found] == [("bad", 'pip install "fastapi>=0.139,<0.151"')] * is_bad


def _run_folder(home: Path, name: str, days_old: float) -> Path:
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    (folder / "data.arrow").write_bytes(b"x" * 1000)
    journal = folder / "journal.jsonl"
    journal.write_text("{}\n")
    then = time.time() - days_old * 86400
    os.utime(journal, (then, then))
    return folder


def test_gc_removes_old_runs_and_tells_them(pxw, tmp_path):
    old = _run_folder(tmp_path / "pxw-home", "old", days_old=30)
    new = _run_folder(tmp_path / "pxw-home", "new", days_old=1)
    code, out, _ = pxw("cache", "gc", "--dry-run")
    assert code == 0
    assert "would remove old  1.0 kB" in out
    assert old.exists()
    code, out, _ = pxw("cache", "gc", "--json")
    assert [(entry["run"], entry["size"]) for entry in json.loads(out)] == [("old", 1003)]
    assert not old.exists()
    assert new.exists()


def test_the_local_server_that_does_not_run_is_told_so(pxw):
    code, out, _ = pxw("server")
    assert (code, out) == (1, "no local Prefect server runs\n")
    assert json.loads(pxw("server", "--json")[1]) == {"url": None, "pid": None, "answers": False}
    assert pxw("server", "stop")[0] == 0
