"""How long after so many wrong tries the next one is looked at. A few are free; then each doubles the wait."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FORGET_MS = 3_600_000
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Wrong tries that are free, and the longest wait after more."""

    free: int
    longest_ms: int


ACCOUNT = Patience(5, 60_000)
"""A minute at most: nobody may lock another one out for long."""
ADDRESS = Patience(20, 900_000)


class Throttle:
    def __init__(self) -> None:
        self._tries: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, now_ms: int, account: str, address: str) -> int:
        """0 when a try is looked at now."""
        pairs = ((f"a:{account}", ACCOUNT), (f"i:{address}", ADDRESS))
        return max(self._wait(now_ms, *pair) for pair in pairs)

    def failed(self, now_ms: int, account: str, address: str) -> None:
        for key in (f"a:{account}", f"i:{address}"):
            count, at = self._tries.pop(key, (0, now_ms))
            self._tries[key] = (1 if now_ms - at > FORGET_MS else count + 1, now_ms)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)

    def passed(self, account: str) -> None:
        """The address's wrong tries stay: one right one is easily had."""
        self._tries.pop(f"a:{account}", None)

    def _wait(self, now_ms: int, key: str, patience: Patience) -> int:
        count, at = self._tries.get(key, (0, 0))
        beyond = count - patience.free
        if beyond < 0 or now_ms - at > FORGET_MS:
            return 0
        wait = min(patience.longest_ms, 1000 << min(beyond, 20))
        return max(0, at + wait - now_ms)
