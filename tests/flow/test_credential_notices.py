"""Notices as people and backends get them: mails through a real server, callbacks' items, audit rows. Each once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cast import HeldClock
from mail_fixtures import MailBox
from pushwarden.adapters.egress.smtp import SmtpMailer
from pushwarden.adapters.health import CatalogHealths
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.control.notices import LOOK_MS, Notices
from pushwarden.control.postman import Postman
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback, Event
from pushwarden.core.check import Check
from pushwarden.core.device import Device
from pushwarden.core.health import DAY_MS
from pushwarden.core.health import Event as Word
from pushwarden.core.mail import server_of
from pushwarden.core.notice import CALM_MS
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.callbacks.sources import Audited, Found
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Changed, Tables

NOW = 1_800_000_000_000
ENDS = NOW + 90 * DAY_MS
PRODUCTION = Scope("acme", "shop", Environment.PRODUCTION)
CERTIFICATE = Credential(
    "acme", "shop", Environment.PRODUCTION, "cert1", "apns", CredentialKind.APNS_CERTIFICATE, CredentialState.ACTIVE,
    "SHA256:aa", {"not_after": ENDS},
)  # fmt: skip
REFUSED = Check("run.refused_rate", "failed", "Apple started refusing pushes at 13:58 UTC", "9 of 9.", "Switch back")


@dataclass
class House:
    """Chores' notices over a catalog in memory. lanes: what waits in the journal."""

    contacts: tuple[str, ...] = ()
    mails: bool = True
    lanes: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock, self.catalog, self.devices = HeldClock(NOW), MemoryCatalog(), MemoryDevices()
        self.notices = Notices(
            self.catalog, self.clock, self.devices.audiences, self.backlog, self.contacts, mails=self.mails
        )
        self.healths = CatalogHealths(self.catalog, "sender-normal")

    async def backlog(self) -> Sequence[Mapping[str, Any]]:
        return self.lanes

    async def enter(self, *credentials: Credential, **fields: Any) -> None:
        app = App("acme", "shop", "Shop", **{"contacts": ("ada@acme.example",), **fields})

        def work(tables: Tables) -> Changed[None]:
            tables.apps.insert(app)
            for credential in credentials or (CERTIFICATE,):
                tables.credentials.insert(credential)
            return Changed(None)

        await self.catalog.change(AuditEntry(NOW, "alice", "app.create", Scope("acme", "shop")), work)
        fleet = [Device(f"p{number}", "apns", f"{number:064x}") for number in range(1234)]
        await self.devices.register(PRODUCTION, fleet, NOW)

    async def at(self, ms: int) -> None:
        self.clock.ms = ms
        await self.notices.look()

    async def told(self) -> list[Any]:
        """The audit rows of what was told, oldest first."""
        query = AuditQuery("acme", action="credential.")
        rows = await self.catalog.read(lambda tables: tables.audit.page(query))
        said = [json.loads(row.body) for row in reversed(rows)]
        return [one for one in said if one["action"] != "credential.health"]

    async def mailed(self) -> list[tuple[str, str]]:
        kept = await self.catalog.read(lambda tables: tables.mails.all())
        return [(mail.recipient, mail.subject) for mail in kept]


