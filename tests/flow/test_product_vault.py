"""The vault's key changed in the middle of a fan-out: nobody is refused, nothing is lost, no process starts anew."""

from __future__ import annotations

import asyncio

from product_fixtures import SLOW, calm, ended, fleet, pid_of, script, send, times_seen, under_way
from pushwarden.adapters.vault.keys import VAULT
from pushwarden.settings import Settings
from pushwarden.wiring.doctor_vault import examine
from pushwarden.wiring.rotation import Rotation
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
pytestmark = SLOW
SENDERS = ("sender-urgent", "sender-normal", "sender-bulk-0")


def test_a_rotation_during_a_fan_out_refuses_and_loses_nothing_and_restarts_nobody(calm: Stage) -> None:
    base, settings = calm.make_app("turning"), Settings.model_validate({"data": calm.data, "store": ""})
    fleet(calm, base, 4000)
    pids = {role: pid_of(calm, role) for role in SENDERS}
    with script(calm, {"do": "delay", "ms": 60}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        turned = [asyncio.run(Rotation(settings, VAULT, lambda _: None).run()) for _ in range(2)]
        calm.make_credential(base, "apns")  # sealed to the newest key, opened in the middle of it
        state = calm.settled(base, push)
    assert turned[1]["before"] == [turned[0]["key"]]
    assert [(one["spoilt"], one["sealed_to_other_keys"], one["not_confirmed"]) for one in turned] == [([], [], [])] * 2
    assert ended(state) == {"accepted": 4000}
    assert times_seen(calm, push) == dict.fromkeys(range(4000), 1)
    assert {role: pid_of(calm, role) for role in SENDERS} == pids
    findings = asyncio.run(examine(settings))
    assert [one.sentence for one in findings if not one.good and one.name != "api_sight"] == []
    assert {f"vault {role}" for role in SENDERS} < {one.name for one in findings}
