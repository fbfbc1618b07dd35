"""An environment of its own for a script: made once, shared, and never half made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pxw.compat.environments import python_for
from pxw.errors import EnvError, ScriptError
from tests.compat.conftest import Runner


def _wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """A package that needs no index."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    files = files | {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


@pytest.fixture
def requirements(script: Runner, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A requirements file that names, and includes, packages by their paths from there."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")  # no uv
    folder = script.root / "wheels"
    folder.mkdir()
    for name in ("pxw_test_one", "pxw_test_two"):
        _wheel(folder, name, {f"{name}.py": "answer = 42\n"})
    script.write("wheels/more.txt", "./pxw_test_two-1.0-py3-none-any.whl\n")
    return script.write("wheels/requirements.txt", "./pxw_test_one-1.0-py3-none-any.whl\n-r more.txt\n")


def test_an_environment_is_made_once_and_kept_apart_from_ours(script: Runner, requirements: Path) -> None:
    code = """
        import sys
        import pxw_test_one, pxw_test_two
        import proactive_helper as ph
        assert pxw_test_one.answer == pxw_test_two.answer == 42
        try:
            import pydantic
        except ImportError:
            pass
        else:
            raise AssertionError("this is not an environment of its own")
        ph.save_dataset(variables, resultMap, "k", {"prefix": sys.prefix})
        """
    outcomes = [script(code, requirements=requirements, outputs={"k": None}) for _ in range(2)]
    assert script.text.count("making an environment") == 1
    read = "import proactive_helper as ph\nvariables['p'] = ph.load_dataset(variables, 'k')['prefix']"
    prefixes = {script(read, inputs=outcome.outputs).variables["p"] for outcome in outcomes}
    assert [Path(prefix).parent for prefix in prefixes] == [script.root / "home" / "environments"]

    script.write("wheels/more.txt", "# now another\n")
    other = python_for(requirements, None, script.log)
    assert Path(other).parent.parent not in {Path(prefix) for prefix in prefixes}


def test_tasks_that_start_together_wait_for_one_environment(script: Runner, requirements: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        pythons = set(pool.map(lambda _: python_for(requirements, None, script.log), range(3)))
    assert len(pythons) == 1
    assert script.text.count("making an environment") == 1


def test_what_a_killed_process_left_half_made_is_made_again(script: Runner, requirements: Path) -> None:
    python = Path(python_for(requirements, None, script.log))
    (python.parent.parent / "complete").unlink()
    shutil.rmtree(python.parent.parent / "lib")
    assert python_for(requirements, None, script.log) == str(python)
    subprocess.run([python, "-c", "import pxw_test_one"], check=True)


def test_a_package_that_cannot_be_installed_is_an_error_with_pips_own_words(script: Runner, requirements: Path) -> None:
    wrong = script.write("wheels/wrong.txt", "./nothing-1.0-py3-none-any.whl\n")
    for _ in range(2):
        with pytest.raises(EnvError, match="environment cannot be made") as told:
            script("pass", requirements=wrong)
        assert str(wrong) in told.value.at
        assert any("nothing-1.0" in line for line in told.value.details[1:])


def test_a_requirements_file_that_is_not_there_is_named(script: Runner) -> None:
    with pytest.raises(EnvError, match="the requirements file cannot be read") as told:
        script("pass", requirements=Path("nothing.txt"))
    assert "nothing.txt" in told.value.at


def test_our_own_python_serves_whoever_asks_for_its_version(script: Runner) -> None:
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert python_for(None, ours, script.log) == python_for(None, None, script.log) == sys.executable


@pytest.mark.parametrize(
    ("version", "words"),
    [("3.99", "none is installed here|No interpreter found"), ("three", "is no version of Python")],
)
def test_a_python_that_cannot_be_had_is_an_error(script: Runner, requirements: Path, version: str, words: str) -> None:
    with pytest.raises(EnvError, match=words):
        script("pass", python_version=version)


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.12", "3.13"])
def test_scripts_run_with_other_pythons(script: Runner, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sorted(Path(sys.base_prefix).parent.glob(f"{version}*/bin/python{version}"))
    if not found and not shutil.which(f"python{version}"):
        pytest.skip(f"no Python {version} is installed here")
    if found:
        monkeypatch.setenv("PATH", f"{found[0].parent}:/usr/bin:/bin")
    first = script("import proactive_helper as ph\nph.save_datasets(variables, ('a', {1: (2,)}), ('b', b'x'))")
    outcome = script(
        """
        import sys
        import proactive_helper as ph, local_helper
        from eexp_engine_utils import utils
        assert ph.load_datasets(variables, "a", "b") == [{1: (2,)}, b"x"]
        ph.save_datasets(variables, resultMap, "c", [b"1", b"2"], ["x", "y"])
        variables["version"] = "%d.%d" % sys.version_info[:2]
        variables["own"] = (1,)
        """,
        inputs=first.outputs,
        python_version=version,
    )
    assert outcome.variables["version"] == version
    with pytest.raises(ScriptError, match="ValueError: wrong") as told:
        script("def f():\n    raise ValueError('wrong')\nf()", python_version=version)
    assert told.value.at.endswith("task.py:2, in f()")


def test_uv_makes_the_environment_where_it_is_installed(
    script: Runner, requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    fetched = subprocess.run(
        [*pip, "--target", str(tmp_path / "uv"), "uv"], capture_output=True, text=True, check=False
    )
    if fetched.returncode:
        pytest.skip(f"uv cannot be had here: {fetched.stderr.strip()[-200:]}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'uv' / 'bin'}:/usr/bin:/bin")
    script("import pxw_test_one", requirements=requirements)
    (environment,) = (script.root / "home" / "environments").glob("*/pyvenv.cfg")
    assert "uv = " in environment.read_text()


def test_frames_travel_between_environments(script: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = script.write("requirements.txt", "pandas<3\n")
    probe = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(script.root / "probe"), "six"]
    if subprocess.run(probe, capture_output=True, check=False, timeout=120).returncode:
        pytest.skip("no package index can be reached")
    first = script(
        "import pandas as pd, proactive_helper as ph\n"
        "ph.save_dataset(variables, 'f', pd.DataFrame({'a': [1, 2], 't': ['x', 'y']}))"
    )
    second = script(
        """
        import pandas as pd, proactive_helper as ph
        assert pd.__version__ < "3"
        frame = ph.load_dataset(variables, "f")
        assert frame.t.tolist() == ["x", "y"]
        ph.save_dataset(variables, "g", frame.assign(a=frame.a * 2))
        """,
        inputs=first.outputs,
        requirements=requirements,
    )
    assert second.outputs["g"].format == "arrow"
    script(
        "import proactive_helper as ph\nassert ph.load_dataset(variables, 'g').a.tolist() == [2, 4]",
        inputs=second.outputs,
    )
