"""Which credential sends: activated, switched back, enabled and disabled, by people who are told what it means."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pushwarden.control.api.credential_views import CredentialView, view_of
from pushwarden.control.api.fields import Request, Version
from pushwarden.control.api.kept import all_of, beside, one_of, store
from pushwarden.control.consequences import Consequence, Plan
from pushwarden.control.proofs import waken
from pushwarden.control.services import Services
from pushwarden.core import slots
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.device import Audience
from pushwarden.core.errors import ConfirmationNeeded, InUse, Invalid, UnusableCredential
from pushwarden.core.health import ends_at
from pushwarden.core.principal import Permission
from pushwarden.core.slots import TABLE, Step
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web import body
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route


class Switch(Request):
    """version: the one you read; a change by someone else meanwhile is then a conflict."""

    version: Version | UnsetType = UNSET


class Activation(Switch):
    """slot: another one than its own, as for a universal certificate that is to be used for calls alone.

    confirm: consequences that you were told and want.
    """

    slot: str | UnsetType = UNSET
    confirm: tuple[Literal["topics", "team", "project", "unproven"], ...] = ()


class CredentialChange(Request):
    version: Version
    enabled: bool


class Switched(CredentialView, kw_only=True):
    """done: false for a dry run. replaced: who was active. consequences: what it means, and for how many devices."""

    done: bool
    replaced: str
    consequences: list[Consequence]


_SWITCH = msgspec.json.Decoder(Switch)
_ACTIVATION = msgspec.json.Decoder(Activation)
_CHANGE = msgspec.json.Decoder(CredentialChange)


@dataclass(frozen=True, slots=True)
class Decision:
    """rows: all of the slot as they are to be stored, in this order; the last one is active then."""

    rows: Sequence[Credential]
    replaced: str
    consequences: list[Consequence]

    def view(self, *, done: bool) -> Switched:
        seen = msgspec.structs.asdict(view_of(self.rows[-1]))
        return Switched(**seen, done=done, replaced=self.replaced, consequences=self.consequences)


class Switching:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def activate(self, call: Call) -> Answer:
        wanted = body.decode(_ACTIVATION, await call.read() or b"{}")
        return await self._switch(call, Step.ACTIVATE, wanted)

    async def switch_back(self, call: Call) -> Answer:
        """To what was in effect within the week: its consequences are told, and nothing is asked."""
        wanted = body.decode(_SWITCH, await call.read() or b"{}")
        return await self._switch(call, Step.SWITCH_BACK, wanted)

    async def change(self, call: Call) -> Answer:
        wanted, now_ms = await call.json(_CHANGE), self._services.clock.now_ms()
        entry = call.entry("credential.change", now_ms)

        def work(tables: Tables) -> Changed[CredentialView]:
            before = one_of(tables, call, wanted.version)
            if before.state is CredentialState.RETIRED:
                raise InUse("This credential is retired and its material destroyed; upload the file again.")
            rows = slots.revised([*beside(tables, call, before), replace(before, enabled=wanted.enabled)])
            store(tables, rows, entry)
            if wanted.enabled and not before.enabled:
                waken(tables, rows[-1], call.principal.id, now_ms, stopped=self._services.stopped(call.where))
            return Changed(view_of(rows[-1]), before.id, {"enabled": before.enabled}, {"enabled": wanted.enabled})

        return Answer(await self._services.catalog.change(entry, work))

    async def _switch(self, call: Call, step: Step, wanted: Switch) -> Answer:
        dry, now_ms = call.flag("dry_run"), self._services.clock.now_ms()
        audiences = await self._services.audiences(call.where)
        catalog, entry = self._services.catalog, call.entry(f"credential.{step}", now_ms)

        def decided(tables: Tables) -> Decision:
            return self._decided(tables, call, step, wanted, audiences)

        def work(tables: Tables) -> Changed[Switched]:
            decision = decided(tables)
            if isinstance(wanted, Activation):
                _confirmed(decision.consequences, wanted.confirm)
            store(tables, decision.rows, entry)
            done = decision.view(done=True)
            before = {"active": decision.replaced, "state": TABLE[step][0]}
            return Changed(done, done.id, before, {"active": done.id, "previous": decision.replaced, "slot": done.slot})

        if dry:
            return Answer((await catalog.read(decided)).view(done=False))
        return Answer(await catalog.change(entry, work))

    def _decided(
        self, tables: Tables, call: Call, step: Step, wanted: Switch, audiences: Sequence[Audience]
    ) -> Decision:
        chosen = one_of(tables, call, None if wanted.version is UNSET else wanted.version)
        facts, now_ms = self._services.providers[chosen.provider].facts, self._services.clock.now_ms()
        slot = wanted.slot if isinstance(wanted, Activation) and wanted.slot is not UNSET else chosen.slot
        if slot and slot not in facts.slots:
            raise Invalid(f"There is no such slot for {facts.name}; there are {_named(facts.slots)}.", field="slot")
        _may(chosen, step, now_ms)
        kept = all_of(tables, call.where)
        health = tables.healths.get(chosen.organisation, chosen.id)
        plan = Plan(kept, chosen, slot, facts, audiences, health, now_ms)
        active = (one.id for one in slots.members(kept, chosen.provider, slot) if one.state is CredentialState.ACTIVE)
        return Decision(slots.switched(kept, chosen, slot, now_ms), next(active, ""), plan.consequences())


def _named(known: Collection[str]) -> str:
    return ", ".join(["the main one, which is empty", *known])


def _may(chosen: Credential, step: Step, now_ms: int) -> None:
    needed = TABLE[step][0]
    if chosen.state is not needed:
        raise InUse(f"This credential is {chosen.state}; that can be done with one that is {needed}.")
    if not chosen.enabled:
        raise InUse("This credential is disabled; enable it first.")
    if 0 < ends_at(chosen) <= now_ms:
        raise UnusableCredential("Its certificate has ended; upload a renewed one and activate that.")


def _confirmed(consequences: Sequence[Consequence], confirmed: Collection[str]) -> None:
    left = [one for one in consequences if one.what not in confirmed]
    if left:
        words = list(dict.fromkeys(one.what for one in left))
        said = " ".join(one.sentence for one in left)
        detail = f"{said} To do it nevertheless send `confirm` with {' and '.join(words)}."
        raise ConfirmationNeeded(detail, confirm=words, consequences=left)


def routes(services: Services) -> tuple[Route, ...]:
    switching, one = Switching(services), "/v1/apps/{app}/{env}/credentials/{credential}"
    write = Permission.CREDENTIAL_WRITE
    return (
        route("POST", one + "/activate", switching.activate, permission=write, action="credential.activate",
              summary="Send with it from now on; the one before stays as `previous` for a week.",
              shape=Shape(Activation, Switched, query=("dry_run",))),
        route("POST", one + "/switch-back", switching.switch_back, permission=write, action="credential.switch_back",
              summary="Send with a previous one again.", shape=Shape(Switch, Switched, query=("dry_run",))),
        route("PATCH", one, switching.change, permission=write, action="credential.change",
              summary="Enable it, or disable it: its pushes wait then.", shape=Shape(CredentialChange, CredentialView)),
    )  # fmt: skip
