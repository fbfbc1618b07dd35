"""From a function of values to a function of references; Prefect is not known here."""

from pxw.binding.bound import Binding
from pxw.binding.declare import declare
from pxw.binding.step import Noting, Step

__all__ = ["Binding", "Noting", "Step", "declare"]
