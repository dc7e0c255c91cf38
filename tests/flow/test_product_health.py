"""A credential's life in the whole product: told before it ends, found refused, repaired, and nobody else touched."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from callback_fixtures import ALLOWED, Receiver
from mail_fixtures import MailBox
from product_fixtures import SLOW, ask, close_stage, ended, fleet, open_stage, script, send, times_seen, until
from pushwarden.wiring.stage import Stage

pytestmark = SLOW


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailBox]:
    with MailBox(tmp_path_factory.mktemp("mail"), login=True).up() as found:
        yield found


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("hook")).up() as found:
        yield found


@pytest.fixture(scope="module")
def stage(box: MailBox, receiver: Receiver) -> Iterator[Stage]:
    environ = {
        "PUSHWARDEN_SMTP": box.url(),
        "PUSHWARDEN_SMTP_FROM": "push@acme.example",
        "PUSHWARDEN_SMTP_CA": str(box.ca),
        "PUSHWARDEN_CONTACTS": "ops@acme.example",
        "PUSHWARDEN_CALLBACKS_ALLOW": ALLOWED,
        "PUSHWARDEN_CALLBACKS_CA": str(receiver.certificates.ca),
    }
    found = open_stage(environ=environ)
    yield found
    close_stage(found)


def entry(stage: Stage, app: str) -> dict[str, Any]:
    """How the app's active credential stands."""
    found = stage.call("GET", "/v1/credentials")["credentials"]
    return next(one for one in found if one["app"] == app and one["credential"]["state"] == "active")


def state(stage: Stage, app: str) -> str:
    return str(entry(stage, app)["credential"]["health"]["state"])


def command(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    own = {"PUSHWARDEN_DATA": str(stage.data), "PATH": "/usr/bin:/bin", "COLUMNS": "300", "NO_COLOR": "1"}
    run = [sys.executable, "-m", "pushwarden.cli.main", *words]
    return subprocess.run(run, env=own | dict(stage.environ), capture_output=True, text=True, timeout=120, check=False)


def test_a_refused_credential_is_found_told_and_repaired_and_another_app_never_waits(
    stage: Stage, box: MailBox, receiver: Receiver
) -> None:
    base, calm = stage.make_app("ill"), stage.make_app("calm", bundle_id="com.example.calm")
    stage.call("PATCH", "/v1/apps/ill", json={"version": 1, "contacts": ["ada@acme.example"]})
    stage.call("POST", "/v1/apps/ill/callbacks", json={"url": receiver.url})
    fleet(stage, base, 900)
    fleet(stage, calm, 300)
    assert ended(stage.settled(base, send(stage, base, {"all": True}))) == {"accepted": 900}
    until(lambda: state(stage, "ill") == "active", "its first proof")
    refuse = {"do": "refuse", "status": 403, "reason": "InvalidProviderToken", "topic": "com.example.shop"}
    with script(stage, refuse):
        push = send(stage, base, {"all": True})
        until(lambda: state(stage, "ill") == "failing", "failing")
        assert ended(stage.settled(calm, send(stage, calm, {"all": True}))) == {"accepted": 300}
    check = entry(stage, "ill")["credential"]["health"]["checks"][0]
    assert check["id"] == "run.refused_rate" and "(InvalidProviderToken)" in check["message"]
    assert re.search(r"Last change: .* by .*, \d\d:\d\d UTC", check["message"])
    assert state(stage, "calm") == "active"
    subject = "Ill (simulated): Apple refuses the credential (900 devices)"
    until(lambda: len([mail for mail in box.mails if mail["Subject"] == subject]) == 2, "both mails")
    told = sorted(mail["To"] for mail in box.mails if mail["Subject"] == subject)
    assert told == ["ada@acme.example", "ops@acme.example"]
    [item] = until(lambda: receiver.taken("credential.failing"), "the callback")
    assert (item["devices"], item["environment"], item["reason"]) == (900, "simulated", "run.refused_rate")
    until(lambda: 'state="failing"} 1.0' in ask(stage, "GET", "/metrics").text, "the metric")
    done = command(stage, "credentials", "health", "ill")
    assert done.returncode == 1 and "✕ Refused, or ended" in done.stdout and "Apple started refusing" in done.stdout
    stage.make_credential(base, "apns")  # another key, made active
    assert ended(stage.settled(base, push)) == {"accepted": 900}
    assert set(times_seen(stage, push)) == set(range(900))
    until(lambda: state(stage, "ill") == "active", "active")
    assert command(stage, "credentials", "health", "ill").returncode == 0


def test_doctor_sends_a_mail_through_the_server_and_says_when_it_cannot(stage: Stage, box: MailBox) -> None:
    done = command(stage, "doctor", "--mail", "you@acme.example")
    assert done.returncode == 0 and "took a mail to you@acme.example" in done.stdout
    assert box.mails[-1]["To"] == "you@acme.example"
    box.refuses.add("nobody@acme.example")
    done = command(stage, "doctor", "--mail", "nobody@acme.example")
    assert done.returncode == 1 and "does not take mail for nobody@acme.example: 550" in done.stdout
    done = command(stage, "doctor", "--mail", "nobody")
    assert done.returncode == 1 and "is no e-mail address" in done.stdout
