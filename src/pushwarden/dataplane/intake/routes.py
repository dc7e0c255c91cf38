"""The routes of pushes, each with the permission it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pushwarden.core.principal import Permission
from pushwarden.core.push import PushState, Source
from pushwarden.core.receipt import Receipt as StopReceipt
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.accept import idempotency_key
from pushwarden.dataplane.intake.batch import ARRAY_BYTES, BATCH_BYTES, batch_array, batch_lines
from pushwarden.dataplane.intake.parse import parse
from pushwarden.dataplane.intake.preview import preview
from pushwarden.dataplane.intake.push import Caller, Intake
from pushwarden.dataplane.intake.receipts import Receipt
from pushwarden.dataplane.intake.record_routes import progress_of
from pushwarden.dataplane.intake.request import BODY_LIMIT, PushRequest
from pushwarden.dataplane.intake.views import failure_view, progress_view
from pushwarden.dataplane.intake.written import requests_of
from pushwarden.ports.devices import Devices
from pushwarden.ports.journal import Accepts, Progress
from pushwarden.web import body
from pushwarden.web.call import Answer, Call
from pushwarden.web.receipts import receipt_view
from pushwarden.web.routes import Route, Shape, route

BASE = "/v1/apps/{app}/{env}/pushes"
NDJSON = b"application/x-ndjson"
PAGE = 1000

Cancel = Callable[[Scope, str], Awaitable[StopReceipt]]
"""Stops one push for good: fence, then discard. Takes the push's scope and the actor."""


@dataclass(frozen=True, slots=True)
class PushRoutes:
    """The handlers. `routes()` is what the frame is built from."""

    intake: Intake
    accepts: Accepts
    devices: Devices
    cancel: Cancel

    def routes(self) -> list[Route]:
        send, test, read = Permission.PUSH_SEND, Permission.PUSH_TEST, Permission.PUSH_READ
        shape = Shape(PushRequest, Receipt, 202)
        one = BASE + "/{id}"
        return [
            route("POST", BASE, self.post, permission=test, action="push.send", summary="Send a push", shape=shape,
                  limit=BODY_LIMIT),
            route("POST", BASE + ":batch", self.post_batch, permission=send, action="push.send", limit=BATCH_BYTES,
                  summary="Send many different pushes: a JSON array or NDJSON, one answer an item"),
            route("POST", BASE + "/preview", self.post_preview, permission=test, limit=BODY_LIMIT,
                  summary="Show the provider requests a push would make; nothing is sent", shape=Shape(PushRequest)),
            route("GET", one, self.get_one, permission=read, summary="State and counts of a push"),
            route("GET", one + "/requests", self.get_requests, permission=read,
                  summary="The provider requests of a push, to the first of those it named"),
            route("GET", one + "/failures", self.get_failures, permission=read, summary="Recipients not reached",
                  shape=Shape(query=("after", "limit"))),
            route("POST", one + "/cancel", self.post_cancel, permission=Permission.STOP, action="push.cancel",
                  summary="Stop what is left of a push"),
        ]  # fmt: skip

    async def post(self, call: Call) -> Answer:
        caller = caller_of(call)
        return Answer(await self.intake.push(await call.read(), caller), 202)

    async def post_batch(self, call: Call) -> Answer:
        caller = caller_of(call)
        if b"ndjson" in (body.header(call.headers, b"content-type") or b""):
            answers = await batch_lines(self.intake, call.stream(), caller)
            return Answer(b"".join(answer + b"\n" for answer in answers), content_type=NDJSON)
        answers = await batch_array(self.intake, await body.read(call.headers, call.receive, ARRAY_BYTES), caller)
        return Answer(b"[" + b",".join(answers) + b"]")

    async def post_preview(self, call: Call) -> Answer:
        return Answer(await preview(self.intake, self.devices, parse(await call.read()), caller_of(call)))

    async def get_one(self, call: Call) -> Answer:
        return Answer(self._view(await progress_of(self.accepts, call)))

    async def get_requests(self, call: Call) -> Answer:
        progress = await progress_of(self.accepts, call)
        return Answer({"requests": await requests_of(self.intake, self.devices, progress)})

    async def get_failures(self, call: Call) -> Answer:
        query = call.query("after", "limit")
        after = call.number(query.get("after"), "after", 0, 2**62)
        limit = max(1, call.number(query.get("limit"), "limit", PAGE, PAGE))
        progress = await progress_of(self.accepts, call)
        rows = await self.accepts.failures(call.where, progress.push.id, after=after, limit=limit)
        following = rows[-1][0] if len(rows) == limit else None
        whole = call.principal.may(Permission.DEVICE_WRITE, call.where)
        failures = [failure_view(row, failure, whole=whole) for row, failure in rows]
        return Answer({"failures": failures, "next": following})

    async def post_cancel(self, call: Call) -> Answer:
        progress = await progress_of(self.accepts, call)
        receipt = None
        if progress.push.state is not PushState.DONE:
            receipt = receipt_view(await self.cancel(progress.push.scope, call.principal.id))
            progress = await progress_of(self.accepts, call)
        answer: dict[str, Any] = {"id": progress.push.id, "receipt": receipt, "push": self._view(progress)}
        return Answer(answer)

    def _view(self, progress: Progress) -> dict[str, Any]:
        return progress_view(progress, self.intake.sources.clock.now_ms())


def caller_of(call: Call) -> Caller:
    """Invalid when the idempotency key is not one."""
    raw = body.header(call.headers, b"idempotency-key")
    key = idempotency_key(None if raw is None else raw.decode("latin-1"))
    source = Source.API if call.principal.kind else Source.PERSON
    tests = not call.principal.may(Permission.PUSH_SEND, call.where)
    return Caller(call.where, call.principal.id, key, source, tests)
