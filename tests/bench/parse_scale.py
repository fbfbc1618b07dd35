"""How long a large workflow takes to parse, resolve and check: under 2 s for 2 000 tasks, and growing linearly.

Run it: `python tests/bench/parse_scale.py [most tasks]`. Each workflow has a chain, joins, data links, a parameter for
each task, datasets and conditions; `own` gives each task a `task.xxp` of its own, else twenty are shared.
"""

import gc
import sys
import tempfile
import time
from pathlib import Path

from pxw.dsl.diagnostics import Report
from pxw.dsl.parse import parse, parse_file
from pxw.dsl.resolve import resolve

TASK = """task T {{
  implementation "{folder}/task.py";
  define input data table;
  define output data out;
  define param n {{ type Integer; default 1; range (0, 1000000); }}
  define metric m {{ kind single-value; type Float; }}
}}
"""


def project(root, count, kinds):
    """Write a workflow of so many tasks, which use so many implementations."""
    for kind in range(kinds):
        folder = root / "tasks" / f"k{kind}"
        folder.mkdir(parents=True)
        (folder / "task.py").write_text("")
        (folder / "task.xxp").write_text(TASK.format(folder=folder.name))
    lines = [f'  task T{i} {{ param n = {i}; implementation "k{i % kinds}"; }}' for i in range(count)]
    lines.append(f"  START -> {' -> '.join(f'T{i}' for i in range(count))} -> END;")
    lines += [f"  T{i} -> T{i + 7};" for i in range(0, count - 7, 3)]
    lines += [f"  T{i}.out --> T{i + 1}.table;" for i in range(count - 1) if i % 10]
    lines += [f'  T{i} -> "1 < 2" ? T{i + 1} : T{i + 2} -> T{i + 3};' for i in range(0, count - 3, 50)]
    for i in range(0, count - 1, 10):
        lines += [f"  define input data D{i};", f'  configure data D{i} {{ name "d{i}.csv"; project "p"; }}']
        lines += [f"  D{i} --> T{i + 1}.table;", f"  define output data O{i};", f"  T{i}.out --> O{i};"]
    (root / "w.xxp").write_text("workflow W {\n" + "\n".join(lines) + "\n}\n")
    return root / "w.xxp"


def measure(count, kinds):
    """Give the seconds for parsing alone and for everything, and the number of tasks found."""
    with tempfile.TemporaryDirectory() as folder:
        path = project(Path(folder), count, kinds)
        parse("workflow W { }", path, Report())  # the tables of the parser are built once per process
        gc.collect()
        began = time.perf_counter()
        parse_file(path, Report())
        parsed = time.perf_counter()
        found = resolve(path).raise_errors()
        done = time.perf_counter()
    assert len(found.workflows["W"].tasks) == count
    return parsed - began, done - parsed


def main(most):
    """Print one row for each size."""
    print(f"{'tasks':>6} {'task files':>10} {'parse':>8} {'parse, resolve, check':>22} {'per 1000 tasks':>15}")
    for own in (False, True):
        for count in (size for size in (500, 1000, 2000, 4000, 8000) if size <= most):
            kinds = count if own else 20
            parsing, whole = measure(count, kinds)
            print(f"{count:>6} {kinds:>10} {parsing:>7.2f}s {whole:>21.2f}s {whole / count * 1000:>14.2f}s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
