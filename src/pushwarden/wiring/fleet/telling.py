"""The story itself: three apps, who did what to them in a month, and what was sent."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from structlog.testing import capture_logs

from pushwarden.adapters.health import CatalogHealths
from pushwarden.core.app import CredentialState
from pushwarden.core.check import Check
from pushwarden.core.receipt import Confirmation, Receipt, SenderReceipt
from pushwarden.core.scope import Environment
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.providers.generated import generated_account, generated_key
from pushwarden.settings import Settings
from pushwarden.simulators.certificates import client_certificate
from pushwarden.wiring.fleet import devices, people, pushes, traffic
from pushwarden.wiring.fleet.teller import ORGANISATION, Step, Teller, ago, teller

SHOP, DRIVERS, CARE = "/v1/apps/acme-shop", "/v1/apps/acme-drivers", "/v1/apps/northwind-care"
CONFIRMED = tuple(
    SenderReceipt(name, confirmation, ms, named)
    for name, confirmation, ms, named in (
        ("sender-urgent", Confirmation.DRAINED, 4.1, 0),
        ("sender-normal", Confirmation.DRAINED, 3.7, 0),
        ("sender-bulk-0", Confirmation.DRAINED, 5.3, 0),
        ("sender-bulk-1", Confirmation.FENCED, 52.0, 37),
    )
)


async def tell(settings: Settings, now_ms: int, scale: float = 1.0, *, singles: int = 0) -> None:
    """Makes the installation below `settings.data` as if it had run until now.

    scale: of devices and pushes. singles: pushes to one user; 0: as many as the scale says.
    """
    with capture_logs():  # what a server would log of it is of no interest
        await _tell(settings, now_ms, scale, singles)


async def _tell(settings: Settings, now_ms: int, scale: float, singles: int) -> None:
    async with teller(settings, now_ms) as story:
        await story.run((*_shop(settings.data.parent / "certificates"), *_drivers(), *_care(), *_month(), *_incident()))
        await devices.tell(story, scale)
        await pushes.tell(story, settings, min(1.0, scale), singles)
        await traffic.tell(story, scale)
        await people.tell(story)
        await in_use(story.api.stores.catalog, story.now)


def _shop(authority: Path) -> Iterator[Step]:
    yield _created(342, "dana", "acme-shop", "Acme Shop", "The shop's app: orders, deliveries and offers.")
    topics = (("com.acme.shop", "app"), ("com.acme.shop.voip", "voip"))
    certificate, key = client_certificate(authority, "com.acme.shop", topics, days=23, age=343)
    for number, environment in enumerate(("production", "sandbox")):
        base, file = f"{SHOP}/{environment}", Upload("dana", certificate + key, "aps_shop.pem")
        yield ago(days=341, minutes=30 - number), partial(_used, base=base, file=file)
        google = _account("dana", "acme-shop-1")
        yield ago(days=341, minutes=20 - number), partial(_used, base=base, file=google)
    spare = _key_file("omar", "ABC123DEFG")
    yield ago(hours=20), partial(_proven, base=f"{SHOP}/production", file=spare)
    asking = partial(Teller.post, who="omar", path=f"{SHOP}/production/credentials/requests", body={})
    yield ago(days=3, hours=5), asking


def _drivers() -> Iterator[Step]:
    yield _created(203, "dana", "acme-drivers", "Acme Drivers", "Shifts and routes for drivers.")
    key, google = (
        _key_file("dana", "DRV2K8QX41"),
        _account("dana", "acme-drivers"),
    )
    yield ago(days=202, minutes=9), partial(_used, base=f"{DRIVERS}/production", file=key)
    yield ago(days=202, minutes=8), partial(_used, base=f"{DRIVERS}/sandbox", file=key)
    yield ago(days=202, minutes=5), partial(_used, base=f"{DRIVERS}/production", file=google)

    yield ago(days=12), _drivers_off


async def in_use(catalog: Catalog, now_ms: int) -> None:
    """What is in use was accepted just now, so that nobody asks Apple or Google about it today."""
    for one in await catalog.read(lambda tables: tables.credentials.in_state(*CredentialState)):
        if one.enabled and one.environment is not Environment.SIMULATED:
            await CatalogHealths(catalog, "sender-normal").proven(one, now_ms)


async def _drivers_off(story: Teller) -> None:
    base = f"{DRIVERS}/sandbox/credentials"
    (one,) = (await story.by("omar").get(base)).credentials
    await story.by("omar").patch(f"{base}/{one.id}", {"version": one.version, "enabled": False})


def _care() -> Iterator[Step]:
    yield _created(5, "omar", "northwind-care", "Northwind Care", "Appointments of Northwind's patients.", trial=True)
    key, google = (
        _key_file("omar", "NWC7TT3P0A"),
        _account("omar", "northwind-care"),
    )
    yield ago(days=4, hours=22), partial(_used, base=f"{CARE}/sandbox", file=key)
    yield ago(days=4, hours=21), partial(_used, base=f"{CARE}/production", file=key)
    yield ago(days=4, hours=20), partial(_used, base=f"{CARE}/sandbox", file=google)


def _month() -> Iterator[Step]:
    for days, name, kind, app in ((29, "Order service", "send", "acme-shop"), (29, "Dispatch", "send", "acme-drivers"),
                                  (28, "Monitoring", "read", ""), (21, "Shop app", "device", "acme-shop"),
                                  (20, "On-call button", "stop", "")):  # fmt: skip
        body = {"name": name, "kind": kind} | ({"app": app} if app else {})
        yield ago(days=days, hours=2), partial(Teller.post, who="dana", path="/v1/keys", body=body)
    hook = {"url": "https://orders.acme.example/pushwarden", "environments": ["simulated"]}
    yield ago(days=24), partial(Teller.post, who="omar", path=f"{SHOP}/callbacks", body=hook)
    edits: tuple[tuple[float, str, str, dict[str, Any]], ...] = (
        (26, "dana", SHOP, {"contacts": ["push@acme.example", "oncall@acme.example"]}),
        (19, "omar", SHOP, {"description": "Orders, deliveries and offers of the shop."}),
        (15, "omar", DRIVERS, {"description": "Shifts, routes and calls for drivers."}),
        (2.3, "dana", DRIVERS, {"contacts": ["fleet@acme.example"]}),
        (0.8, "omar", SHOP, {"description": "Orders, deliveries and offers of Acme's shop."}),
    )
    for when, who, app, fields in edits:
        yield ago(days=when), partial(Teller.change, who=who, path=app, **fields)
    no_stop = partial(Teller.refused, who="lee", path="/v1/stop", body={"app": "acme-shop"})
    no_switch = partial(Teller.refused, who="priya", path=f"{SHOP}/production/credentials/none/activate", body={})
    yield from ((ago(days=17, hours=5), no_stop), (ago(days=11, hours=7), no_switch))


def _incident() -> Iterator[Step]:
    """Nine days ago a build crashed on every push: stopped, looked at, resumed after 47 minutes."""
    where = {"app": "acme-shop", "environment": "production"}
    stopping = {**where, "reason": "Crash loop in 5.3"}
    resuming = {**where, "held": "discard", "reason": "5.3.1 is out; what waited has expired."}
    yield ago(days=9, hours=2), partial(Teller.post, who="dana", path="/v1/stop", body=stopping)
    yield ago(days=9, hours=1, minutes=59), _confirmed
    yield ago(days=9, hours=1, minutes=31), partial(Teller.refused, who="priya", path="/v1/resume", body=resuming)
    yield ago(days=9, hours=1, minutes=13), partial(Teller.post, who="dana", path="/v1/resume", body=resuming)


async def _confirmed(story: Teller) -> None:
    """What the senders of that day said; there are none in this process. The database learns of a stop a bit later."""

    def work(tables: Tables) -> bool:
        standing = tables.stops.open(ORGANISATION)
        for stop in standing:
            receipt = stop.receipt or Receipt(stop.id, stop.scope, 1, stop.stopped_at, 0, ())
            tables.stops.put(replace(stop, receipt=replace(receipt, ms=52.4, senders=CONFIRMED)))
        return bool(standing)

    while not await story.api.stores.catalog.note(work):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _created(days: int, who: str, app: str, name: str, words: str, *, trial: bool = False) -> Step:
    package = "com." + app.replace("-", ".")
    body = {"id": app, "name": name, "description": words, "bundle_id": package, "android_package": package}
    return ago(days=days), partial(Teller.post, who=who, path="/v1/apps", body={**body, "trial": trial})


class Upload(NamedTuple):
    """A credential's file, and who brings it."""

    who: str
    content: bytes
    name: str
    key_id: str = ""


