"""The embedded DDM: the dataset service in one process, for one machine."""

from pxw.server.process import Running, find, serve

__all__ = ["Running", "find", "serve"]
