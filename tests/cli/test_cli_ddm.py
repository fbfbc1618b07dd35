"""`pxw ddm`: files go to a DDM and come back, and a DDM of one's own needs no set-up."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from pxw.cli import main
from pxw.cli.embedded import root_of, start, stop, use_running
from pxw.ddm import tokens
from pxw.ddm.client import Client
from pxw.server import Running, find

FLOWS = Path(__file__).parents[2] / "flows"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One embedded server for all tests of this file, as a process of its own."""
    root = tmp_path_factory.mktemp("ddm") / "server"
    yield start(root)[0]
    assert stop(root)


@pytest.fixture
def pxw(
    running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line against that server: exit code, standard output, standard error."""
    monkeypatch.setenv("PXW_DDM_URL", running.url)
    monkeypatch.setenv("PXW_DDM_TOKEN", running.token.get_secret_value())

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    return "cli/" + re.sub(r"\W+", "-", request.node.name)


@pytest.fixture
def files() -> dict[str, bytes]:
    """A folder `here` of a few files."""
    content = {"a.csv": b"x\n2.50\n", "sub/b.bin": bytes(1000), "empty": b""}
    for name, data in content.items():
        Path("here", name).parent.mkdir(parents=True, exist_ok=True)
        Path("here", name).write_bytes(data)
    return content


def _content(folder: str) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_a_folder_goes_up_and_comes_down(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    code, told, _ = pxw("ddm", "put", project, "here")
    assert code == 0
    assert f"ddm://{project}//sub/b.bin  1.0 kB" in told
    assert pxw("ddm", "get", project, "there")[0] == 0
    assert _content("there") == files


def test_a_project_comes_into_a_folder_of_its_last_word(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    pxw("ddm", "put", project, "here")
    pxw("ddm", "get", project)
    assert _content(project.rpartition("/")[2]) == files


@pytest.mark.parametrize("form", ["{}//a.csv", "{}/a.csv", "ddm://{}//a.csv"])
def test_a_file_comes_down_by_its_address(pxw: Callable, project: str, files: dict[str, bytes], form: str) -> None:
    pxw("ddm", "put", project, "here/a.csv")
    assert pxw("ddm", "get", form.format(project))[0] == 0
    assert Path("a.csv").read_bytes() == files["a.csv"]
    Path("folder").mkdir()
    pxw("ddm", "get", form.format(project), "folder")
    pxw("ddm", "get", form.format(project), "other/name.csv")
    assert Path("folder/a.csv").read_bytes() == Path("other/name.csv").read_bytes() == files["a.csv"]


def test_a_download_replaces_only_what_it_is_told_to(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    pxw("ddm", "put", project, "here")
    pxw("ddm", "get", project, "there")
    Path("there/a.csv").write_text("mine")
    code, _, told = pxw("ddm", "get", project, "there")
    assert code == 1
    assert "a.csv is there, and is not the same" in told
    assert Path("there/a.csv").read_text() == "mine"
    assert "1 file, 2 were here" in pxw("ddm", "get", project, "there", "--force")[1]
    assert _content("there") == files


def test_an_upload_goes_on_where_it_was_interrupted(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    pxw("ddm", "put", project, "here/a.csv")
    _, told, noted = pxw("ddm", "put", project, "here", "--resume")
    assert "a.csv" not in told
    assert "1 of 3 files were there already" in noted
    assert "a.csv" in pxw("ddm", "put", project, "here/a.csv")[1], "without --resume it is a new version"


def test_the_listing_is_a_tree_and_a_list_for_programs(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    pxw("ddm", "put", project, "here", "--description", "words", "--use-case", "one")
    pxw("ddm", "put", project, "here/a.csv")
    _, tree, _ = pxw("ddm", "ls", project)
    assert re.search(r"a\.csv +7 B  \d{4}-\d\d-\d\d \d\d:\d\d\n", tree)
    assert "3 files, 1.0 kB" in tree
    rows = json.loads(pxw("ddm", "ls", project, "--json")[1])
    assert [(row["name"], row["size"]) for row in rows] == [("a.csv", 7), ("empty", 0), ("sub/b.bin", 1000)]
    assert rows[1]["description"] == "words"
    versions = json.loads(pxw("ddm", "ls", project, "--versions", "--json")[1])
    assert [row["name"] for row in versions].count("a.csv") == 2


def test_names_cannot_play_with_the_terminal(pxw: Callable, project: str, running: Running, tmp_path: Path) -> None:
    with Client(running.url, token=running.token, cache=tmp_path / "cache") as client:
        client.upload(b"x", project, "safe\N{RIGHT-TO-LEFT OVERRIDE}[red]name")
    tree = pxw("ddm", "ls", project)[1]
    assert "safe\N{REPLACEMENT CHARACTER}[red]name" in tree


def test_an_unknown_project_is_an_error_that_names_the_nearest(pxw: Callable, project: str, files: dict) -> None:
    pxw("ddm", "put", project, "here")
    code, _, told = pxw("ddm", "ls", f"{project}x")
    assert code == 1
    assert f"did you mean '{project}'" in told
    assert pxw("ddm", "get", f"{project}//a.csw")[0] == 1


def test_a_version_is_had_by_its_id(pxw: Callable, project: str) -> None:
    for text in ("one", "two"):
        Path("v.txt").write_text(text)
        pxw("ddm", "put", project, "v.txt")
    first = json.loads(pxw("ddm", "ls", project, "--versions", "--json")[1])[0]["id"]
    pxw("ddm", "get", f"{project}//v.txt", "first.txt", "--id", first)
    assert Path("first.txt").read_text() == "one"
    assert pxw("ddm", "rm", f"{project}//v.txt", "--id", first, "--yes")[0] == 0
    assert [row["id"] for row in json.loads(pxw("ddm", "ls", project, "--versions", "--json")[1])] != [first]


def test_nothing_is_removed_unasked(pxw: Callable, project: str, files: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    pxw("ddm", "put", project, "here")
    pxw("ddm", "put", project, "here/a.csv")
    assert pxw("ddm", "rm", project)[0] == 2, "nobody to ask"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "n")
    assert pxw("ddm", "rm", project)[0] == 1
    assert questions[0].startswith("remove 3 files in 4 versions, 1.0 kB: ")
    assert len(json.loads(pxw("ddm", "ls", project, "--versions", "--json")[1])) == 4
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert pxw("ddm", "rm", f"{project}//a.csv")[0] == 0
    assert [row["name"] for row in json.loads(pxw("ddm", "ls", project, "--json")[1])] == ["empty", "sub/b.bin"]


def test_removing_a_project_leaves_those_below_it(pxw: Callable, project: str, files: dict[str, bytes]) -> None:
    pxw("ddm", "put", project, "here")
    pxw("ddm", "put", f"{project}/below", "here/a.csv")
    pxw("ddm", "rm", project, "--yes")
    assert [row["project"] for row in json.loads(pxw("ddm", "ls", project, "--json")[1])] == [f"{project}/below"]


def test_a_missing_file_is_an_error(pxw: Callable, project: str) -> None:
    code, _, told = pxw("ddm", "put", project, "nowhere.csv")
    assert code == 1
    assert "nowhere.csv" in told


def test_without_a_ddm_the_error_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ddm", "ls"]) == 2
    assert "pxw ddm serve" in capsys.readouterr().err


# Sign in -------------------------------------------------------------------------------------------------------------


def _says(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(text))


def test_a_token_is_kept_for_its_owner_only_and_used_from_then_on(
    pxw: Callable, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PXW_DDM_TOKEN")
    assert pxw("ddm", "ls")[0] == 1
    _says(f"{running.token.get_secret_value()}\n", monkeypatch)
    code, told, noted = pxw("ddm", "login", "--token")
    assert code == 0
    assert running.token.get_secret_value() not in told + noted
    file = tmp_path / "pxw-home" / "ddm" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert pxw("ddm", "ls")[0] == 0
    assert pxw("ddm", "logout")[0] == 0
    assert pxw("ddm", "ls")[0] == 1
    assert pxw("ddm", "logout")[0] == 1


def test_a_wrong_token_is_not_kept(
    pxw: Callable, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _says("wrong\n", monkeypatch)
    code, _, told = pxw("ddm", "login", running.url, "--token")
    assert code == 1
    assert "PXW201" in told
    assert tokens.kept(tmp_path / "pxw-home", running.url) is None


def test_a_token_goes_to_its_own_url_only(tmp_path: Path, running: Running) -> None:
    tokens.keep(tmp_path, "https://ddm.example.org/ddm", running.token)
    assert tokens.kept(tmp_path, "https://ddm.example.org") == running.token
    for other in ("http://ddm.example.org", "https://ddm.example.org.evil.example", "https://ddm.example.org:8443"):
        assert tokens.kept(tmp_path, other) is None


# The server in the box -----------------------------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of the server that this test's installation may start; the server ends with the test."""
    for name in ("PXW_DDM_URL", "PXW_DDM_TOKEN"):
        monkeypatch.setenv(name, "")  # so that what the command line sets goes when the test ends
        monkeypatch.delenv(name)
    root = root_of(tmp_path / "pxw-home")
    yield root
    stop(root)


def test_ddm_mode_needs_no_set_up(box: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "pxw.cli", *words]
        env = os.environ | {"PXW_DATASET_MANAGEMENT": "DDM"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout + done.stderr

    first = run("run", "--inline", str(FLOWS / "folders.py"))
    running = find(box)
    assert running is not None
    assert f"started a local DDM: {running.url}, ended by `pxw ddm stop`" in first
    assert running.token.get_secret_value() not in first
    assert stat.S_IMODE((box / "server.json").stat().st_mode) == 0o600
    assert f"the local DDM: {running.url}" in run("run", "--inline", str(FLOWS / "folders.py"))
    listed = json.loads(run("ddm", "ls", "--json"))
    assert {row["project"].split("/output/")[1] for row in listed} >= {"profile/profiles", "malignant_share"}
    assert "ended the DDM" in run("ddm", "stop")
    assert find(box) is None


def test_two_that_start_it_at_once_share_one(box: Path) -> None:
    program = "import sys, pathlib; from pxw.cli.embedded import start; print(start(pathlib.Path(sys.argv[1]))[0].pid)"
    command = [sys.executable, "-c", program, str(box)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert len({process.communicate(timeout=60)[0] for process in both}) == 1
    assert stop(box)
    time.sleep(1.5)  # for as long as the one that came second would have waited for its turn
    assert find(box) is None


def test_local_mode_starts_none_and_uses_one_that_runs(box: Path) -> None:
    assert not use_running()
    assert not box.exists()
    running, is_new = start(box)
    assert is_new
    assert use_running()
    assert os.environ["PXW_DDM_URL"] == running.url


def test_serve_says_how_to_use_it_and_tells_a_log_no_token(box: Path) -> None:
    command = [sys.executable, "-m", "pxw.cli", "ddm", "serve", "--root", str(box), "--port", "0"]
    env = os.environ | {"PXW_DDM_TOKEN": "a-token-of-this-test"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = "".join(process.stdout.readline() for _ in range(3))
        running = find(box)
        assert running is not None
        assert f"export PXW_DDM_URL={running.url}" in said
        assert "server.json" in said
        assert "a-token-of-this-test" not in said
        assert running.token.get_secret_value() == "a-token-of-this-test"
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(timeout=20) == 0
