"""Who asks, and what each role and each kind of key may do. Two tables decide; every route names what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushwarden.core.scope import Scope


class Permission(StrEnum):
    APP_READ = "app:read"
    APP_WRITE = "app:write"
    APP_DELETE = "app:delete"
    CREDENTIAL_READ = "credential:read"
    CREDENTIAL_EXPIRY = "credential:expiry"  # when credentials end, and nothing else
    CREDENTIAL_WRITE = "credential:write"
    DEVICE_READ = "device:read"
    DEVICE_WRITE = "device:write"
    DEVICE_REGISTER = "device:register"  # one installation's own row: what a device key may do
    PUSH_SEND = "push:send"
    PUSH_TEST = "push:test"  # to devices marked as test devices only
    PUSH_READ = "push:read"
    STOP = "stop:stop"
    STOP_READ = "stop:read"
    RESUME = "stop:resume"
    HOLD_RELEASE = "hold:release"
    AUDIT_READ = "audit:read"
    AUDIT_EXPORT = "audit:export"  # as a file, and refused attempts too
    PEOPLE_READ = "people:read"  # who may do what
    PEOPLE_WRITE = "people:write"
    KEY_READ = "key:read"
    KEY_WRITE = "key:write"
    ORGANISATION_WRITE = "organisation:write"
    SYSTEM_READ = "system:read"


class KeyKind(StrEnum):
    ADMIN = "admin"
    SEND = "send"
    READ = "read"
    STOP = "stop"
    DEVICE = "device"
    FEED = "feed"  # stands in the address of a calendar


_READ = frozenset(
    {Permission.APP_READ, Permission.CREDENTIAL_READ, Permission.CREDENTIAL_EXPIRY, Permission.DEVICE_READ,
     Permission.PUSH_READ, Permission.STOP_READ}
)  # fmt: skip

_SEND = frozenset(
    {Permission.PUSH_SEND, Permission.PUSH_TEST, Permission.DEVICE_WRITE, Permission.DEVICE_REGISTER, Permission.STOP}
)

GRANTS: dict[KeyKind, frozenset[Permission]] = {
    KeyKind.ADMIN: frozenset(Permission) - {Permission.ORGANISATION_WRITE},
    KeyKind.SEND: _READ | _SEND,
    KeyKind.READ: _READ | {Permission.AUDIT_READ, Permission.AUDIT_EXPORT, Permission.SYSTEM_READ},
    KeyKind.STOP: frozenset({Permission.STOP, Permission.STOP_READ}),
    KeyKind.DEVICE: frozenset({Permission.DEVICE_REGISTER}),
    KeyKind.FEED: frozenset({Permission.CREDENTIAL_EXPIRY}),
}


class Role(StrEnum):
    """What a person is somewhere: in the installation, an organisation, an app or one environment of it."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"


_VIEW = _READ | {Permission.AUDIT_READ, Permission.PEOPLE_READ, Permission.KEY_READ, Permission.SYSTEM_READ}
_RESPOND = _VIEW | {Permission.STOP, Permission.PUSH_TEST}
_OPERATE = _RESPOND | {
    Permission.APP_WRITE, Permission.CREDENTIAL_WRITE, Permission.DEVICE_WRITE, Permission.DEVICE_REGISTER,
    Permission.PUSH_SEND, Permission.RESUME, Permission.HOLD_RELEASE,
}  # fmt: skip

ROLES: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEW,
    Role.RESPONDER: _RESPOND,
    Role.OPERATOR: _OPERATE,
    Role.ADMIN: GRANTS[KeyKind.ADMIN],
    Role.AUDITOR: _VIEW | {Permission.AUDIT_EXPORT},
}


@dataclass(frozen=True, slots=True)
class Binding:
    """A role somewhere."""

    role: Role
    scope: Scope


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions that hold within a scope."""

    permissions: frozenset[Permission]
    scope: Scope


def granted(permissions: frozenset[Permission], scope: Scope) -> Grant:
    """Whoever may everything in the whole installation may make organisations too."""
    if scope == Scope() and permissions == GRANTS[KeyKind.ADMIN]:
        return Grant(permissions | {Permission.ORGANISATION_WRITE}, scope)
    return Grant(permissions, scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """A key or a person with what is granted where.

    home: the organisation it belongs to, empty for the installation's own. kind: None for a person. fresh: whether a
    person proved a moment ago to be the one; keys always are.
    """

    id: str
    name: str
    home: str
    grants: tuple[Grant, ...]
    kind: KeyKind | None = None
    fresh: bool = True

    @classmethod
    def of_key(cls, key: str, name: str, kind: KeyKind, scope: Scope) -> Principal:
        return cls(key, name, scope.organisation, (granted(GRANTS[kind], scope),), kind)

    @classmethod
    def nobody(cls) -> Principal:
        return cls("", "anyone", "", ())

    @property
    def own(self) -> Scope:
        """What is meant where nothing is named: a key's scope, a person's organisation."""
        return self.grants[0].scope if self.kind else Scope(self.home)

    def may(self, permission: Permission, where: Scope) -> bool:
        """True when a grant with the permission covers `where`."""
        return any(permission in grant.permissions and grant.scope.covers(where) for grant in self.grants)

    def ever(self, permission: Permission) -> bool:
        """True when it is granted anywhere."""
        return any(permission in grant.permissions for grant in self.grants)

    def about(self, permission: Permission, where: Scope) -> bool:
        """True when it is granted for `where`, or for a part of it."""
        return any(
            permission in grant.permissions and (grant.scope.covers(where) or where.covers(grant.scope))
            for grant in self.grants
        )

    def within(self, where: Scope) -> bool:
        """True when anything at all is granted for `where`: then a refusal betrays nothing."""
        return any(grant.scope.covers(where) for grant in self.grants)
