"""What only Prefect does: states, retries, timeouts, caching, task runners, parameters in its API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd
import prefect
import pyarrow as pa
import pytest
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.orchestration import get_client
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, SecretStr

import pxw
from pxw.engines.prefect import tasks as pxw_tasks
from pxw.errors import ArgumentError
from pxw.runs import active, collect, folder_of
from pxw.runs.journal import events
from pxw.settings import load_settings

pytestmark = pytest.mark.usefixtures("quick")


def frame(*ages: int) -> pd.DataFrame:
    return pd.DataFrame({"age": list(ages)})


def ages(ref: Any) -> list[int]:
    return list(pxw.load(ref, as_=pd.DataFrame)["age"])


@pxw.task(outputs=["people"])
def make(*numbers: int) -> pd.DataFrame:
    return frame(*numbers)


@pxw.task(inputs=["people"], outputs=["people", "count"])
def doubled(people: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    return people * 2, len(people)


@pxw.task
def process_id(people: pd.DataFrame) -> tuple[int, int]:
    return os.getpid(), int(people["age"].sum())


# A genuine task, a genuine flow --------------------------------------------------------------------------------------


def test_a_task_and_a_flow_are_prefects_own():
    @pxw.flow(name="mine", retries=1, description="words")
    def main(): ...

    assert isinstance(make, prefect.Task)
    assert isinstance(make.with_options(retries=2), prefect.Task)
    assert make.with_options(retries=2, tags=["x"]).tags == {"x"}
    assert isinstance(main, prefect.Flow)
    assert (main.name, main.retries, main.description) == ("mine", 1, "words")
    assert main.with_options(retries=3).retries == 3


def test_a_task_works_inside_a_plain_prefect_flow():
    @prefect.flow
    def plain():
        both = doubled(make(1, 2))
        return ages(both.people), pxw.load(both.count), ages(make.submit(3)), both.people.run

    doubled_ages, count, made, run = plain()
    assert (doubled_ages, count, made) == ([2, 4], 2, [3])
    assert folder_of(run, load_settings()).is_dir()


def test_a_failed_attempt_is_retried_and_its_output_replaced(tmp_path):
    attempts = tmp_path / "attempts"

    @pxw.task(
        outputs={"table": pxw.Local("out.csv"), "rows": pxw.Dataset(format="csv")},
        retries=2,
        retry_condition_fn=lambda *_: True,
    )
    def flaky() -> Any:
        with attempts.open("a") as file:
            file.write("x")
        number = len(attempts.read_text())
        # The first output is written before the second one fails.
        return frame(number), frame(number) if number == 3 else object()

    @pxw.flow
    def main():
        return flaky()

    refs = main()
    assert attempts.read_text() == "xxx"
    assert (ages(refs.table), ages(refs.rows)) == ([3], [3])


def test_a_flow_that_is_retried_writes_its_places_again(tmp_path):
    @pxw.task(outputs={"table": pxw.Local("out.csv")})
    def write(age: int) -> pd.DataFrame:
        return frame(age)

    @pxw.flow(retries=1)
    def main():
        attempt = tmp_path / "attempt"
        number = int(attempt.read_text()) if attempt.exists() else 1
        attempt.write_text(str(number + 1))
        write(number)
        if number == 1:
            raise RuntimeError("once")

    main()
    assert (tmp_path / "out.csv").read_text() == "age\n2\n"


def test_a_task_that_takes_too_long_fails_and_leaves_no_output(tmp_path):
    @pxw.task(outputs={"table": pxw.Local("out.csv")}, timeout_seconds=0.3)
    def slow() -> pd.DataFrame:
        for _ in range(100):
            time.sleep(0.05)
        return frame(1)

    @pxw.flow
    def main():
        state = slow(return_state=True)
        return state.name

    assert main(return_state=True).result() == "TimedOut"
    assert list(tmp_path.glob("**/*out.csv*")) == []


def test_states_hooks_tags_and_wait_for_are_prefects(tmp_path):
    seen = []

    @pxw.task(
        outputs=["table"], tags=["heavy"], on_completion=[lambda task, run, state: seen.append((run.name, run.tags))]
    )
    def hooked() -> pd.DataFrame:
        seen.append("body")
        return frame(1)

    @pxw.task(task_run_name="named {number}", on_failure=[lambda task, run, state: seen.append(run.name)])
    def failing(number: int) -> None:
        raise LookupError

    @pxw.flow
    def main():
        first = hooked.submit()
        state = hooked(return_state=True, wait_for=[first])
        assert state.is_completed()
        assert ages(state) == [1]
        assert failing(7, return_state=True).is_failed()
        return Completed(message="of its own")

    assert main(return_state=True).message == "of its own"
    assert seen.count("body") == 2
    assert [entry[1] for entry in seen if isinstance(entry, tuple)] == [["heavy"], ["heavy"]]
    assert "named 7" in seen


def test_a_subflow_keeps_its_intermediates_as_long_as_the_outermost_run(monkeypatch):
    monkeypatch.setenv("PXW_KEEP_DAYS", "0")

    @pxw.flow
    def inner():
        return make(1)

    @pxw.flow
    def outer():
        ref = inner()
        assert collect(load_settings(), now=time.time() + 1000) == []
        return ages(ref), ref

    found, ref = outer()
    assert found == [1]
    assert {run for run, _ in collect(load_settings(), now=time.time() + 1000)} >= {ref.run}


# Task runners --------------------------------------------------------------------------------------------------------


def test_threads_run_side_by_side_in_the_run_of_the_flow():
    import threading

    barrier = threading.Barrier(2, timeout=20)

    @pxw.task(outputs=["people"])
    def together(age: int) -> pd.DataFrame:
        barrier.wait()
        return frame(age)

    @pxw.flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def main():
        refs = together.map([1, 2]).result()
        return [ages(ref) for ref in refs], {ref.run for ref in refs}

    found, runs = main()
    assert found == [[1], [2]]
    assert len(runs) == 1


def test_what_tasks_print_side_by_side_is_logged_whichever_of_them_ends_first(caplog):
    first_is_over, both_run = threading.Event(), threading.Barrier(2)

    @pxw.task(log_prints=True)
    def first() -> None:
        both_run.wait(30)

    @pxw.task(log_prints=True)
    def second() -> None:
        both_run.wait(30)
        first_is_over.wait(30)
        print("said by the second")

    @pxw.flow
    def main() -> None:
        ending, going_on = first.submit(), second.submit()
        ending.wait()
        first_is_over.set()
        going_on.wait()

    main()
    assert "said by the second" in caplog.messages


def test_tasks_may_be_called_from_the_users_own_threads():
    @pxw.flow
    def main():
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(copy_context().run, make, age) for age in (1, 2)]
            return [call.result() for call in calls]

    refs = main()
    assert [ages(ref) for ref in refs] == [[1], [2]]
    assert len({ref.run for ref in refs}) == 1


_PROCESSES = """
    import os
    import pandas as pd
    import pxw
    from prefect.task_runners import ProcessPoolTaskRunner
    from pydantic import BaseModel

    class Person(BaseModel):
        age: int

    @pxw.task(inputs={"people": Person}, outputs={"people": Person, "facts": pxw.Dataset()})
    def doubled(people: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        return people * 2, {"process": os.getpid(), "sum": int(people["age"].sum())}

    @pxw.flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def main():
        first = doubled.submit(pd.DataFrame({"age": [1, 2]}))
        second = doubled.submit(first.result().people)
        people, facts = second.result()
        assert pxw.load(facts)["process"] != os.getpid()
        assert pxw.load(facts)["sum"] == 6
        assert list(pxw.load(people, as_=pd.DataFrame)["age"]) == [4, 8]
        assert people.run == first.result().facts.run
        print("all is well")

    if __name__ == "__main__":
        main()
"""


def test_processes_hand_over_references_and_several_outputs(tmp_path):
    (tmp_path / "flow.py").write_text(textwrap.dedent(_PROCESSES))
    done = subprocess.run(
        [sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "all is well" in done.stdout


# Caching -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(tmp_path):
    """A cached task that counts how often its body ran."""
    calls = tmp_path / "calls"
    calls.touch()

    @pxw.task(inputs=["people"], outputs=["total"], cache_policy=INPUTS + TASK_SOURCE)
    def total(people: pd.DataFrame, note: str) -> pd.DataFrame:
        with calls.open("a") as file:
            file.write("x")
        return pd.DataFrame({"age": [people["age"].sum()]})

    return total, lambda: len(calls.read_text())


def test_a_cached_task_runs_again_only_if_the_content_of_its_inputs_changed(counted, tmp_path):
    total, runs = counted
    note = str(tmp_path)

    @pxw.flow
    def by_reference(*numbers: int):
        return ages(total(make(*numbers), note))

    @pxw.flow
    def by_file(name: str):
        return ages(total(pxw.Local(name), note))

    assert (by_reference(1, 2), by_reference(1, 2), runs()) == ([3], [3], 1)
    assert (by_reference(1, 5), runs()) == ([6], 2)
    frame(1, 2).to_csv("a.csv", index=False)
    frame(1, 2).to_csv("b.csv", index=False)
    assert (by_file("a.csv"), by_file("a.csv"), by_file("b.csv"), runs()) == ([3], [3], [3], 3)
    frame(4, 5).to_csv("a.csv", index=False)
    assert (by_file("a.csv"), runs()) == ([9], 4)


def test_a_task_that_comes_from_the_cache_stands_in_the_journal_with_its_outputs(counted, tmp_path):
    total, runs = counted

    @pxw.flow
    def main(again: bool = False):
        task = total.with_options(refresh_cache=True) if again else total
        ref = task(frame(1, 2), str(tmp_path))
        return ref, active.get().folder

    first, _ = main()
    second, folder = main()
    told = [event for event in takewhile(bool, events(folder)) if event.get("key")]
    assert [(event["event"], event["task"]) for event in told] == [("saved", "total"), ("cached", "total")]
    assert (told[0]["place"], second.place) == (first.place, first.place)
    _, folder = main(again=True)
    assert "finished" in [event["event"] for event in takewhile(bool, events(folder))]
    assert runs() == 2


def test_a_cached_result_whose_data_is_gone_or_was_changed_is_made_again(counted, tmp_path):
    total, runs = counted

    @pxw.flow
    def main():
        return total(frame(1, 2), str(tmp_path))

    first = main()
    Path(first.place).unlink()
    second = main()
    assert (runs(), ages(second)) == (2, [3])
    Path(second.place).write_bytes(b"x" * second.size)
    assert ages(main()) == [3]
    assert runs() == 3
    main()
    assert runs() == 3


def test_a_cached_output_is_made_for_each_declared_place(counted, tmp_path):
    total, runs = counted

    @pxw.flow
    def main(place: str):
        return total.with_options(outputs={"total": pxw.Local(place)})(frame(1, 2), str(tmp_path))

    main("a.csv")
    main("a.csv")
    main("b.csv")
    assert runs() == 2
    assert (tmp_path / "b.csv").read_text() == "age\n3\n"


def test_without_being_asked_nothing_is_hashed_or_persisted(monkeypatch):
    from prefect.utilities import hashing

    monkeypatch.setattr(hashing, "hash_objects", lambda *_, **__: pytest.fail("something was hashed"))

    @pxw.flow
    def main():
        return ages(doubled(make(1)).people)

    assert main() == [2]


# What Prefect sees ---------------------------------------------------------------------------------------------------


def test_no_table_ever_reaches_prefect(monkeypatch, tmp_path):
    """Its engine, its futures and its API are given references; here its engine tells what it was given."""
    seen = []
    from prefect import task_engine

    def spy(task: Any, task_run_id: Any = None, task_run: Any = None, parameters: Any = None, **kwargs: Any) -> Any:
        seen.extend(parameters.values())
        result = run_task_sync(task, task_run_id, task_run, parameters, **kwargs)
        seen.append(result)
        return result

    run_task_sync = task_engine.run_task_sync
    monkeypatch.setattr(task_engine, "run_task_sync", spy)

    @pxw.task
    def take(one: pd.DataFrame, many: list[pd.DataFrame], *rest: Any, **named: Any) -> int:
        return sum(len(table) for table in (one, *many, *rest, *named.values()))

    @pxw.flow
    def main():
        table = frame(1, 2)
        people, _ = doubled(table)
        return take(people, [table, people], pa.table(table), named=table), take.submit(table, [table]).result()

    assert main() == (10, 4)
    kinds = {type(item) for value in seen for item in (value if isinstance(value, list | tuple) else [value])}
    kinds |= {type(item) for value in seen if isinstance(value, dict) for item in value.values()}
    assert pxw.Ref in kinds
    assert not kinds & {pd.DataFrame, pa.Table}


def test_parameters_and_results_in_the_api_are_small_and_free_of_data(tmp_path):
    big = pd.DataFrame({"text": ["secret words"] * 50_000})

    @pxw.task(inputs=["table"], outputs=["table"], persist_result=True)
    def keep(table: pd.DataFrame) -> pd.DataFrame:
        return table

    @pxw.flow(persist_result=True)
    def main(raw: pxw.Local):
        return keep(pxw.save(big, raw))

    state = main(pxw.Local("big.arrow"), return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        stored = json.dumps([run.parameters, run.state.model_dump(mode="json")])
    assert "secret" not in stored
    assert len(stored) < 5000
    assert run.parameters["raw"]["path"] == "big.arrow"
    assert state.result().rows == 50_000


class Person(BaseModel):
    age: int


def test_a_flows_parameters_have_a_json_schema_and_pass_as_json():
    @pxw.flow
    def main(
        raw: pxw.Local | pxw.DDM = pxw.Local("in.csv", schema=Person),
        out: pxw.Spec = pxw.Local("out.csv"),
        ref: pxw.Ref | None = None,
        times: int = 1,
    ):
        return raw, out, ref, times

    schema = json.loads(json.dumps(main.parameters.model_dump_for_openapi()))
    assert schema["properties"]["raw"]["default"]["path"] == "in.csv"
    assert {"Local", "DDM"} <= schema["definitions"].keys()

    @pxw.flow
    def outer():
        return make(1)

    ref = outer()
    sent = main.serialize_parameters({"raw": {"project": "demo", "name": "t.json"}, "out": "x.csv", "ref": ref})
    received = main.validate_parameters(json.loads(json.dumps(sent)))
    raw, out, got, _ = main(**received)
    assert raw == pxw.DDM(project="demo", name="t.json")
    assert out == pxw.Local("x.csv")
    assert got == ref


def test_a_parameter_that_does_not_fit_is_refused_also_beside_a_reference():
    @pxw.flow
    def main(table: pd.DataFrame, times: int): ...

    @pxw.flow
    def outer():
        with pytest.raises(prefect.exceptions.ParameterTypeError):
            main(make(1), times="many")
        with pytest.raises(prefect.exceptions.ParameterTypeError):
            main(5, times=1)
        return True

    assert outer()


def test_a_flow_that_is_drawn_runs_no_task():
    from prefect.utilities.visualization import TaskVizTracker

    with TaskVizTracker() as tracker:
        make(1)
        make(2)
    assert [task.name for task in tracker.tasks] == ["make-0", "make-1"]


def test_submitting_outside_of_a_flow_is_refused_as_prefect_refuses_it():
    with pytest.raises(RuntimeError, match="Unable to determine task runner"):
        make.submit(1)
    with pytest.raises(RuntimeError, match="Unable to determine task runner"):
        make.map([1])


def test_an_upstream_failure_keeps_a_task_from_running():
    @pxw.task(outputs=["people"])
    def fail() -> pd.DataFrame:
        raise LookupError

    @pxw.flow
    def main():
        return doubled(fail.submit(), return_state=True)

    assert main(return_state=True).is_failed()


def test_parameters_are_told_to_the_api_as_prefect_tells_them():
    class Plain:
        def __init__(self):
            self.size = 3

    class Odd:
        __slots__ = ()

    parameters = {
        "raw": pxw.Local("x.csv", schema={"age": "double"}),
        "many": [pxw.DDM(project="p"), (1, 2.5), {"at": Path("/x")}],
        "when": date(2026, 1, 31),
        "plain": Plain(),
        "odd": Odd(),
        "told": Completed(),
        "secret": SecretStr("hidden"),
    }

    def fn(**given: Any) -> None: ...

    assert pxw.flow(fn).serialize_parameters(parameters) == prefect.flow(fn).serialize_parameters(parameters)


def test_telling_parameters_imports_no_web_framework():
    script = "import sys, pxw; pxw.flow(lambda x: x).serialize_parameters({'x': 1}); print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Accidents -----------------------------------------------------------------------------------------------------------

_KILLED = """
    import os
    import pandas as pd
    import pyarrow as pa
    import pxw

    def batches():
        schema = pa.schema([("n", pa.int64())])
        for number in range(1000):
            if number == 500:
                os.kill(os.getpid(), 9)
            yield pa.record_batch([list(range(1000))], schema=schema)

    @pxw.task(outputs={"table": pxw.Local("out.csv")})
    def write() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches())

    @pxw.flow
    def main():
        write()

    main()
