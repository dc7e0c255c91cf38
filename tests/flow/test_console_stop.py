"""Stop, receipt and resume in the console without scripts, on the whole product: locked stores, silent senders."""

from __future__ import annotations

import os
import signal
from contextlib import closing, suppress
from html import unescape

import httpx2
import pytest

from browsing import Browser
from people import signed_in
from product_fixtures import SLOW, calm, close_stage, ended, fleet, open_stage, pid_of, send, until
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.vault.signing import PUBLIC, verifies
from pushwarden.control.signed import opened
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.wiring.stage import Stage
from stops_fixtures import locked

__all__ = ["calm"]
pytestmark = SLOW
PASSWORD = "correct horse battery"


@pytest.fixture
def dana(calm: Stage) -> Browser:
    return Browser(calm, signed_in(calm, Role.OPERATOR, name="Dana K."))


def resume(calm: Stage, app: str) -> None:
    with suppress(Exception):
        calm.call("POST", "/v1/resume", json={"app": app, "environment": "simulated", "held": "discard"})


def test_a_stop_asks_with_numbers_and_shows_its_receipt_and_the_band(calm: Stage, dana: Browser) -> None:
    base = calm.make_app("brakes")
    fleet(calm, base, 20)
    calm.settled(base, send(calm, base, {"all": True}))
    page = dana.get("/stop?app=brakes&environment=simulated")
    assert 'role="alertdialog"' in page and "Stop pushes for Brakes, Simulated?" in page
    assert page.count('name="target"') == 3 and 'value="brakes/simulated" checked' in page
    assert "It cannot take back pushes that Apple or Google already accepted." in page
    where, _ = dana.post("/stop", target="brakes/simulated", reason="Crash loop in 5.3")
    try:
        assert where.startswith("/stop/receipt?receipt=stop-")
        receipt = until(lambda: (shown := dana.get(where)) and "Dana K." in shown and shown, "the name")
        for words in ("In effect on 3 of 3 senders", "Drained", "Last written", "Last accepted", "Crash loop"):
            assert words in receipt, words
        for path in ("/apps", "/apps/brakes/simulated/overview", "/frame"):
            band = dana.get(path)
            assert "Stopped. Brakes, Simulated" in band and "by Dana K." in band and "logo-stopped" in band
        assert "<title>Stopped – " in dana.get("/apps")
        other = dana.get("/apps/brakes/production/overview")
        assert "Stopped. Brakes" not in other
    finally:
        resume(calm, "brakes")


def test_a_second_press_is_a_second_confirmation_and_changes_nothing(calm: Stage, dana: Browser) -> None:
    calm.make_app("twice")
    first, _ = dana.post("/stop", target="twice/simulated")
    try:
        second, _ = dana.post("/stop", target="twice/simulated")
        assert first != second and "Stopped. " in dana.get(first) and "Stopped. " in dana.get(second)
        assert len([one for one in calm.call("GET", "/v1/stop")["stops"] if one["app"] == "twice"]) == 1
    finally:
        resume(calm, "twice")


def test_a_receipt_stays_when_the_stop_is_lifted_and_its_signed_file_is_verified(calm: Stage, dana: Browser) -> None:
    base = calm.make_app("receipted")
    fleet(calm, base, 50)
    until(lambda: len(senders(calm, "receipted")) == 3, "a first look at the senders")
    calm.settled(base, send(calm, base, {"all": True}))
    until(
        lambda: calm.call("GET", "/v1/stop/preview", params={"app": "receipted"})["a_minute"] >= 50, "what was written"
    )
    where, _ = dana.post("/stop", target="receipted/simulated", reason="Crash loop")
    page = until(lambda: (shown := dana.get(where)) and "Around the stop" in shown and shown, "the plot")
    assert "a second before the stop; none after it." in page and "Requests written a second" in page
    assert 'hx-trigger="every 2s"' in page
    file = dana.ask("GET", where.replace("/receipt?", "/receipt/signed?"))
    assert "attachment" in file.headers["content-disposition"] and file.headers["content-type"] == "application/json"
    said = opened(file.content)
    assert verifies((calm.data / "keys" / PUBLIC).read_bytes(), said.content, said.signature)
    assert said.receipt["reason"] == "Crash loop" and said.receipt["id"] in where
    resume(calm, "receipted")
    page = dana.get(where)
    assert "Lifted." in page and "Crash loop" in page and "hx-trigger" not in page.split('id="live"')[1][:200]
    assert said.receipt["id"] in dana.get("/stop/receipt?target=receipted/simulated")
    assert dana.ask("GET", "/stop/receipt?receipt=stop-none").status_code == 404
    assert dana.ask("GET", "/stop/receipt?receipt=../../apps").status_code == 404
    assert dana.ask("GET", "/stop/receipt/signed").status_code == 404


