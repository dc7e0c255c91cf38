"""Passkeys: the questions a browser signs, and whether what it answers is good. A question is answered once."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from pushwarden.core.errors import SignInRefused, VaultRefused
from pushwarden.core.person import Passkey, Person
from pushwarden.ports.chest import Chest

OPEN_MS = 300_000
_MAKE, _SIGN = "passkey to make", "passkey to sign"
_UNFIT = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, AssertionError, struct.error)
"""What reading an answer raises that no browser gave."""
_PROVEN = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True, slots=True)
class Question:
    """id goes back with the answer; options are for the browser, as JSON."""

    id: str
    options: str


class Passkeys:
    """origin: scheme and host as the browser shows them. A passkey is for that host.

    A question travels sealed with its page, so that nobody who asks for many takes another's away; only those that were
    answered well are remembered, until their time is over.
    """

    def __init__(self, chest: Chest) -> None:
        self._chest, self._answered = chest, dict[str, int]()

    def enrolment(self, origin: str, person: Person, known: list[Passkey], now_ms: int) -> Question:
        user = PublicKeyCredentialUserEntity(name=person.email, id=person.id.encode(), display_name=person.name)
        options, state = _server(origin).register_begin(
            user,
            [_descriptor(one) for one in known],
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=_PROVEN,
        )
        return self._ask(_MAKE, dict(options), state, now_ms)

    def enrolled(self, origin: str, question: str, answer: str, now_ms: int) -> tuple[str, bytes, int]:
        """(id, public key, counter) of the new passkey; SignInRefused when the answer is not good."""
        state = self._asked(_MAKE, question, now_ms)
        try:
            found = _server(origin).register_complete(state, json.loads(answer))
        except _UNFIT as error:
            raise SignInRefused("This passkey was not accepted; try once more.") from error
        data = found.credential_data
        assert data is not None
        self._answered[state["challenge"]] = now_ms
        return websafe_encode(data.credential_id), cbor.encode(dict(data.public_key)), found.counter

    def challenge(self, origin: str, now_ms: int, known: list[Passkey] | None = None) -> Question:
        """known: of whom a proof is asked; None for whoever comes."""
        descriptors = None if known is None else [_descriptor(one) for one in known]
        options, state = _server(origin).authenticate_begin(descriptors, user_verification=_PROVEN)
        return self._ask(_SIGN, dict(options), state, now_ms)

    def proven(self, origin: str, question: str, answer: str, passkey: Passkey | None, now_ms: int) -> Passkey:
        """The passkey with its new counter; SignInRefused when the answer is not good. passkey: the one named in it."""
        state = self._asked(_SIGN, question, now_ms)
        if passkey is None:
            raise SignInRefused("This passkey is not known here; sign in with your password.")
        try:
            said = AuthenticationResponse.from_dict(json.loads(answer))
            _server(origin).authenticate_complete(state, [_kept(passkey)], said)
        except _UNFIT as error:
            raise SignInRefused("This passkey was not accepted; try once more.") from error
        signs = said.response.authenticator_data.counter
        if passkey.signs and signs <= passkey.signs:
            raise SignInRefused("This passkey seems to have been copied; remove it and make another.")
        self._answered[state["challenge"]] = now_ms
        return replace(passkey, signs=signs, used_at=now_ms)

    def _ask(self, kind: str, options: dict[str, Any], state: Any, now_ms: int) -> Question:
        sealed = self._chest.seal(json.dumps([state, now_ms]).encode(), kind)
        return Question(sealed.hex(), json.dumps(options))

    def _asked(self, kind: str, question: str, now_ms: int) -> Any:
        """What a question of ours was, while it is open."""
        self._answered = {one: at for one, at in self._answered.items() if now_ms - at <= OPEN_MS}
        try:
            state, at = json.loads(self._chest.open(bytes.fromhex(question), kind))
        except (ValueError, VaultRefused):
            state, at = {}, 0
        if now_ms - at > OPEN_MS or state["challenge"] in self._answered:
            raise SignInRefused("This took too long; try once more.")
        return state


def named(answer: str) -> str:
    """The id of the passkey an answer is of; empty when it names none."""
    try:
        said = json.loads(answer)["id"]
    except _UNFIT:
        return ""
    return said if isinstance(said, str) and len(said) < 2000 and said.isascii() else ""


def usable(origin: str) -> bool:
    """Browsers make passkeys for names only, by https or on this machine."""
    host = origin.partition("//")[2].partition(":")[0]
    is_name = not host.replace(".", "").isdigit() and not host.startswith("[")
    return is_name and (origin.startswith("https:") or host == "localhost")


def _server(origin: str) -> Fido2Server:
    host = origin.partition("//")[2].partition(":")[0]
    return Fido2Server(PublicKeyCredentialRpEntity(name="Pushwarden", id=host), verify_origin=lambda own: own == origin)


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(passkey.id))


def _kept(passkey: Passkey) -> AttestedCredentialData:
    key = CoseKey.parse(cast(Mapping[int, Any], cbor.decode(passkey.public_key)))
    return AttestedCredentialData.create(Aaguid.NONE, websafe_decode(passkey.id), key)
