"""Campaigns to a list that is not ours: what was sent, what was touched and what a person reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pushwarden.bench.house import LINES, House, counted, counts

PATIENCE = 120.0
WRONG: dict[str, dict[str, Any]] = {
    "topic": {"status": 400, "reason": "DeviceTokenNotForTopic"},
    "environment": {"status": 400, "reason": "BadDeviceToken"},
    "project": {"status": 403, "reason": "SENDER_ID_MISMATCH"},
}
"""What APNs answers for a token of another app and of the other environment, and FCM for one of another project."""
PROVIDER = {"topic": "apns", "environment": "apns", "project": "fcm"}
HEALTHY, STRANGE = "aa", "ff"
"""First byte of the tokens of devices that were sent to before, and of those of the wrong list."""
EVERYONE = {"to": {"all": True}, "type": "alert", "title": "Hello"}


@dataclass(frozen=True, slots=True)
class Campaign:
    """proven: recipients that were sent to before; held: the hold as the API shows it."""

    push: str
    frames: int
    proven: int
    state: dict[str, Any]
    hold: dict[str, Any]
    devices: int
    touched: int

    @property
    def strangers_sent(self) -> int:
        return self.frames - self.proven

    @property
    def kept(self) -> bool:
        """Whether nothing was touched and nobody of the healthy ones lost."""
        ended = counts(self.state)
        return self.touched == 0 and ended["accepted"] == self.proven


def line(provider: str, first: str, number: int) -> bytes:
    token = f"{first}{number:020x}:APA91b{number:0134d}" if provider == "fcm" else f"{first}{number:062x}"
    return f'{{"installation_id":"{first}-{number}","provider":"{provider}","token":"{token}"}}\n'.encode()


def lines(house: House, first: str, count: int) -> Iterator[bytes]:
    for lo in range(0, count, LINES):
        yield b"".join(line(house.provider, first, number) for number in range(lo, min(count, lo + LINES)))


def proven(house: House, count: int) -> None:
    """Devices that have been sent to."""
    house.stage.import_devices(house.base, lines(house, HEALTHY, count))
    state = house.done(house.push(EVERYONE), PATIENCE)
    assert counts(state)["accepted"] == count, state


def run(house: House, kind: str, healthy: int, strangers: int) -> Campaign:
    """A campaign to all after an import of strangers; ends when the healthy ones have got it and the rest is held."""
    house.stage.import_devices(house.base, lines(house, STRANGE, strangers))
    house.script({"do": "refuse", "token": STRANGE, **WRONG[kind]})
    house.skip_log()
    push = house.push(EVERYONE)
    hold, state = until_held(house, push, healthy)
    house.stage.control("POST", "/flush")
    frames, _ = counted(house, bytes.fromhex(push) if house.provider == "apns" else b"")
    return Campaign(push, frames, healthy, state, hold, *exported(house))


def exported(house: House) -> tuple[int, int]:
    """Devices there are, and those of them that are marked dead or doubted to be."""
    headers = {"authorization": f"Bearer {house.stage.key}"}
    answer = house.stage.client.get(f"{house.stage.url}{house.base}/devices/export", headers=headers, timeout=PATIENCE)
    rows = answer.text.splitlines()
    return len(rows), sum('"gone_at"' in row for row in rows)


def until_held(house: House, push: str, healthy: int) -> tuple[dict[str, Any], dict[str, Any]]:
    until = time.monotonic() + PATIENCE
    while True:
        found = house.stage.call("GET", "/v1/holds", params={"open": "true"})["holds"]
        mine = [hold for hold in found if f"/{house.app}/" in hold["lane"]]
        state = house.state(push)
        if mine and state["accepted"] >= healthy and not state["in_flight"]:
            return mine[0], state
        if time.monotonic() > until:
            raise TimeoutError(f"The campaign was not held in {PATIENCE:g} s: {mine} {state}")
        time.sleep(0.05)