def test_a_refused_stop_keeps_what_was_typed_and_says_why(calm: Stage, dana: Browser) -> None:
    calm.make_app("somewhere")
    until(lambda: len(senders(calm, "somewhere")) == 3, "the configuration")
    _, page = dana.post("/stop", 404, target="nowhere/simulated", reason="Typed <so>")
    assert "There is a problem" in page and "Typed &lt;so&gt;" in page
    _, page = dana.post("/stop", 422, target="nowhere/moon")
    assert "There is a problem" in page


def test_who_may_not_stop_or_resume_is_told_who_can_and_carol_finds_nothing(calm: Stage, dana: Browser) -> None:
    calm.make_app("seen")
    viewer = Browser(calm, signed_in(calm, Role.VIEWER))
    assert "disabled" in viewer.get("/apps").split("Stop pushes")[0][-300:]
    assert viewer.ask("GET", "/stop").status_code == 403
    assert viewer.ask("POST", "/stop", data={"csrf": viewer.who.csrf, "target": "seen/simulated"}).status_code == 403
    responder = Browser(calm, signed_in(calm, Role.RESPONDER))
    responder.post("/stop", target="seen/simulated")
    try:
        answer = responder.ask("POST", "/resume", data={"csrf": responder.who.csrf, "target": "seen/simulated"})
        assert answer.status_code in (403, 404)
        assert "Ask " in responder.get("/stop/receipt?target=seen/simulated")
        if "rival" not in str(calm.call("GET", "/v1/organisations")):
            calm.call("POST", "/v1/organisations", json={"id": "rival", "name": "Rival"})
        carol = Browser(calm, signed_in(calm, Role.ADMIN, Scope("rival")))
        assert "Not stopped." in carol.get("/stop/receipt?target=seen/simulated")
        assert "Stopped. Seen" not in carol.get("/apps")
        carol.post("/stop", 404, target="seen/simulated")
    finally:
        resume(calm, "seen")


def test_a_form_without_its_token_stops_nothing(calm: Stage, dana: Browser) -> None:
    calm.make_app("forged")
    answer = dana.ask("POST", "/stop", data={"target": "forged/simulated"})
    assert answer.status_code == 403
    assert not [one for one in calm.call("GET", "/v1/stop")["stops"] if one["app"] == "forged"]


def test_a_resume_in_steps_wants_the_name_and_shows_where_it_stands(calm: Stage, dana: Browser) -> None:
    base = calm.make_app("stepped")
    fleet(calm, base, 300)
    calm.settled(base, send(calm, base, {"all": True}))
    dana.post("/stop", target="stepped/simulated")
    push = send(calm, base, {"all": True}, when_stopped="hold")
    page = dana.get("/resume?target=stepped/simulated")
    assert "1 push, 300 recipients" in page
    since = page.split('name="since" value="')[1].split('"')[0]
    form = {"target": "stepped/simulated", "held": "release", "how": "ramp", "minutes": "60", "since": since}
    _, page = dana.post("/resume", 422, **form, name="shop", reason="It is fixed")
    assert "Type stepped, so that it is surely meant." in page and "It is fixed" in page
    assert 'value="release" checked' in page
    where, _ = dana.post("/resume", **form, name="stepped")
    assert where == "/apps/stepped/simulated/overview"
    page = dana.get("/apps")
    assert "Resuming Stepped, Simulated: 1 % of the devices" in page and "by Dana K." in page
    ramp = page.split("/ramps/")[1].split("/skip")[0]
    dana.post(f"/ramps/{ramp}/skip")
    assert ended(calm.settled(base, push)) == {"accepted": 300}
    _, page = dana.post("/resume", 422, **form, name="stepped")
    assert "somebody resumed it while this page was open" in page


