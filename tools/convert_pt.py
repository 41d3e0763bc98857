#!/usr/bin/env python3
"""Checkpoints as people have them -> the safetensors files that cfedit reads.

    python3 tools/convert_pt.py IN [IN ...] -o OUT.safetensors [--kind KIND] [--half] ...

Python 3.8 or later and NumPy are all it needs. See convert_pt/__init__.py for the plan of
the package and `--help` for the options.
"""

import sys

if sys.version_info < (3, 8):
    sys.exit("convert_pt: Python 3.8 or later is needed, this is %d.%d" % sys.version_info[:2])

try:
    import numpy  # noqa: F401  (only to say in one line that it is missing)
except ImportError:
    sys.exit("convert_pt: NumPy is needed (python3 -m pip install numpy, or the package "
             "python3-numpy)")

sys.dont_write_bytecode = True  # leave no caches in the source tree

from convert_pt.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
