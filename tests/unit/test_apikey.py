"""API keys as text."""

from __future__ import annotations

import pytest

from pushwarden.control.access import minted
from pushwarden.core import apikey
from pushwarden.core.apikey import digest
from pushwarden.core.errors import Unauthenticated
from pushwarden.core.principal import KeyKind
from pushwarden.core.scope import Scope
from pushwarden.web.access import KeyRing

NOW = 1_000_000


class Held:
    ms = NOW

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return 0.0


def test_a_key_reads_back_as_its_id_and_secret() -> None:
    text = apikey.compose("abcdefgh0123", b"\xff" * 32)
    assert len(text) == 4 + 12 + 1 + 43 + 6
    key_id, secret = apikey.parse(text) or ("", "")
    assert key_id == "abcdefgh0123"
    assert len(secret) == 43


@pytest.mark.parametrize("at", [0, 5, 20, 40, 62, 65])
def test_a_mistyped_key_is_known_for_one_without_looking_it_up(at: int) -> None:
    text = apikey.compose("abcdefgh0123", bytes(range(32)))
    other = "x" if text[at] != "x" else "y"
    assert apikey.parse(text[:at] + other + text[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "pwk_", "pwk_abcdefgh0123_", "\x00" * 66, "pwk_é", "a" * 100_000])
def test_what_is_no_key_is_none(text: str) -> None:
    assert apikey.parse(text) is None


def ring_with_one() -> tuple[KeyRing, str, Held]:
    clock = Held()
    key, text = minted("robot", KeyKind.SEND, Scope("acme"), now_ms=NOW, expires_at=NOW + 1000)
    ring = KeyRing(clock)
    ring.replace([key], ["acme"])
    return ring, text, clock


def bearer(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"h"), (b"authorization", b"Bearer " + text.encode())]


def test_a_key_works_until_the_millisecond_it_expires() -> None:
    ring, text, clock = ring_with_one()
    clock.ms = NOW + 999
    assert ring.authenticate(bearer(text)).name == "robot"
    clock.ms = NOW + 1000
    with pytest.raises(Unauthenticated, match="expired or revoked"):
        ring.authenticate(bearer(text))


def test_the_right_id_with_another_secret_is_nobody() -> None:
    ring, text, _ = ring_with_one()
    with pytest.raises(Unauthenticated):
        ring.authenticate(bearer(apikey.compose(text[4:16], b"\x01" * 32)))


def test_last_use_is_kept_until_someone_takes_it() -> None:
    ring, text, _ = ring_with_one()
    ring.authenticate(bearer(text))
    assert ring.take_used() == {text[4:16]: NOW}
    assert ring.take_used() == {}


def test_neither_a_key_nor_a_ring_prints_what_opens_it() -> None:
    key, text = minted("robot", KeyKind.SEND, Scope("acme"), now_ms=NOW, expires_at=NOW + 1000)
    ring = KeyRing(Held())
    ring.replace([key], ["acme"])
    assert text[17:60] not in f"{key} {key!r} {ring!r}"
    assert repr(digest(text[17:60])) not in repr(key)
