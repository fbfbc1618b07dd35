"""A script's process: streamed, alone in its folder, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pxw.errors import ScriptError
from pxw.specs import Local
from tests.compat.conftest import Runner


def _eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_prints_arrive_line_by_line_while_the_script_runs_and_in_the_callers_thread(script: Runner) -> None:
    seen: list[tuple[str, str, int]] = []
    go_on = script.root / "go"

    def log(line: str, stream: str) -> None:
        seen.append((line, stream, threading.get_ident()))
        if line == "first":
            go_on.touch()

    script(
        """
        import os, sys, time
        print("first")
        while not os.path.exists(variables["go"]):
            time.sleep(0.01)
        print("é", "ü", sep="\\n")
        print("to stderr", file=sys.stderr)
        sys.stdout.write("no end of line")
        """,
        log=log,
        parameters={"go": str(go_on)},
        timeout=20,
    )
    assert {line[:2] for line in seen} == {
        ("first", "stdout"),
        ("é", "stdout"),
        ("ü", "stdout"),
        ("to stderr", "stderr"),
        ("no end of line", "stdout"),
    }
    assert {line[2] for line in seen} == {threading.get_ident()}


def test_a_progress_bar_is_one_line_and_bytes_that_are_no_text_do_no_harm(script: Runner) -> None:
    script(
        """
        import sys
        sys.stderr.write("\\r10%\\r50%\\r100%\\n")
        sys.stdout.buffer.write(b"\\xff\\n" + b"x" * 200_000 + b"\\n")
        """
    )
    lines = [line for line, _ in script.lines]
    assert "100%" in lines
    assert "\ufffd" in lines
    assert sum(line.count("x") for line in lines) == 200_000


def test_a_script_runs_as_python_would_run_it(script: Runner) -> None:
    script.write("tasks/task/sibling.py", "answer = 42\n")
    script(
        """
        import os, sys
        from sibling import answer
        assert __name__ == "__main__" and sys.modules["__main__"].answer == 42
        assert sys.argv == [__file__] and os.path.basename(__file__) == "task.py"
        assert os.listdir(".") == []
        try:
            input()
        except EOFError:
            pass
        open("here.txt", "w").close()
        """
    )
    assert not list(Path.cwd().glob("here.txt"))


def test_a_script_may_run_in_the_projects_folder(script: Runner) -> None:
    script("assert open('note.txt').read() == 'x'", folder=script.write("note.txt", "x").parent)


def test_names_that_are_used_without_an_import_are_supplied_and_no_others(script: Runner) -> None:
    script(
        """
        assert BytesIO(b"a").read() == b"a" and pickle.loads(pickle.dumps(1)) == 1 and json.dumps(1) == "1"
        assert "StringIO" not in globals() and "io" not in globals()
        def local():
            os = 1
            return os
        """
    )
    script("json = None\nassert json is None\nfrom io import BytesIO as B\nassert 'BytesIO' not in globals()")


def test_a_name_that_nobody_supplies_is_an_error(script: Runner) -> None:
    with pytest.raises(Exception, match="NameError: name 'np' is not defined"):
        script("np.zeros(1)")


def test_the_modules_import_neither_prefect_nor_pandas_nor_pyarrow(script: Runner) -> None:
    outcome = script(
        """
        import sys
        import proactive_helper as ph, local_helper
        from eexp_engine_utils import utils
        ph.save_dataset(variables, resultMap, "k", {"a": [1]})
        ph.load_dataset(variables, resultMap, "raw")
        ph.load_dataset(variables, resultMap, "object")
        variables["modules"] = sorted({name.partition(".")[0] for name in sys.modules})
        """,
        inputs={"raw": script.write("raw.bin", b"x"), "object": {"a": {1}}},
    )
    loaded = set(outcome.variables["modules"])
    assert {"prefect", "pandas", "numpy", "pyarrow", "pydantic", "pxw"}.isdisjoint(loaded)
    assert "proactive_helper" in loaded


def test_dependencies_can_be_imported_and_their_folders_are_told(script: Runner) -> None:
    script.write("src/tools.py", "value = 1\n")
    script.write("src/deep/inner.py", "value = 2\n")
    script.write("lib/single.py", "value = 3\n")
    root = script.root
    outcome = script(
        """
        import os, sys
        folders = variables.get("dependent_modules_folders").split(",")
        variables["folders"] = folders
        import tools, single
        from src.deep import inner
        assert (tools.value, inner.value, single.value) == (1, 2, 3)
        """,
        dependencies=(f"{root}/src/**", "lib/single.py"),
    )
    assert outcome.variables["folders"] == [f"{root}/src", f"{root}/lib"]


def test_the_first_lines_of_most_scripts_work_without_dependencies(script: Runner) -> None:
    script(
        """
        import os, sys
        for folder in variables.get("dependent_modules_folders").split(","):
            sys.path.append(os.path.join(os.getcwd(), folder))
        import proactive_helper as ph
        """
    )


def test_parallel_tasks_share_no_file(script: Runner, tmp_path: Path) -> None:
    code = """
        import proactive_helper as ph, time
        ph.save_dataset(variables, resultMap, "k", ("value", variables["n"]))
        ph.save_dataset(variables, resultMap, "out", str(variables["n"]))
        open("scratch", "x").close()
        open(ph.create_dir(variables, "d") + "/x", "x").close()
        time.sleep(0.2)
        assert ph.load_dataset(variables, "k") == ("value", variables["n"])
        """
    path = script.write("tasks/same/task.py", code)

    def one(n: int) -> str:
        outputs = {"k": None, "out": Local(f"results/{n}.txt")}
        return script(path, name="Same", parameters={"n": n}, outputs=outputs).outputs["k"].place

    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(one, range(8)))
    assert len(set(places)) == 8
    assert {file.read_text() for file in (tmp_path / "results").iterdir()} == set("01234567")


def test_a_retry_begins_in_a_new_folder(script: Runner) -> None:
    for _ in range(2):
        script("open('scratch', 'x').close()", key="same")


def test_what_a_script_leaves_running_ends_with_it(script: Runner) -> None:
    outcome = script(
        """
        import subprocess, sys
        left = subprocess.Popen([sys.executable, "-c", "import time; print('hi', flush=True); time.sleep(60)"])
        variables["pid"] = left.pid
        """
    )
    assert _eventually(lambda: not _is_alive(outcome.variables["pid"]))


def test_threads_that_go_on_may_still_save(script: Runner) -> None:
    outcome = script(
        """
        import threading, time
        import proactive_helper as ph
        def late():
            time.sleep(0.3)
            ph.save_dataset(variables, "late", 1)
            variables.put("late", True)
        threading.Thread(target=late).start()
        """,
        outputs={"late": None},
    )
    assert outcome.variables["late"] is True


def test_a_script_may_fork_and_its_children_may_save(script: Runner) -> None:
    outcome = script(
        """
        import multiprocessing, os
        import proactive_helper as ph
        def work(n):
            ph.save_dataset(variables, f"part_{n}", n)
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            with context.Pool(2) as pool:
                pool.map(work, range(3))
            for failure in (SystemExit(3), ValueError("of a child alone")):
                if os.fork() == 0:
                    raise failure
                os.wait()
            try:
                os.wait()  # nobody else is this script's child
            except ChildProcessError:
                variables["alone"] = True
        """,
        timeout=30,
    )
    assert set(outcome.outputs) == {"part_0", "part_1", "part_2"}
    assert outcome.variables["alone"] is True


PARENT = """
import sys
from pathlib import Path
from pxw.compat import Script, run_script
from pxw.runs import Run
root = Path(sys.argv[1])
run_script(
    Script(path=root / "task.py"), run=Run("r", "f", root / "run"), key="1", log=lambda line, _: print(line, flush=True)
)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_script_and_all_that_it_started_end_with_a_parent_that_is_killed(script: Runner, number: int) -> None:
    script.write(
        "task.py",
        """
        import os, subprocess, sys, time
        sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
        children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
        print(os.getpid(), *[child.pid for child in children], flush=True)
        time.sleep(60)
        """,
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(script.root)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 3
        assert all(map(_is_alive, pids))
        parent.send_signal(number)
        parent.wait()
    assert _eventually(lambda: not any(map(_is_alive, pids)))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux tells what a process that has left its group is")
def test_a_timeout_ends_what_a_script_started_also_where_that_hides_in_a_session_of_its_own(script: Runner) -> None:
    code = """
        import subprocess, sys, time
        hide = "import os, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True); time.sleep(60)"
        subprocess.run([sys.executable, "-c", hide])
        time.sleep(60)
        """
    with pytest.raises(ScriptError, match="did not end within 1 s"):
        script(code, timeout=1)
    assert _eventually(lambda: not _is_alive(int(script.text)))


def test_nothing_is_left_of_a_task_that_ended_well(script: Runner) -> None:
    outcome = script("import os\nvariables['group'] = os.getpgid(0)")

    def is_empty() -> bool:
        try:
            os.killpg(outcome.variables["group"], 0)
        except ProcessLookupError:
            return True
        return False

    assert _eventually(is_empty)
