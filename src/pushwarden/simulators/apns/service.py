"""What all connections of one APNs simulator share beside the common: keys and the token table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec

from pushwarden.simulators.common import service
from pushwarden.simulators.common.ledger import Mode
from pushwarden.simulators.common.tokens import TokenTable
from pushwarden.simulators.faults import Script

from .answers import Refusal
from .devices import State, verdict
from .provider_token import ProviderTokens, SigningKey, signing_key


class KeyRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signing key. public: PEM of the public or of the private key."""

    kid: str
    team: str
    public: str
    environments: tuple[str, ...] = ("production", "sandbox")
    topics: tuple[str, ...] = ()

    def key(self) -> SigningKey:
        return signing_key(msgspec.to_builtins(self))


class TokenRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """timestamp_ms: of a 410; 0: a day before the simulator's start."""

    state: State
    timestamp_ms: int = 0


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /tokens."""

    tokens: dict[str, TokenRow] = {}
    shares: dict[State, float] | None = None


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a simulator knows at start; the file of `--config`."""

    environment: Literal["production", "sandbox"] = "production"
    keys: tuple[KeyRow, ...] = ()
    any_key: bool = False
    streams: int = 1000
    first_streams: int = 1
    tokens: dict[str, TokenRow] = {}
    shares: dict[State, float] = {}
    bad_certificates: tuple[str, ...] = ()


class Service(service.Service):
    """One simulator. Keys that are not registered are refused unless the configuration says any_key."""

    def __init__(self, configuration: Configuration, log_path: Path | None, mode: Mode, script: Script) -> None:
        super().__init__(log_path, mode, script)
        self.configuration = configuration
        self.sandbox = configuration.environment == "sandbox"
        keys = [row.key() for row in configuration.keys]
        self.provider_tokens = ProviderTokens(keys, configuration.environment, any_key=configuration.any_key)
        self.devices: TokenTable[State] = TokenTable()
        self._started_ms = time.time_ns() // 1_000_000
        self._add(Tokens(configuration.tokens, configuration.shares))

    def fold(self, token: bytes) -> bytes:
        return token.lower()

    def take_tokens(self, body: bytes) -> int:
        self._add(msgspec.json.decode(body, type=Tokens))
        return len(self.devices.rows)

    def counts(self) -> dict[str, object]:
        return {**super().counts(), "provider_tokens": self.provider_tokens.seen}

    def verdict(self, token: bytes) -> Refusal | None:
        """What the token table says of a token, as it was sent."""
        found = self.devices.find(token.lower())
        return verdict(*found, self._started_ms) if found else None

    def _add(self, given: Tokens) -> None:
        rows = {token.lower().encode(): (row.state, row.timestamp_ms) for token, row in given.tokens.items()}
        self.devices.rows.update(rows)
        if given.shares is not None:
            self.devices.shares = tuple(given.shares.items())
