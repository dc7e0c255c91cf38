"""The senders' key changed over a real store: interrupted at every step, with company, and with spoilt blobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import postgres_server
from pushwarden.adapters.ring_server import RingServer
from pushwarden.adapters.vault import Opening, Sealing, private_keys, public_key
from pushwarden.adapters.vault.chest import chest_of
from pushwarden.adapters.vault.hpke import head_of
from pushwarden.adapters.vault.keys import CALLBACKS, VAULT, Pair, parted, pem_of
from pushwarden.adapters.vault.turning import Turning, alone
from pushwarden.control.publish import publish
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback, Event
from pushwarden.core.errors import VaultRefused
from pushwarden.core.organisation import Organisation
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Tables
from pushwarden.ports.sealed import Blob, Place
from pushwarden.settings import Settings
from pushwarden.wiring.backup import put_back, take
from pushwarden.wiring.keyholders import Holder
from pushwarden.wiring.prepare import main as prepare
from pushwarden.wiring.rotation import NotEveryone, Rotation, plan
from pushwarden.wiring.sealed import FIRST, PLACES, lots
from pushwarden.wiring.stores import stores_of

COUNT = 120
"""More than are sealed anew in one transaction."""


class Killed(Exception):
    """Ends a rotation after a step, as a kill would."""


class House:
    """Stores with COUNT credentials, one of them active, a request and a callback, all sealed to the first keys."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.keys = settings, settings.keys
        asyncio.run(prepare(settings, "prepare"))
        self.note(self._fill)

    def _fill(self, tables: Tables) -> None:
        tables.organisations.insert(Organisation("acme", "Acme"))
        tables.apps.insert(App("acme", "shop", "Shop"))
        for number in range(COUNT):
            self.add(tables, f"c{number}")
        request = CertificateRequest("acme", "shop", Environment.PRODUCTION, "r1", "Push", "pem", "ab")
        tables.requests.insert(replace(request, sealed=self.seal(VAULT, "r1", request.label)))
        callback = Callback("acme", "shop", "cb_1", "https://a.example", (Event.LANE_HELD,))
        sealed, previous = (self.seal(CALLBACKS, name, callback.label) for name in ("cb_1", "cb_1 before"))
        tables.callbacks.insert(replace(callback, sealed=sealed, previous=previous))
        publish(tables, AuditEntry(1, "test", "stage.set", Scope()))

    def add(self, tables: Tables, name: str, sealed: bytes | None = None) -> None:
        credential = Credential(
            "acme", "shop", Environment.PRODUCTION, name, "apns", CredentialKind.APNS_TOKEN,
            CredentialState.ACTIVE if name == "c0" else CredentialState.STANDBY, name,
        )  # fmt: skip
        own = self.seal(VAULT, name, credential.label) if sealed is None else sealed
        tables.credentials.insert(replace(credential, sealed=own))

    def seal(self, pair: Pair, material: str, label: str) -> bytes:
        return Sealing(lambda: public_key(self.keys, pair)).seal(Secret(material.encode()), label)

    def note(self, work: Any) -> Any:
        async def run() -> Any:
            stores = stores_of(self.settings, "test")
            try:
                return await stores.catalog.note(work)
            finally:
                await stores.close()

        return asyncio.run(run())

    def blobs(self, pair: Pair) -> list[Blob]:
        def work(tables: Tables) -> list[Blob]:
            return [blob for lot in lots(tables, pair) for blob in tables.sealed.page(lot.place, lot.head, FIRST, 999)]

        return list(self.note(work))

    def rotate(self, pair: Pair = VAULT, *, steps: int = 999) -> dict[str, Any]:
        """Killed after so many steps."""
        said: list[str] = []

        def say(sentence: str) -> None:
            said.append(sentence)
            if len(said) >= steps:
                raise Killed

        return asyncio.run(Rotation(self.settings, pair, say).run())

    def opens(self, pair: Pair = VAULT) -> int:
        """How many blobs open, each with the material that was sealed; any that does not is an error."""
        opening = Opening(*private_keys(self.keys, os.environ, pair))
        blobs = self.blobs(pair)
        for blob in blobs:
            before = " before" if blob.place is Place.CALLBACK_PREVIOUS else ""
            assert opening.open(blob.sealed, blob.label).reveal() == f"{blob.id}{before}".encode()
        return len(blobs)

    def heads(self, pair: Pair = VAULT) -> set[bytes]:
        return {blob.sealed[:12] for blob in self.blobs(pair)}


