"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """sentence: what is so and, when it is not good, what to do."""

    name: str
    good: bool
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
