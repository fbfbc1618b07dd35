"""Run the graphs that the DSL describes: a workflow or an experiment as a flow of old task scripts.

`flow_of(graph, setup)` gives a flow of whichever engine is active, Prefect's or the inline one.
"""

from pxw.runner.building import flow_of
from pxw.runner.setup import Setup
from pxw.runner.tasks import place_of

__all__ = ["Setup", "flow_of", "place_of"]
