"""People over HTTP: who may give whom what, who must stay, and how soon it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import cast
from people import SignedIn, signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.console.inside import Api
from pushwarden.core.errors import Forbidden, NotFound, ProofNeeded, PushwardenError
from pushwarden.core.principal import Principal, Role
from pushwarden.core.scope import Environment, Scope

ACME, SHOP, BETA = Scope("acme"), Scope("acme", "shop"), Scope("beta")
LIVE = Scope("acme", "shop", Environment.PRODUCTION)


def played(play: Callable[[cast.Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        await play(await cast.stage(MemoryCatalog()))

    asyncio.run(run())


def as_(scene: cast.Stage, who: SignedIn, organisation: str = "acme") -> Api:
    signed = scene.services.roll.signed([(b"cookie", who.cookie.encode())])
    principal = signed.principal if signed else Principal.nobody()
    return Api(scene.app, principal, organisation, "r", "127.0.0.1")


async def change(api: Api, who: SignedIn, **fields: Any) -> Any:
    version = (await api.get(f"/v1/users/{who.person.id}")).version
    return await api.patch(f"/v1/users/{who.person.id}", {"version": version, **fields})


def signed(scene: cast.Stage, who: SignedIn) -> bool:
    return scene.services.roll.signed([(b"cookie", who.cookie.encode())]) is not None


def test_a_role_in_an_app_that_is_not_there_is_refused() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, omar = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.VIEWER, ACME)
        with pytest.raises(PushwardenError, match="no app `none`"):
            await change(as_(scene, dana), omar, roles=[{"role": "viewer", "app": "none"}])

    played(play)


def test_what_is_taken_away_ends_the_sessions_and_what_is_added_does_not() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, omar = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.VIEWER, ACME)
        await change(as_(scene, dana), omar, roles=[{"role": "viewer"}, {"role": "operator", "app": "shop"}])
        assert signed(scene, omar)
        assert (await as_(scene, omar).get("/v1/apps/shop")).id == "shop"
        await change(as_(scene, dana), omar, roles=[{"role": "viewer"}])
        assert not signed(scene, omar)

    played(play)


def test_whoever_is_disabled_is_out_and_comes_back_by_signing_in_again() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, omar = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.OPERATOR, ACME)
        assert (await change(as_(scene, dana), omar, disabled=True)).disabled_at == scene.clock.ms
        assert not signed(scene, omar)
        assert (await change(as_(scene, dana), omar, disabled=False)).disabled_at is None
        assert not signed(scene, omar)

    played(play)


def test_the_last_administrator_stays() -> None:
    async def play(scene: cast.Stage) -> None:
        dana = await signed_in_here(scene, Role.ADMIN, ACME)
        api = as_(scene, dana)
        for fields in ({"disabled": True}, {"roles": [{"role": "viewer"}]}):
            with pytest.raises(PushwardenError, match="last administrator"):
                await change(api, dana, **fields)
        with pytest.raises(PushwardenError, match="last administrator"):
            await api.delete(f"/v1/users/{dana.person.id}")
        await signed_in_here(scene, Role.ADMIN, ACME)
        await api.delete(f"/v1/users/{dana.person.id}")
        assert not signed(scene, dana)

    played(play)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESPONDER, Role.OPERATOR, Role.AUDITOR])
def test_only_admins_touch_people(role: Role) -> None:
    async def play(scene: cast.Stage) -> None:
        omar, ann = await signed_in_here(scene, role, ACME), await signed_in_here(scene, Role.VIEWER, ACME)
        api = as_(scene, omar)
        assert len((await api.get("/v1/users")).users) == 2
        for work in (
            change(api, ann, disabled=True),
            api.delete(f"/v1/users/{ann.person.id}"),
            api.post(f"/v1/users/{ann.person.id}/signin-link"),
            api.post("/v1/invitations", {"email": "x@x.example", "roles": [{"role": "viewer"}]}),
            api.get("/v1/invitations"),
        ):
            with pytest.raises(Forbidden):
                await work

    played(play)


def test_nobody_gives_more_than_he_has() -> None:
    async def play(scene: cast.Stage) -> None:
        clerk = await signed_in_here(scene, Role.ADMIN, SHOP)
        ann = await signed_in_here(scene, Role.VIEWER, SHOP)
        api = as_(scene, clerk)
        for roles in ([{"role": "viewer"}], [{"role": "viewer", "app": "other"}], [{"role": "admin"}]):
            with pytest.raises((Forbidden, NotFound)):
                await change(api, ann, roles=roles)
        with pytest.raises((Forbidden, NotFound)):
            await change(api, ann, disabled=True)
        given = await change(api, ann, roles=[{"role": "operator", "app": "shop"}])
        assert [one.role for one in given.roles] == ["operator"]
        with pytest.raises((Forbidden, NotFound)):
            await change(api, ann, roles=[{"role": "viewer", "installation": True}])

    played(play)


def test_people_of_another_organisation_are_not_there() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, carol = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.ADMIN, BETA)
        root = await signed_in_here(scene, Role.ADMIN, Scope())
        theirs = as_(scene, carol, "beta")
        assert [one.id for one in (await theirs.get("/v1/users")).users] == [carol.person.id]
        for path in (f"/v1/users/{dana.person.id}", f"/v1/users/{root.person.id}"):
            with pytest.raises(NotFound):
                await theirs.get(path)
            with pytest.raises(NotFound):
                await theirs.patch(path, {"version": 1, "disabled": True})
            with pytest.raises(NotFound):
                await theirs.delete(path)
        session = (await as_(scene, dana).get("/v1/sessions")).sessions[0].id
        with pytest.raises(NotFound):
            await theirs.delete(f"/v1/sessions/{session}")
        listed = (await as_(scene, root).get("/v1/users")).users
        assert {one.id for one in listed} == {dana.person.id, root.person.id}

    played(play)


def test_what_is_not_there_or_not_yours_is_said_before_the_body_is_read() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, eve = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.ADMIN, BETA)
        for path in ("/v1/users/nobody", f"/v1/users/{eve.person.id}", "/v1/organisations/beta"):
            with pytest.raises(NotFound):
                await as_(scene, dana).patch(path, {"nonsense": True})

    played(play)


def test_an_address_of_another_organisation_is_not_betrayed_by_inviting_it() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, carol = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.ADMIN, BETA)
        wanted = {"email": dana.person.email, "roles": [{"role": "viewer"}]}
        assert (await as_(scene, carol, "beta").post("/v1/invitations", wanted)).path.startswith("/welcome?link=")
        with pytest.raises(PushwardenError, match="has an account already"):
            await as_(scene, dana).post("/v1/invitations", wanted)

    played(play)


def test_dangerous_things_need_a_proof_a_moment_ago_and_keys_need_none() -> None:
    async def play(scene: cast.Stage) -> None:
        dana = await signed_in_here(scene, Role.ADMIN, ACME, fresh=False)
        api = as_(scene, dana)
        for work in (
            api.post("/v1/keys", {"name": "n", "kind": "send"}),
            api.post("/v1/invitations", {"email": "x@x.example", "roles": [{"role": "viewer"}]}),
            api.delete("/v1/apps/shop"),
            change(api, dana, name="Dana"),
        ):
            with pytest.raises(ProofNeeded):
                await work
        assert (await scene.ask("alice", "DELETE", "/v1/apps/shop")).status == 204

    played(play)


def test_a_session_is_ended_by_its_owner_or_an_admin() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, omar = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.VIEWER, ACME)
        found = {one.person: one.id for one in (await as_(scene, dana).get("/v1/sessions")).sessions}
        seen = (await as_(scene, omar).get("/v1/sessions")).sessions
        assert [one.person for one in seen] == [omar.person.id]
        with pytest.raises(Forbidden):
            await as_(scene, omar).delete(f"/v1/sessions/{found[dana.person.id]}")
        await as_(scene, omar).delete(f"/v1/sessions/{found[omar.person.id]}")
        assert not signed(scene, omar)
        assert signed(scene, dana)

    played(play)


def test_who_can_do_what_here_names_people_keys_and_why() -> None:
    async def play(scene: cast.Stage) -> None:
        dana = await signed_in_here(scene, Role.ADMIN, ACME)
        omar = await signed_in_here(scene, Role.RESPONDER, LIVE)
        await signed_in_here(scene, Role.OPERATOR, Scope("acme", "other"))
        here = await as_(scene, omar).get("/v1/apps/shop/production/people")
        found = {one.id: one for one in here.people}
        assert set(found) == {dana.person.id, omar.person.id}
        assert "stop:stop" in found[omar.person.id].may and "push:send" not in found[omar.person.id].may
        assert [(one.role, one.app, one.environment) for one in found[omar.person.id].roles] == [
            ("responder", "shop", "production")
        ]
        assert "robot" in {one.name for one in here.keys} and "clerk" not in {one.name for one in here.keys}
        with pytest.raises((Forbidden, NotFound)):
            await as_(scene, omar).get("/v1/apps/shop/sandbox/people")

    played(play)


def test_credentials_are_kept_to_admins_by_an_organisations_own_admin() -> None:
    async def play(scene: cast.Stage) -> None:
        dana, omar = await signed_in_here(scene, Role.ADMIN, ACME), await signed_in_here(scene, Role.OPERATOR, ACME)
        path = "/v1/apps/shop/production/credentials"
        assert (await as_(scene, omar).post(path, {"provider": "apns", "text": "k"})).credential
        with pytest.raises(Forbidden):
            await as_(scene, dana).patch("/v1/organisations/acme", {"version": 1, "name": "Mine"})
        done = await as_(scene, dana).patch("/v1/organisations/acme", {"version": 1, "admin_credentials": True})
        assert done.admin_credentials
        with pytest.raises(Forbidden):
            await as_(scene, omar).post(path, {"provider": "apns", "text": "l"})
        with pytest.raises(NotFound):
            await as_(scene, dana).patch("/v1/organisations/beta", {"version": 1, "admin_credentials": True})

    played(play)
