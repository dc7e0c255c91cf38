"""`demo`: everything on loopback, the first pushes, a stop with its proof. `--check` does it headless and counts."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pushwarden.cli.out import console, fail
from pushwarden.core.errors import Invalid
from pushwarden.core.outcome import Fate
from pushwarden.simulators.phone.phone import Phone
from pushwarden.wiring.entrance import link_for
from pushwarden.wiring.fleet.company import OWNER, Company
from pushwarden.wiring.stage import NotStarted, Stage, device_line, temporary

FLEET, ANDROIDS = 10_000, 1_000
ONLY = {"PUSHWARDEN_SIMULATED_ONLY": "true"}
"""A made-up company's keys are shown to no provider."""
PHONES = {"apns": "phone-1", "fcm": "phone-2"}
PROVIDERS = tuple(PHONES)


def check() -> int:
    """The main job once on real processes; prints one JSON object. 0 when every count agrees with the simulator."""
    began = time.monotonic()
    report: dict[str, Any] = {"ok": False, "steps": {}}
    with temporary("pushwarden-demo-") as folder:
        try:
            with Stage(folder, providers=PROVIDERS) as stage:
                _main_job(stage, report)
        except NotStarted as error:
            report["error"] = str(error)
    report["seconds"] = round(time.monotonic() - began, 2)
    report["ok"] = "error" not in report and all(step.get("ok") for step in report["steps"].values())
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if report["ok"] else 1


def _main_job(stage: Stage, report: dict[str, Any]) -> None:
    steps = report["steps"]
    base = stage.make_app()
    lines: Iterator[bytes] = (device_line(number) for number in range(FLEET))
    imported = stage.import_devices(base, lines)
    steps["import"] = {"ok": imported.get("created") == FLEET} | imported
    calls = [device_line(number, kind="voip") for number in range(10)]
    stage.import_devices(base, iter(calls))
    jobs: list[tuple[str, dict[str, Any], int]] = [
        ("alert", {"to": {"user": "user-7"}, "type": "alert", "title": "Hello", "body": "One user"}, 1),
        ("silent", {"to": {"all": True}, "type": "background", "data": {"n": 1}}, FLEET),
        ("voip", {"to": {"user": "user-7"}, "type": "voip", "data": {"call": "1"}}, 1),
    ]
    for name, body, expected in jobs:
        push = stage.call("POST", f"{base}/pushes", json=body)["id"]
        state = stage.settled(base, push)
        steps[name] = {"ok": state["accepted"] == expected, "push": push, "counts": counts_of(state)}
    steps["stop"] = _stop_in_the_middle(stage, base)
    steps["android"] = _both(stage, base)
    steps["conservation"] = _conservation(stage, steps)


def _stop_in_the_middle(stage: Stage, base: str) -> dict[str, Any]:
    """A second fan-out, slowed down so that a stop finds it under way; then resume and let it finish."""
    stage.control("POST", "/script", content=b'{"rules":[{"do":"delay","ms":40}]}')
    push = stage.call("POST", f"{base}/pushes", json={"to": {"all": True}, "type": "background"})["id"]
    while _done(stage, base, push) < 500:
        time.sleep(0.002)
    receipt = stage.call("POST", "/v1/stop", json={"app": "shop", "reason": "demo"})
    replied_ns = time.monotonic_ns()
    time.sleep(0.3)
    at_stop = _done(stage, base, push)
    late = stage.seen().last_ns - replied_ns
    refused = stage.client.post(
        f"{stage.url}{base}/pushes", json={"to": {"all": True}}, headers={"authorization": f"Bearer {stage.key}"}
    ).json()["code"]
    stage.control("POST", "/script", content=b'{"rules":[]}')
    stage.call("POST", "/v1/resume", json={"app": "shop", "held": "release"})
    state = stage.settled(base, push)
    return {
        "ok": receipt["drained"] and late < 0 and refused == "stopped" and state["accepted"] == FLEET,
        "push": push,
        "receipt_ms": round(receipt["ms"], 2),
        "drained": receipt["drained"],
        "accepted_when_stopped": at_stop,
        "last_frame_before_reply_ms": round(-late / 1e6, 2),
        "counts": counts_of(state),
    }


def _both(stage: Stage, base: str) -> dict[str, Any]:
    """Android devices join, and one push goes to every device of both kinds."""
    lines = (device_line(number, provider="fcm") for number in range(ANDROIDS))
    imported = stage.import_devices(base, lines)
    body = {"to": {"all": True}, "type": "background", "data": {"n": 2}}
    push = stage.call("POST", f"{base}/pushes", json=body)["id"]
    state = stage.settled(base, push)
    reached = stage.seen("fcm").by_status == {200: ANDROIDS, 400: 1}  # one asked whether Google knows the credential
    return {
        "ok": imported.get("created") == ANDROIDS and state["accepted"] == FLEET + ANDROIDS and reached,
        "push": push,
        "counts": counts_of(state),
    }


def _done(stage: Stage, base: str, push: str) -> int:
    return sum(counts_of(stage.call("GET", f"{base}/pushes/{push}")).values())


def counts_of(state: dict[str, Any]) -> dict[str, int]:
    """How many recipients ended, by fate."""
    return {fate: state[fate] for fate in Fate}


