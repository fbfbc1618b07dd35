"""What all tests of conversions need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


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
