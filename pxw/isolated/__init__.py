"""A task whose function runs in a Python of its own, with the packages that it asks for."""

from pxw.isolated.binding import bind
from pxw.isolated.env import Env

__all__ = ["Env", "bind"]
