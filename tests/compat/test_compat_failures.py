"""A script that fails, fails its task: with its own file and line, and its last words."""

from __future__ import annotations

import os
import textwrap
import time
from pathlib import Path

import pytest

from pxw.errors import DatasetAlteredError, MissingDataError, OutputError, PickleRefusedError, ScriptError
from pxw.specs import Local, Ref
from tests.compat.conftest import Runner

SAVE = "import proactive_helper as ph\nph.save_dataset(variables, resultMap, 'k', {'a': {1}})"
LOAD = "import proactive_helper as ph\nph.load_dataset(variables, resultMap, 'k')"


def test_an_exception_names_the_scripts_own_line(script: Runner) -> None:
    with pytest.raises(ScriptError, match=r"task 'Train' failed: ZeroDivisionError: division by zero") as told:
        script(
            """
            import proactive_helper as ph


            def divide(a):
                return a / 0


            print("before")
            divide(1)
            """,
            name="Train",
        )
    path = Path("tasks/Train/task.py").absolute()
    assert told.value.at == f"{path}:6, in divide()"
    assert told.value.code == "PXW501"
    assert "before" in told.value.details
    traceback = [line for line, stream in script.lines if stream == "stderr"]
    assert traceback[0] == "Traceback (most recent call last):"
    assert [line for line in traceback if "File" in line] == [
        f'  File "{path}", line 10, in <module>',
        f'  File "{path}", line 6, in divide',
    ]
    assert "    return a / 0" in traceback


def test_an_error_inside_of_a_helpers_function_points_at_the_call(script: Runner) -> None:
    with pytest.raises(ScriptError) as told:
        script("import proactive_helper as ph\n\n\nph.load_dataset(variables, resultMap, 'nothing')")
    assert told.value.at.endswith("task.py:4")
    assert "pxw_script" not in "".join(line for line in script.text.splitlines() if "File" in line)


def test_the_causes_of_an_error_are_shown_without_our_own_frames(script: Runner) -> None:
    with pytest.raises(ScriptError, match="RuntimeError: outer"):
        script(
            """
            import proactive_helper as ph
            try:
                ph.load_dataset(variables, "nothing")
            except Exception as error:
                raise RuntimeError("outer") from error
            """
        )
    assert "has no input 'nothing'" in script.text
    assert "/compat/modules/" not in script.text


def test_a_syntax_error_names_its_line(script: Runner) -> None:
    with pytest.raises(ScriptError, match="SyntaxError") as told:
        script("x = 1\nif x\n    pass\n")
    assert told.value.at.endswith("task.py:2")


@pytest.mark.parametrize(("call", "text"), [("sys.exit(3)", "3"), ("exit(1)", "1"), ("sys.exit('no data')", "no data")])
def test_a_script_that_gives_up_fails(script: Runner, call: str, text: str) -> None:
    with pytest.raises(ScriptError, match=rf"gave up: sys.exit\({text}\)") as told:
        script(f"import sys\nprint('so far')\n{call}")
    assert told.value.at.endswith("task.py:3")
    assert "so far" in told.value.details


@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "exit()"])
def test_a_script_may_end_early(script: Runner, call: str) -> None:
    outcome = script(f"import sys\nresultMap.put('a', 1)\n{call}\nraise ValueError")
    assert outcome.result_map == {"a": 1}


def test_a_process_that_disappears_with_status_zero_fails(script: Runner) -> None:
    with pytest.raises(ScriptError, match="ended with status 0, before its end was reached"):
        script("import os\nos._exit(0)")


