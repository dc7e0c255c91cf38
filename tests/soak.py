"""The heavy counts, bounded: `./dev soak [JOB …] [--seed N] [--points N]`, all by default; one JSON object a job."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import access_matrix
import audit_searches
import campaigns
import hostile_files
import killing
import leaks
import rotation as rotations
import tampering
import timed_singles
from interleavings import Play, Tally
from interleavings import told as interleaved
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.bench import Wanted, mixed, run
from pushwarden.bench.house import SILENT, House, counts
from pushwarden.core.lane import Class
from pushwarden.dataplane.lanes.pacing import MOST_GROWTH
from pushwarden.dataplane.lanes.trial import SAMPLE
from pushwarden.settings import Settings
from pushwarden.wiring.stage import Stage, temporary
from stalled import FAULTS
from stalled import play as stalled_play

DEVICES = 200_000
POINTS = 50
HEALTHY = 1000
"""Devices that were sent to before, beside those of a wrong list."""
A_ROUND = 5
"""Kills in one fan-out, at random points of it."""
LONGEST = 1800.0
LONGEST_PLAY = 200.0
"""Seconds of interleavings over SQLite."""
DYING = "com.example.dying"
LANE_PAIRS = 3
AUDIT_ROWS = 40
"""Of the chain that is tampered with."""
LEAST_RATIO = 0.9
"""Of its own rate an app keeps beside one whose credential dies."""
BETWEEN_SWITCHES = 10_000
"""Requests the simulator reads from one switch of credentials to the next."""
LONGEST_UNHELD = 5.0
"""Seconds from the first refusal of a credential until its lane rests."""
EVERYONE = ("api", "sender-urgent", "sender-bulk-0", "sender-bulk-0", "chores", "supervisor")
"""The sender that does the work is struck twice as often."""


def kill(options: argparse.Namespace) -> dict[str, Any]:
    """50 kills over fan-outs of 200,000, alerts and silent pushes by turns."""
    chance = random.Random(options.seed)
    window = Settings().unknown_window
    began, rounds, killed = time.monotonic(), [], Counter[str]()
    with temporary("pwsoak-") as folder, Stage(folder, {"PUSHWARDEN_BULK_SENDERS": "1"}) as stage:
        house = House(stage, stage.make_app())
        house.fill(0, options.devices)
        while killed.total() < options.points and time.monotonic() - began < LONGEST:
            body = killing.SILENT if len(rounds) % 2 else killing.ALERT
            kills = min(A_ROUND, options.points - killed.total())
            done = killing.play(house, body, kills, chance, EVERYONE)
            killed.update(done.killed)
            rounds.append(judged(house, done, options.devices, window))
            print(f"soak: {killed.total()} kills, {rounds[-1]}", file=sys.stderr)
    return summary(options, rounds, killed, time.monotonic() - began)


def judged(house: House, done: killing.Round, devices: int, window: int) -> dict[str, Any]:
    """One fan-out's counts; ok when they keep the promise."""
    found = killing.judge(house, done, devices)
    price = max(found.doubled, found.unknown) / max(1, done.sender_kills)
    silent = done.body["type"] == "background"
    kept = found.lost == 0 and found.conserved and (found.doubled == 0 if silent else found.unknown == 0)
    return {
        "type": done.body["type"], "killed": done.killed, "doubled": found.doubled, "unknown": found.unknown,
        "lost": found.lost, "conserved": found.conserved, "price_a_kill": round(price, 1),
        "within_w": price <= window, "ok": kept and price <= window * MOST_GROWTH,
    }  # fmt: skip


def summary(
    options: argparse.Namespace, rounds: list[dict[str, Any]], killed: Counter[str], seconds: float
) -> dict[str, Any]:
    alerts = [one for one in rounds if one["type"] == "alert"]
    silent = [one for one in rounds if one["type"] == "background"]
    return {
        "name": "kill",
        "ok": all(one["ok"] for one in rounds) and killed.total() >= options.points,
        "kills": dict(killed),
        "fan_outs": len(rounds),
        "devices": options.devices,
        "lost": sum(one["lost"] for one in rounds),
        "alerts_doubled": sum(one["doubled"] for one in alerts),
        "background_doubled": sum(one["doubled"] for one in silent),
        "background_unknown": sum(one["unknown"] for one in silent),
        "dearest_kill": max((one["price_a_kill"] for one in rounds), default=0),
        "conserved": all(one["conserved"] for one in rounds),
        "seed": options.seed,
        "seconds": round(seconds, 1),
        "broken": [one for one in rounds if not one["ok"]],
    }


def stop(options: argparse.Namespace) -> dict[str, Any]:
    """200 stops at full speed."""
    told = run("stop", Wanted(trials=options.trials))
    figures = told["figures"]
    return told | {"ok": figures["frames_after_reply"] == 0 and figures["conserved"]}


