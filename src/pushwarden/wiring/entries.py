"""Where a lane connects and as whom: the vault opens the credential here, and only in a sender."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from pushwarden.adapters.egress.tls import client_context
from pushwarden.core.app import Credential
from pushwarden.core.errors import Invalid, VaultRefused
from pushwarden.core.lane import Lane
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.dataplane.transport.dial import Target
from pushwarden.dataplane.transport.grants import Asks, Grants, Trouble
from pushwarden.dataplane.transport.post import Errand, post
from pushwarden.ports.vault import OpeningVault
from pushwarden.providers.port import Authorization, Heard, Hitch, Origin, Provider, Unreached
from pushwarden.settings import Settings
from pushwarden.wiring.simulated import address, authority


@dataclass(frozen=True, slots=True)
class Opened:
    """A credential whose material the vault has opened."""

    provider: Provider
    credential: Credential
    material: Secret


def enter(
    opened: Opened,
    grants: Grants,
    target: Callable[[Origin, Authorization], Target],
    port: int = 443,
    clock: Callable[[], float] = time.time,
) -> Entry:
    """The entry as it is now; asks for an access token where one is due. target: how an origin is reached."""
    provider, credential, material = opened.provider, opened.credential, opened.material
    ends = credential.facts.get("not_after")
    if ends is not None and clock() * 1000 >= ends:
        return Entry(target(provider.origin(credential.environment, port), Authorization("")), None, _ended(ends))

    def errand(now: float) -> Errand | None:
        exchange = provider.exchange(credential, material, now)
        # No client certificate is shown for an access token.
        return None if exchange is None else Errand(target(exchange.origin, Authorization("")), exchange)

    ready, grant, trouble = grants.current(credential.label, Asks(errand, provider.grant))
    authorization = provider.authorization(credential, material, time.time(), grant)
    where = target(provider.origin(credential.environment, port), authorization)
    if grant is None:
        return Entry(where, authorization if ready else None, trouble)
    return Entry(where, authorization, trouble, partial(grants.distrust, credential.label, grant))


@cache
def _ended(not_after: int) -> Trouble:
    """One of each, so that it is told once. not_after: Unix milliseconds."""
    at = datetime.fromtimestamp(not_after / 1000, UTC)
    sentence = f"its certificate ended on {at:%Y-%m-%d at %H:%M} UTC"
    return Trouble(sentence, credential=True, found=Heard(Unreached(Hitch.ENDED, sentence), not_after / 1000))


def material_of(credential: Credential, vault: OpeningVault) -> Secret:
    """What the provider works with. The certificate of a request made here stands before its key; VaultRefused."""
    opened = vault.open(credential.sealed, credential.sealed_under)
    return Secret(credential.certificate.encode() + opened.reveal())


@cache
def _shut(sentence: str) -> Trouble:
    """As `_ended`: a credential that does not open pauses its own lanes, whatever the reason."""
    return Trouble(sentence, credential=True, found=Heard(Unreached(Hitch.SEALED, sentence), time.time()))


class Entries:
    """Opens each credential once and keeps its TLS context; `simulated` reaches simulators and nothing else.

    grants: the access tokens of this sender, one for each credential that needs one.
    """

    def __init__(
        self, settings: Settings, vault: OpeningVault, providers: Mapping[str, Provider], grants: Grants | None = None
    ) -> None:
        self._settings, self._vault, self._providers = settings, vault, providers
        self._grants = grants or Grants(post)
        self._material: dict[str, Secret] = {}
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def __call__(self, lane: Lane, credential: Credential) -> Entry:
        provider, port = self._providers[lane.provider], self._port(lane)

        def target(origin: Origin, as_whom: Authorization) -> Target:
            return self._target(lane, origin, as_whom)

        try:
            opened = Opened(provider, credential, self._opened(credential))
            return enter(opened, self._grants, target, port)
        except VaultRefused as error:
            nobody = Authorization("")
            return Entry(target(provider.origin(credential.environment, port), nobody), None, _shut(error.detail))

    def _opened(self, credential: Credential) -> Secret:
        material = self._material.get(credential.label)
        if material is None:
            material = self._material[credential.label] = material_of(credential, self._vault)
        return material

    def anew(self, credential: Credential) -> None:
        """Somebody asks for a proof: an access token that was refused may be asked for again at once."""
        self._grants.anew(credential.label)

    def keep(self, credentials: Iterable[Credential]) -> None:
        """What was opened of any others goes from memory."""
        gone = self._material.keys() - {one.label for one in credentials}
        for label in gone:
            del self._material[label]
        if gone:
            self._contexts.clear()

    def _target(self, lane: Lane, origin: Origin, authorization: Authorization) -> Target:
        simulated = lane.environment is Environment.SIMULATED or self._settings.simulated_only
        where = self._simulator(lane.provider) if simulated else origin
        return Target(where, self._context(authorization, simulated), "" if simulated else self._settings.proxy)

    def _context(self, authorization: Authorization, simulated: bool) -> ssl.SSLContext:
        key = (authorization.identity, simulated)
        context = self._contexts.get(key)
        if context is None:
            ca: Path | None = authority(self._settings) if simulated else None
            context = self._contexts[key] = client_context(ca, authorization.certificate)
        return context

    def _port(self, lane: Lane) -> int:
        return self._settings.apns_port if lane.provider == "apns" else 443

    def _simulator(self, provider: str) -> Origin:
        host, _, port = address(self._settings, provider).rpartition(":")
        if not host or not port.isdigit():
            raise Invalid(
                f"No simulator stands for {provider}; set PUSHWARDEN_SIMULATORS=on, or "
                f"PUSHWARDEN_SIMULATOR_{provider.upper()} to host:port."
            )
        return Origin(host, int(port))
