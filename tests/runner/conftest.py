"""Small projects of the old system: scripts, a workflow, and what running it left."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pxw.dsl.resolve import resolve
from pxw.importing import inline
from pxw.runner import Setup, flow_of
from tests.engines.conftest import without_heartbeats

HEAD = """
import json, sys, time
import proactive_helper as ph
started = time.time()
"""
TAIL = """
with open({trace!r}, "a") as trace:
    trace.write(json.dumps([variables["task_name"], started, time.time()]) + chr(10))
"""


@dataclass
class Project:
    """A project in a folder, on one of the engines."""

    root: Path
    is_inline: bool = True

    def script(self, name: str, code: str) -> Path:
        """A task's script; it notes at its end that it ran."""
        tail = TAIL.format(trace=str(self.root / "trace"))
        return self.write(f"tasks/{name}/task.py", HEAD + textwrap.dedent(code) + tail)

    def scripts(self, **codes: str) -> None:
        for name, code in codes.items():
            self.script(name, code)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    def flow(self, text: str, **setup: Any) -> Any:
        """The flow of the last experiment, or workflow, of a file."""
        found = resolve(self.write("w.xxp", text)).raise_errors()
        graph = list((found.experiments or found.workflows).values())[-1]
        known = {"conditions": found.project.conditions, "configurations": found.project.configurations}
        with inline() if self.is_inline else nullcontext():
            return flow_of(graph, Setup(**{**known, **setup}))

    def run(self, text: str, **setup: Any) -> Any:
        return self.flow(text, **setup)()

    @property
    def spans(self) -> dict[str, tuple[float, float]]:
        """When each task that came to its end began and ended."""
        trace = self.root / "trace"
        lines = map(json.loads, trace.read_text().splitlines() if trace.exists() else [])
        return {name: (start, end) for name, start, end in lines}

    @property
    def ran(self) -> list[str]:
        """The tasks that ran, in the order in which they ended."""
        return list(self.spans)


@pytest.fixture(autouse=True)
def tidy_imports() -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(Path.cwd())):
            del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "eexp_config.py").write_text(
        "TASK_LIBRARY_PATH = 'tasks'\nPYTHON_CONDITIONS = 'conditions'\nPYTHON_CONFIGURATIONS = 'configurations'\n"
    )
    (tmp_path / "conditions.py").write_text("")
    (tmp_path / "configurations.py").write_text("")
    return Project(tmp_path)


@pytest.fixture
def on_prefect(project: Project, prefect_server: str) -> Iterator[Project]:
    with without_heartbeats():
        project.is_inline = False
        yield project