def fanout(options: argparse.Namespace) -> dict[str, Any]:
    """A long fan-out, clean, templated and hard."""
    told = run("fanout", Wanted(devices=options.fanout_devices))
    return told | {"ok": not any("broken" in note for note in told["notes"])}


def lanes(options: argparse.Namespace) -> dict[str, Any]:
    """Calls and a fan-out of one app by itself, then beside another app whose credential is refused; three times."""
    environ = {"PUSHWARDEN_BULK_SENDERS": "1", "PUSHWARDEN_LOG_LEVEL": "warning"}
    with temporary("pwsoak-") as folder, Stage(folder, environ, mixed.LOG) as stage:
        pairs = [_beside_a_dying_app(stage, number, options.devices) for number in range(LANE_PAIRS)]
    ratios = [beside["fanout_pushes_per_s"] / alone["fanout_pushes_per_s"] for alone, beside, _ in pairs]
    slower = [beside["urgent_p99_ms"] / alone["urgent_p99_ms"] for alone, beside, _ in pairs]
    ended = sum(count for _, _, count in pairs)
    return {
        "name": "lanes",
        "ok": median(ratios) >= LEAST_RATIO and ended == 0,
        "throughput_ratio": round(median(ratios), 3),
        "throughput_ratios": [round(ratio, 3) for ratio in ratios],
        "urgent_p99_ms": [[round(one["urgent_p99_ms"], 2) for one in pair[:2]] for pair in pairs],
        "urgent_p99_ratio": round(median(slower), 3),
        "urgent_calls": [[one["urgent_calls"] for one in pair[:2]] for pair in pairs],
        "ended_of_the_dying": ended,
    }


def _beside_a_dying_app(stage: Stage, number: int, devices: int) -> tuple[dict[str, Any], dict[str, Any], int]:
    """(figures alone, figures beside it, recipients of the dying app that ended)"""
    wanted = Wanted(devices=devices)
    alone = mixed.play(House(stage, stage.make_app(f"alone-{number}")), wanted).figures
    dying = House(stage, stage.make_app(f"dying-{number}", bundle_id=DYING))
    dying.fill(0, devices)
    dying.script({"do": "refuse", "status": 403, "reason": "InvalidProviderToken", "topic": DYING})
    pushes = [dying.push(SILENT) for _ in range(4)]
    beside = mixed.play(House(stage, stage.make_app(f"beside-{number}")), wanted).figures
    ended = sum(sum(counts(dying.state(push)).values()) for push in pushes)
    for push in pushes:
        stage.call("POST", f"{dying.base}/pushes/{push}/cancel")
    dying.script()
    return alone, beside, ended


def suspects(options: argparse.Namespace) -> dict[str, Any]:
    """Tokens of another app, environment and project beside healthy ones: how many were sent, how many touched."""
    told: dict[str, Any] = {"name": "suspects", "devices": options.devices, "ok": True}
    for kind, provider in campaigns.PROVIDER.items():
        with temporary("pwsoak-") as folder, Stage(folder, {}, "counting", providers=(provider,)) as stage:
            house = House(stage, stage.make_app())
            campaigns.proven(house, HEALTHY)
            found = campaigns.run(house, kind, HEALTHY, options.devices)
        told[kind] = {"sent": found.strangers_sent, "touched": found.touched, "why": found.hold["reason"]}
        told["ok"] = told["ok"] and found.kept and 0 < found.strangers_sent <= SAMPLE
    return told


def interleavings(options: argparse.Namespace) -> dict[str, Any]:
    """A million steps in memory, and as many of the same of two processes over SQLite as fit into the time."""
    told = asyncio.run(_interleaved(options))
    return {"name": "interleavings", "ok": all(one.broken == 0 for one in told.values())} | {
        name: interleaved(tally) for name, tally in told.items()
    }


async def _interleaved(options: argparse.Namespace) -> dict[str, Tally]:
    memory = MemoryDevices()
    with temporary("pwsoak-") as folder:
        migrate({"devices": folder / "devices.db"})
        api, sender = (SqliteDevices(folder / "devices.db") for _ in range(2))
        return {
            "memory": await Play(memory, memory, options.seed).run(options.steps),
            "sqlite": await Play(api, sender, options.seed).run(options.steps, LONGEST_PLAY),
        }


def stalled(options: argparse.Namespace) -> dict[str, Any]:
    """One of four connections of fan-outs, then one of the two of calls, half-open, stalled reading, black-holed."""
    told: dict[str, Any] = {"name": "stalled", "ok": True}
    for klass in (Class.BULK, Class.URGENT):
        for fault in FAULTS:
            with temporary("pwsoak-") as folder:
                told[f"{klass} {fault}"] = stalled_play(folder, fault, klass)
            told["ok"] = told["ok"] and told[f"{klass} {fault}"]["ok"]
            print(f"soak: {klass} {fault} {told[f'{klass} {fault}']}", file=sys.stderr)
    return told


