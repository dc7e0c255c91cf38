"""A receipt as callers see it, with the one sentence that says what it proves."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from pushwarden.core.receipt import Confirmation, Evidence, Receipt, SenderReceipt


class SenderView(msgspec.Struct):
    """named: requests that may still be read. until: how long an unreached one may send.

    last_written, last_accepted: of the stopped scope, null when there was none since the sender started.
    connections: that were asked; cut: of them, those that did not acknowledge and were ended.
    """

    sender: str
    confirmation: Confirmation
    ms: float
    named: int
    until: str | None
    killed: bool
    last_written: str | None = None
    last_accepted: str | None = None
    connections: int = 0
    cut: int = 0


class ReceiptView(msgspec.Struct):
    id: str
    scope: str
    says: str
    drained: bool
    stopped_at: str
    ms: float
    actor: str
    reason: str
    senders: list[SenderView]
    last_written: str | None = None
    last_accepted: str | None = None
    named: int = 0


def receipt_view(receipt: Receipt) -> ReceiptView:
    senders = [_sender(one) for one in receipt.senders]
    known = receipt.evidence
    return ReceiptView(
        receipt.id,
        str(receipt.scope),
        says(receipt),
        receipt.drained,
        iso(receipt.stopped_at),
        receipt.ms,
        receipt.actor,
        receipt.reason,
        senders,
        moment(known.written_at),
        moment(known.accepted_at),
        sum(one.named for one in receipt.senders),
    )


def _sender(one: SenderReceipt) -> SenderView:
    known = one.evidence or Evidence()
    return SenderView(
        one.sender, one.confirmation, one.ms, one.named, moment(one.until_ms), one.killed,
        moment(known.written_at), moment(known.accepted_at), known.connections, known.cut,
    )  # fmt: skip


def says(receipt: Receipt) -> str:
    """The weakest word of all senders decides."""
    if not receipt.senders:
        return "Stopped. No sender was running, so nothing was being sent."
    unreached = [one for one in receipt.senders if one.confirmation is Confirmation.UNREACHED]
    if unreached:
        names = ", ".join(one.sender for one in unreached)
        until = iso(max(one.until_ms or 0 for one in unreached))
        return f"Stopped, but {names} did not answer and could not be ended: it may go on sending until {until}."
    if receipt.drained:
        return "Stopped. The providers have read everything that was sent; nothing follows this answer."
    named = sum(one.named for one in receipt.senders)
    return f"Stopped. Nothing more is sent; at most {named} requests sent before may still be read by a provider."


def moment(ms: int | None) -> str | None:
    return iso(ms) if ms else None


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
