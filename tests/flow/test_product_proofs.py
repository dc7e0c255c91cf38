"""Live proofs through the whole product: api, a real sender, the simulators. The judge is what they read."""

from __future__ import annotations

import base64
from typing import Any

from test_product_credentials import active, p12, upload

from product_fixtures import SLOW, ask, calm, fleet, frames, script, send, under_way, until
from pushwarden.providers.generated import generated_key
from pushwarden.simulators import log
from pushwarden.wiring.stage import BUNDLE_ID, KEY_ID, TEAM_ID, Stage

__all__ = ["calm"]
pytestmark = SLOW


def add(stage: Stage, base: str, query: str = "?wait=20") -> Any:
    """A fresh key, uploaded and not activated."""
    content = base64.b64encode(generated_key()).decode()
    body = {"provider": "apns", "content": content, "file_name": f"AuthKey_{KEY_ID}.p8", "team_id": TEAM_ID}
    return stage.call("POST", f"{base}/credentials{query}", json=body)


def verify(stage: Stage, base: str, credential: str) -> Any:
    return stage.call("POST", f"{base}/credentials/{credential}/verify?wait=20")


def proofs(stage: Stage, start: int) -> list[log.Frame]:
    """Requests with an impossible token since so many frames."""
    return [frame for frame in frames(stage)[start:] if frame.status == 400]


def test_an_upload_is_proven_by_one_request_and_nothing_is_sent(calm: Stage) -> None:
    base = calm.make_app("proven")
    before = len(frames(calm))
    probe = add(calm, base)["probe"]
    assert (probe["finding"], probe["checks"][0]["id"]) == ("proven", "live.accepted")
    assert BUNDLE_ID in probe["checks"][0]["evidence"]
    assert [frame.status for frame in frames(calm)[before:]] == [400]
    assert calm.call("GET", probe["url"])["done_at"] >= probe["asked_at"]


def test_a_certificate_is_proven_for_alerts_and_calls(calm: Stage) -> None:
    base = calm.make_app("proven-certificate")
    before = len(frames(calm))
    asked = upload(calm, base, p12(calm)).json()["probe"]  # by the upload itself: no second proof beside it
    until(lambda: calm.call("GET", asked["url"])["done_at"], "the proof")
    assert calm.call("GET", asked["url"])["finding"] == "proven"
    assert len(proofs(calm, before)) == 2


def test_verify_says_what_apple_says_now_and_an_outage_changes_nothing(calm: Stage) -> None:
    base = calm.make_app("verified")
    credential = active(calm, base)
    with script(calm, {"do": "refuse", "status": 503, "reason": "ServiceUnavailable"}):
        down = verify(calm, base, credential)
    assert (down["finding"], down["checks"][0]["id"]) == ("unproven", "provider.down")
    assert _health(calm, credential) == "ready"
    with script(calm, {"do": "refuse", "status": 403, "reason": "InvalidProviderToken"}):
        refused = verify(calm, base, credential)
    assert (refused["finding"], refused["checks"][0]["id"]) == ("refused", "p8.refused")
    assert _health(calm, credential) == "failing"
    assert verify(calm, base, credential)["finding"] == "proven"
    assert _health(calm, credential) == "ready"


def _health(stage: Stage, credential: str) -> str:
    """How it stands, by the audit of its last change."""
    rows = stage.call("GET", f"/v1/audit?action=credential.health&target={credential}")["entries"]
    return str(rows[0]["after"]["health"])


def test_a_proof_in_the_middle_of_a_fan_out_leaves_its_connections_alone(calm: Stage) -> None:
    base = calm.make_app("undisturbed")
    fleet(calm, base, 4000)
    with script(calm, {"do": "delay", "ms": 50}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        before = len(frames(calm))
        assert verify(calm, base, active(calm, base))["finding"] == "proven"
        calm.settled(base, push)
    pushed = {frame.connection for frame in frames(calm, push)}
    asked = {frame.connection for frame in proofs(calm, before)}
    assert asked and not asked & pushed
    assert {frame.status for frame in frames(calm, push)} == {200}


def test_while_an_app_is_stopped_no_request_of_any_kind_leaves(calm: Stage) -> None:
    base = calm.make_app("halted-proof")
    credential = active(calm, base)
    calm.call("POST", "/v1/stop", json={"app": "halted-proof"})
    try:
        before = len(frames(calm))
        refused = ask(calm, "POST", f"{base}/credentials/{credential}/verify")
        assert (refused.status_code, refused.json()["code"]) == (409, "stopped")
        made = add(calm, base)
        assert made["probe"] is None
        assert "live.stopped" in [check["id"] for check in made["checks"]]
        assert frames(calm)[before:] == []
    finally:
        calm.call("POST", "/v1/resume", json={"app": "halted-proof", "held": "release"})
    assert verify(calm, base, made["credential"]["id"])["finding"] == "proven"


def test_a_stop_ends_a_proof_that_is_under_way(calm: Stage) -> None:
    base = calm.make_app("cut")
    credential = active(calm, base)
    with script(calm, {"do": "delay", "ms": 3000}):
        before = len(frames(calm))
        probe = calm.call("POST", f"{base}/credentials/{credential}/verify?wait=0")
        until(lambda: frames(calm)[before:], "the proof's request")
        receipt = calm.call("POST", "/v1/stop", json={"app": "cut"})
        assert receipt["drained"]
        seen = until(lambda: _done(calm, probe["url"]), "the end of the proof", 5)
    assert [check["id"] for check in seen["checks"]] == ["live.stopped"]
    calm.call("POST", "/v1/resume", json={"app": "cut", "held": "release"})


def _done(stage: Stage, url: str) -> Any:
    probe = stage.call("GET", url)
    return probe if probe["done_at"] else None
