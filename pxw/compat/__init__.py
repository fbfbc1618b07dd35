"""Old task scripts, run as they are: each in a child process of its own, with `variables` and `resultMap`.

`run_script` runs one script as one task; `pxw.compat.script` says what it takes and gives. What the child process runs
is below `modules/`, which is no part of the package `pxw`: it is made for any Python, and imports nothing of pxw.
"""

from pxw.compat.running import run_script
from pxw.compat.script import Job, Outcome, Script, place_in_run

__all__ = ["Job", "Outcome", "Script", "place_in_run", "run_script"]
