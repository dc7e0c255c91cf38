"""`python -m pushwarden.simulators.fcm`."""

from __future__ import annotations

from pushwarden.simulators.common.run import main

from .run import Fcm

if __name__ == "__main__":
    main(Fcm())