def test_who_resumes_a_stop_that_was_made_anew_meanwhile_is_told(calm: Stage, dana: Browser) -> None:
    calm.make_app("anew")
    dana.post("/stop", target="anew/simulated")
    since = dana.get("/resume?target=anew/simulated").split('name="since" value="')[1].split('"')[0]
    resume(calm, "anew")
    dana.post("/stop", target="anew/simulated", reason="again")
    try:
        _, page = dana.post("/resume", 422, target="anew/simulated", how="all", name="anew", since=since)
        assert "stopped again while this page was open" in page
        assert [one["reason"] for one in calm.call("GET", "/v1/stop")["stops"] if one["app"] == "anew"] == ["again"]
    finally:
        resume(calm, "anew")


def test_a_resume_asks_who_it_is_once_more(calm: Stage) -> None:
    calm.make_app("proof")
    omar = Browser(calm, signed_in(calm, Role.ADMIN, fresh=False))
    omar.post("/stop", target="proof/simulated")
    try:
        since = omar.get("/resume?target=proof/simulated").split('name="since" value="')[1].split('"')[0]
        form = {"target": "proof/simulated", "how": "all", "name": "proof", "since": since, "csrf": omar.who.csrf}
        answer = omar.ask("POST", "/resume", data=form)
        assert answer.status_code == 403 and "assword" in answer.text
        assert [one for one in calm.call("GET", "/v1/stop")["stops"] if one["app"] == "proof"]
    finally:
        resume(calm, "proof")


