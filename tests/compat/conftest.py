"""A run whose scripts are written by the tests."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pxw.compat import Job, Outcome, Script, run_script
from pxw.runs import Run
from tests.ddm.serving import serving


@dataclass
class Runner:
    """Runs scripts in one run; what they print is kept."""

    root: Path
    run: Run
    lines: list[tuple[str, str]] = field(default_factory=list)
    keys: Iterator[int] = field(default_factory=count)

    def __call__(self, code: str | Path, *, name: str = "", job: Job | None = None, **options: Any) -> Outcome:
        """Run code, or a file, as a task."""
        said = {name: options.pop(name) for name in list(options) if name in Script.__dataclass_fields__}
        path = code if isinstance(code, Path) else self.write(f"tasks/{name or 'task'}/task.py", code)
        script = Script(path=path, name=name, **said)
        options = {"key": f"{next(self.keys):04d}", "log": self.log} | options
        return run_script(script, run=self.run, job=job or Job(id="w1"), **options)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    def log(self, line: str, stream: str) -> None:
        self.lines.append((line, stream))

    @property
    def text(self) -> str:
        """What the scripts printed."""
        return "\n".join(line for line, _ in self.lines)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "LOCAL")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def script(tmp_path: Path) -> Runner:
    return Runner(tmp_path, Run("run-1", "demo", tmp_path / "home" / "runs" / "run-1"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server"), SecretStr("secret")) as url:
        yield url


@pytest.fixture
def ddm(server: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """The embedded server is the DDM of the settings; gives its client."""
    monkeypatch.setenv("PXW_DDM_URL", server)
    monkeypatch.setenv("PXW_DDM_TOKEN", "secret")
    from pxw.stores import ddm

    return ddm.client
