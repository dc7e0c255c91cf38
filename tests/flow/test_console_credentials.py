"""The tab Credentials by its forms: files in, reports, the password asked once, switches with a review, deletion."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from browsing import Browser
from people import signed_in
from product_fixtures import SLOW, alone, until
from pushwarden.control.console.credentials.actions import ADVICE, Lead, actions, lead_of
from pushwarden.control.console.credentials.kept import MOST, Shelf
from pushwarden.control.console.credentials.report import Report, is_late, rows
from pushwarden.control.console.credentials.upload import asked
from pushwarden.core.check import Check
from pushwarden.core.messages import MESSAGES, Result
from pushwarden.core.principal import Role
from pushwarden.core.probe import PATIENCE_MS, Finding
from pushwarden.providers.generated import generated_account, generated_key
from pushwarden.simulators.certificates import client_certificate
from pushwarden.wiring.stage import Stage

__all__ = ["alone"]
pytestmark = SLOW


@pytest.fixture
def dana(alone: Stage) -> Browser:
    return Browser(alone, signed_in(alone))


def made(dana: Browser, name: str) -> str:
    """An app's credentials page, where simulators accept what is put in."""
    to, _ = dana.post("/apps/new", name=name, bundle_id=f"com.{name}", android_package=f"com.{name}")
    return f"{to.partition('/sandbox')[0]}/simulated/credentials"


def put_key(dana: Browser, page: str, key_id: str, content: bytes = b"") -> str:
    """The credential's id."""
    file = (f"AuthKey_{key_id}.p8", content or generated_key())
    to, _ = dana.post(page, files={"file": file}, team_id="9XY8Z7W6V5")
    return re.search(r"c=(\w+)", to)[1]  # type: ignore[index]


def proven(dana: Browser, page: str, credential: str) -> str:
    """The page once the proof has ended."""
    to, _ = dana.post(f"{page}/{credential}/verify")
    assert "Ends by itself after 10 s" in dana.get(to) or "Ready." in dana.get(to)
    until(lambda: "Ready.</strong>" in dana.get(to), "the proof")
    return dana.get(to)


def test_a_key_is_proven_switched_to_and_switched_back_from(alone: Stage, dana: Browser) -> None:
    page = made(dana, "switched")
    first = put_key(dana, page, "FIRSTKEY11")
    report = proven(dana, page, first)
    assert "Knows us" in report
    assert "Nothing is sent to Apple yet." in dana.get(page)
    review = dana.get(f"{page}/{first}/switch")
    version = re.search(r'name="version" value="(\d+)"', review)[1]  # type: ignore[index]
    assert dana.post(f"{page}/{first}/switch", version=version)[0] == f"{page}#lanes"
    second = put_key(dana, page, "SECONDKEY2")
    proven(dana, page, second)
    assert "Switch to this…" in dana.get(page)
    stale = dana.get(f"{page}/{second}/switch")
    assert "FIRSTKEY11" in stale and "SECONDKEY2" in stale
    _, again = dana.post(f"{page}/{second}/switch", 409, version="1")
    assert "Somebody else changed this slot meanwhile" in again
    version = re.search(r'name="version" value="(\d+)"', again)[1]  # type: ignore[index]
    dana.post(f"{page}/{second}/switch", version=version)
    shown = dana.get(page)
    assert "Apple goes by another credential since" in shown and "No answer came here since" in shown
    assert "Switch back…" in shown
    back = dana.get(f"{page}/{first}/switch")
    dana.post(f"{page}/{first}/switch", version=re.search(r'name="version" value="(\d+)"', back)[1])  # type: ignore[index]
    states = {one["id"]: one["state"] for one in alone.call("GET", f"/v1{page}")["credentials"]}
    assert states == {first: "active", second: "previous"}


