"""Which scope a form names, as one word: `shop/production`, `shop/` for all of an app, `/` for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.core.app import App
from pushwarden.core.errors import Invalid
from pushwarden.core.scope import Environment, Scope

EVERYTHING = "installation"


@dataclass(frozen=True, slots=True)
class Target:
    """installation: more than an organisation's own; stopped by the command line, resumed by whoever may."""

    app: str = ""
    environment: str = ""
    installation: bool = False

    @classmethod
    def of(cls, word: str) -> Target:
        """Invalid when it is no such word."""
        if word == EVERYTHING:
            return cls(installation=True)
        app, _, environment = word.partition("/")
        if environment and environment not in Environment.__members__.values():
            raise Invalid("The environment is production, sandbox or simulated.", field="target")
        return cls(app, environment)

    @classmethod
    def about(cls, scope: Scope) -> Target:
        """Of a page's address."""
        return cls(scope.app, str(scope.environment or ""))

    @property
    def word(self) -> str:
        return EVERYTHING if self.installation else f"{self.app}/{self.environment}"

    @property
    def asked(self) -> dict[str, str | bool]:
        """As the API is asked."""
        named: dict[str, str | bool] = {
            "app": self.app,
            "environment": self.environment,
            "installation": self.installation,
        }
        return {name: value for name, value in named.items() if value}

    def scope(self, organisation: str) -> Scope:
        if self.installation:
            return Scope()
        return Scope(organisation, self.app, Environment(self.environment) if self.environment else None)

    def same(self, one: object) -> bool:
        """Whether a stop or a ramp, as the API lists it, is of exactly this scope."""
        fields = [getattr(one, name, "") for name in ("organisation", "app", "environment", "schedule", "cohort")]
        if self.installation:
            return not any(fields)
        return bool(fields[0]) and fields[1:] == [self.app, self.environment, "", ""]


def named(one: object) -> Target:
    """The target of a stop or a ramp, as the API lists it."""
    found = Target(str(getattr(one, "app", "")), str(getattr(one, "environment", "")))
    return found if getattr(one, "organisation", "") else Target(installation=True)


def unique(targets: Iterable[Target]) -> list[Target]:
    """In their order, each once."""
    return list(dict.fromkeys(targets))


def reach(one: Any, organisations: Mapping[str, str], apps: Sequence[App]) -> str:
    """How far a role, a key or a scope reaches, in words. organisations: those the reader may see, id → name."""
    if not one.organisation:
        return "every organisation"
    if not one.app:
        return whole(one.organisation, organisations)
    name = next((app.name for app in apps if app.id == one.app), one.app)
    return f"{name}, {one.environment.capitalize()}" if one.environment else name


def whole(organisation: str, organisations: Mapping[str, str]) -> str:
    """All of an organisation; who sees a single one need not read its name."""
    return f"all of {organisations.get(organisation, organisation)}" if len(organisations) > 1 else "everywhere"