def test_who_proves_to_be_the_one_resumes_with_what_was_typed(calm: Stage) -> None:
    calm.make_app("proven-again")
    wanted = {"email": "night@shift.example", "roles": [{"role": "operator"}]}
    link = calm.call("POST", "/v1/invitations", json=wanted)["path"].partition("link=")[2]
    account = {"link": link, "name": "Night S.", "password": PASSWORD, "again": PASSWORD}
    cookie = calm.client.post(f"{calm.url}/welcome", data=account).headers["set-cookie"].partition(";")[0]
    headers = {"cookie": cookie}

    def ask(method: str, path: str, **fields: str) -> httpx2.Response:
        return calm.client.request(method, calm.url + path, headers=headers, data=fields or None)

    stopping = ask("GET", "/stop?app=proven-again&environment=simulated").text
    where = ask("POST", "/stop", csrf=between(stopping, 'name="csrf" value="'), target="proven-again/simulated")
    assert where.status_code == 303
    try:
        with closing(sqlite3.connect(calm.data / "control.db")) as connection:
            connection.execute("UPDATE session SET fresh_until = 0")
            connection.execute("UPDATE state SET version = version + 1")
            connection.commit()
        page = ask("GET", "/resume?target=proven-again/simulated").text
        form = {name: between(page, f'name="{name}" value="') for name in ("csrf", "since")}
        form |= {"target": "proven-again/simulated", "how": "all", "name": "proven-again", "reason": "It is fixed"}
        harmless = {"path": "/ramps/none/skip", "csrf": form["csrf"]}
        until(lambda: "Is it you" in ask("POST", **harmless).text, "the end of what was proven")
        asked = ask("POST", "/resume", **form)
        assert asked.status_code == 403 and "Is it you, Night S.?" in asked.text
        kept = {name: between(asked.text, f'name="{name}" value="') for name in ("csrf", "next", "kept")}
        done = ask("POST", "/confirm", **kept, password=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/apps/proven-again/simulated/overview")
        (entry, *_) = calm.call("GET", "/v1/audit", params={"action": "stop.resume", "limit": 1})["entries"]
        assert entry["reason"] == "It is fixed"
    finally:
        resume(calm, "proven-again")


def between(text: str, begins: str) -> str:
    """The value of the first such field, as a browser sends it."""
    return unescape(text.split(begins)[1].split('"', maxsplit=1)[0])


def test_the_form_stops_while_the_databases_are_locked(calm: Stage, dana: Browser) -> None:
    calm.make_app("locked-out")
    with locked(calm.data / "control.db"), locked(calm.data / "journal.db"):
        assert "Stop pushes for" in dana.get("/stop?app=locked-out&environment=simulated")
        where, _ = dana.post("/stop", target="locked-out/simulated", reason="now")
        assert "Stopped. " in dana.get(where)
    resume(calm, "locked-out")


def test_the_form_stops_and_shows_its_receipt_while_stops_cannot_be_written_or_read() -> None:
    stage = open_stage()
    try:
        stage.make_app("broken")
        dana = Browser(stage, signed_in(stage, Role.OPERATOR, name="Dana K."))
        until(lambda: len(senders(stage, "broken")) == 3, "the senders")
        with closing(sqlite3.connect(stage.data / "control.db")) as connection:
            connection.execute("ALTER TABLE stop RENAME TO gone")
        where, _ = dana.post("/stop", target="broken/simulated", reason="Worst day")
        page = dana.get(where)
        for words in ("Stopped. ", "In effect on 3 of 3 senders", "Worst day", "by Dana K."):
            assert words in page, words
        assert "Worst day" in dana.get("/frame")
        with closing(sqlite3.connect(stage.data / "control.db")) as connection:
            connection.execute("ALTER TABLE gone RENAME TO stop")
        until(lambda: stage.call("GET", "/v1/receipts")["receipts"], "its row")
    finally:
        close_stage(stage)


def senders(stage: Stage, app: str) -> list[str]:
    """Those that have come up and said so."""
    return [one["sender"] for one in stage.call("GET", f"/v1/apps/{app}/simulated/effective")["senders"]]


def test_the_form_answers_while_a_sender_hangs_and_says_that_it_was_ended() -> None:
    stage = open_stage()
    try:
        stage.make_app("hanging")
        dana = Browser(stage, signed_in(stage, Role.OPERATOR))
        until(lambda: "sender-bulk-0" in senders(stage, "hanging"), "sender-bulk-0")
        os.kill(pid_of(stage, "sender-bulk-0"), signal.SIGSTOP)
        where, _ = dana.post("/stop", target="hanging/simulated")
        page = dana.get(where)
        assert "Fenced" in page and "did not answer in time and was ended" in page
    finally:
        close_stage(stage)


def test_the_stream_tells_of_a_stop_and_ends_with_the_session(calm: Stage, dana: Browser) -> None:
    calm.make_app("streamed")
    headers = {"cookie": dana.who.cookie}
    with calm.client.stream("GET", f"{calm.url}/events", headers=headers, timeout=30.0) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("data")) == "data: here"
        dana.post("/stop", target="streamed/simulated")
        assert next(line for line in lines if line.startswith("data")) == "data: changed"
        with closing(sqlite3.connect(calm.data / "control.db")) as connection:
            connection.execute("DELETE FROM session WHERE person = ?", (dana.who.person.id,))
            connection.execute("UPDATE state SET version = version + 1")
            connection.commit()
        assert "data: ended" in [line for line in lines if line.startswith("data")]
    resume(calm, "streamed")


def test_everything_is_found_by_its_name_or_its_number(calm: Stage, dana: Browser) -> None:
    base = calm.make_app("findable")
    fleet(calm, base, 3)
    push = send(calm, base, {"all": True}, "alert", title="Order 7")
    assert dana.ask("GET", f"/search?q={push}").headers["location"] == f"/apps/findable/simulated/activity/{push}"
    apns = f"{push[:8]}-{push[8:12]}-{push[12:16]}-{push[16:]}-000000000001".replace("-", "")
    assert dana.ask("GET", f"/search?q={apns[:32]}").headers["location"].endswith(push)
    page = dana.get("/search?q=findable")
    assert "Stop pushes of Findable…" in page and "Send test push to Findable" in page
    assert "/apps/findable/production/history" in dana.get("/search?q=history%20find")
    assert "Nothing is called that." in dana.get("/search?q=zebra%20crossing")
    assert "What are you looking for?" in dana.get("/search")
    if "rival" not in str(calm.call("GET", "/v1/organisations")):
        calm.call("POST", "/v1/organisations", json={"id": "rival", "name": "Rival"})
    carol = Browser(calm, signed_in(calm, Role.ADMIN, Scope("rival")))
    for q in (push, "findable", "00000000-0000-4000-8000-000000000001"):
        assert "Nothing is called that." in carol.get(f"/search?q={q}")
