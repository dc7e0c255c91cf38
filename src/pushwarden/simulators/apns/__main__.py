"""`python -m pushwarden.simulators.apns`."""

from __future__ import annotations

import sys

from .run import CannotStart, options, run

if __name__ == "__main__":
    try:
        run(options())
    except CannotStart as error:
        sys.exit(str(error))
