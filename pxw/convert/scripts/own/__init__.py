"""The modules of its project that a script imports: which they are, and what of them may run among other tasks.

Nothing of them is run. `Own` follows the imports as Python would, from what a script uses to what that uses.
"""

from pxw.convert.scripts.own.modules import Own
from pxw.convert.scripts.own.places import Place, SearchPath

__all__ = ["Own", "Place", "SearchPath"]
