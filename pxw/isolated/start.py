"""What the child process of a task starts with: `python start.py CALL TOLD PIPE`.

It makes the very pxw importable that this file belongs to, and nothing that is installed beside it.
"""

import importlib.util
import sys
from pathlib import Path


def _import_pxw(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "pxw", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a Python file
    sys.modules["pxw"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["pxw"])


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    _import_pxw(Path(__file__).resolve().parents[1])

    from pxw.isolated.child import main

    main(*sys.argv[1:])
