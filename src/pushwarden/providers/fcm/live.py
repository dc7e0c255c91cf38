"""Does Google know us? An access token, then a message to nobody that is only to be validated. Pure.

That Google looks at project and permission before the token is inferred.
"""

from __future__ import annotations

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.messages import Result
from pushwarden.core.outcome import Blame, Outcome
from pushwarden.providers import live
from pushwarden.providers.fcm.facts import IMPOSSIBLE_TOKEN, ISSUERS
from pushwarden.providers.fcm.render import send_path
from pushwarden.providers.fcm.tokens import blames_clock, grant
from pushwarden.providers.fcm.verdicts import BAD_TOKEN, classify, disabled
from pushwarden.providers.port import Heard, ProbeRequest, Reply, Unreached

GOOGLE = "Google"
KNOWN = frozenset(
    {"INVALID_ARGUMENT", BAD_TOKEN, "UNREGISTERED", "SENDER_ID_MISMATCH", "THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR"}
)
"""Reasons that are about the message or its token: whoever gets them may send for the project."""


def probe(credential: Credential) -> tuple[ProbeRequest, ...]:
    body = b'{"validate_only":true,"message":{"token":"%b"}}' % IMPOSSIBLE_TOKEN
    headers = ((b"content-type", b"application/json"),)
    return (ProbeRequest(credential.facts["project_id"], send_path(credential), headers, body),)


def proof(credential: Credential, asked: ProbeRequest | None, heard: Heard) -> tuple[Check, ...]:
    """Total. Where no word against the credential can be told, a check is unproven."""
    match heard.answer:
        case Unreached() as why:
            return (live.on_the_way(GOOGLE, heard, why, ISSUERS),)
        case Reply() as reply:
            checks = _sent(credential, heard, reply) if asked else (_exchanged(credential, heard, reply),)
            resigned = live.resigned(GOOGLE, heard, credential.environment, ISSUERS)
            return (*checks, *resigned, *live.clock(GOOGLE, heard))


def _sent(credential: Credential, heard: Heard, reply: Reply) -> tuple[Check, ...]:
    outcome = classify(reply)
    said = f"{reply.status} {outcome.reason}".strip()
    if reply.status == 200 or outcome.reason in KNOWN:
        evidence = f"{said} to an impossible token for {credential.facts['project_id']}, {heard.ms} ms"
        return Check.of("live.oauth"), live.accepted(GOOGLE, credential.environment, evidence)
    return (_refused(credential, reply, outcome, said),)


def _refused(credential: Credential, reply: Reply, outcome: Outcome, said: str) -> Check:
    project = credential.facts["project_id"]
    if outcome.blame is Blame.PROVIDER:
        return live.down(GOOGLE, said)
    if reply.status == 403 and disabled(reply.body):
        return Check.of("fcm.api_off", said, project=project)
    match outcome.reason:
        case "PERMISSION_DENIED":
            return Check.of("fcm.permission", said, client_email=credential.facts["client_email"])
        case "NOT_FOUND":
            return Check.of("fcm.no_project", said, project=project)
        case _:
            return live.unclear(GOOGLE, said)


def _exchanged(credential: Credential, heard: Heard, reply: Reply) -> Check:
    """The exchange brought no access token."""
    outcome = grant(reply, heard.now)
    assert isinstance(outcome, Outcome)  # a grant is no trouble
    if outcome.blame is not Blame.CREDENTIAL:
        return live.down(GOOGLE, f"{reply.status} {outcome.reason}")
    off = live.skew(heard)
    clock = blames_clock(reply) or (off is not None and abs(off) >= live.CLOCK_OFF)
    return Check.of(
        "oauth.invalid_grant",
        outcome.reason,
        Result.UNPROVEN if clock else None,
        skew="an unknown time" if off is None else live.span(off),
        cause="the clock" if clock else "the key",
        client_email=credential.facts["client_email"],
    )
