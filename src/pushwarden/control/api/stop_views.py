"""What /v1/stop, /v1/resume and /v1/ramps take and give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from pushwarden.control.api.fields import Identifier, Request, Slug, Text
from pushwarden.control.outlook import Outlook
from pushwarden.control.stop_parts import Held, Resumed, Standing
from pushwarden.core.ramp import STEPS, WHOLE, Ramp, of_step
from pushwarden.core.scope import Environment
from pushwarden.ports.catalog import StopRecord
from pushwarden.web.receipts import ReceiptView, iso, moment, receipt_view


class Target(Request):
    """What to stop: by itself all the key reaches in its organisation, narrowed by each field.

    `installation` is everything.
    """

    installation: bool = False
    app: Slug = ""
    environment: Environment | None = None
    schedule: Identifier = ""
    cohort: Identifier = ""


class StopRequest(Target):
    reason: Text = ""


class StepsRequest(Request):
    """minutes: how long each step lasts. most_refused: the share of refused answers at which it is stopped again."""

    minutes: Annotated[float, msgspec.Meta(ge=0.05, le=1440)] = 10
    most_refused: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05


class ResumeRequest(Target):
    """ramp: fan-outs go to test devices, 1 %, 10 %, all; null sends to everybody at once."""

    held: Held = Held.KEEP
    reason: Text = ""
    ramp: StepsRequest | None = None


class StandingView(msgspec.Struct):
    """receipt: of the stop that stands; None when only the fence file knows of it.

    sent_since: requests written after every sender had confirmed; held: recipients that wait. null: not known now.
    """

    scope: str
    organisation: str
    app: str
    environment: str
    schedule: str
    cohort: str
    since: str
    actor: str
    reason: str
    receipt: ReceiptView | None
    sent_since: int | None = None
    held: int | None = None
    actor_name: str = ""


class StandingList(msgspec.Struct):
    stops: list[StandingView]


class RecordView(StandingView):
    """A stop, in force or lifted; sent_since and held are of those in force. resumed_at: null while it is."""

    id: str = ""
    resumed_at: str | None = None
    resumed_by: str = ""
    resumed_by_name: str = ""


class RecordList(msgspec.Struct):
    receipts: list[RecordView]


class RampView(msgspec.Struct):
    """share: of the devices, whom fan-outs reach now; 0: those marked as test. next: when this step ends.

    accepted, refused: answers of this step; most_refused: their share at which it is stopped again.
    """

    id: str
    scope: str
    organisation: str
    app: str
    environment: str
    step: int
    steps: int
    share: float
    says: str
    since: str
    next: str
    actor: str
    accepted: int
    refused: int
    most_refused: float
    actor_name: str = ""


class RampList(msgspec.Struct):
    ramps: list[RampView]


class Preview(msgspec.Struct):
    """What a stop of this scope would meet, as of a second ago; null is what is not known now.

    apps: that it is about. a_minute: requests written in the last minute. queued, held: recipients who have not ended.
    """

    scope: str
    apps: int
    senders: int
    a_minute: int | None
    queued: int | None
    held: int | None


class HeldView(msgspec.Struct):
    """What a resume decides on: pushes, their recipients left, and of both those that expired meanwhile."""

    scope: str
    pushes: int
    recipients: int
    expired_pushes: int
    expired_recipients: int


class ResumedView(msgspec.Struct):
    """discarded: pushes whose rest ends `stopped`. shards: released or kept held. still: stops that go on covering."""

    scope: str
    held: Held
    discarded: list[str]
    shards: int
    still: list[str]
    ramp: RampView | None = None


def standing_view(standing: Standing, outlook: Outlook, names: Callable[[str], str]) -> StandingView:
    scope, record, queue = standing.scope, standing.record, outlook.queue(standing.scope)
    receipt = record.receipt if record else None
    return StandingView(
        str(scope),
        scope.organisation,
        scope.app,
        str(scope.environment or ""),
        scope.schedule,
        scope.cohort,
        iso(standing.since_ms),
        record.actor if record else "",
        record.reason if record else "",
        receipt_view(receipt) if receipt else None,
        outlook.sent_since(scope, receipt) if receipt else None,
        queue.held if queue else None,
        (names(record.actor) or record.actor) if record else "",
    )


def record_view(record: StopRecord, outlook: Outlook, names: Callable[[str], str]) -> RecordView:
    view = standing_view(Standing(record.scope, record.stopped_at, record), outlook, names)
    lifted = record.resumed_at is not None
    return RecordView(
        **msgspec.structs.asdict(view) | ({"sent_since": None, "held": None} if lifted else {}),
        id=record.id,
        resumed_at=moment(record.resumed_at),
        resumed_by=record.resumed_by,
        resumed_by_name=names(record.resumed_by) or record.resumed_by,
    )


def ramp_view(ramp: Ramp, names: Callable[[str], str] = str) -> RampView:
    scope = ramp.scope
    return RampView(
        ramp.id, str(scope), scope.organisation, scope.app, str(scope.environment or ""),
        ramp.step, len(STEPS), ramp.share / WHOLE, of_step(ramp.step), iso(ramp.started_at), iso(ramp.next_at),
        ramp.started_by, ramp.accepted, ramp.refused, ramp.most_refused / WHOLE,
        names(ramp.started_by) or ramp.started_by,
    )  # fmt: skip


def resumed_view(done: Resumed) -> ResumedView:
    still, ramp = [str(one) for one in done.still], ramp_view(done.ramp) if done.ramp else None
    return ResumedView(str(done.scope), done.held, list(done.discarded), done.shards, still, ramp)
