"""Garbage is collected while a flow runs and when a command is over, and not while Prefect is being imported."""

from __future__ import annotations

import gc

import pytest

from pxw.cli import main
from pxw.cli.starting import started, starting


@pytest.fixture(autouse=True)
def _thawed():
    yield
    gc.unfreeze()


def test_what_is_imported_is_not_looked_through() -> None:
    with starting():
        assert not gc.isenabled()
        started()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.isenabled()


def test_a_command_that_fails_leaves_the_collector_on() -> None:
    assert main(["run", "nothing.py"])
    assert gc.isenabled()


def test_a_flow_runs_with_the_collector_on(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "home"))
    (tmp_path / "f.py").write_text("import gc\nimport pxw\n\n@pxw.flow\ndef f():\n    assert gc.isenabled()\n")
    assert main(["run", "f.py", "--inline"]) == 0
