"""A made-up company's month, for pictures, demos and measurements: told through the API and the stores.

The same for the same instant, but for keys and ids, which are random.
"""

from __future__ import annotations

from pushwarden.wiring.fleet.telling import tell

__all__ = ["tell"]
