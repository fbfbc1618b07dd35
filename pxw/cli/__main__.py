"""`python -m pxw.cli` is `pxw`."""

import sys

from pxw.cli import main

if __name__ == "__main__":
    sys.exit(main())
