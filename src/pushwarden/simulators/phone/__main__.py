"""`python -m pushwarden.simulators.phone`."""

from __future__ import annotations

import sys

from .run import CannotRun, options, run

if __name__ == "__main__":
    try:
        run(options(), lambda line: print(line, flush=True))  # noqa: T201 - the command's output
    except CannotRun as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(0)
