"""Credentials switched in the middle of fan-outs: keys, certificates, and one that is refused. Counts are the log's."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

import killing
from product_fixtures import ask, until
from pushwarden.bench.house import House, counts, fan_out
from pushwarden.providers.generated import generated_key
from pushwarden.simulators.certificates import client_certificate
from pushwarden.simulators.log import Event, certificate_number, events, read
from pushwarden.wiring.stage import BUNDLE_ID, TEAM_ID, Stage

PASSWORD = "correct horse 7 battery"
BOTH = ((BUNDLE_ID, "app"), (BUNDLE_ID + ".voip", "voip"))
PATIENCE = 180.0
DYING = "com.example.revoked"
MOST_HANDSHAKES = 3


def p12(stage: Stage, topics: Any = BOTH, days: int = 365, bundle: str = BUNDLE_ID) -> bytes:
    """A certificate the simulator trusts, with its key, under PASSWORD."""
    certificate, key = client_certificate(stage.folder / "certificates", bundle, topics, "both", days)
    loaded = serialization.load_pem_private_key(key, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(
        b"push", loaded, x509.load_pem_x509_certificate(certificate), None, locked
    )


def number_of(file: bytes) -> int:
    """What stands for a .p12's certificate in the simulator's log."""
    _, certificate, _ = pkcs12.load_key_and_certificates(file, PASSWORD.encode())
    assert certificate is not None
    return certificate_number(certificate.public_bytes(serialization.Encoding.DER))


def certificates(stage: Stage) -> dict[int, int]:
    """Connection → what stands for its client certificate; those with a provider token are absent."""
    stage.control("POST", "/flush")
    return {one.connection: one.number for one in events(stage.frames) if one.event is Event.CERTIFICATE}


def upload(stage: Stage, base: str, content: bytes, password: str = PASSWORD) -> Any:
    fields = {"provider": "apns", "password": password}
    files = {"file": ("push.p12", content, "application/x-pkcs12")}
    return ask(stage, "POST", f"{base}/credentials", data=fields, files=files)


def upload_key(stage: Stage, base: str, key_id: str) -> str:
    """A fresh .p8's credential, on standby."""
    body = {"provider": "apns", "text": generated_key().decode(), "key_id": key_id, "team_id": TEAM_ID}
    return str(stage.call("POST", f"{base}/credentials", json=body)["credential"]["id"])


def active(stage: Stage, base: str) -> str:
    kept = stage.call("GET", f"{base}/credentials")["credentials"]
    return str(next(one["id"] for one in kept if one["state"] == "active"))


def use(stage: Stage, base: str, credential: str) -> None:
    """Activated, or switched back to."""
    kept = {one["id"]: one["state"] for one in stage.call("GET", f"{base}/credentials")["credentials"]}
    verb = "activate" if kept[credential] == "standby" else "switch-back"
    stage.call("POST", f"{base}/credentials/{credential}/{verb}")


@dataclass(slots=True)
class Rotating:
    """Fan-outs one after another, under which credentials change."""

    house: House
    devices: int
    every: int  # requests between two switches
    rounds: list[killing.Round] = field(default_factory=list)
    switches: int = 0

    def play(self, credentials: Sequence[str], switches: int) -> dict[str, Any]:
        """So many switches, round and round, the first to the second of them. Nothing is under way afterwards."""
        house, before = self.house, killing.children(self.house.stage)
        house.skip_log()
        turn = itertools.islice(itertools.cycle(credentials), 1, None)
        while self.switches < switches:
            self._begin()
            wanted = killing.requests(house) + self.every
            while self.switches < switches and killing.reached(house, self._path, wanted):
                use(house.stage, house.base, next(turn))
                self.switches += 1
                wanted = killing.requests(house) + self.every
            self._end()
        return self._told(before)

    @property
    def _path(self) -> str:
        return f"{self.house.base}/pushes/{self.rounds[-1].push}"

    def _begin(self) -> None:
        body = (killing.SILENT, killing.ALERT)[len(self.rounds) % 2]
        self.rounds.append(killing.Round(body, self.house.push(body)))

    def _end(self) -> None:
        self.rounds[-1].state = self.house.done(self.rounds[-1].push, PATIENCE)

    def _told(self, before: dict[str, int]) -> dict[str, Any]:
        house = self.house
        found = [killing.judge(house, done, self.devices) for done in self.rounds]
        ours = {bytes.fromhex(done.push) for done in self.rounds}  # proofs are refused, as they should be
        refused = sum(one.status != 200 for one in read(house.stage.frames, house.at) if one.apns_id[:10] in ours)
        told = {
            "switches": self.switches,
            "fan_outs": len(found),
            "requests": sum(one.frames for one in found),
            "lost": sum(one.lost for one in found),
            "doubled": sum(one.doubled for one in found),
            "unknown": sum(one.unknown for one in found),
            "refused": refused,
            "conserved": all(one.conserved for one in found),
            "restarts": sum(killing.children(house.stage).get(role) != pid for role, pid in before.items()),
            "connections": len({one.connection for one in events(house.stage.frames) if one.event is Event.OPENED}),
        }
        zeros = ("lost", "doubled", "unknown", "refused", "restarts")
        return {"ok": told["conserved"] and not any(told[name] for name in zeros), **told}


