"""Places as a form names them: everything of the organisation, an app, one environment of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.places import whole
from pushwarden.control.console.visit import Visit
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope

INSTALLATION = "*"


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a select. group: the app's name, empty for what stands above all apps."""

    value: str
    word: str
    group: str = ""


async def places(visit: Visit) -> list[Choice]:
    """Where this person may give a role or make a key."""
    organisation, found = visit.visitor.organisation, []
    if visit.principal.may(Permission.PEOPLE_WRITE, Scope()):
        found.append(Choice(INSTALLATION, "Every organisation of this installation"))
    if visit.may(Permission.PEOPLE_WRITE, Scope(organisation)):
        names = {one.id: one.name for one in (await visit.api.get("/v1/organisations")).organisations}
        word = whole(organisation, names)
        found.append(Choice("", word[0].upper() + word[1:]))
    for app in (await visit.api.get("/v1/apps")).apps:
        if visit.may(Permission.PEOPLE_WRITE, Scope(organisation, app.id)):
            found.append(Choice(app.id, f"{app.name}, every environment", app.name))
        found += [
            Choice(f"{app.id}/{one}", f"{app.name}, {one.capitalize()}", app.name)
            for one in Environment
            if visit.may(Permission.PEOPLE_WRITE, Scope(organisation, app.id, one))
        ]
    return found


def place(value: str) -> dict[str, Any]:
    """What the API takes for a place of a form."""
    if value == INSTALLATION:
        return {"installation": True}
    app, _, environment = value.partition("/")
    return {name: part for name, part in (("app", app), ("environment", environment)) if part}


def role_at(role: str, value: str) -> dict[str, Any]:
    return {"role": role, **place(value)}


def kept(visit: Visit, roles: Sequence[Any]) -> list[dict[str, Any]]:
    """Roles as the API showed them, to be sent back; those in other organisations stay without being named."""
    return [role_at(one.role, value_of(one)) for one in roles if _here(visit, one)]


def value_of(role: Any) -> str:
    """A role's place as a form names it."""
    if not role.organisation:
        return INSTALLATION
    return f"{role.app}/{role.environment}" if role.environment else role.app


def may_give(visit: Visit, role: Any) -> bool:
    """Whether this person may take away what is shown, or give it back."""
    scope = Scope(role.organisation, role.app, Environment(role.environment) if role.environment else None)
    return _here(visit, role) and visit.may(Permission.PEOPLE_WRITE, scope)


def _here(visit: Visit, role: Any) -> bool:
    return role.organisation in ("", visit.visitor.organisation)
