"""`pages`: how long the api takes for each page of the console, on a company with a million devices."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2

from pushwarden.bench.house import House
from pushwarden.bench.procs import percentile, say
from pushwarden.bench.report import Measured, Wanted
from pushwarden.control.console.pages import PageRoute
from pushwarden.settings import Settings
from pushwarden.wiring.api import Api
from pushwarden.wiring.fleet import tell
from pushwarden.wiring.fleet.devices import LIVE_DEVICES
from pushwarden.wiring.fleet.people import signed_in
from pushwarden.wiring.fleet.places import filled, looks, names
from pushwarden.wiring.stage import Stage, temporary

FLEET, PUSHES = 1_000_000, 10_000
ROUNDS = 30
PATIENCE = 30.0


def play(_: House, wanted: Wanted) -> Measured:
    """A stage of its own: the company is told before anything runs. The pages are asked in turn, signed in."""
    devices = wanted.devices or FLEET
    with temporary("pwpages-") as folder:
        settings = Settings(data=folder / "data")
        now_ms = time.time_ns() // 1_000_000
        say(f"telling a company with {devices:,} devices")
        asyncio.run(tell(settings, now_ms, devices / LIVE_DEVICES, singles=min(PUSHES, devices)))
        table = asyncio.run(_table(settings))
        with Stage(folder, providers=("apns", "fcm")) as stage:
            cookie = asyncio.run(signed_in(settings, "dana", now_ms))
            known = names(lambda path: stage.call("GET", path))
            places = {one.path: filled(one.path, known) for one in looks(table) if one.signed_in}
            return _measured(_asked(stage, places, cookie, wanted.trials or ROUNDS), devices)


async def _table(settings: Settings) -> list[PageRoute]:
    """The pages of this build."""
    api = Api(settings)
    try:
        return list(api.doors().console.router.routes)
    finally:
        await api.close()


def _asked(stage: Stage, places: dict[str, str], cookie: str, rounds: int) -> dict[str, tuple[list[float], int]]:
    """Path → (milliseconds of each answer but the first, bytes). RuntimeError for a page that does not answer 200."""
    asked: dict[str, tuple[list[float], int]] = {}
    with httpx2.Client(trust_env=False, timeout=PATIENCE, headers={"cookie": f"pushwarden={cookie}"}) as client:
        _welcome(client, stage.url)
        for path, place in places.items():
            taken = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                answer = client.get(stage.url + place)
                taken.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{place} answers {answer.status_code}.")
            asked[path] = taken[1:], len(answer.content)
    return asked


def _welcome(client: httpx2.Client, url: str) -> None:
    """Until the api knows the session, which was made behind its back."""
    until = time.monotonic() + PATIENCE
    while client.get(f"{url}/apps").status_code != 200:
        if time.monotonic() > until:
            raise TimeoutError("The api does not know the new session.")
        time.sleep(0.05)


def _measured(asked: dict[str, tuple[list[float], int]], devices: int) -> Measured:
    rows: list[dict[str, Any]] = [
        {
            "page": path,
            "p50_ms": round(percentile(taken, 0.5), 1),
            "p95_ms": round(percentile(taken, 0.95), 1),
            "bytes": size,
        }
        for path, (taken, size) in asked.items()
    ]
    worst = max(rows, key=lambda row: float(row["p95_ms"]))
    figures = {"page_p95_ms": worst["p95_ms"], "slowest": worst["page"], "devices": devices, "rows": rows}
    notes = [
        "Request to last byte, over HTTP on loopback, one after the other; the first answer of a page is left out."
    ]
    return Measured(figures, len(next(iter(asked.values()))[0]), notes)
