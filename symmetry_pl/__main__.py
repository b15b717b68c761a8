"""``python -m symmetry_pl`` is the ``symmetry`` command."""

import sys

from symmetry_pl.cli import main

if __name__ == "__main__":
    sys.exit(main())
