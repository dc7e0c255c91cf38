"""What a live proof says whichever provider is asked: of the way there, of its troubles, of the clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pushwarden.core.check import Check
from pushwarden.core.messages import Result
from pushwarden.core.scope import Environment
from pushwarden.providers.port import Heard, Hitch, Reply, Unreached
from pushwarden.providers.verdicts import sent_at

CLOCK_OFF = 60.0
"""Seconds between the provider's clock and ours from which ours is called wrong (F16 of docs/faults.md)."""


def accepted(provider: str, environment: Environment, evidence: str) -> Check:
    """The one check that makes a proof."""
    return Check.of("live.accepted", evidence, provider=provider, environment=environment.title())


def down(provider: str, answer: str) -> Check:
    return Check.of("provider.down", answer, provider=provider, answer=f"It answered {answer}")


def unclear(provider: str, answer: str) -> Check:
    return Check.of("live.unclear", provider=provider, answer=answer)


def clock(provider: str, heard: Heard) -> tuple[Check, ...]:
    """Nothing where the answer has no date."""
    off = skew(heard)
    if off is None:
        return ()
    name = "live.clock_wrong" if abs(off) >= CLOCK_OFF else "live.clock"
    return (
        Check.of(name, f"ours {_hour(heard.now)}, theirs {_hour(heard.now - off)}", skew=span(off), provider=provider),
    )


def resigned(provider: str, heard: Heard, environment: Environment, own: Sequence[str]) -> tuple[Check, ...]:
    """A certificate that this machine trusts and the provider's own authority did not issue."""
    if environment is Environment.SIMULATED or not heard.issuer or any(name in heard.issuer for name in own):
        return ()
    host, issuer = heard.origin.host, heard.issuer
    return (Check.of("net.tls_proxy", "", Result.WARNING, provider=provider, host=host, issuer=issuer),)


def skew(heard: Heard) -> float | None:
    """Seconds our clock is ahead of the provider's; None where the answer does not say."""
    theirs = sent_at(heard.answer.headers) if isinstance(heard.answer, Reply) else None
    return None if theirs is None else heard.now - theirs


def span(seconds: float) -> str:
    """`3 s`, `12 min`, `2 h`."""
    size = abs(seconds)
    if size < 120:
        return f"{size:.0f} s"
    return f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.0f} h"


def on_the_way(
    provider: str, heard: Heard, why: Unreached, own: Sequence[str] = (), other_port: int | None = None
) -> Check:
    """Why nothing could be asked. own: names in what issues the provider's certificates.

    other_port: on which the same service listens.
    """
    host, port = heard.origin.host, heard.origin.port

    def blocked(reason: str) -> Check:
        return Check.of(
            "net.blocked", why.sentence, provider=provider, host=host, port=port, reason=reason, other_port=other_port
        )

    match why.hitch:
        case Hitch.NAME:
            return Check.of("net.dns", why.sentence, provider=provider, host=host, port=port)
        case Hitch.BLOCKED:
            return blocked(why.said or "no connection")
        case Hitch.SILENT:
            return blocked("timed out")
        case Hitch.TRUST if any(name in why.said for name in own):
            return Check.of("live.trust", why.sentence, provider=provider, host=host, issuer=why.said)
        case Hitch.TRUST:
            issuer = why.said or "nobody it names"
            return Check.of("net.tls_proxy", why.sentence, provider=provider, host=host, issuer=issuer)
        case Hitch.HTTP2:
            return Check.of("net.h2", why.sentence, provider=provider, host=host)
        case Hitch.SEALED | Hitch.ENDED:
            return Check.of("live.sealed", reason=why.sentence.removesuffix("."))
        case Hitch.ALERT | Hitch.BROKEN:
            return unclear(provider, why.said or "nothing, and closed the connection")


def _hour(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
