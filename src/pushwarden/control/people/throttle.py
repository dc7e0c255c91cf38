"""How long after so many wrong tries the next one is looked at. A few are free; then each doubles the wait."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

FORGET_MS = 3_600_000
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Wrong tries that are free, and the longest wait after more. shared: a right try forgives one, not all."""

    free: int
    longest_ms: int
    shared: bool = False


ONE = Patience(5, 60_000)
"""A minute at most: nobody may lock another one out for long."""
CODE = Patience(5, 900_000)
"""Only who has the password gets this far; a code has six digits."""
ADDRESS = Patience(20, 900_000, shared=True)

Counted = Sequence[tuple[str, Patience]]
"""What a try counts for."""


def of_stranger(account: str, address: str, *, code: bool = False) -> Counted:
    """From a browser nobody has signed in from. code: the password was right."""
    own = (f"c:{account}", CODE) if code else (f"a:{account}", ONE)
    return (own, of_address(address))


def of_address(address: str) -> tuple[str, Patience]:
    """An IPv6 address counts for its whole network: whoever has one has 2⁶⁴ of them (RFC 4291 §2.5.4)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return (f"i:{address}", ADDRESS)
    if found.version == 4 or found.ipv4_mapped:
        return (f"i:{found if found.version == 4 else found.ipv4_mapped}", ADDRESS)
    return (f"i:{ipaddress.ip_network((int(found), 64), strict=False)}", ADDRESS)


def of_one(name: str, patience: Patience = ONE) -> Counted:
    """From a browser that is known, or a session: strangers' tries are not its affair."""
    return ((f"o:{name}", patience),)


class Throttle:
    def __init__(self) -> None:
        self._tries: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, now_ms: int, counted: Counted) -> int:
        """0 when a try is looked at now."""
        return max(self._wait(now_ms, *pair) for pair in counted)

    def tried(self, now_ms: int, counted: Counted) -> None:
        """Before it is judged: of many at the same moment only the free ones are."""
        for key, _ in counted:
            count, at = self._tries.pop(key, (0, now_ms))
            self._tries[key] = (1 if now_ms - at > FORGET_MS else count + 1, now_ms)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)

    def passed(self, counted: Counted) -> None:
        """This try was right. An address's wrong ones stay: one right one is easily had."""
        for key, patience in counted:
            count, at = self._tries.pop(key, (0, 0))
            if patience.shared and count > 1:
                self._tries[key] = (count - 1, at)

    def _wait(self, now_ms: int, key: str, patience: Patience) -> int:
        count, at = self._tries.get(key, (0, 0))
        beyond = count - patience.free
        if beyond < 0 or now_ms - at > FORGET_MS:
            return 0
        wait = min(patience.longest_ms, 1000 << min(beyond, 20))
        return max(0, at + wait - now_ms)
