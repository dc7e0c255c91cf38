"""What `plan` needs to know of the devices: two questions to their store at most, the second one remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pushwarden.core.device import Audience
from pushwarden.core.errors import Invalid
from pushwarden.core.push import Push
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.parse import Kind, Parsed
from pushwarden.dataplane.intake.plan import Plan, plan_list, plan_range, plan_tokens, token_kind
from pushwarden.ports.devices import Devices


class Recipients:
    """Asks the devices store who is meant."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: dict[int, Audience] = {}

    async def plan(self, push: Push, parsed: Parsed, where: Scope, providers: frozenset[str]) -> Plan:
        """Shards for the push's target, of the providers that can be sent to."""
        target, kind = parsed.target, token_kind(parsed)
        match target.kind:
            case Kind.TOKENS:
                if target.provider not in providers:
                    raise Invalid(
                        f"There is no active credential for the provider {target.provider[:64]} here.",
                        field="to.provider",
                    )
                return plan_tokens(push, target)
            case Kind.TAGS | Kind.ALL:
                audiences = await self._devices.audiences(where)
                return plan_range(push, [one for one in audiences if one.token_kind == kind], providers)
            case Kind.USER | Kind.USERS:
                found = await self._devices.find(where, users=target.names, token_kind=kind)
            case Kind.DEVICE:
                found = await self._devices.find(where, installations=target.names, token_kind=kind)
        return plan_list(push, found, await self.audiences(where, found), providers)

    async def audiences(self, where: Scope, ids: Iterable[int]) -> Mapping[int, Audience]:
        """Audiences by id. What an audience stands for never changes, so it is asked for once; its sizes may be old."""
        if any(audience not in self._known for audience in ids):
            self._known |= {audience.id: audience for audience in await self._devices.audiences(where)}
        return self._known