def _key_file(who: str, key: str) -> Upload:
    return Upload(who, generated_key(), f"AuthKey_{key}.p8", key)


def _account(who: str, project: str) -> Upload:
    return Upload(who, generated_account(project), f"{project}.json")


async def _used(story: Teller, base: str, file: Upload) -> None:
    """Uploaded, proven and in use."""
    made = await _proven(story, base, file)
    await story.by(file.who).post(f"{base}/credentials/{made}/activate")


async def _proven(story: Teller, base: str, file: Upload) -> str:
    """Uploaded, with a sender's word on it; its id."""
    body = {"content": base64.b64encode(file.content).decode(), "file_name": file.name}
    more = {"key_id": file.key_id, "team_id": "9XY8Z7W6V5"} if file.key_id else {}
    made = (await story.by(file.who).post(f"{base}/credentials", body | more)).credential
    environment = base.rpartition("/")[2].title()
    if made.provider == "fcm":
        said = ("access token, and `validate_only` to an impossible token in 204 ms", "Google")
    else:
        said = ("400 BadDeviceToken to an impossible token, 181 ms", "Apple")
    checks = [Check.of("live.accepted", said[0], provider=said[1], environment=environment)]
    checks += [Check.of("p8.unproven_topic")] if file.key_id else []
    await story.prove(base, made.id, *checks)
    return str(made.id)