@pytest.fixture(params=("sqlite", "postgres"))
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    for pair in (VAULT, CALLBACKS):
        for variable in pair.variables:
            monkeypatch.delenv(variable, raising=False)
    store = postgres_server.fresh_database(migrated=False) if request.param == "postgres" else ""
    return House(Settings.model_validate({"data": tmp_path / "data", "store": store}))


@pytest.fixture
def small(tmp_path: Path) -> House:
    """Over SQLite."""
    return House(Settings.model_validate({"data": tmp_path / "data", "store": ""}))


@pytest.mark.parametrize("pair", PLACES, ids=lambda pair: pair.name)
def test_a_rotation_killed_after_any_step_leaves_everything_open_and_goes_on_when_asked_again(
    house: House, pair: Pair
) -> None:
    before, count = house.heads(pair), house.opens(pair)
    for steps in range(1, 9):
        with contextlib.suppress(Killed):
            house.rotate(pair, steps=steps)
            break  # it came to its end
        assert house.opens(pair) == count
        assert parted(house.keys, {}, pair) == "", "a start in the middle of it is not refused"
        bird = Sealing(lambda: public_key(house.keys, pair)).seal(Secret(b"bird"), "bird")
        assert Opening(*private_keys(house.keys, {}, pair)).open(bird, "bird") == Secret(b"bird")
    else:
        pytest.fail("it never came to its end")
    assert house.opens(pair) == count
    assert house.heads(pair) == {head_of(public_key(house.keys, pair))}
    assert house.heads(pair).isdisjoint(before)
    assert len(private_keys(house.keys, {}, pair)) == 1


def test_a_rotation_says_what_it_did_and_the_published_configuration_is_sealed_anew_too(house: House) -> None:
    old = house.heads()
    done = house.rotate()
    assert done["sealed_anew"] == {"credential": COUNT, "certificate request": 1}
    assert (done["spoilt"], done["sealed_to_other_keys"], done["not_confirmed"], done["source"]) == ([], [], [], "")
    snapshot = house.note(lambda tables: tables.snapshots.get())
    assert {one.sealed[:12] for one in snapshot.credentials.values()}.isdisjoint(old)
    assert snapshot.credentials
    row = house.note(lambda tables: tables.audit.after("", 0, 99)[-1])
    assert json.loads(row.body)["action"] == "vault.rotate"
    assert json.loads(row.body)["after"] == {"key": done["key"], "before": done["before"]}
    assert house.rotate()["before"] == [done["key"]], "another one begins from there"


def test_what_is_sealed_to_the_old_key_while_it_runs_is_sealed_anew_as_well(small: House) -> None:
    late = small.seal(VAULT, "late", "acme|shop|late|1")  # by a request that is slow to commit
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("certificate request"):
            small_note.append(lambda tables: small.add(tables, "late", late))

    small_note: list[Any] = []

    class Slow(Rotation):
        async def _left(self, catalog: Any, newest: bytes, older: list[bytes]) -> bool:
            while small_note:
                await catalog.note(small_note.pop())
            return await super()._left(catalog, newest, older)

    done = asyncio.run(Slow(small.settings, VAULT, say).run())
    assert done["sealed_anew"]["credential"] == COUNT + 1
    assert small.opens() == COUNT + 2
    assert small.heads() == {head_of(public_key(small.keys))}


