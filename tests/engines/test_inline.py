"""What is particular to runs without Prefect; what both engines share is in engine/test_conformance.py."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

import pxw
from pxw.engines.inline import InlineFlow, flow, task
from pxw.errors import ArgumentError, TargetError
from pxw.importing import find_flow, import_file, inline, is_inline
from pxw.runs import folder_of
from pxw.settings import load_settings


@task(outputs=["table"])
def make(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(rows)})


def test_neither_prefect_nor_pandas_is_imported(tmp_path):
    script = """
        import sys
        import pxw
        from pxw.engines.inline import flow, task

        @task(outputs=["numbers"])
        def make() -> list[int]:
            return [1, 2]

        @task(inputs=["numbers"])
        def total(numbers: list[int]) -> int:
            return sum(numbers)

        @flow
        def main() -> int:
            return total(make.submit())

        assert main() == 3
        print(sorted({"prefect", "pandas", "httpx"} & sys.modules.keys()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


def test_importing_pxw_imports_none_of_its_dependencies():
    script = "import sys; before = set(sys.modules); import pxw; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"prefect", "pandas", "pyarrow", "pydantic", "httpx", "numpy", "asyncio"} & set(done.stdout.split())


def test_the_journal_tells_what_happened():
    @task
    def fail(table: pd.DataFrame) -> None:
        raise LookupError("so be it")

    @flow
    def main():
        ref = make(3)
        fail.submit(ref).result(raise_on_failure=False)
        return ref

    ref = main()
    journal = folder_of(ref.run, load_settings()) / "journal.jsonl"
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(event["event"], event.get("task")) for event in events] == [
        ("flow started", None),
        ("started", "make"),
        ("saved", "make"),
        ("finished", "make"),
        ("started", "fail"),
        ("failed", "fail"),
        ("flow finished", None),
    ]
    assert events[2]["rows"] == 3
    assert events[5]["error"] == "LookupError: so be it"


def test_each_run_has_a_folder_of_its_own():
    @flow
    def main():
        return make(1)

    first, second = main(), main()
    assert first.run != second.run
    assert Path(first.place).exists()
    assert Path(second.place).exists()


def test_a_state_cannot_be_asked_for():
    @flow
    def main():
        for call in (make, make.submit, make.map):
            with pytest.raises(ArgumentError, match="without --inline"):
                call([1], return_state=True)
        return True

    assert main()


def test_flow_parameters_are_cast_to_what_they_are_annotated_with():
    @flow
    def main(rows: int, *more: int, scale: float = 1.0, **named: int):
        return rows, more, scale, named

    assert main("3", "4", scale="2", five="5") == (3, (4,), 2.0, {"five": 5})
    with pytest.raises(ArgumentError, match=r"(?s)parameter 'rows': 'many' does not fit.*valid integer"):
        main("many")
    assert main.with_options(validate_parameters=False)("many")[0] == "many"


def test_a_type_is_told_as_users_write_it():
    @flow
    def main(source: pxw.Spec, out: pxw.Local | None = None):
        return source, out

    with pytest.raises(ArgumentError, match=r"1 does not fit pxw\.Spec "):
        main(1)
    with pytest.raises(ArgumentError, match=r"1 does not fit pxw\.Local \| None "):
        main("x.csv", 1)


# Files ---------------------------------------------------------------------------------------------------------------

_FILE = """
    import pxw

    @pxw.task(outputs=["n"])
    def one() -> int:
        return 1

    @pxw.flow
    def first() -> pxw.Ref:
        return one()
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "some_flows.py"
    path.write_text(textwrap.dedent(_FILE))
    yield path
    sys.modules.pop("some_flows", None)


def test_a_file_imported_inline_gets_inline_tasks_and_flows(file):
    with inline():
        found = find_flow(str(file))
        assert is_inline()
    assert not is_inline()
    assert isinstance(found, InlineFlow)
    assert pxw.load(found()) == 1


def test_the_same_file_gets_prefects_otherwise(file):
    import prefect

    assert isinstance(find_flow(f"{file}:first"), prefect.Flow)


def test_a_target_that_names_nothing_says_what_there_is(file):
    with inline():
        with pytest.raises(TargetError, match=r"did you mean 'some_flows\.py'"):
            find_flow(str(file.with_name("some_flow.py")))
        with pytest.raises(TargetError, match="did you mean 'first'"):
            find_flow(f"{file}:fist")
        file.write_text(file.read_text() + "\nsecond = pxw.flow(first.fn, name='second')\n")
        sys.modules.pop("some_flows")
        with pytest.raises(TargetError, match=r"has 2 flows.*\n.*:first.*:second"):
            find_flow(str(file))
        file.write_text("x = 1\n")
        with pytest.raises(TargetError, match=r"has no flow.*\n.*@pxw\.flow"):
            find_flow(str(file))
        (file.parent / "notes.md").touch()
        with pytest.raises(TargetError, match="not a Python file"):
            import_file(file.parent / "notes.md")