def singles100k(options: argparse.Namespace) -> dict[str, Any]:
    """100,000 single pushes, some due within the next minute, some over soon, at a provider that asks for time."""
    with temporary("pwsoak-") as folder, Stage(folder, {"PUSHWARDEN_LOG_LEVEL": "warning"}, "full") as stage:
        told = timed_singles.play(House(stage, stage.make_app()), options.pushes, options.seed)
    return {"name": "singles100k", **told, "seed": options.seed}


def credentials(options: argparse.Namespace) -> dict[str, Any]:
    """10,000 credential files changed by an enemy, each through the real limited child."""
    tally = asyncio.run(hostile_files.run(options.files, options.seed))
    return {"name": "credentials", "ok": tally.ok, "seed": options.seed, **tally.told()}


def rotation(options: argparse.Namespace) -> dict[str, Any]:
    """50 switches among two keys and a certificate at full speed; then a certificate that is refused in mid-run."""
    environ = {"PUSHWARDEN_BULK_SENDERS": "1", "PUSHWARDEN_LOG_LEVEL": "warning"}
    with temporary("pwsoak-") as folder, Stage(folder, environ) as stage:
        house = House(stage, stage.make_app())
        house.fill(0, options.devices)
        told = rotations.rotate(house, options.devices, options.switches, BETWEEN_SWITCHES)
        few = options.devices // 4
        dying = House(stage, stage.make_app("revoked", bundle_id=rotations.DYING))
        well = House(stage, stage.make_app("well"))
        dying.fill(0, few)
        well.fill(0, few)
        revoked = rotations.revoke(dying, well, few, LANE_PAIRS)
    held = revoked["held_seconds"] <= LONGEST_UNHELD and revoked["others_rate"] >= LEAST_RATIO
    return {"name": "rotation", **told, "ok": told["ok"] and revoked["ok"] and held, "revoked": revoked}


def secrets(options: argparse.Namespace) -> dict[str, Any]:
    """Planted keys and passwords, looked for everywhere after everything went wrong; over both stores."""
    told: dict[str, Any] = {"name": "secrets", "ok": True}
    for store in leaks.STORES:
        with temporary("pwsoak-") as folder, Stage(folder, leaks.environ(store), providers=("apns", "fcm")) as stage:
            told[store] = leaks.play(stage)
        told["ok"] = told["ok"] and not told[store]["leaks"]
    return told


def audit(options: argparse.Namespace) -> dict[str, Any]:
    """Every change of a chain at every place, and searches over a million entries."""
    kinds = tampering.tallies(AUDIT_ROWS)
    with temporary("pwsoak-") as folder:
        searches = asyncio.run(audit_searches.run(folder, options.entries))
    good = all(one.found == one.tried for one in kinds.values())
    told = {kind: {"tried": one.tried, "found": one.found} for kind, one in kinds.items()}
    return {"name": "audit", "ok": good, "rows": AUDIT_ROWS, "tampering": told, **searches}


def matrix(options: argparse.Namespace) -> dict[str, Any]:
    """Every route and page by every role and kind of key; guessed ids across organisations."""
    with temporary("pwsoak-") as folder:
        return access_matrix.played(folder, options.guesses, options.seed)


def console(options: argparse.Namespace) -> dict[str, Any]:
    """The first push and stops, click by click in a real browser."""
    import journeys

    return journeys.measured(options.walks)


def axe(options: argparse.Namespace) -> dict[str, Any]:
    """Every page and state of the console, light and dark: what would keep somebody from using it."""
    import everybody

    return everybody.summary()


JOBS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "kill": kill,
    "stop": stop,
    "fanout": fanout,
    "lanes": lanes,
    "suspects": suspects,
    "interleavings": interleavings,
    "stalled": stalled,
    "rotation": rotation,
    "singles100k": singles100k,
    "credentials": credentials,
    "secrets": secrets,
    "audit": audit,
    "matrix": matrix,
    "console": console,
    "axe": axe,
}


def main() -> int:
    parser = argparse.ArgumentParser("./dev soak", description=__doc__)
    parser.add_argument("jobs", nargs="*", choices=[*JOBS, []], default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=POINTS, help="kills in all")
    parser.add_argument("--devices", type=int, default=DEVICES, help="of a fan-out that is struck")
    parser.add_argument("--switches", type=int, default=50, help="of credentials")
    parser.add_argument("--trials", type=int, default=200, help="stops")
    parser.add_argument("--fanout-devices", type=int, default=2_000_000)
    parser.add_argument("--steps", type=int, default=1_000_000, help="of the interleavings, in each store")
    parser.add_argument("--pushes", type=int, default=100_000, help="of singles100k")
    parser.add_argument("--files", type=int, default=10_000, help="credential files that are changed")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the audit that is searched")
    parser.add_argument("--guesses", type=int, default=100_000, help="of ids of another organisation")
    parser.add_argument("--walks", type=int, default=20, help="stops in the browser")
    options = parser.parse_args()
    good = True
    for job in options.jobs or JOBS:
        told = JOBS[job](options)
        print(json.dumps(told), flush=True)
        good = good and told["ok"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
