"""Step 1: bytes → a push request that is valid by itself, or the refusal that names the field. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from pushwarden.core.device import TOKEN_KINDS
from pushwarden.core.device_rules import normal_token
from pushwarden.core.errors import BodyTooLarge, Invalid
from pushwarden.core.push import PushType
from pushwarden.core.signal import FIELD
from pushwarden.core.tags import parse_tags
from pushwarden.core.topics import CONDITION, TOPIC, condition_member, topic_member
from pushwarden.dataplane.intake.request import BODY_LIMIT, COLLAPSE_BYTES, DEPTH_LIMIT, PushRequest, To
from pushwarden.web.body import decode

PLACEHOLDERS = ("user", "installation_id", "app_version", "build")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DECODER = msgspec.json.Decoder(PushRequest)
_YEAR_9999 = 253_402_300_799


class Kind(StrEnum):
    """The ways to name recipients."""

    USER = "user"
    USERS = "users"
    DEVICE = "device"
    TOKENS = "tokens"
    TAGS = "tags"
    ALL = "all"
    TOPIC = "topic"
    CONDITION = "condition"


_KINDS = tuple(Kind)
TOPICS = (Kind.TOPIC, Kind.CONDITION)
DEVICES = (Kind.USER, Kind.USERS, Kind.DEVICE)
"""They name devices of ours one by one, so that those marked as test can be told from the others."""
TOPICS_ARE_OF = "fcm"
"""The one provider that keeps topics itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets a push. names: users, the installation, tokens in wire form, or a member as in core.topics.

    provider: whose tokens or topics these are; empty when our own devices are meant. tags: the expression.
    """

    kind: Kind
    names: tuple[str, ...] = ()
    tags: str = ""
    provider: str = ""

    @property
    def fan_out(self) -> bool:
        return self.kind in (Kind.TAGS, Kind.ALL)

    @property
    def note(self) -> str:
        """The audience in words. Tokens are counted, never shown."""
        match self.kind:
            case Kind.USER | Kind.DEVICE:
                return f"{self.kind} {self.names[0]}"
            case Kind.USERS | Kind.TOKENS:
                return f"{len(self.names)} {self.kind}"
            case Kind.TAGS:
                return f"tags {self.tags}"
            case Kind.ALL:
                return "all devices"
            case Kind.TOPIC:
                return f"topic {self.names[0].removeprefix(TOPIC)}"
            case Kind.CONDITION:
                return f"condition {self.names[0].removeprefix(CONDITION)}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """not_before: Unix milliseconds, 0 when the push is due at once."""

    request: PushRequest
    target: Target
    not_before: int = 0

    def fingerprint(self, place: str) -> bytes:
        """SHA-256 of the request in one canonical form: spacing and the order of keys make no other body."""
        return fingerprint(self.request, place)


def fingerprint(request: PushRequest, place: str) -> bytes:
    """See Parsed. place: the key of the scope it was sent to."""
    canonical = msgspec.json.encode(request, order="deterministic")
    return hashlib.sha256(place.encode() + b"\n" + canonical).digest()


def parse(body: bytes) -> Parsed:
    """Malformed, UnknownField, Invalid or BodyTooLarge; `extra["field"]` names the field where there is one."""
    if len(body) > BODY_LIMIT:
        raise BodyTooLarge(f"A push request has at most {BODY_LIMIT} bytes; name fewer recipients.", limit=BODY_LIMIT)
    return check(decode(_DECODER, body))


def check(request: PushRequest) -> Parsed:
    """What types alone cannot say."""
    target = target_of(request.to)
    if request.type is PushType.VOIP and (target.fan_out or target.kind in TOPICS):
        raise Invalid(
            "A voip push rings phones: it goes to a user, users, a device or tokens, never to many unnamed.",
            field="to",
        )
    if request.credential and target.kind not in DEVICES:
        raise Invalid("A credential is tried on devices marked as test: name a user, users or a device.", field="to")
    if request.confirm and FIELD in request.data:
        raise Invalid(f"data.{FIELD} is where a push asks for its confirmation; name it otherwise.", field="data")
    _check_collapse(request.collapse_id)
    _check_placeholders(request, target)
    for field in ("data", "apns", "fcm", "wns", "webpush", "hms"):
        if value := getattr(request, field):
            check_tree(value, field)
    return Parsed(request, target, due_ms(request.not_before))


def target_of(to: To) -> Target:
    """Exactly one way to name recipients."""
    named = [kind for kind in _KINDS if getattr(to, kind) is not msgspec.UNSET]
    if len(named) != 1:
        said = " and ".join(named) or "nobody"
        raise Invalid(f"to names {said}; name exactly one of {', '.join(Kind)}.", field="to")
    kind, value = named[0], getattr(to, named[0])
    if to.provider is not msgspec.UNSET and kind is not Kind.TOKENS:
        raise Invalid("to.provider goes only with tokens; remove it.", field="to.provider")
    match kind:
        case Kind.ALL:
            if value is not True:
                raise Invalid("to.all can only be true.", field="to.all")
            return Target(kind)
        case Kind.TAGS:
            parse_tags(value)
            return Target(kind, tags=value)
        case Kind.USER | Kind.DEVICE:
            return Target(kind, (_plain(value, f"to.{kind}"),))
        case Kind.USERS:
            return Target(kind, tuple(dict.fromkeys(_plain(name, "to.users") for name in value)))
        case _:
            return _at_provider(to, kind, value)


def _at_provider(to: To, kind: Kind, value: Any) -> Target:
    """Recipients that are no devices of ours."""
    match kind:
        case Kind.TOPIC:
            return Target(kind, (topic_member(value),), provider=TOPICS_ARE_OF)
        case Kind.CONDITION:
            return Target(kind, (condition_member(value),), provider=TOPICS_ARE_OF)
        case _:
            provider = "apns" if to.provider is msgspec.UNSET else str(to.provider)
            if provider not in TOKEN_KINDS:
                raise Invalid(f"to.provider must be one of {', '.join(TOKEN_KINDS)}.", field="to.provider")
            tokens = (normal_token(provider, token, f"to.tokens[{n}]") for n, token in enumerate(value))
            return Target(kind, tuple(dict.fromkeys(tokens)), provider=provider)


def due_ms(not_before: float | str | None) -> int:
    """Unix milliseconds of Unix seconds or an ISO 8601 time with its offset; 0 for None."""
    if not_before is None:
        return 0
    seconds = _iso_seconds(not_before) if isinstance(not_before, str) else float(not_before)
    if not math.isfinite(seconds) or not 0 <= seconds <= _YEAR_9999:
        raise Invalid("not_before is not a time; give Unix seconds or ISO 8601 with an offset.", field="not_before")
    return int(seconds * 1000)


def _iso_seconds(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("not_before is not a time; write it like 2030-01-31T08:00:00Z.", field="not_before") from None
    if at.tzinfo is None:
        raise Invalid("not_before has no offset; end it with Z or +01:00.", field="not_before")
    return at.timestamp()


def _plain(text: str, field: str) -> str:
    if _CONTROL.search(text):
        raise Invalid(f"{field} holds a control character; remove it.", field=field)
    return text


def _check_collapse(collapse_id: str) -> None:
    _plain(collapse_id, "collapse_id")
    size = len(collapse_id.encode())
    if size > COLLAPSE_BYTES:
        raise Invalid(f"collapse_id has {size} bytes; {COLLAPSE_BYTES} is the most.", field="collapse_id")


def _check_placeholders(request: PushRequest, target: Target) -> None:
    if "{{" not in "\n".join(request.texts):
        return
    used = {name for text in request.texts for name in _PLACEHOLDER.findall(text)}
    for name in sorted(used.difference(PLACEHOLDERS)):
        known = ", ".join(f"{{{{{placeholder}}}}}" for placeholder in PLACEHOLDERS)
        raise Invalid(f"{{{{{name[:64]}}}}} is not a placeholder; there are {known}.", field="body")
    if used and target.provider:
        raise Invalid(
            "Raw tokens and topics have no user or build to fill in; send without placeholders.",
            field=f"to.{target.kind}",
        )


def check_tree(value: Any, field: str, depth: int = 1) -> None:
    """Invalid when it is nested too deeply or holds a number no other party can read."""
    if depth > DEPTH_LIMIT:
        raise Invalid(f"{field} is nested more than {DEPTH_LIMIT} deep; flatten it.", field=field)
    if isinstance(value, dict):
        for inner in value.values():
            check_tree(inner, field, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_tree(inner, field, depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Invalid(f"{field} holds a whole number of more than 64 bits; send it as text.", field=field)
