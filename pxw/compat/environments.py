"""The Python that a script runs with: pxw's own, or one with the packages that its requirements file names.

An environment is made once for each content of a requirements file and version of Python, below
`PXW_HOME/environments`, by `uv` where that is installed, else by `venv` and `pip`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pxw.errors import ScriptError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.compat.process import Log

__all__ = ["python_for"]

_INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]*(\S+)", re.MULTILINE)
_VERSION = re.compile(r"\d+(\.\d+){0,2}")


def python_for(requirements: Path | None, version: str | None, log: Log) -> str:
    """The interpreter of an environment, which is made if it is not there yet.

    Raises:
        ScriptError: no such Python, or a package that cannot be installed.
    """
    if version is not None and not _VERSION.fullmatch(version):
        raise ScriptError(f"{version!r} is no version of Python", help="write it as '3.11'")
    if requirements is None and (version is None or _fits(platform.python_version(), version)):
        return sys.executable
    version = version or f"{sys.version_info.major}.{sys.version_info.minor}"
    content = "\n".join(_texts(requirements, set())) if requirements else ""
    key = hashlib.sha256(f"{version}\0{platform.machine()}\0{content}".encode()).hexdigest()[:32]
    folder = load_settings().home / "environments" / key
    with _locked(folder):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
            _make(folder, requirements, version, log)
            (folder / "complete").touch()
    return str(folder / "bin" / "python")


def _fits(running: str, wanted: str) -> bool:
    return f"{running}.".startswith(f"{wanted}.")


def _texts(requirements: Path, seen: set[Path]) -> Iterator[str]:
    """The content of a requirements file, and of those that it includes."""
    if requirements in seen:
        return
    seen.add(requirements)
    try:
        text = requirements.read_text()
    except OSError as error:
        raise ScriptError(f"the requirements file cannot be read: {error.strerror}", at=str(requirements)) from error
    yield text
    for name in _INCLUDE.findall(text):
        yield from _texts((requirements.parent / name).resolve(), seen)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process, and one thread, makes an environment; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, requirements: Path | None, version: str, log: Log) -> None:
    uv = shutil.which("uv")
    python = folder / "bin" / "python"
    if uv:
        install = [uv, "pip", "install", "--python", str(python)]
        commands = [[uv, "venv", "--python", version, str(folder)]]
    else:
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
        commands = [[_interpreter(version), "-m", "venv", str(folder)]]
    if requirements:
        commands.append([*install, "-r", str(requirements)])
    log(f"making an environment of Python {version} for {requirements or 'a script'}", "stderr")
    for command in commands:
        _run(command, requirements, log)
    if _has(folder, "pandas") and not _has(folder, "pyarrow"):
        _run([*install, "pyarrow"], requirements, log)  # frames travel between tasks as Arrow


def _has(folder: Path, package: str) -> bool:
    return any(folder.glob(f"lib/python*/site-packages/{package}/__init__.py"))


def _run(command: list[str], requirements: Path | None, log: Log) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(  # noqa: S603 - our own words, and a path
        command,
        cwd=requirements.parent if requirements else None,  # requirements may name paths from there
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        raise ScriptError(
            "the script's environment cannot be made",
            at=str(requirements or ""),
            details=[" ".join(command), *lines[-10:]],
            help="mend the requirements file, or `python_version`",
        )
    for line in lines[-1:]:
        log(line, "stderr")


def _interpreter(version: str) -> str:
    """An installed Python of this version.

    Raises:
        ScriptError: there is none.
    """
    names = dict.fromkeys([sys.executable, f"python{'.'.join(version.split('.')[:2])}", f"python{version}"])
    for candidate in filter(None, map(shutil.which, names)):
        told = subprocess.run(  # noqa: S603 - our own words
            [candidate, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0 and _fits(told.stdout.strip(), version):
            return candidate
    raise ScriptError(
        f"the script asks for Python {version}, and none is installed here",
        help=f"install uv, which brings any Python, or put python{version} on the PATH",
    )