def _conservation(stage: Stage, steps: dict[str, Any]) -> dict[str, Any]:
    """Our counts against the simulators' own logs: every recipient once, one proof a credential, nothing more."""
    ours = sum(sum(step["counts"].values()) for step in steps.values() if "counts" in step)
    proofs = len(PROVIDERS)
    logs = [stage.seen(provider) for provider in PROVIDERS]
    frames, distinct = sum(log.frames for log in logs), sum(log.distinct for log in logs)
    return {
        "ok": ours + proofs == frames == distinct,
        "ours": ours,
        "proofs": proofs,
        "frames": frames,
        "distinct": distinct,
        "repeated": sum(len(log.repeated) for log in logs),
    }


def show(port: int) -> int:
    """Until Ctrl-C: a running Pushwarden with a made-up company in it, a phone of each kind, and what to try next."""
    if not _is_free(port):
        raise fail(f"127.0.0.1:{port} is taken, perhaps by another demo; end that, or choose another by --port.")
    folder = Path("data/demo").absolute()
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal ends the children too
        signal.signal(number, signal.default_int_handler)
    company = Company(folder)
    try:
        if not (folder / "data").exists():
            _say("Making up a company with a month of history: its first start takes some seconds.")
            company.tell()
        with Stage(folder, port=port, providers=PROVIDERS, environ=ONLY) as stage:
            base = "/v1/apps/shop/simulated"
            if not any(app["id"] == "shop" for app in stage.call("GET", "/v1/apps")["apps"]):
                stage.make_app(key_file=folder / "AuthKey_DEMOKEY123.p8")
            elif all(one["provider"] != "fcm" for one in stage.call("GET", f"{base}/credentials")["credentials"]):
                stage.make_credential(base, "fcm")  # the folder of an earlier demo, which knew Apple only
            _tour(stage, base, company)
            with contextlib.ExitStack() as pocket:
                phones = [pocket.enter_context(_phone(stage, provider)) for provider in PROVIDERS]
                _phones(stage, base, phones, company)
    except KeyboardInterrupt:
        console.print("Everything has ended. What was sent and registered stays for the next time.")
    except NotStarted as error:
        console.print(str(error), markup=False)
        return 1
    return 0


def _say(words: str) -> None:
    console.print(words, markup=False, soft_wrap=True)


def _tour(stage: Stage, base: str, company: Company) -> None:
    _say(f"Pushwarden answers at {stage.url}; everything lives in {stage.folder}.")
    for provider, told in stage.simulators.items():
        _say(f"The simulator of {provider} listens on 127.0.0.1:{told['port']} with TLS and HTTP/2.")
    _say("")
    imported = stage.import_devices(base, (device_line(number) for number in range(FLEET)))
    _say(f"Imported {FLEET} devices: {imported['created']} new, {imported['unchanged']} known.")
    push = stage.call("POST", f"{base}/pushes", json={"to": {"all": True}, "type": "background"})["id"]
    counts = stage.settled(base, push)
    _say(f"A silent push to all of them: {counts['accepted']} accepted by the simulator.")
    _say("\nTry it from another terminal:")
    _say(f"  export PUSHWARDEN_DATA={stage.data} PUSHWARDEN_URL={stage.url}")
    _say(f"  export PUSHWARDEN_KEY=$(cat {stage.data}/keys/admin.key)")
    _say('  .venv/bin/pushwarden send shop --env simulated --device phone-1 --title "Hello" --body "It works"')
    _say("  .venv/bin/pushwarden stop shop")
    _say("  .venv/bin/pushwarden resume shop")
    _say("\nphone-1 is an iPhone, phone-2 an Android phone, both test devices; they show what comes. Ctrl-C ends it.\n")
    _way_in(company)


def _way_in(company: Company) -> None:
    """The company's owner comes in by a link as often as the demo starts; the first person of a plain one once."""
    if company.there:
        link = link_for(company.settings, OWNER) + "&next=/apps"
        _say("The console of a made-up company, as its administrator, by a link that works once and for 15 minutes:")
        _say(f"\n  {link}\n\nAnother one: .venv/bin/pushwarden signin-link --person {OWNER}\n")
        return
    with contextlib.suppress(Invalid):  # who has signed in before does so again
        _say(f"The console, by a link that works once: {link_for(company.settings)}\n")


@contextlib.contextmanager
def _phone(stage: Stage, provider: str) -> Iterator[Phone]:
    control = f"http://127.0.0.1:{stage.simulators[provider]['control_port']}"
    with contextlib.closing(Phone(control, provider=provider)) as phone:
        phone.pair()
        yield phone


def _phones(stage: Stage, base: str, phones: list[Phone], company: Company) -> None:
    """Simulated phones in this terminal: test devices of the app, greeted with a first push. Meanwhile Acme goes on."""
    for phone in phones:
        phone.register(f"{stage.url}{base}/devices", stage.key, PHONES[phone.provider], {"user": "you", "test": True})
    greeting = {"to": {"user": "you"}, "title": "Hello from Pushwarden", "body": "This push took the real way."}
    stage.call("POST", f"{base}/pushes", json=greeting)
    while True:
        for phone in phones:
            for push in phone.arrived(wait_s=0.5):
                _say(f"📱 {PHONES[phone.provider]} {push.line}")
        if company.there:
            company.go_on()


def _is_free(port: int) -> bool:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
