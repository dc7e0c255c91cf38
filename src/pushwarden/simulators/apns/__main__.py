"""`python -m pushwarden.simulators.apns`."""

from __future__ import annotations

from pushwarden.simulators.common.run import main

from .run import Apns

if __name__ == "__main__":
    main(Apns())
