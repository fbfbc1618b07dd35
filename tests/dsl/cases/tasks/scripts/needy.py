import json
import proactive_helper as ph
from common_to_all import tidy
import no_such_package.inner as inner

try:
    import cupy
except ImportError:
    cupy = None
