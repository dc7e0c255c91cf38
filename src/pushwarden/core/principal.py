"""Who asks, and what each kind of key may do. One table decides; every route names the permission it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushwarden.core.scope import Scope


class Permission(StrEnum):
    APP_READ = "app:read"
    APP_WRITE = "app:write"
    CREDENTIAL_READ = "credential:read"
    CREDENTIAL_EXPIRY = "credential:expiry"  # when credentials end, and nothing else
    CREDENTIAL_WRITE = "credential:write"
    DEVICE_READ = "device:read"
    DEVICE_WRITE = "device:write"
    DEVICE_REGISTER = "device:register"  # one installation's own row: what a device key may do
    PUSH_SEND = "push:send"
    PUSH_READ = "push:read"
    STOP = "stop:stop"
    STOP_READ = "stop:read"
    RESUME = "stop:resume"
    HOLD_RELEASE = "hold:release"
    AUDIT_READ = "audit:read"
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

GRANTS: dict[KeyKind, frozenset[Permission]] = {
    KeyKind.ADMIN: frozenset(Permission) - {Permission.ORGANISATION_WRITE},
    KeyKind.SEND: _READ | {Permission.PUSH_SEND, Permission.DEVICE_WRITE, Permission.DEVICE_REGISTER, Permission.STOP},
    KeyKind.READ: _READ | {Permission.AUDIT_READ, Permission.SYSTEM_READ},
    KeyKind.STOP: frozenset({Permission.STOP, Permission.STOP_READ}),
    KeyKind.DEVICE: frozenset({Permission.DEVICE_REGISTER}),
    KeyKind.FEED: frozenset({Permission.CREDENTIAL_EXPIRY}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A key (later: a person, a schedule) with its place in the tree. The installation's own key has an empty scope."""

    id: str
    name: str
    kind: KeyKind
    scope: Scope

    @property
    def installation_wide(self) -> bool:
        return not self.scope.organisation

    def may(self, permission: Permission, where: Scope) -> bool:
        """True when the kind grants the permission and the principal's scope covers `where`."""
        if permission is Permission.ORGANISATION_WRITE:
            return self.installation_wide and self.kind is KeyKind.ADMIN
        return permission in GRANTS[self.kind] and self.scope.covers(where)
