"""Does Apple know us? One request for each topic, to a token no device has; its answer as checks. Pure.

Which of credential, topic and token Apple looks at first is not documented: that `BadDeviceToken` means the others
are good is inferred.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pushwarden.core.app import App, Credential, CredentialKind
from pushwarden.core.check import Check
from pushwarden.core.messages import Result
from pushwarden.core.outcome import Blame
from pushwarden.core.probe import AGAIN_MS, FRESH_MS
from pushwarden.core.push import PushType
from pushwarden.core.scope import Environment
from pushwarden.providers import live
from pushwarden.providers.apns.facts import (
    IMPOSSIBLE_TOKEN,
    ISSUERS,
    KINDS,
    MDM_TOPIC,
    OTHER_PORT,
    TOKEN_END,
    TOKEN_LAG,
    TOKEN_REST,
    TOKEN_STEP,
)
from pushwarden.providers.apns.verdicts import classify
from pushwarden.providers.dates import date_of
from pushwarden.providers.port import Heard, Hitch, ProbeRequest, Reply, Unreached

APPLE = "Apple"
DAY_MS = 86_400_000
KNOWN = frozenset({"BadDeviceToken", "Unregistered", "ExpiredToken", "DeviceTokenNotForTopic"})
"""Reasons that are about the token: whoever gets them may send for the topic."""
_OTHER = {Environment.PRODUCTION: Environment.SANDBOX, Environment.SANDBOX: Environment.PRODUCTION}


def probe(credential: Credential, app: App) -> tuple[ProbeRequest, ...]:
    """Nothing for an app without a bundle id, where the credential does not name its topics either."""
    return tuple(_request(topic, kind) for topic, kind in topics(credential, app).items())


def topics(credential: Credential, app: App) -> dict[str, PushType]:
    """What to ask for: all topics of this app a certificate lists, or the slot's own; with a key the slot's."""
    bundle = app.bundle_id or credential.facts.get("bundle_id") or ""
    own: dict[str, PushType] = {}
    for push_type, kind in KINDS.items() if bundle else ():
        if credential.slot in ("", push_type):
            own.setdefault(bundle + kind.suffix, push_type)
    listed = credential.facts.get("topics") or ()
    covered = {topic: own[topic] for topic in listed if topic in own}
    mdm = {topic: PushType.MDM for topic in listed if topic.startswith(MDM_TOPIC)}
    return covered or mdm or dict([*own.items()][:1])


def proof(credential: Credential, app: App, asked: ProbeRequest | None, heard: Heard) -> tuple[Check, ...]:
    """Total. Where no word against the credential can be told, a check is unproven."""
    if isinstance(heard.answer, Unreached):
        return (_unreached(credential, app, heard, heard.answer),)
    topic = asked.about if asked else app.bundle_id
    return (
        *_answered(credential, topic, heard, heard.answer),
        *live.resigned(APPLE, heard, credential.environment, ISSUERS),
        *live.clock(APPLE, heard),
    )


def _request(topic: str, push_type: PushType) -> ProbeRequest:
    headers = {
        "apns-topic": topic,
        "apns-push-type": push_type,
        "apns-priority": KINDS[push_type].priorities[0],
        "apns-expiration": "0",
    }
    fields = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return ProbeRequest(topic, b"/3/device/" + IMPOSSIBLE_TOKEN, fields, b'{"aps":{}}')


def _answered(credential: Credential, topic: str, heard: Heard, reply: Reply) -> tuple[Check, ...]:
    outcome = classify(reply)
    said = f"{reply.status} {outcome.reason}".strip()
    if reply.status == 200 or outcome.reason in KNOWN:
        return _accepted(credential, f"{said} to an impossible token for {topic}, {heard.ms} ms", heard)
    if outcome.reason == "TooManyProviderTokenUpdates":
        team, again = credential.facts.get("team_id"), _hour(heard.now + TOKEN_REST)
        return (Check.of("apns.throttled", said, team=team, time=again),)
    if outcome.blame is Blame.PROVIDER:
        return (live.down(APPLE, said),)
    return (_refused(credential, topic, outcome.reason, said, heard.now) or live.unclear(APPLE, said),)


def _accepted(credential: Credential, evidence: str, heard: Heard) -> tuple[Check, ...]:
    accepted = live.accepted(APPLE, credential.environment, evidence)
    if credential.kind is CredentialKind.APNS_CERTIFICATE:
        return Check.of("live.handshake", host=heard.origin.host), accepted
    return accepted, Check.of("p8.unproven_topic")


def _refused(credential: Credential, topic: str, reason: str, said: str, now: float) -> Check | None:
    """None when the answer says nothing of the credential."""
    certificate = credential.kind is CredentialKind.APNS_CERTIFICATE
    match reason:
        case "InvalidProviderToken" | "MissingProviderToken" | "Forbidden" if not certificate:
            return _unknown_key(credential, reason, said, now)
        case "ExpiredProviderToken":
            # Our tokens are half an hour old at most: only a clock that is wrong makes Apple's hour of them.
            least = live.span(TOKEN_END - TOKEN_LAG - TOKEN_STEP)
            return Check.of("live.clock_wrong", said, Result.UNPROVEN, skew=f"{least} or more", provider=APPLE)
        case "BadEnvironmentKeyIdInToken" | "BadEnvironmentKeyInToken":
            asked = credential.environment
            return Check.of("p8.env", said, env=_OTHER.get(asked, "the other environment"), other=asked, answer=reason)
        case "TopicDisallowed" | "BadTopic" | "MissingTopic":
            return _disallowed(credential, topic, said, certificate=certificate)
        case "BadCertificate":
            return Check.of("cert.revoked", said, answer=f"answered {reason}")
        case "BadCertificateEnvironment":
            sandbox = credential.environment is Environment.SANDBOX
            return Check.of("cert.production_only" if sandbox else "cert.sandbox_only", said)
        case _:
            return None


def _unknown_key(credential: Credential, reason: str, said: str, now: float) -> Check:
    fresh = now * 1000 < credential.created_at + FRESH_MS
    again = _hour(now + AGAIN_MS / 1000) if fresh else None
    ids = {"team": credential.facts.get("team_id"), "kid": credential.facts.get("key_id")}
    return Check.of("p8.refused", said, answer=reason, again=again, **ids)


def _disallowed(credential: Credential, topic: str, said: str, *, certificate: bool) -> Check:
    if not certificate:
        return Check.of("p8.topic", said, bundle=topic)
    calls = KINDS[PushType.VOIP].suffix
    if topic.endswith(calls):
        result = Result.FAILED if credential.slot == PushType.VOIP else None
        return Check.of("cert.voip_missing", said, result, bundle=topic.removesuffix(calls))
    own = credential.facts.get("bundle_id") or credential.facts.get("subject")
    return Check.of("cert.wrong_bundle", said, cert_bundle=own, app_bundle=topic)


def _unreached(credential: Credential, app: App, heard: Heard, why: Unreached) -> Check:
    if credential.kind is CredentialKind.APNS_CERTIFICATE:
        if why.hitch is Hitch.ENDED:
            return _ended(credential, heard, why.sentence)
        if why.hitch is Hitch.ALERT:
            return _alerted(credential, heard, why)
    if why.hitch is Hitch.BROKEN and why.said:
        refused = _refused(credential, app.bundle_id, why.said, why.said, heard.now)
        if refused is not None:
            return refused
    return live.on_the_way(APPLE, heard, why, ISSUERS, OTHER_PORT.get(heard.origin.port))


def _alerted(credential: Credential, heard: Heard, why: Unreached) -> Check:
    """The handshake failed for the certificate we showed. said: OpenSSL's name of the alert (RFC 8446 §6.2)."""
    begins = int(credential.facts.get("not_before") or 0)
    if "REVOKED" in why.said:
        return Check.of("cert.revoked", why.said, answer="closed the connection: certificate revoked")
    if "EXPIRED" in why.said and heard.now * 1000 >= begins:
        return _ended(credential, heard, why.said)
    if heard.now * 1000 < begins:
        return Check.of("cert.not_yet", why.said, date=date_of(begins), now=date_of(int(heard.now * 1000)))
    return Check.of("cert.refused", why.said, answer=why.said)


def _ended(credential: Credential, heard: Heard, evidence: str) -> Check:
    ends = int(credential.facts.get("not_after") or 0)
    days = max(0, int(heard.now * 1000 - ends) // DAY_MS)
    return Check.of("cert.expired", evidence, n=days, date=date_of(ends))


def _hour(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"
