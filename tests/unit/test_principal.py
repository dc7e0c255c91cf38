"""What roles add up to: in an organisation, in one app of it, in one environment."""

from __future__ import annotations

import pytest

from pushwarden.core.errors import Forbidden, NotFound
from pushwarden.core.principal import ROLES, KeyKind, Permission, Principal, Role, granted
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.access import require

ACME, SHOP, OTHER = Scope("acme"), Scope("acme", "shop"), Scope("acme", "other")
LIVE = Scope("acme", "shop", Environment.PRODUCTION)


def person(*roles: tuple[Role, Scope]) -> Principal:
    return Principal("p1", "Dana", "acme", tuple(granted(ROLES[role], scope) for role, scope in roles))


def test_roles_add_up_and_each_holds_where_it_was_given() -> None:
    dana = person((Role.VIEWER, ACME), (Role.OPERATOR, LIVE))
    assert dana.may(Permission.PUSH_SEND, LIVE)
    assert not dana.may(Permission.PUSH_SEND, SHOP)
    assert dana.may(Permission.PUSH_READ, OTHER)


def test_whoever_has_a_part_may_read_about_the_whole_and_not_more() -> None:
    omar = person((Role.RESPONDER, LIVE))
    assert omar.about(Permission.APP_READ, SHOP)
    assert omar.about(Permission.APP_READ, ACME)
    assert not omar.about(Permission.APP_READ, OTHER)
    assert not omar.about(Permission.PUSH_SEND, SHOP)


def test_a_refusal_where_one_sees_says_so_and_elsewhere_there_is_nothing() -> None:
    dana = person((Role.VIEWER, ACME), (Role.OPERATOR, SHOP))
    with pytest.raises(Forbidden, match="Your role"):
        require(dana, Permission.PUSH_SEND, OTHER)
    with pytest.raises(Forbidden, match="key:write"):
        require(dana, Permission.KEY_WRITE, SHOP)
    with pytest.raises(NotFound):
        require(dana, Permission.PUSH_SEND, Scope("beta", "shop"))


def test_only_who_has_the_whole_installation_makes_organisations() -> None:
    assert person((Role.ADMIN, Scope())).may(Permission.ORGANISATION_WRITE, Scope())
    assert not person((Role.ADMIN, ACME)).ever(Permission.ORGANISATION_WRITE)
    assert not person((Role.OPERATOR, Scope())).ever(Permission.ORGANISATION_WRITE)
    assert Principal.of_key("k", "root", KeyKind.ADMIN, Scope()).may(Permission.ORGANISATION_WRITE, Scope())


def test_each_role_can_do_what_the_one_below_it_can() -> None:
    assert ROLES[Role.VIEWER] < ROLES[Role.RESPONDER] < ROLES[Role.OPERATOR] < ROLES[Role.ADMIN]
    assert ROLES[Role.VIEWER] < ROLES[Role.AUDITOR]
    assert {role for role in Role if Permission.STOP in ROLES[role]} == {Role.RESPONDER, Role.OPERATOR, Role.ADMIN}


def test_nobody_may_nothing() -> None:
    assert not any(Principal.nobody().ever(permission) for permission in Permission)