def test_what_it_would_mean_is_ticked_before_it_is_done(dana: Browser) -> None:
    page = made(dana, "ticked")
    first = put_key(dana, page, "FIRSTKEY11")
    proven(dana, page, first)
    dana.post(f"{page}/{first}/switch")
    to, _ = dana.post(page, files={"file": ("AuthKey_OTHERTEAM1.p8", generated_key())}, team_id="OTHERTEAM9")
    other = re.search(r"c=(\w+)", to)[1]  # type: ignore[index]
    proven(dana, page, other)
    review = dana.get(f"{page}/{other}/switch")
    if 'name="confirm"' in review:
        _, again = dana.post(f"{page}/{other}/switch", 422)
        assert "Tick what it would mean" in again


def test_a_password_is_asked_for_once_and_the_file_waits_in_memory(alone: Stage, dana: Browser, tmp_path: Path) -> None:
    page = made(dana, "closed")
    certificate, key = client_certificate(tmp_path, "com.closed", topics=[("com.closed", "app")])
    store = pkcs12.serialize_key_and_certificates(
        b"push", serialization.load_pem_private_key(key, None), x509.load_pem_x509_certificate(certificate),  # type: ignore[arg-type]
        None, serialization.BestAvailableEncryption(b"secret"),
    )  # fmt: skip
    _, closed = dana.post(page, 422, files={"file": ("push.p12", store)})
    kept = re.search(r'name="kept" value="([^"]+)"', closed)[1]  # type: ignore[index]
    _, wrong = dana.post(page, 422, kept=kept, password="Secret")
    kept = re.search(r'name="kept" value="([^"]+)"', wrong)[1]  # type: ignore[index]
    assert "The password doesn&#39;t open this file" in wrong and "Secret" not in wrong
    other = Browser(alone, signed_in(alone))
    assert "The file waited too long" in other.post(page, 422, kept=kept, password="secret")[1]
    to, _ = dana.post(page, kept=kept, password="secret")
    assert "The password opens the file." in dana.get(to)
    assert not any(b"push.p12" in path.read_bytes() for path in alone.data.glob("*.json"))


def test_a_pasted_service_account_gets_a_lane_of_google(dana: Browser) -> None:
    page = made(dana, "pastedjson")
    to, _ = dana.post(page, text=generated_account("acme-shop-1").decode())
    until(lambda: "Google accepts it." in dana.get(to), "the proof")
    assert "pusher@acme-shop-1.iam.gserviceaccount.com" in dana.get(page)
    _, page_again = dana.post(page, 422, text=generated_key().decode())
    assert 'id="f-key_id"' in page_again


