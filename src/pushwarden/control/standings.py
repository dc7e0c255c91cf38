"""How credentials stand, with the words for it: for views, notices and the calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pushwarden.core.app import App, Credential, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.device import Audience
from pushwarden.core.health import DAY_MS, Health, Record, Standing, ends_at, record_of, standing
from pushwarden.core.lane import Lane
from pushwarden.core.names import called
from pushwarden.core.notice import silenced
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Tables
from pushwarden.providers.dates import date_of, weekday_of

URGENCY = (
    Health.FAILING, Health.ATTENTION, Health.UNPROVEN, Health.VERIFYING, Health.DISABLED, Health.ACTIVE, Health.READY,
    Health.RETIRED,
)  # fmt: skip
"""What a person should look at first."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A credential with what is kept of it and how it stands now. active: those of all its lane's slots."""

    app: App
    credential: Credential
    record: Record
    standing: Standing
    active: tuple[Credential, ...] = ()

    @property
    def where(self) -> Scope:
        return Scope(self.credential.organisation, self.credential.app, self.credential.environment)

    @property
    def chosen(self) -> bool:
        """Whether it is its slot's, on or off."""
        return self.credential.state is CredentialState.ACTIVE

    @property
    def in_use(self) -> bool:
        """Whether pushes wait, or go, for this one."""
        return self.chosen and self.credential.enabled

    def checks(self, now_ms: int) -> tuple[Check, ...]:
        """Why it stands so; empty when there is nothing to say."""
        match self.standing.reason:
            case "":
                return ()
            case "cert.expires":
                return (ending(self.credential, now_ms),)
            case "cert.expired":
                return (ended(self.credential, now_ms),)
            case "live.no_sender" if not self.record.checks:
                return (Check.of("live.no_sender", provider=people(self.credential)),)
            case _:
                return self.record.checks

    def devices(self, audiences: Sequence[Audience]) -> int:
        """How many nothing would reach without it; 0 for one that is not in use."""
        return silenced(self.credential, self.active, audiences) if self.in_use else 0

    @property
    def urgency(self) -> tuple[int, bool, int, str]:
        """A sort key: the worst first, then what ends first."""
        ends = ends_at(self.credential)
        return URGENCY.index(self.standing.health), not ends, ends, self.credential.id


def stands(tables: Tables, now_ms: int, organisation: str = "") -> list[Stand]:
    """Every credential of the organisation, or of all."""
    apps = {(app.organisation, app.id): app for app in tables.apps.all(organisation)}
    records = {(one.organisation, one.credential): one for one in tables.healths.all(organisation)}
    kept = [one for one in tables.credentials.in_state(*CredentialState) if (one.organisation, one.app) in apps]
    return _stands(apps, records, kept, now_ms)


def stands_of(tables: Tables, now_ms: int, app: App, environment: Environment) -> list[Stand]:
    """Those of one environment, however many there are elsewhere."""
    kept = tables.credentials.of(app.organisation, app.id, environment)
    found = [tables.healths.get(app.organisation, one.id) for one in kept]
    records = {(one.organisation, one.credential): one for one in found if one is not None}
    return _stands({(app.organisation, app.id): app}, records, kept, now_ms)


def _stands(
    apps: Mapping[tuple[str, str], App],
    records: Mapping[tuple[str, str], Record],
    kept: Sequence[Credential],
    now_ms: int,
) -> list[Stand]:
    lanes: dict[tuple[str, ...], list[Credential]] = {}
    for one in kept:
        if one.state is CredentialState.ACTIVE:
            lanes.setdefault(lane_of(one), []).append(one)

    def stand(one: Credential) -> Stand:
        record = records.get((one.organisation, one.id)) or record_of(one)
        active = tuple(lanes.get(lane_of(one), ()))
        return Stand(apps[one.organisation, one.app], one, record, standing(one, record, now_ms), active)

    return [stand(one) for one in kept]


def lane_of(one: Credential | Lane) -> tuple[str, ...]:
    """What its slots have in common."""
    return one.organisation, one.app, one.environment, one.provider


def ending(credential: Credential, now_ms: int) -> Check:
    ends = ends_at(credential)
    return Check.of("cert.expires", n=-(-(ends - now_ms) // DAY_MS), date=date_of(ends), weekday=weekday_of(ends))


def ended(credential: Credential, now_ms: int, held: int = 0) -> Check:
    ends = ends_at(credential)
    return Check.of("cert.expired", n=(now_ms - ends) // DAY_MS, date=date_of(ends), held=held or None)


def people(credential: Credential) -> str:
    """Whose credential it is, as people call them."""
    return called(credential.provider)
