"""From the graphs of the DSL to Python that one would have written by hand.

`convert(target, out)` gives a `Conversion`: the files, a report of all that was decided, dropped or needs a person,
and a map from lines of the Python back to the DSL. `Conversion.write` puts them down, and never over a person's work.
"""

from pxw.convert.conversion import Conversion, convert
from pxw.convert.report import Entry

__all__ = ["Conversion", "Entry", "convert"]