def rotate(house: House, devices: int, switches: int, every: int) -> dict[str, Any]:
    """Two keys and a certificate, by turns, under fan-outs to so many devices that are there."""
    stage, base = house.stage, house.base
    first, second = active(stage, base), upload_key(stage, base, "SECONDKEY2")
    certificate = upload(stage, base, p12(stage)).json()["credential"]["id"]
    return Rotating(house, devices, every).play([first, second, certificate], switches)


def revoke(dying: House, well: House, devices: int, times: int = 1) -> dict[str, Any]:
    """The certificate of one app is refused in mid-run, then a key takes its place; another app sends beside it.

    Both have so many devices. times: how often the other's rate is taken, by itself and beside. Seconds are between the
    simulator's first refusal and the trouble in `effective`.
    """
    stage, key = dying.stage, active(dying.stage, dying.base)
    file = p12(stage, ((DYING, "app"),), bundle=DYING)
    use(stage, dying.base, upload(stage, dying.base, file).json()["credential"]["id"])
    alone = [fan_out(well, killing.SILENT, devices).per_s for _ in range(times)]
    dying.skip_log()
    first = killing.requests(dying)
    push = dying.push(killing.ALERT)
    killing.reached(dying, f"{dying.base}/pushes/{push}", first + devices // 10)
    struck = time.monotonic_ns()
    dying.script({"do": "refuse", "status": 403, "reason": "BadCertificate", "topic": DYING})
    until(lambda: _troubled(dying), "the trouble of the lane")
    held = time.monotonic_ns()
    beside = [fan_out(well, killing.SILENT, devices).per_s for _ in range(times)]
    stuck = dying.state(push)
    dying.script()
    use(stage, dying.base, key)
    state = dying.done(push, PATIENCE)
    stage.control("POST", "/flush")
    own = [one for one in read(stage.frames, dying.at) if one.apns_id.startswith(bytes.fromhex(push))]
    taken = Counter(one.apns_id for one in own if one.status == 200)
    refused = [one.ns for one in own if one.status == 403]
    told = {
        "refused": len(refused),
        "handshakes": sum(
            one.event is Event.CERTIFICATE and one.number == number_of(file) and one.ns > struck
            for one in events(stage.frames)
        ),
        "held_seconds": round((held - min(refused)) / 1e9, 2),
        "ended_while_held": stuck["refused"] + stuck["unknown"] + stuck["expired"],
        "reached": len(taken),
        "doubled": taken.total() - len(taken),
        "conserved": counts(state)["accepted"] == state["planned"] == devices,
        "others_rate": round(median(beside) / median(alone), 2),
    }
    good = told["conserved"] and not told["doubled"] and not told["ended_while_held"] and told["reached"] == devices
    return {"ok": good and told["handshakes"] <= MOST_HANDSHAKES, **told}


def _troubled(house: House) -> bool:
    senders = house.stage.call("GET", f"{house.base}/effective")["senders"]
    return any("BadCertificate" in words for sender in senders for words in sender["troubles"].values())
