"""What all connections of one FCM simulator share beside the common: projects, accounts, tokens, shapes of bodies."""

from __future__ import annotations

import random
import time
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from pushwarden.simulators.common import service
from pushwarden.simulators.common.ledger import Mode
from pushwarden.simulators.common.tokens import TokenTable
from pushwarden.simulators.faults import Script

from .answers import MALFORMED_TOKEN, Refusal, refusal
from .oauth import Account, Exchange, account
from .projects import ProjectRow, Projects
from .shapes import Shapes


class State(StrEnum):
    OK = "ok"
    UNREGISTERED = "unregistered"
    MALFORMED = "malformed"
    SENDER_MISMATCH = "sender-mismatch"
    THIRD_PARTY_AUTH = "third-party-auth"
    BUSY = "busy"


ANSWERS: Final = {
    State.OK: None,
    State.UNREGISTERED: refusal("UNREGISTERED"),
    State.MALFORMED: MALFORMED_TOKEN,
    State.SENDER_MISMATCH: refusal("SENDER_ID_MISMATCH"),
    State.THIRD_PARTY_AUTH: refusal("THIRD_PARTY_AUTH_ERROR"),
    State.BUSY: refusal("QUOTA_EXCEEDED", message="Device message rate exceeded"),
}


class AccountRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service account's key. public: PEM of the public or of the private key. projects empty: every project."""

    email: str
    key_id: str
    public: str
    projects: tuple[str, ...] = ()

    def account(self) -> Account:
        return account(msgspec.to_builtins(self))


class TokenRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: State


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /tokens."""

    tokens: dict[str, TokenRow] = {}
    shares: dict[State, float] | None = None


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a simulator knows at start; the file of `--config`. The figures are those observed of FCM."""

    projects: dict[str, ProjectRow] = {}
    accounts: tuple[AccountRow, ...] = ()
    any_key: bool = False
    tokens: dict[str, TokenRow] = {}
    shares: dict[State, float] = {}
    streams: int = 100
    pings: bool = True  # a PING after answers
    late_end: bool = True  # a 200 ends with a second, empty DATA frame
    idle_s: float = 240.0
    max_age_s: float = 3600.0
    seed: int = 1


class Service(service.Service):
    """One simulator."""

    def __init__(self, configuration: Configuration, log_path: Path | None, mode: Mode, script: Script) -> None:
        super().__init__(log_path, mode, script)
        self.configuration = configuration
        accounts = [row.account() for row in configuration.accounts]
        self.exchange = Exchange(accounts, any_key=configuration.any_key)
        self.projects = Projects(configuration.projects, time.time())
        self.shapes = Shapes()
        self.devices: TokenTable[State] = TokenTable()
        self.random = random.Random(configuration.seed)  # noqa: S311 - repeatable on purpose
        self.exchanges: Counter[int] = Counter()
        self._add(Tokens(configuration.tokens, configuration.shares))

    def fold(self, token: bytes) -> bytes:
        return token

    def take_tokens(self, body: bytes) -> int:
        self._add(msgspec.json.decode(body, type=Tokens))
        return len(self.devices.rows)

    def grant(self, form: bytes) -> tuple[int, bytes]:
        """(status, JSON) of the token endpoint."""
        status, told = self.exchange.answer(form, self.wall())
        self.exchanges[status] += 1
        return status, told

    def verdict(self, token: bytes) -> Refusal | None:
        """What the token table says of a token."""
        found = self.devices.find(token)
        return ANSWERS[found[0]] if found else None

    def counts(self) -> dict[str, object]:
        return {**super().counts(), "exchanges": {str(status): count for status, count in self.exchanges.items()}}

    def _add(self, given: Tokens) -> None:
        self.devices.rows.update({token.encode(): (row.state, 0) for token, row in given.tokens.items()})
        if given.shares is not None:
            self.devices.shares = tuple(given.shares.items())
