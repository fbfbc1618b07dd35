"""From an old script to a typed function: `Script` reads one, and `write_task` gives code or reasons.

Nothing is written to disk, and nothing of the script is run. A script becomes a function only if it must behave the
same: what cannot be told from its text alone is a `Reason`, with its line.
"""

from pxw.convert.scripts.given import Given, Source
from pxw.convert.scripts.outputs import kind_of_saved
from pxw.convert.scripts.script import Script
from pxw.convert.scripts.text import Reason, decoded
from pxw.convert.scripts.writing import TaskCode, write_task

__all__ = ["Given", "Reason", "Script", "Source", "TaskCode", "decoded", "kind_of_saved", "write_task"]
