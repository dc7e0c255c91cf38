"""The requests of a push that was sent, to the first of those it named: as a sender would write them now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pushwarden.core.addressed import unpack
from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.lane import Lane
from pushwarden.core.push import Push
from pushwarden.core.signal import nonce_of
from pushwarden.dataplane.intake.preview import SAMPLES, Sample, shown
from pushwarden.dataplane.intake.push import Intake
from pushwarden.ports.devices import Devices
from pushwarden.ports.journal import Progress

HIDDEN = "…"
"""In place of the nonce: who knows it may speak for the device."""


async def requests_of(intake: Intake, devices: Devices, progress: Progress) -> list[dict[str, Any]]:
    """None of those whose devices are gone, or whose credential is; tokens and the nonce are not shown."""
    push, found = progress.push, list[dict[str, Any]]()
    named = [(one, int.from_bytes(entry, "little")) for one, entry in unpack(progress.addressed) if one != RAW_AUDIENCE]
    known = {one.id: one for one in await devices.audiences(push.scope)} if named else {}
    for audience, seq in named[:SAMPLES]:
        if audience in known:
            provider = intake.sources.providers[known[audience].provider]
            rows = await devices.pick(audience, [seq], provider.columns(push))
            place = (push.organisation, push.app, push.environment, known[audience].provider, push.klass)
            found += _requests(intake, push, Sample(Lane(*place, provider.facts.slot(push.type)), rows))
    return found


def _requests(intake: Intake, push: Push, sample: Sample) -> Iterator[dict[str, Any]]:
    snapshot, provider = intake.sources.snapshot(), intake.sources.providers[sample.lane.provider]
    app, credential = snapshot.app(push.organisation, push.app), snapshot.of_lane(sample.lane)
    if app is None or credential is None or not len(sample.rows):
        return
    nonce = nonce_of(push.message.data)
    for envelope in provider.render(push, app, credential, sample.rows):
        for one in shown(provider, push.type, envelope, sample):
            yield one | {"body": one["body"].replace(nonce, HIDDEN)} if nonce and "body" in one else one
