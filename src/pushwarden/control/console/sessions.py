"""The console's visitors, out of the roll of those who are signed in."""

from __future__ import annotations

from pushwarden.control.console.visit import Visitor
from pushwarden.control.people.roll import Roll
from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.body import RawHeaders


class SignedIn:
    def __init__(self, roll: Roll) -> None:
        self._roll = roll

    def able(self, permission: Permission, where: Scope) -> list[str]:
        return self._roll.able(permission, where)

    def organisations(self, principal: Principal) -> dict[str, str]:
        return self._roll.organisations(principal)

    def lasts(self, headers: RawHeaders) -> bool:
        return self._roll.lasts(headers)

    def formerly(self, headers: RawHeaders) -> str:
        return self._roll.formerly(headers)

    def visitor(self, headers: RawHeaders, now_ms: int) -> Visitor | None:
        signed = self._roll.signed(headers)
        if signed is None:
            return None
        person, session = signed.person, signed.session
        return Visitor(
            signed.principal,
            person.name,
            signed.organisation,
            signed.csrf,
            session.fresh_until,
            session.id,
            person.theme,
            person.density,
            person.shortcuts,
        )
