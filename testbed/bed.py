#!/usr/bin/env python3
"""tstack's test bed. See README.md beside this file."""

import sys

sys.dont_write_bytecode = True  # the checkout is not ours to write to

from bed.cli import main  # noqa: E402

main()
