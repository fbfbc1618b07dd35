"""From a function of values to a function of references; Prefect is not known here."""

from pxw.binding.bound import Binding, Step
from pxw.binding.declare import declare

__all__ = ["Binding", "Step", "declare"]
