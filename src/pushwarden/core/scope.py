"""What a stop, a permission or an audit row can be about: from the whole installation down to one push."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Environment(StrEnum):
    """Where an app's pushes go. `simulated` can reach only simulators."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    SIMULATED = "simulated"


class ScopeKind(StrEnum):
    INSTALLATION = "installation"
    ORGANISATION = "organisation"
    APP = "app"
    ENVIRONMENT = "environment"
    SCHEDULE = "schedule"
    COHORT = "cohort"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Scope:
    """A place in the tree installation > organisation > app > environment > {schedule, cohort, push}.

    Empty fields mean "all of them". `id` names the schedule, cohort or push.
    """

    organisation: str = ""
    app: str = ""
    environment: Environment | None = None
    schedule: str = ""
    cohort: str = ""
    push: str = ""

    @property
    def kind(self) -> ScopeKind:
        if self.push:
            return ScopeKind.PUSH
        if self.cohort:
            return ScopeKind.COHORT
        if self.schedule:
            return ScopeKind.SCHEDULE
        if self.environment:
            return ScopeKind.ENVIRONMENT
        if self.app:
            return ScopeKind.APP
        return ScopeKind.ORGANISATION if self.organisation else ScopeKind.INSTALLATION

    @property
    def key(self) -> str:
        """Six fields joined by `/`, for example `acme/shop/production///`; the installation is `/////`."""
        return "/".join((self.organisation, self.app, self.environment or "", self.schedule, self.cohort, self.push))

    @classmethod
    def parse(cls, key: str) -> Scope:
        """The reverse of `key`. ValueError when it has not six fields."""
        organisation, app, environment, schedule, cohort, push = key.split("/")
        return cls(organisation, app, Environment(environment) if environment else None, schedule, cohort, push)

    def covers(self, other: Scope) -> bool:
        """True when every field this scope names has the same value in `other`."""
        return (
            self.organisation in ("", other.organisation)
            and self.app in ("", other.app)
            and self.environment in (None, other.environment)
            and self.schedule in ("", other.schedule)
            and self.cohort in ("", other.cohort)
            and self.push in ("", other.push)
        )

    def __str__(self) -> str:
        named = [part for part in (self.organisation, self.app, self.environment, self.schedule, self.cohort) if part]
        return " ".join([self.kind, "/".join(named)]).strip() + (f" {self.push}" if self.push else "")
