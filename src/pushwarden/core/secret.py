"""Values that must not be printed: keys, passwords, device tokens. Their repr and str say only what they are."""

from __future__ import annotations


class Secret:
    """Bytes or text that no log, error or f-string can show. `reveal()` is the only way in."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return f"<secret, {len(self._value)} bytes>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def redacted(token: bytes | str) -> str:
    """A device token as logs may show it: first four characters and the length."""
    text = token.decode("ascii", "replace") if isinstance(token, bytes) else token
    return f"{text[:4]}…({len(text)})"
