"""One person: roles given and taken, let in again, disabled, removed."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.access.form import kept, may_give, places, role_at, value_of
from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Conflict, InUse, Invalid
from pushwarden.core.principal import Permission, Role
from pushwarden.core.scope import Scope
from pushwarden.web.routes import Within

_REFUSED = (InUse, Invalid, Conflict)


class Person:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def show(self, visit: Visit) -> Reply:
        return await self._page(visit)

    async def add(self, visit: Visit) -> Reply:
        """Gives a role beside those there are."""
        form = visit.form
        given = role_at(form.text("role"), form.text("place"))
        user = await self._user(visit)
        return await self._change(visit, {"roles": [*kept(visit, user.roles), given]}, "has the role now")

    async def take(self, visit: Visit) -> Reply:
        """Takes one role away."""
        wanted = (visit.form.text("role"), visit.form.text("place"))
        user = await self._user(visit)
        left = [one for one in user.roles if (one.role, value_of(one)) != wanted]
        return await self._change(visit, {"roles": kept(visit, left)}, "has that role no more")

    async def disable(self, visit: Visit) -> Reply:
        return await self._change(visit, {"disabled": True}, "is disabled and signed out everywhere")

    async def enable(self, visit: Visit) -> Reply:
        return await self._change(visit, {"disabled": False}, "can sign in again")

    async def no_code(self, visit: Visit) -> Reply:
        return await self._change(visit, {"two_step": False}, "signs in without a code until a new one is set up")

    async def link(self, visit: Visit) -> Reply:
        """A way back in, shown once."""
        user = await self._user(visit)
        made = await visit.api.post(f"/v1/users/{user.id}/signin-link")
        link = self._gate.came(visit).origin + made.path
        return Page("access/link.html", {"title": "A way back in", "user": user, "link": link}, 201)

    async def remove(self, visit: Visit) -> Reply:
        user = await self._user(visit)
        if visit.form.text("name") != user.name:
            return await self._page(visit, {"name": f"Type {user.name} to remove this person."}, 422)
        try:
            await visit.api.delete(f"/v1/users/{user.id}")
        except _REFUSED as error:
            return await self._page(visit, {"name": error.detail}, error.status)
        return Redirect("/access", toast=f"{user.name} is removed.")

    async def _change(self, visit: Visit, fields: dict[str, Any], done: str) -> Reply:
        text = visit.form.text("version")
        version = int(text) if text.isdigit() else 0
        try:
            user = await visit.api.patch(f"/v1/users/{visit.params['person']}", {"version": version, **fields})
        except _REFUSED as error:
            return await self._page(visit, {"": error.detail}, error.status)
        return Redirect(f"/access/people/{user.id}", toast=f"{user.name} {done}.")

    async def _user(self, visit: Visit) -> Any:
        return await visit.api.get(f"/v1/users/{visit.params['person']}")

    async def _page(self, visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Page:
        user = await self._user(visit)
        listed = (await visit.api.get("/v1/sessions")).sessions
        context = {
            "title": user.name,
            "user": user,
            "sessions": [one for one in listed if one.person == user.id],
            "places": await places(visit),
            "roles": tuple(Role),
            "value_of": value_of,
            "may_give": lambda role: may_give(visit, role),
            "may_write": visit.may(Permission.PEOPLE_WRITE, Scope(user.organisation)),
            "typed": {name: visit.form.text(name) for name in ("role", "place", "name")},
            "errors": errors or {},
        }
        return Page("access/person.html", context, status)


def routes(gate: Gate) -> tuple[PageRoute, ...]:
    person, one, mine = Person(gate), "/access/people/{person}", Within.HANDLER
    forms = (
        ("roles", person.add), ("roles/take", person.take), ("disable", person.disable), ("enable", person.enable),
        ("no-code", person.no_code), ("link", person.link), ("remove", person.remove),
    )  # fmt: skip
    return (
        page("GET", one, person.show, Permission.PEOPLE_READ, within=mine),
        *(page("POST", f"{one}/{path}", view, Permission.PEOPLE_WRITE, within=mine) for path, view in forms),
    )