def test_a_hundred_megabytes_are_refused_by_their_announcement_with_a_sentence(alone: Stage, dana: Browser) -> None:
    page = made(dana, "hugefile")
    host, _, port = alone.url.removeprefix("http://").partition(":")
    head = (
        f"POST {page} HTTP/1.1\r\nHost: {host}\r\nCookie: {dana.who.cookie}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {100 << 20}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as door:
        door.sendall(head.encode() + b"--x")
        answer = b"".join(iter(lambda: door.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"more than the 2 MB a form takes, and nothing of it was read" in answer


def test_a_credential_is_switched_off_and_on(alone: Stage, dana: Browser) -> None:
    page = made(dana, "offandon")
    alone.call("POST", f"/v1{page}/simulated", json={"provider": "apns"})
    (one,) = alone.call("GET", f"/v1{page}")["credentials"]
    dana.post(f"{page}/{one['id']}/enabled", enabled="false")
    assert "The Apple credential is switched off." in dana.get(page)
    dana.post(f"{page}/{one['id']}/enabled", enabled="true")
    assert "switched off" not in dana.get(page)


def test_a_file_that_is_there_already_says_so_and_makes_no_second(alone: Stage, dana: Browser) -> None:
    page, content = made(dana, "twice"), generated_key()
    put_key(dana, page, "TWICEKEY11", content)
    _, again = dana.post(page, 422, files={"file": ("AuthKey_TWICEKEY11.p8", content)}, team_id="9XY8Z7W6V5")
    assert "This credential is here already" in again
    assert len(alone.call("GET", f"/v1{page}")["credentials"]) == 1


def test_a_request_is_made_downloaded_and_waits(dana: Browser) -> None:
    page = made(dana, "requested")
    to, _ = dana.post(f"{page}/requests")
    assert "Take it to Apple" in dana.get(to)
    file = dana.ask("GET", f"{to}/file")
    assert file.content.startswith(b"-----BEGIN CERTIFICATE REQUEST-----")
    assert file.headers["content-disposition"].endswith('.certSigningRequest"')
    assert "Waiting for Apple’s certificate" in dana.get(page)
    dana.post(f"{to}/delete")
    assert "Waiting for Apple’s certificate" not in dana.get(page)


def test_deleting_takes_the_apps_name_and_a_fresh_proof(alone: Stage, dana: Browser) -> None:
    page = made(dana, "deleted")
    credential = put_key(dana, page, "DELETEDKEY")
    assert "That is not the app’s name" in dana.post(f"{page}/{credential}/delete", 422, name="Deleted?")[1]
    tired = Browser(alone, signed_in(alone, fresh=False))
    assert "Is it you?" in tired.ask(
        "POST", f"{page}/{credential}/delete", data={"csrf": tired.who.csrf, "name": "deleted"}
    ).text  # fmt: skip
    dana.post(f"{page}/{credential}/delete", name="deleted")
    assert alone.call("GET", f"/v1{page}")["credentials"] == []


def test_a_viewer_sees_the_lanes_and_nothing_to_press(alone: Stage, dana: Browser) -> None:
    page = made(dana, "viewed")
    credential = put_key(dana, page, "VIEWEDKEY1")
    viewer = Browser(alone, signed_in(alone, Role.VIEWER))
    seen = viewer.get(page)
    assert "VIEWEDKEY1" in seen and "Switch to this…" not in seen and 'type="file"' not in seen
    for path in ("", f"/{credential}/switch", f"/{credential}/delete", f"/{credential}/enabled", "/requests"):
        viewer.post(page + path, 403)


def test_a_proof_that_nobody_makes_ends_with_what_to_do() -> None:
    asked = SimpleNamespace(finding=Finding.VERIFYING, asked_at=1_000_000, checks=())
    assert not is_late(asked, 1_000_000 + PATIENCE_MS)
    assert is_late(asked, 1_002_000 + PATIENCE_MS)
    report = Report(SimpleNamespace(), None, rows([Check.of("live.no_sender", provider="Apple")]), asked, late=True)
    assert (report.busy, report.finding, report.rows[0].word) == (False, "unproven", "Not proven yet")
    assert Lead.AGAIN in [one.lead for one in report.rows[0].actions]


class Values(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return name


VALUES = Values(file_kid="ABC123DEFG", env="Sandbox")


def test_every_step_of_every_message_leads_somewhere_or_is_known_as_advice() -> None:
    lost = [
        (name, part)
        for name, words in MESSAGES.items()
        if words.result is not Result.PASSED
        for part in re.sub(r"[\[\]]", "", words.next).split(" · ")
        if part and lead_of(part.format_map(VALUES)) is Lead.ADVICE and not ADVICE.match(part)
    ]
    assert lost == []


def test_steps_outside_name_the_project_where_it_is_known() -> None:
    (firebase, again) = actions("Open Firebase · check again", "acme-1")
    assert firebase.href.startswith("https://console.firebase.google.com/project/acme-1/")
    assert (again.label, again.lead) == ("Check again", Lead.AGAIN)


def test_only_what_can_mend_the_whole_file_is_asked_for() -> None:
    assert asked({"p12.password"}) == "password"
    assert asked({"p8.team_id_missing", "p8.key_id_missing"}) == "ids"
    assert asked({"p8.team_id_missing", "cert.expired"}) == ""


def test_a_shelf_forgets_in_time_and_never_grows() -> None:
    shelf: Shelf[str] = Shelf(1000)
    name = shelf.put("file", 0)
    assert (shelf.get(name, 999), shelf.get(name, 1000), shelf.get("other", 0)) == ("file", None, None)
    for number in range(MOST + 50):
        shelf.put(str(number), 1, f"n{number}")
    assert shelf.get("n0", 2) is None and shelf.get(f"n{MOST + 49}", 2) == str(MOST + 49)
