"""Asking the devices store who is meant by a push. Users are asked for together, audiences once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pushwarden.core.device import Audience
from pushwarden.core.errors import Invalid, PushwardenError
from pushwarden.core.push import Push
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.parse import Kind, Parsed
from pushwarden.dataplane.intake.plan import Plan, plan_list, plan_range, plan_tokens, token_kind
from pushwarden.ports.devices import Devices

_Found = Mapping[str, Mapping[int, Sequence[int]]]
_NOBODY: Mapping[int, Sequence[int]] = {}


@dataclass(frozen=True, slots=True)
class Meant:
    """A push and whom its request names. slots: provider that can be sent to → the slot it goes by there.

    only_tests: why of its devices only those marked as test get it, raised when there are none.
    """

    push: Push
    parsed: Parsed
    where: Scope
    slots: Mapping[str, str]
    only_tests: PushwardenError | None = None


class Recipients:
    """Asks the devices store who is meant."""

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self._known: dict[int, Audience] = {}

    async def plan_each(self, meant: Sequence[Meant]) -> list[Plan | PushwardenError]:
        """Shards for each push's target, in order. All that name a single user are looked up together."""
        users: dict[tuple[Scope, str], list[str]] = {}
        for one in meant:
            if one.parsed.target.kind is Kind.USER:
                users.setdefault((one.where, token_kind(one.parsed)), []).append(one.parsed.target.names[0])
        found = {(where, kind): await self._find_each(where, kind, names) for (where, kind), names in users.items()}
        return [await self._plan(one, found) for one in meant]

    async def _find_each(self, where: Scope, kind: str, users: Sequence[str]) -> _Found | PushwardenError:
        try:
            return await self.devices.find_each(where, users, kind)
        except PushwardenError as error:
            return error

    async def _plan(
        self, meant: Meant, found: Mapping[tuple[Scope, str], _Found | PushwardenError]
    ) -> Plan | PushwardenError:
        try:
            if meant.parsed.target.kind is not Kind.USER:
                return await self._plan_other(meant)
            named = found[meant.where, token_kind(meant.parsed)]
            if isinstance(named, PushwardenError):
                return named
            return await self._listed(meant, named.get(meant.parsed.target.names[0], _NOBODY))
        except PushwardenError as error:
            return error

    async def _plan_other(self, meant: Meant) -> Plan:
        where, target, kind = meant.where, meant.parsed.target, token_kind(meant.parsed)
        match target.kind:
            case Kind.TOKENS | Kind.TOPIC | Kind.CONDITION:
                if target.provider not in meant.slots:
                    raise Invalid(
                        f"There is no active credential of {target.provider[:64]} here for {meant.push.type} pushes.",
                        field="to.provider" if target.kind is Kind.TOKENS else "to",
                    )
                return plan_tokens(meant.push, target, meant.slots)
            case Kind.TAGS | Kind.ALL:
                audiences = await self.devices.audiences(where)
                return plan_range(meant.push, [one for one in audiences if one.token_kind == kind], meant.slots)
            case Kind.USER | Kind.USERS:
                found = await self.devices.find(where, users=target.names, token_kind=kind)
            case Kind.DEVICE:
                found = await self.devices.find(where, installations=target.names, token_kind=kind)
        return await self._listed(meant, found)

    async def _listed(self, meant: Meant, found: Mapping[int, Sequence[int]]) -> Plan:
        audiences = await self.audiences(meant.where, found)
        if meant.parsed.request.credential:
            its = {audience: seqs for audience, seqs in found.items() if audiences[audience].provider in meant.slots}
            found = await self._test_devices(its)
            if not found:
                raise Invalid('None of these devices is a test device; register one with `"test": true`.', field="to")
        elif meant.only_tests is not None:
            found = await self._test_devices(found)
            if not found:
                raise meant.only_tests
        return plan_list(meant.push, found, audiences, meant.slots)

    async def _test_devices(self, found: Mapping[int, Sequence[int]]) -> Mapping[int, Sequence[int]]:
        """Those of them that are marked as such."""
        tests: dict[int, Sequence[int]] = {}
        for audience, seqs in found.items():
            rows = await self.devices.pick(audience, seqs, ("test",))
            marked = [seq for seq, test in zip(rows.seqs, rows.values["test"], strict=True) if test == "1"]
            tests |= {audience: marked} if marked else {}
        return tests

    async def audiences(self, where: Scope, ids: Iterable[int]) -> Mapping[int, Audience]:
        """Audiences by id. What an audience stands for never changes, so it is asked for once; its sizes may be old."""
        if any(audience not in self._known for audience in ids):
            self._known |= {audience.id: audience for audience in await self.devices.audiences(where)}
        return self._known
