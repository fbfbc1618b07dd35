"""Runs of flows: their folders, journals and outcomes, and what is left of them."""

from pxw.runs.collecting import collect
from pxw.runs.folders import folder_of, hold_for_process, refuse_running
from pxw.runs.run import Run, active, open_run

__all__ = ["Run", "active", "collect", "folder_of", "hold_for_process", "open_run", "refuse_running"]