def test_a_process_that_is_killed_fails(script: Runner) -> None:
    with pytest.raises(ScriptError, match="killed by SIGKILL") as told:
        script("import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert told.value.details == ("last words",)
    assert "memory" in told.value.help


KILLED_WHILE_IT_WRITES = """
    import os, signal
    import proactive_helper as ph
    os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    """


@pytest.mark.parametrize(
    ("save", "place"),
    [
        ("ph.save_dataset(variables, resultMap, 'out', b'new')", "results/out.bin"),
        ("ph.save_datasets(variables, resultMap, 'out', [b'1', b'2'], ['a', 'b'])", "results/"),
    ],
)
def test_a_script_killed_while_it_writes_leaves_what_was_there_before_and_nothing_else(
    script: Runner, save: str, place: str
) -> None:
    kept = script.write("results/out.bin", b"old")
    with pytest.raises(ScriptError, match="killed by SIGKILL"):
        script(textwrap.dedent(KILLED_WHILE_IT_WRITES) + save, outputs={"out": Local(place)})
    assert kept.read_bytes() == b"old"
    assert [file.name for file in kept.parent.iterdir()] == ["out.bin"]


def test_a_file_that_finds_no_room_is_named_and_the_one_before_stays(script: Runner, tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"before")
    with pytest.raises(ScriptError, match=rf"OSError: \[Errno 27\] File too large: '{target}'"):
        script(
            """
            import resource, signal
            import proactive_helper as ph
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
            ph.save_dataset(variables, resultMap, "out", b"0" * 5_000_000)
            """,
            outputs={"out": Local(target)},
        )
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_the_next_writer_removes_what_one_killed_with_its_parent_left(script: Runner) -> None:
    kept = script.write("results/out.bin", b"old")
    script.write("results/.out.bin.0123456789ab.pxw-tmp", b"half")
    script.write("results/.other.bin.0123456789ab.pxw-tmp", b"somebody else's")
    script(
        "import proactive_helper as ph\nph.save_dataset(variables, resultMap, 'out', b'new')",
        outputs={"out": Local("results/out.bin")},
    )
    assert kept.read_bytes() == b"new"
    assert sorted(file.name for file in kept.parent.iterdir()) == [".other.bin.0123456789ab.pxw-tmp", "out.bin"]


def test_writers_of_one_file_do_not_remove_what_the_other_is_writing(script: Runner) -> None:
    outcome = script(
        """
        import os
        from pxw_script.files import publish
        path = os.path.abspath("both.txt")
        with publish(path) as one, publish(path) as other:
            for name in (one, other):
                with open(name, "w") as file:
                    file.write(name)
        variables["left"] = open(path).read() == one
        """
    )
    assert outcome.variables["left"] is True


def test_a_segmentation_fault_is_named(script: Runner) -> None:
    with pytest.raises(ScriptError, match="killed by SIGSEGV"):
        script("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")


def test_a_script_that_takes_too_long_is_ended_even_if_it_does_not_want_to(script: Runner) -> None:
    began = time.monotonic()
    with pytest.raises(ScriptError, match=r"did not end within 0\.5 s"):
        script(
            """
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("waiting", flush=True)
            time.sleep(60)
            """,
            timeout=0.5,
        )
    assert time.monotonic() - began < 10


def test_a_script_can_be_cancelled_and_tidies_up(script: Runner, tmp_path: Path) -> None:
    code = """
        import signal, sys, time
        def tidy(*_):
            open(variables["mark"], "w").close()
            sys.exit(1)
        signal.signal(signal.SIGTERM, tidy)
        print("ready", flush=True)
        time.sleep(60)
        """
    mark = tmp_path / "mark"
    with pytest.raises(ScriptError, match="was cancelled"):
        script(code, log=lambda line, _: line == "ready" and script.run.stop(), parameters={"mark": str(mark)})
    assert mark.exists()


def test_an_exception_of_the_caller_ends_the_script(script: Runner, tmp_path: Path) -> None:
    def interrupt(line: str, stream: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match=r"[0-9]+") as told:
        script("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)", log=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(told.value)), 0)


def test_an_output_that_was_declared_and_not_saved_is_missed(script: Runner) -> None:
    with pytest.raises(OutputError, match="task 'A' did not save its output 'model'") as told:
        script(
            "import proactive_helper as ph\nph.save_dataset(variables, 'modle', 1)",
            name="A",
            outputs={"model": None},
        )
    assert told.value.help == "it saved 'modle': did you mean 'modle'?"
    assert told.value.at.endswith(".py")
    with pytest.raises(OutputError, match="'out'"):
        script("pass", outputs={"out": Local("out.csv")})


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x = (1\n", r"SyntaxError: '\(' was never closed"),
        (
            "import proactive_helper as ph\nph.save_dataset(variables, 'out', b'')\n",
            "the folder .*results cannot be made: File exists",
        ),
    ],
)
def test_a_traceback_has_the_frames_of_the_script_alone(script: Runner, tmp_path: Path, code: str, error: str) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ScriptError, match=error) as told:
        script(code, name="A", outputs={"out": Local(tmp_path / "results/out.csv")})
    frames = [line for line in told.value.details if line.lstrip().startswith("File ")]
    assert len(frames) == 1
    assert told.value.at.partition(":")[0] in frames[0]