def run(scene: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(scene)


def test_a_certificate_is_told_of_at_each_threshold_once_with_its_devices() -> None:
    async def scene() -> None:
        house = House()
        await house.enter()
        for days in range(90, -3, -1):
            for hour in range(0, 24, 6):
                await house.at(ENDS - days * DAY_MS + hour * 3_600_000)
        told = await house.told()
        assert [one["action"] for one in told] == ["credential.expires"] * 6 + ["credential.expired"]
        assert [(one["at"] - ENDS) // DAY_MS for one in told] == [-60, -30, -14, -7, -3, -1, 0]
        assert {one["after"]["devices"] for one in told} == {1234}
        assert [one["after"]["reason"] for one in told[-2:]] == ["cert.expires", "cert.expired"]
        subjects = [subject for _, subject in await house.mailed()]
        assert subjects[0] == "Shop: the Apple certificate ends in 60 days (1,234 devices)"
        assert subjects[-2:] == [
            "Shop: the Apple certificate ends in 1 day (1,234 devices)",
            "Shop: the Apple certificate has ended (1,234 devices)",
        ]

    run(scene())


def test_after_a_long_downtime_one_notice_comes_and_not_all() -> None:
    async def scene() -> None:
        house = House()
        await house.enter()
        await house.at(ENDS - 2 * DAY_MS)
        await house.at(ENDS - 2 * DAY_MS + LOOK_MS)
        [told] = await house.told()
        assert told["after"]["title"] == "Expires in 2 days"

    run(scene())


def test_that_it_has_ended_is_not_told_as_a_refusal_too() -> None:
    async def scene() -> None:
        house = House()
        await house.enter()
        await house.healths.heard(CERTIFICATE, Word.REFUSED, ENDS, reason="cert.expired", checks=(REFUSED,))
        await house.at(ENDS)
        assert [one["action"] for one in await house.told()] == ["credential.expired"]

    run(scene())


def test_what_waits_is_counted_and_called_not_lost() -> None:
    async def scene() -> None:
        lane = {"lane": "acme/shop/production/apns/bulk", "recipients": 70, "state": "ready"}
        others = ("acme/shop/production/fcm/bulk", "acme/shop/sandbox/apns/bulk")
        house = House(lanes=[lane, *(lane | {"lane": other} for other in others)])
        await house.enter()
        await house.at(ENDS)
        [told] = await house.told()
        assert "70 pushes are held, not lost." in told["after"]["text"]
        [mail] = await house.catalog.read(lambda tables: tables.mails.all())
        assert "Waiting:       70 pushes, not lost\n" in mail.body

    run(scene())


def test_nothing_is_told_of_what_is_not_in_use_switched_off_or_without_an_end() -> None:
    async def scene() -> None:
        house = House()
        spare = replace(CERTIFICATE, id="spare", state=CredentialState.STANDBY, slot="voip")
        off = replace(CERTIFICATE, id="off", enabled=False, environment=Environment.SANDBOX)
        key = replace(CERTIFICATE, id="key", provider="fcm", facts={})
        await house.enter(spare, off, key)
        await house.at(ENDS)
        assert await house.told() == []

    run(scene())


def test_many_credentials_are_told_of_each_for_itself() -> None:
    async def scene() -> None:
        house = House()
        many = [
            replace(CERTIFICATE, id=f"c{n}", slot=f"s{n}", facts={"not_after": ENDS + n * DAY_MS}) for n in range(200)
        ]
        await house.enter(*many)
        await house.at(ENDS)
        told = await house.told()
        assert len(told) == 61
        assert {one["target"] for one in told if one["action"] == "credential.expired"} == {"c0"}
        await house.at(ENDS + LOOK_MS)
        assert len(await house.told()) == 61

    run(scene())


def test_refusals_are_told_at_once_and_their_end_when_it_lasted() -> None:
    async def scene() -> None:
        house = House()
        await house.enter(replace(CERTIFICATE, facts={}))
        await house.healths.heard(CERTIFICATE, Word.REFUSED, NOW, checks=(REFUSED,))
        await house.at(NOW + 1)
        await house.healths.proven(CERTIFICATE, NOW + 2)
        await house.at(NOW + 3)
        await house.healths.heard(CERTIFICATE, Word.REFUSED, NOW + 4, checks=(REFUSED,))
        await house.at(NOW + 5)
        assert [one["action"] for one in await house.told()] == ["credential.failing"]
        await house.healths.proven(CERTIFICATE, NOW + 6)
        await house.at(NOW + 1 + CALM_MS)
        [failing, well] = await house.told()
        assert (failing["after"]["title"], failing["after"]["reason"]) == (REFUSED.title, "run.refused_rate")
        assert (well["action"], well["after"]["reason"]) == ("credential.well", "run.well")
        assert [subject for _, subject in await house.mailed()] == [
            "Shop: Apple refuses the credential (1,234 devices)", "Shop: Apple takes pushes again"
        ]  # fmt: skip

    run(scene())


def test_the_apps_contacts_and_the_installations_get_one_mail_each_through_the_server(tmp_path: Path) -> None:
    async def scene(box: MailBox) -> None:
        house = House(contacts=("ops@host.example", "ada@acme.example"))
        await house.enter()
        await house.at(ENDS - 6 * DAY_MS)
        mailer = SmtpMailer(server_of(box.url()), "push@host.example", box.ca)
        postman = Postman(house.catalog, mailer, house.clock)
        await postman.step()
        assert sorted(mail["To"] for mail in box.mails) == ["ada@acme.example", "ops@host.example"]
        text = box.mails[0].get_content().replace("\r\n", "\n")
        assert text.startswith("Expires in 6 days. ")
        assert "Reached by it: 1,234 devices\n" in text
        assert "See:           pushwarden credentials health shop\n" in text
        assert await house.mailed() == []

    with MailBox(tmp_path).up() as box:
        run(scene(box))


def test_without_a_mail_server_no_mail_is_written_and_the_rest_is_told() -> None:
    async def scene() -> None:
        house = House(mails=False)
        await house.enter()
        await house.at(ENDS)
        assert await house.mailed() == []
        assert len(await house.told()) == 1

    run(scene())


def test_callbacks_are_told_by_the_notices_own_facts() -> None:
    async def scene() -> None:
        house = House()
        await house.enter()
        await house.at(ENDS - 3 * DAY_MS)
        hook = Callback("acme", "shop", "cb", "https://x.example", tuple(Event), created_at=NOW)
        source = Audited(house.catalog)
        found: Found = await source.read(hook, 0, ())
        assert found.kind is Event.CREDENTIAL_EXPIRES
        [item] = found.items
        assert (item["environment"], item["credential"], item["devices"]) == ("production", "cert1", 1234)
        assert item["not_after"].endswith("Z")
        assert (await source.read(hook, found.place, ())).items == []
        sandbox = replace(hook, environments=(Environment.SANDBOX,))
        assert (await source.read(sandbox, 0, ())).items == []

    run(scene())


def test_two_lookers_tell_it_once() -> None:
    async def scene() -> None:
        house = House()
        await house.enter()
        house.clock.ms = ENDS
        twin = Notices(house.catalog, house.clock, house.devices.audiences, house.backlog, mails=True)
        await asyncio.gather(house.notices.look(), twin.look())
        assert len(await house.told()) == 1

    run(scene())
