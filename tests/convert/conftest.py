"""What all tests of conversions need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _modules_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Converted projects all have modules called `tasks` or `scripts`: what one test imports is not another's."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    places = {  # a folder is known by its path alone, which is looked up in the folder above
        name: [str(getattr(module, "__file__", None)), *map(str, getattr(module, "__path__", ()))]
        for name, module in list(sys.modules.items())
    }
    for name, found in places.items():
        if any(each.startswith(str(tmp_path)) for each in found):
            del sys.modules[name]


@pytest.fixture
def checked(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Hold files to ruff and mypy; what mypy knows of the packages that they import is kept between sessions."""
    cache = request.config.cache
    mypy = [
        "mypy",
        "--config-file=",
        "--ignore-missing-imports",
        "--cache-dir",
        str(cache.mkdir("mypy") if cache else "/dev/null"),
    ]

    def check(folder: Path, files: Sequence[str], rules: Sequence[str], ruff: Sequence[str] = ()) -> None:
        for command in (
            ["ruff", "format", "--diff", *ruff],
            ["ruff", "check", "--no-cache", *ruff, *rules],
            mypy,
        ):
            done = subprocess.run(
                [sys.executable, "-m", *command, *files], cwd=folder, capture_output=True, text=True, check=False
            )
            assert not done.returncode, done.stdout + done.stderr

    return check
