"""Who may give whom which role, and who must stay. Decided before anything is written."""

from __future__ import annotations

from collections.abc import Iterable

from pushwarden.core.errors import Forbidden, InUse, Invalid
from pushwarden.core.person import Person
from pushwarden.core.principal import ROLES, Binding, Permission, Principal
from pushwarden.ports.catalog import Tables
from pushwarden.web.access import require


def may_change(principal: Principal, before: Iterable[Binding], after: Iterable[Binding]) -> None:
    """Forbidden or NotFound unless each role that comes or goes is within what the principal has itself."""
    for one in set(before) ^ set(after):
        require(principal, Permission.PEOPLE_WRITE, one.scope)
        if not all(principal.may(permission, one.scope) for permission in ROLES[one.role]):
            raise Forbidden(f"You cannot give or take the role {one.role} there: you have less yourself.")


def may_stand(tables: Tables, organisation: str, bindings: Iterable[Binding]) -> None:
    """Invalid where a role is for what is not there, or not of the person's organisation."""
    for one in bindings:
        scope = one.scope
        if organisation and scope.organisation != organisation:
            raise Invalid("A person of an organisation has roles in that organisation only.", field="roles")
        if scope.organisation and tables.organisations.get(scope.organisation) is None:
            raise Invalid(f"There is no organisation `{scope.organisation}`.", field="roles")
        if scope.app and tables.apps.get(scope.organisation, scope.app) is None:
            raise Invalid(f"There is no app `{scope.app}`; make it first.", field="roles")


def an_admin_stays(tables: Tables, before: Person, after: Person | None) -> None:
    """InUse when this would take the last administrator of the organisation, or of the installation."""
    if not before.admin or before.disabled_at is not None:
        return
    if after is not None and after.admin and after.disabled_at is None:
        return
    others = (one for one in tables.people.all() if one.id != before.id and one.organisation == before.organisation)
    if not any(one.admin and one.disabled_at is None for one in others):
        raise InUse(f"{before.name} is the last administrator; make somebody else one first.")
