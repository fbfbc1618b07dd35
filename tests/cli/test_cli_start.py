"""What a process pays for, and what every command says of itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["init", "run", "check", "deploy", "doctor", "runs", "cache", "server"]
HEAVY = ["prefect", "pandas", "pyarrow", "numpy"]


def _imported_by(*arguments: str) -> set[str]:
    """The heavy packages that a command imports, in a process of its own."""
    code = (
        "import sys; from pxw.cli import main; code = main(sys.argv[1:]); "
        f"sys.stderr.write(' '.join(name for name in {HEAVY} if name in sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split("\n")[-1].split()) & set(HEAVY)


def test_help_imports_neither_prefect_nor_pandas_nor_arrow():
    assert _imported_by("--help") == set()


def test_an_inline_run_does_not_import_prefect(three: Path):
    assert "prefect" not in _imported_by("run", str(three), "--inline")


def test_looking_at_runs_and_the_cache_imports_neither_prefect_nor_pandas(three: Path):
    _imported_by("run", str(three), "--inline")
    _imported_by("run", str(three), "--inline", "-p", "min_age=3")
    for words in (["runs", "ls"], ["runs", "show"], ["runs", "diff"], ["cache", "ls"], ["cache", "verify"]):
        assert not _imported_by(*words) & {"prefect", "pandas"}, words
    assert _imported_by("runs", "ls") == set()


def test_a_check_does_not_import_prefect(three: Path):
    assert "prefect" not in _imported_by("check", str(three))


def test_help_costs_less_than_400_ms_over_bare_python():
    def cost(*command: str) -> float:
        """Processor time, since other processes may keep the clock running."""
        before = os.times()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert cost("-m", "pxw.cli", "--help") - cost("-c", "pass") < 0.4


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(pxw, command):
    code, out, _ = pxw(command, "--help")
    assert code == 0
    assert f"Usage: pxw {command}" in out


def test_the_list_of_commands_words_each_as_its_own_help_does(pxw):
    listing = " ".join(pxw("--help")[1].split())
    assert all(command in listing for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], 'Did you mean "run"?'),
        (["run", "x.py", "--inlin"], "Did you mean --inline?"),
        (["run"], "name a file: pxw run flow.py"),
        (["server", "halt"], '"status", "start"'),
    ],
)
def test_wrong_use_exits_with_2_and_names_the_nearest(pxw, arguments, said):
    code, out, err = pxw(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "--help" in err
