"""``python -m svbench`` is the same as ``svbench``."""

import sys

from svbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
