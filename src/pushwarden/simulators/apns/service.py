"""What all connections of one APNs simulator share: keys, tokens, phones, script, counters, clock."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pushwarden.simulators.faults import Script
from pushwarden.simulators.log import Log

from .devices import Device, Devices, State
from .inbox import Inbox
from .ledger import Ledger, Mode
from .provider_token import ProviderTokens, SigningKey, signing_key

if TYPE_CHECKING:
    from .connection import Connection


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


class Service:
    """One simulator. Keys that are not registered are refused unless the configuration says any_key."""

    def __init__(self, configuration: Configuration, log_path: Path | None, mode: Mode, script: Script) -> None:
        self.configuration = configuration
        self.sandbox = configuration.environment == "sandbox"
        keys = [row.key() for row in configuration.keys]
        self.provider_tokens = ProviderTokens(keys, configuration.environment, any_key=configuration.any_key)
        self.devices = Devices(time.time_ns() // 1_000_000)
        self.set_tokens(configuration.tokens, configuration.shares)
        self.ledger = Ledger(Log(log_path), mode)
        self.inboxes: dict[bytes, Inbox] = {}
        self.connections: dict[int, Connection] = {}
        self.opened = itertools.count(1)
        self.accepted = 0
        self.handshakes = 0
        self.ahead_s = 0.0
        self.set_script(script)

    def wall(self) -> float:
        """Epoch seconds, moved ahead by the control door's /clock."""
        return time.time() + self.ahead_s

    def now(self) -> float:
        """Monotonic seconds on which the script's times run."""
        return time.monotonic()

    def set_script(self, script: Script) -> None:
        """Replaces the script on every connection; its times count from now."""
        self.script, self.loaded = script, self.now()
        for connection in self.connections.values():
            connection.follow(script)

    def set_tokens(self, rows: dict[str, TokenRow], shares: dict[State, float] | None = None) -> None:
        """Adds rows of the token table; shares replace the earlier ones."""
        for token, row in rows.items():
            self.devices.rows[token.lower().encode()] = Device(row.state, row.timestamp_ms)
        if shares is not None:
            self.devices.shares = tuple(shares.items())

    def counts(self) -> dict[str, object]:
        """What was answered so far, for the control door."""
        rows = [
            {"topic": topic, "push_type": push_type, "status": status, "count": count}
            for (topic, push_type, status), count in sorted(self.ledger.counts.items())
        ]
        return {
            "requests": sum(self.ledger.counts.values()),
            "counts": rows,
            "reasons": dict(self.ledger.reasons),
            "connections": len(self.connections),
            "handshakes": self.handshakes,
            "monotonic_ns": time.monotonic_ns(),
        }