def test_two_tasks_of_a_run_cannot_write_to_one_place(script: Runner) -> None:
    code = "import proactive_helper as ph\nph.save_dataset(variables, 'out', b'')"
    script(code, name="A", outputs={"out": Local("out.csv")})
    with pytest.raises(OutputError, match=r"two outputs of this run go to .*out.csv"):
        script(code, name="B", outputs={"out": Local("out.csv")})


def test_a_missing_input_is_told_before_anything_runs(script: Runner) -> None:
    script.write("data/input.csv", "")
    with pytest.raises(MissingDataError, match=r"there is no .*inptu.csv") as told:
        script("print('ran')", inputs={"raw": Local("data/inptu.csv")})
    assert "input.csv" in told.value.help
    assert told.value.at.startswith("task 'task', input 'raw'")
    assert not script.lines


def test_a_missing_script_is_named(script: Runner) -> None:
    with pytest.raises(ScriptError, match=r"there is no script .*nothing.py"):
        script(Path("nothing.py"))


def test_a_pickle_that_was_changed_is_not_loaded(script: Runner) -> None:
    ref = script(SAVE).outputs["k"]
    data = Path(ref.place).read_bytes()
    Path(ref.place).write_bytes(data[:-2] + b"\x00.")
    with pytest.raises(PickleRefusedError, match="did not write"):
        script(LOAD, inputs={"k": ref})
    Path(ref.place).write_bytes(data + b"x")
    with pytest.raises(DatasetAlteredError):
        script(LOAD, inputs={"k": ref})


def test_an_intermediate_that_is_gone_matters_only_to_whoever_wants_it(script: Runner) -> None:
    ref = script(SAVE, name="First").outputs["k"]
    Path(ref.place).unlink()
    script("print('I do not')", inputs={"k": ref})
    code = "import proactive_helper as ph\ntry:\n    ph.load_dataset(variables, 'k')\nexcept Exception:\n    pass"
    script(code, inputs={"k": ref})
    with pytest.raises(MissingDataError, match="the data of task 'First', output 'k' is gone") as told:
        script(LOAD, name="Second", inputs={"k": ref})
    assert told.value.at.startswith("task 'Second', input 'k'")


def test_a_pickle_that_changes_while_the_task_runs_is_not_loaded(script: Runner) -> None:
    ref = script(SAVE).outputs["k"]
    with pytest.raises(
        ScriptError, match=r"input 'k' of task 'task', from task 'task', output 'k', is not what was saved"
    ):
        script(f"open({ref.place!r}, 'r+b').write(b'xxx')\n{LOAD}", inputs={"k": ref})


def test_a_pickle_from_elsewhere_is_refused(script: Runner, tmp_path: Path) -> None:
    path = script.write("foreign.pkl", b"\x80\x04K\x01.")
    with pytest.raises(PickleRefusedError):
        script(
            LOAD, inputs={"k": Ref(place=str(path), format="pickle", size=5, digest="xxh3:0", python="builtins.int")}
        )


def test_files_of_a_run_are_private(script: Runner) -> None:
    place = Path(script(SAVE).outputs["k"].place)
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.parent.stat().st_mode & 0o777 == 0o700


def test_a_value_that_cannot_be_handed_on_says_so(script: Runner) -> None:
    with pytest.raises(ScriptError, match="'f' is a function, which cannot be handed on"):
        script("import proactive_helper as ph\nph.save_dataset(variables, 'f', lambda: 1)")
    with pytest.raises(ScriptError, match="'f' is a function, which cannot be handed on"):
        script("variables.put('f', lambda: 1)")


def test_a_class_of_another_script_is_explained(script: Runner) -> None:
    first = script(
        """
        import proactive_helper as ph
        class Net: pass
        ph.save_dataset(variables, "net", Net())
        assert isinstance(ph.load_dataset(variables, "net"), Net)
        """
    )
    with pytest.raises(ScriptError, match="A class belongs into a module that both tasks import"):
        script("import proactive_helper as ph\nph.load_dataset(variables, 'net')", inputs=first.outputs)