"""


def test_a_process_killed_while_writing_leaves_nothing_under_the_final_name_and_the_next_run_cleans_up(tmp_path):
    script = tmp_path / "flow.py"
    script.write_text(textwrap.dedent(_KILLED))
    done = subprocess.run([sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.csv").exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".out.csv")]
    script.write_text(script.read_text().replace("os.kill(os.getpid(), 9)", "pass"))
    subprocess.run([sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, timeout=120, check=True)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1_000_001
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out.csv")]


def test_two_runs_at_once_do_not_touch_each_others_intermediates():
    @pxw.flow
    def main(age: int):
        refs = make.map([age] * 5).result()
        return [ages(ref) for ref in refs], [ref.place for ref in refs]

    with ThreadPoolExecutor(2) as pool:
        (first, places), (second, others) = pool.map(main, [1, 2])
    assert (first, second) == ([[1]] * 5, [[2]] * 5)
    assert len({*places, *others}) == 10


def test_states_can_be_given_and_a_state_outside_of_prefect_is_refused():
    @pxw.flow
    def main():
        return Failed(message="on purpose")

    assert main(return_state=True).message == "on purpose"
    with pytest.raises(ArgumentError, match="return_state"):
        make(1, return_state=True)
    assert pxw_tasks.Task is type(make)
