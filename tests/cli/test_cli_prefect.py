"""`pxw run` on Prefect: a configured server, and the local one that it starts in the background."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from pxw.engines.prefect import local_server
from pxw.errors import ServerError

LOGS = """
from pathlib import Path
import prefect
import pxw


@pxw.task(outputs=["x"], retries=1)
def work():
    print("a printed line")
    if not Path("tried").exists():
        Path("tried").touch()
        raise ValueError("not yet")
    return 1


@pxw.flow(log_prints=True)
def logs():
    prefect.get_run_logger().info("a line of the user")
    return work()
"""


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_a_run_on_the_configured_server_lists_outputs_and_its_page(pxw, three, prefect_server):
    code, out, err = pxw("run", "three.py", "-p", "min_age=50")
    assert code == 0, err
    assert [line.split() for line in out.splitlines()][1:] == [
        ["select.adults", "results/out.csv", "1", "17", "B"],
        ["measure.metrics", '{"rows":', "1}"],
    ]
    assert "✓ clean: 3 rows" in err
    run_id = err.partition(f"{prefect_server.removesuffix('/api')}/runs/flow-run/")[2].strip()
    assert (Path("pxw-home") / "runs" / run_id / "journal.jsonl").exists()


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_what_the_user_logs_and_prints_is_shown_and_what_prefect_logs_only_on_request(pxw, tmp_path, prefect_server):
    (tmp_path / "logs.py").write_text(LOGS)
    code, _, err = pxw("run", "logs.py")
    assert code == 0, err
    assert "a line of the user" in err
    assert err.count("a printed line") == 2
    assert "✗ work: ValueError: not yet" in err
    assert "↻ work: tried again" in err
    assert "Finished in state" not in err
    assert "Traceback" not in err
    code, _, err = pxw("run", "logs.py", "--logs")
    assert code == 0, err
    assert "Finished in state Completed()" in err


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_a_failed_run_shows_the_users_lines_only(pxw, tmp_path, prefect_server):
    (tmp_path / "broken.py").write_text(
        "import pxw\n@pxw.task\ndef work(i):\n    return 1 / i\n@pxw.flow\ndef broken():\n    work.submit(0).result()\n"
    )
    code, out, err = pxw("run", "broken.py")
    assert (code, out) == (1, "")
    assert [line.strip() for line in err.splitlines() if "-->" in line] == [
        "--> broken.py:7, in broken",
        "--> broken.py:4, in work",
    ]
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "broken failed in" in err


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_a_plain_prefect_flow_of_pxw_tasks_runs_after_a_walk(pxw, tmp_path, prefect_server):
    (tmp_path / "plain.py").write_text(
        "import prefect, pxw\n@pxw.task(outputs=['x'])\ndef one():\n    return 5\n"
        "@prefect.task\ndef two(ref):\n    return 2\n"
        "@prefect.flow\ndef plain(count: int = 1):\n    return two(one()) + count\n"
    )
    code, out, err = pxw("run", "plain.py", "--check", "-p", "count=40")
    assert code == 0, err
    assert "one.x     5" in out
    assert "returned  42" in out
    assert "no errors, 1 task and 0 edges looked at" in err


POOL = """
import threading
from prefect.task_runners import ProcessPoolTaskRunner
import pxw

LOCK = threading.Lock()


@pxw.task(outputs=["n"])
def make(n: int) -> int:
    return n + 1


@pxw.flow(task_runner=ProcessPoolTaskRunner(max_workers=1), on_completion=[lambda *_: LOCK.locked()])
def pool():
    return pxw.load(make.submit(2))
"""


def test_a_flow_on_a_pool_of_processes_tells_its_server_of_its_tasks(prefect_server, tmp_path):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    (tmp_path / "pool.py").write_text(POOL)
    run = (
        "import sys; from pxw.cli import run, main;"
        f"run.server_url = lambda *_: {prefect_server!r};"  # as the local server's, which no setting names
        "sys.exit(main(['run', 'pool.py']))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "temporary server" not in done.stderr + done.stdout
    run_id = done.stderr.rpartition("/flow-run/")[2].split()[0]
    ours = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run_id)]))
    until = time.monotonic() + 30
    states: list[str | None] = []
    with get_client(sync_client=True) as client:
        while states != ["Completed"] and time.monotonic() < until:  # the server makes a task run's state of its events
            time.sleep(0.1)
            states = [each.state_name for each in client.read_task_runs(flow_run_filter=ours)]
    assert states == ["Completed"]


def test_a_run_has_no_heartbeat_and_leaves_the_settings_as_they_were():
    from prefect.settings import PREFECT_API_URL, get_current_settings

    from pxw.engines.prefect.launching import at_server

    url = "http://127.0.0.1:9/api"
    before = get_current_settings().flows.heartbeat_frequency
    with at_server(url):
        assert get_current_settings().flows.heartbeat_frequency is None
        assert PREFECT_API_URL.value() == os.environ["PREFECT_API_URL"] == url
    assert get_current_settings().flows.heartbeat_frequency == before
    assert PREFECT_API_URL.value() is None
    assert "PREFECT_API_URL" not in os.environ


def test_a_configured_server_that_does_not_answer_is_one_clear_error(three):
    done = subprocess.run(
        [sys.executable, "-m", "pxw.cli", "run", "three.py"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
    )
    assert done.returncode == 1
    assert "error[PXW003]: no Prefect server answers at http://127.0.0.1:9/api" in done.stderr
    assert "--temporary-server" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("results").exists()


# The local server in the background ---------------------------------------------------------------------------------


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_two_runs_at_once_start_one_server_that_later_runs_use_until_it_is_stopped(pxw, tmp_path, monkeypatch):
    home = tmp_path / "pxw-home"
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect-home"))
    try:
        with ThreadPoolExecutor(2) as both:
            (first, first_is_new), (second, second_is_new) = both.map(local_server.ensure, [home, home])
        assert first == second
        assert [first_is_new, second_is_new].count(True) == 1
        assert local_server.ensure(home) == (first, False)
        assert json.loads(pxw("server", "--json")[1]) == {"url": first.url, "pid": first.pid, "answers": True}
        assert pxw("server")[0] == 0
        assert pxw("server", "start")[:2] == (0, f"export PREFECT_API_URL={first.url}\n")
    finally:
        code, out, _ = pxw("server", "stop")
    assert code == 0
    assert "local Prefect server ended" in out
    assert not local_server.answers(first.url)
    assert local_server.find(home) is None
    assert pxw("server")[0] == 1


def test_a_server_that_does_not_start_is_an_error_with_what_it_said(tmp_path, monkeypatch):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'Body() got an unexpected keyword argument'\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(ServerError) as caught:
        local_server.ensure(tmp_path)
    assert "it ended with code 3" in caught.value.message
    assert caught.value.details == ("Body() got an unexpected keyword argument",)
    assert "pxw doctor" in caught.value.help
    assert local_server.find(tmp_path) is None


def test_what_a_dead_server_left_is_not_taken_for_one_that_runs(tmp_path):
    folder = tmp_path / "prefect"
    folder.mkdir()
    (folder / ".alive").touch()
    (folder / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9/api", "pid": os.getpid()}))
    assert local_server.find(tmp_path) is None
    assert local_server.stop(tmp_path) is None  # it would have ended this very process
