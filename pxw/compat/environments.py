"""The Python that a script or task runs with: pxw's own, or one with the packages that its requirements file names.

An environment is made once for each content of a requirements file, of the packages that it names by their paths, and
for each version of Python, below
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

from pxw.errors import EnvError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pxw.compat.process import Log

__all__ = ["environment_for", "fingerprint", "python_for", "verify"]

_INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]*(\S+)", re.MULTILINE)
_BY_PATH = re.compile(r"^\s*(?:-e\s*|--editable[ =]\s*)?((?:file:|\.{0,2}/)[^\s;\[]+)", re.MULTILINE)
_VERSION = re.compile(r"\d+(\.\d+){0,2}")


def python_for(requirements: Path | None, version: str | None, log: Log, *, more: Sequence[str] = ()) -> str:
    """The interpreter of an environment, which is made if it is not there yet.

    Args:
        requirements: the requirements file, if there is one.
        version: of Python; by default, ours.
        log: called with each line that is to be told.
        more: what is required besides.

    Raises:
        EnvError: no such Python, or a package that cannot be installed.
    """
    if version is not None and not _VERSION.fullmatch(version):
        raise EnvError(f"{version!r} is no version of Python", help="write it as '3.11'")
    if requirements is None and (version is None or _fits(platform.python_version(), version)):
        return sys.executable
    version = version or f"{sys.version_info.major}.{sys.version_info.minor}"
    told = "\0".join([version, platform.machine(), fingerprint(requirements), *more])
    key = hashlib.sha256(told.encode()).hexdigest()[:32]
    folder = load_settings().home / "environments" / key
    with _locked(folder):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
            _make(folder, requirements, version, log, more)
            (folder / "complete").touch()
    return str(folder / "bin" / "python")


def environment_for(python: str) -> dict[str, str]:
    """The environment variables of a child process: for another Python than ours, nothing that is meant for ours."""
    ours = {"PYTHONSAFEPATH"} | (set() if python == sys.executable else _NOT_FOR_OTHERS)
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"PYTHONIOENCODING": "utf-8"}


_NOT_FOR_OTHERS = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}


def fingerprint(requirements: Path | None) -> str:
    """What tells one content of a requirements file from another: also of the packages that it names by their paths."""
    if requirements is None:
        return ""
    state = hashlib.sha256()
    for file, text in _texts(requirements, set()):
        state.update(text.encode())
        for named in _BY_PATH.findall(text):
            state.update(_content(file.parent / named.removeprefix("file:")))
    return state.hexdigest()


def _content(package: Path) -> bytes:
    files = sorted(package.rglob("*")) if package.is_dir() else [package]
    state = hashlib.sha256()
    for file in files:
        parts = file.relative_to(package).parts
        built = any(part in {"build", "__pycache__"} or part.endswith(".egg-info") for part in parts)
        if file.is_file() and not built and not any(part.startswith(".") for part in parts):
            state.update(f"{parts}\0".encode() + file.read_bytes())
    return state.digest()


def verify(requirements: Path) -> None:
    """Read a requirements file, and those that it includes, line by line.

    Raises:
        EnvError: one cannot be read, or a line is none of a requirement; `details` names each.
    """
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - only `pxw check` asks

    faults = []
    for file, text in _texts(requirements, set()):
        for number, line in enumerate(text.splitlines(), 1):
            said = re.sub(r"(^|\s)#.*", "", line).partition(" --")[0].strip().rstrip("\\").strip()
            if not said or said.startswith("-") or _BY_PATH.match(said) or "://" in said or "${" in said:
                continue
            try:
                Requirement(said)
            except InvalidRequirement as error:
                faults.append(f"{file.name}:{number}: {said!r}: {str(error).splitlines()[0]}")
    if faults:
        raise EnvError(
            "lines that are no requirements", at=str(requirements), details=faults, help="write one as 'pandas>=2.2'"
        )


def _fits(running: str, wanted: str) -> bool:
    return f"{running}.".startswith(f"{wanted}.")


def _texts(requirements: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """A requirements file and those that it includes, with their content."""
    if requirements in seen:
        return
    seen.add(requirements)
    try:
        text = requirements.read_text()
    except OSError as error:
        raise EnvError(f"the requirements file cannot be read: {error.strerror}", at=str(requirements)) from error
    yield requirements, text
    for name in _INCLUDE.findall(text):
        yield from _texts((requirements.parent / name).resolve(), seen)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process, and one thread, makes an environment; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, requirements: Path | None, version: str, log: Log, more: Sequence[str]) -> None:
    uv = shutil.which("uv")
    python = folder / "bin" / "python"
    if uv:
        install = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]  # as pip does: starts are many
        commands = [[uv, "venv", "--python", version, str(folder)]]
    else:
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
        commands = [[_interpreter(version), "-m", "venv", str(folder)]]
    wanted = [*(["-r", str(requirements)] if requirements else []), *more]
    if wanted:
        commands.append([*install, *wanted])
    log(f"making an environment of Python {version} for {requirements or 'a script'}", "stderr")
    for command in commands:
        _run(command, requirements, log)
    if _has(folder, "pandas") and not _has(folder, "pyarrow"):
        _run([*install, "pyarrow"], requirements, log)  # frames travel between tasks as Arrow


def _has(folder: Path, package: str) -> bool:
    return any(folder.glob(f"lib/python*/site-packages/{package}/__init__.py"))


def _run(command: list[str], requirements: Path | None, log: Log) -> None:
    done = subprocess.run(  # noqa: S603 - our own words, and a path
        command,
        cwd=requirements.parent if requirements else None,  # requirements may name paths from there
        env=environment_for(command[0]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        raise EnvError(
            "the environment cannot be made",
            at=str(requirements or ""),
            details=[" ".join(command), *lines[-10:]],
            help="mend the requirements file, or the version of Python",
        )
    for line in lines[-1:]:
        log(line, "stderr")


def _interpreter(version: str) -> str:
    """An installed Python of this version.

    Raises:
        EnvError: there is none.
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
    raise EnvError(
        f"Python {version} is asked for, and none is installed here",
        help=f"install uv, which brings any Python, or put python{version} on the PATH",
    )
