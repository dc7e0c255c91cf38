"""`peers`: the same silent pushes by every client found here, beside our own client and our whole pipeline."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from pushwarden.bench import peer_programs
from pushwarden.bench.house import SILENT, House, fan_out
from pushwarden.bench.peer_programs import OWN, PEERS, SOURCES, Missing, Peer, Timed
from pushwarden.bench.procs import say
from pushwarden.bench.reference import BODY, apns_rate, provider_token
from pushwarden.bench.report import Measured, NotMeasured, Wanted
from pushwarden.providers.generated import generated_key
from pushwarden.wiring.stage import BUNDLE_ID, KEY_ID, TEAM_ID

DEVICES = 500_000
H2LOAD_REQUESTS = 500_000
A2 = "a2 0.10 (Rust) is not measured: it knows Apple's two hosts and the web's roots only; hyper stands for it."


def play(house: House, wanted: Wanted) -> Measured:
    """Our client and our pipeline are measured before and after the peers; their medians stand."""
    if not SOURCES.is_dir():
        raise NotMeasured("`peers` needs a checkout: its programs stand in benchmarks/peers.")
    devices, trials = wanted.devices or DEVICES, wanted.trials or 2
    notes = [
        "One connection and one key each, the same body and headers, warmed up first (Pushy by a million pushes); "
        "CPU is the client's own user and system time in the measured part.",
        "pushwarden: the whole pipeline from the store, journal and counters on; its CPU is the bulk sender's.",
        A2,
    ]
    job, header = _job(house), provider_token()
    house.fill(0, devices)
    own, pipeline = [_own(house, wanted, job, header)], [_pipeline(house, devices)]
    table = {"h2load": _h2load(house)}
    for peer in PEERS:
        try:
            table[peer.name] = _measure(house, _sized(peer, wanted), job, header)
        except Missing as missing:
            notes.append(f"{peer.label} is skipped: {missing}")
            say(f"{peer.label} is skipped: {missing}")
    for _ in range(trials - 1):
        own.append(_own(house, wanted, job, header))
        pipeline.append(_pipeline(house, devices))
    table["pushwarden_client"], table["pushwarden"] = _median(own), _median(pipeline)
    return Measured({**_flat(table), **ratios(table)}, trials, notes)


def ratios(table: Mapping[str, Timed]) -> dict[str, float]:
    """What the targets speak of, as far as those peers were found."""
    own, pipeline = table["pushwarden_client"], table["pushwarden"]
    clients = [timed.per_s for name, timed in table.items() if not name.startswith("pushwarden") and name != "h2load"]
    found = {"ratio_to_best_peer": pipeline.per_s / max(clients)} if clients else {}
    for name in ("pushy", "apns2", "node_apn"):
        if name in table:
            found[f"client_cpu_to_{name}"] = own.cpu_us / table[name].cpu_us
    if "pushy" in table:
        found["pipeline_cpu_to_pushy"] = pipeline.cpu_us / table["pushy"].cpu_us
    for name in ("node_apn", "aioapns"):
        if name in table:
            found[f"pipeline_rate_to_{name}"] = pipeline.per_s / table[name].per_s
    return found


def _measure(house: House, peer: Peer, job: Mapping[str, Any], header: str) -> Timed:
    timed = peer_programs.measure(peer, peer.build(), job, house.stage.folder, header)
    say(f"{peer.label}: {timed.per_s:,.0f}/s, {timed.cpu_us:.2f} µs CPU a push")
    return timed


def _own(house: House, wanted: Wanted, job: Mapping[str, Any], header: str) -> Timed:
    return _measure(house, _sized(OWN, wanted), job, header)


def _sized(peer: Peer, wanted: Wanted) -> Peer:
    """No more pushes than a smaller run asks for; such a run warms nobody up and compares nothing."""
    most = wanted.devices or peer.warm + peer.count
    return replace(peer, warm=min(peer.warm, most), count=min(peer.count, most))


def _pipeline(house: House, devices: int) -> Timed:
    run = fan_out(house, SILENT, devices)
    say(f"Pushwarden from the store: {run.per_s:,.0f}/s, {run.cpu_us:.2f} µs CPU a push")
    return Timed(run.per_s, run.cpu_us)


def _h2load(house: House) -> Timed:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = apns_rate(house.stage.simulator["port"], house.stage.folder, H2LOAD_REQUESTS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    say(f"h2load: {rate:,.0f}/s")
    return Timed(rate, spent / H2LOAD_REQUESTS * 1e6)


def _job(house: House) -> dict[str, Any]:
    key: Path = house.stage.folder / "peer.p8"
    key.write_bytes(generated_key())
    key.chmod(0o600)
    return {
        "host": "localhost",
        "port": house.stage.simulator["port"],
        "ca": str(house.stage.simulator["ca"]),
        "key": str(key),
        "key_id": KEY_ID,
        "team_id": TEAM_ID,
        "topic": BUNDLE_ID,
        "payload": json.loads(BODY),
    }


def _median(trials: list[Timed]) -> Timed:
    return Timed(median(one.per_s for one in trials), median(one.cpu_us for one in trials))


def _flat(table: Mapping[str, Timed]) -> dict[str, float]:
    return {
        key: value
        for name, timed in table.items()
        for key, value in ((f"{name}_per_s", timed.per_s), (f"{name}_cpu_us", timed.cpu_us))
    }