def test_the_old_key_is_put_aside_and_a_backup_made_before_opens_with_it(small: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    taken = take(small.settings, copy, with_keys=False)
    done = small.rotate()
    (aside,) = done["aside"]
    assert taken["sealed_to"]["vault.key"] == done["before"]
    assert Path(aside).name == f"vault-{done['before'][0]}.key"
    assert Path(aside).stat().st_mode & 0o777 == 0o600
    other = Settings.model_validate({"data": tmp_path / "other", "store": ""})
    put_back(other, copy)
    assert Path(aside).name in parted(other.keys, {}), "the sentence names the file that is missing"
    VAULT.file(other.keys).parent.mkdir()
    shutil.copy2(aside, VAULT.file(other.keys))
    assert parted(other.keys, {}) == ""
    restored = object.__new__(House)
    restored.settings, restored.keys = other, other.keys
    assert restored.opens() == COUNT + 1


def test_a_backup_with_keys_opens_the_secrets_of_authenticators(small: House, tmp_path: Path) -> None:
    sealed = chest_of(small.keys).seal(b"secret", "totp|dana")
    for with_keys in (False, True):
        other = Settings.model_validate({"data": tmp_path / f"other-{with_keys}", "store": ""})
        take(small.settings, tmp_path / f"copy-{with_keys}", with_keys=with_keys)
        put_back(other, tmp_path / f"copy-{with_keys}")
        assert (other.keys / "console.key").exists() is with_keys
    assert chest_of(other.keys).open(sealed, "totp|dana") == b"secret"
    assert (other.keys / "console.key").stat().st_mode & 0o777 == 0o600
    for label, text in (("totp|omar", sealed), ("totp|dana", sealed[:-1] + b"x"), ("totp|dana", b"")):
        with pytest.raises(VaultRefused, match=r"console\.key"):
            chest_of(small.keys).open(text, label)


def test_spoilt_blobs_and_those_of_a_lost_key_are_named_and_hold_nothing_up(small: House) -> None:
    lost = Sealing(X25519PrivateKey.generate().public_key).seal(Secret(b"x"), "acme|shop|lost|1")
    bent = small.seal(VAULT, "bent", "another label")
    small.note(lambda tables: [small.add(tables, "lost", lost), small.add(tables, "bent", bent)])
    done = small.rotate()
    assert done["sealed_anew"]["credential"] == COUNT
    assert done["spoilt"] == ["credential acme/shop/bent"]
    assert len(done["sealed_to_other_keys"]) == 1 and "acme/shop" in done["sealed_to_other_keys"][0]
    assert len(private_keys(small.keys, {})) == 1


def test_a_dry_run_says_what_would_be_done_and_does_nothing(small: House) -> None:
    files = {path: path.read_bytes() for path in small.keys.rglob("*") if path.is_file()}
    told = asyncio.run(plan(small.settings, VAULT))
    assert told["would_seal_anew"] == {"credential": COUNT, "certificate request": 1}
    assert (told["under_way"], told["told"]) == (False, [])
    assert {path: path.read_bytes() for path in small.keys.rglob("*") if path.is_file()} == files
    with contextlib.suppress(Killed):
        small.rotate(steps=1)
    assert asyncio.run(plan(small.settings, VAULT))["under_way"] is True


@pytest.mark.parametrize("end", ["_FILE", "_COMMAND", ""])
def test_a_key_from_elsewhere_is_rotated_once_the_new_one_stands_there_before_the_old(
    small: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    VAULT.file(small.keys).rename(elsewhere)

    def name() -> None:
        value = {"_FILE": str(elsewhere), "_COMMAND": f"cat {elsewhere}", "": elsewhere.read_text()}[end]
        monkeypatch.setenv(VAULT.variable + end, value)

    name()
    with pytest.raises(VaultRefused, match=f"comes from {VAULT.variable}{end}: put a new one before it"):
        small.rotate()
    fresh = X25519PrivateKey.generate()
    elsewhere.write_bytes(pem_of(fresh) + elsewhere.read_bytes())
    name()
    done = small.rotate()
    assert (done["source"], done["aside"]) == (VAULT.variable + end, [])
    assert small.heads() == {head_of(fresh.public_key())}
    assert small.opens() == COUNT + 1
    assert not VAULT.file(small.keys).exists(), "a key that lies elsewhere is written nowhere"


def test_two_at_once_are_refused_and_so_is_a_backup_in_between(small: House, tmp_path: Path) -> None:
    with alone(small.keys, VAULT):
        with pytest.raises(Turning):
            small.rotate()
        with pytest.raises(Turning):
            take(small.settings, tmp_path / "copy", with_keys=False)
        small.rotate(CALLBACKS)
    small.rotate()


def test_nothing_is_sealed_to_a_key_that_a_running_sender_has_not_got(small: House) -> None:
    old = small.heads()

    async def beside(handler: Any) -> dict[str, Any]:
        server = RingServer(small.settings.run, "sender-urgent", {"vault": handler})
        await server.start()
        try:
            return await Rotation(small.settings, VAULT, lambda _: None).run()
        finally:
            await server.close()

    stays = Opening(*private_keys(small.keys, {}))

    async def deaf(request: dict[str, Any]) -> dict[str, Any]:
        return {"heads": [head.hex() for head in stays.heads], "digests": [""]}

    async def broken(request: dict[str, Any]) -> dict[str, Any]:
        return {"says": "The command in PUSHWARDEN_VAULT_KEY_COMMAND failed; run it by hand to see why."}

    for handler in (deaf, broken):
        with pytest.raises(NotEveryone, match="sender-urgent does not open with the new key"):
            asyncio.run(beside(handler))
        assert {head_of(public_key(small.keys))} == old == small.heads()
    done = asyncio.run(beside(Holder(small.settings, VAULT).answer))
    assert done["not_confirmed"] == []
    assert small.opens() == COUNT + 1
    assert small.heads().isdisjoint(old)
