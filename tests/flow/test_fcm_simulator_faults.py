"""FCM's habits on a connection and the fault script on its simulator, seen by python-hyper's h2 and strangers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from fcm_fixtures import GRANT, PROJECT, Fcm, code, details, device, error, running_fcm
from pushwarden.simulators import log
from pushwarden.simulators.log import Event, Flag
from pushwarden.simulators.phone.phone import Phone
from real import need
from simulator_fixtures import Client

GOOD = device(100)


@pytest.fixture
def fcm(tmp_path: Path) -> Iterator[Fcm]:
    with running_fcm(tmp_path) as made:
        yield made


def drain(client: Client) -> None:
    while not client.closed:
        client.read()


def ping(client: Client) -> None:
    client.h2.ping(b"12345678")
    client.flush()


def test_three_pings_without_a_request_are_too_many(fcm: Fcm) -> None:
    with fcm.client() as client:
        for _ in range(2):
            for _ in range(2):
                ping(client)
            assert fcm.send(client, {"token": GOOD}).status == 200
        for _ in range(3):
            ping(client)
        drain(client)
        assert client.goaways == [(3, 0xB, b"too_many_pings")]


def test_four_idle_minutes_end_the_session(fcm: Fcm) -> None:
    with fcm.client() as client:
        for ahead in (200, 200, 41):
            assert fcm.send(client, {"token": GOOD}).status == 200
            fcm.post("clock", {"advance_s": ahead})
        assert not client.goaways
        fcm.post("clock", {"advance_s": 200})
        drain(client)
        assert client.goaways == [(5, 0, b"session_timeout")]
    fcm.end()
    assert [one.number for one in log.events(fcm.log) if one.event is Event.GOAWAY] == [5]


def test_an_hour_is_the_longest_life_and_what_is_open_is_still_answered(fcm: Fcm) -> None:
    fcm.script({"do": "delay", "ms": 300, "after_streams": 18})
    with fcm.client() as client:
        for _ in range(18):
            assert fcm.send(client, {"token": GOOD}).status == 200
            fcm.post("clock", {"advance_s": 199})
        last = fcm.start(client, {"token": GOOD}, authorization="Bearer x")
        ping(client)
        while not client.pings:
            client.read()
        fcm.post("clock", {"advance_s": 100})
        assert client.wait(last)[0].status == 401
        assert [debug for _, _, debug in client.goaways] == [b"max_age"]


@pytest.mark.parametrize("habits", [True, False])
def test_pings_after_answers_and_a_late_end_are_habits_that_can_be_dropped(tmp_path: Path, habits: bool) -> None:
    with running_fcm(tmp_path, pings=habits, late_end=habits) as fcm, fcm.client() as client:
        heard = bytearray()
        receive = client.socket.recv

        def recv(size: int) -> bytes:
            data = receive(size)
            heard.extend(data)
            return data

        client.socket.recv = recv  # type: ignore[method-assign]
        fcm.send(client, {"token": GOOD})
        while habits and b"fcm-ping" not in heard:
            client.read()
    empty_end = b"\0\0\0\0\1\0\0\0\1"
    assert (empty_end in heard, b"fcm-ping" in heard) == (habits, habits)


def test_answers_wait_for_the_windows_of_the_client(fcm: Fcm) -> None:
    with fcm.client() as client:
        client.h2.update_settings({4: 20})  # INITIAL_WINDOW_SIZE
        client.flush()
        answers = client.wait(*(fcm.start(client, {"token": device(at)}) for at in range(200, 220)))
        assert {answer.status for answer in answers} == {200}
        assert all(json.loads(answer.body)["name"] for answer in answers)


SCRIPTED = {
    "UNREGISTERED": (404, "UNREGISTERED"),
    "QUOTA_EXCEEDED": (429, "QUOTA_EXCEEDED"),
    "UNAVAILABLE": (503, "UNAVAILABLE"),
    "INTERNAL": (500, "INTERNAL"),
    "THIRD_PARTY_AUTH_ERROR": (401, "THIRD_PARTY_AUTH_ERROR"),
    "SOMETHING_NEW": (400, "SOMETHING_NEW"),
    "NOT_FOUND": (404, None),
    "PERMISSION_DENIED": (403, None),
    "UNAUTHENTICATED": (401, None),
}


@pytest.mark.parametrize("reason", SCRIPTED)
def test_every_reason_can_be_scripted(fcm: Fcm, reason: str) -> None:
    status, expected = SCRIPTED[reason]
    fcm.script({"do": "refuse", "status": status, "reason": reason, "retry_after": "7"})
    with fcm.client() as client:
        answer = fcm.send(client, {"token": GOOD})
    assert (answer.status, code(answer), answer.headers["retry-after"]) == (status, expected, "7")


def test_error_bodies_can_be_a_page_bare_or_broken(fcm: Fcm) -> None:
    with fcm.client() as client:
        rule = {"do": "refuse", "status": 502, "reason": "INTERNAL"}
        fcm.script({**rule, "body": "text"})
        page = fcm.send(client, {"token": GOOD})
        assert page.headers["content-type"].startswith("text/html") and b"try again in 30 seconds" in page.body
        fcm.script({**rule, "status": 400, "reason": "INVALID_ARGUMENT", "body": "bare"})
        bare = fcm.send(client, {"token": GOOD})
        assert error(bare)["status"] == "INVALID_ARGUMENT" and not details(bare)
        fcm.script({**rule, "body": "huge"})
        assert len(fcm.send(client, {"token": GOOD}).body) > 1 << 20
        fcm.script({**rule, "body": "truncated"})
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(fcm.send(client, {"token": GOOD}).body)


def test_rules_choose_by_target_project_and_token(fcm: Fcm) -> None:
    rule = {"do": "refuse", "status": 500, "reason": "INTERNAL"}
    fcm.script({**rule, "push_type": "topic"}, {**rule, "topic": "other"}, {**rule, "token": device(7)[:30]})
    with fcm.client() as client:
        assert fcm.send(client, {"token": GOOD}).status == 200
        assert fcm.send(client, {"topic": "news"}).status == 500
        assert fcm.send(client, {"token": GOOD}, path="/v1/projects/other/messages:send").status == 500
        assert fcm.send(client, {"token": device(7)}).status == 500


def test_the_token_endpoint_fails_by_script_and_sends_do_not(fcm: Fcm) -> None:
    rule = {"do": "refuse", "push_type": "oauth", "status": 503, "reason": "backend_error", "retry_after": "3"}
    with fcm.client() as client:
        fcm.script(rule)
        form = f"grant_type={GRANT}&assertion={fcm.account.assertion()}".encode()
        asking = fcm.headers(path="/token", authorization=None)
        answer = client.ask(asking, form)
        assert (answer.status, json.loads(answer.body)["error"]) == (503, "backend_error")
        assert answer.headers["retry-after"] == "3"
        fcm.script({**rule, "body": "text"})
        assert b"an error" in client.ask(asking, form).body
        fcm.script({"do": "refuse", "status": 500, "reason": "INTERNAL"}, {"do": "delay", "ms": 30})
        assert client.ask(asking, form).status == 200
        fcm.script({"do": "reset", "push_type": "oauth", "code": 2})
        assert client.ask(asking, form).error == 2
    assert fcm.counts()["exchanges"] == {"200": 2, "503": 2}


def test_goaway_leaves_the_last_ones_unprocessed_and_names_them_in_the_log(fcm: Fcm) -> None:
    fcm.script({"do": "goaway", "after_streams": 10, "back": 3, "reason": "session_timeout", "close_after_ms": 50})
    with fcm.client() as client:
        streams = [fcm.start(client, {"token": device(at)}) for at in range(12)]
        drain(client)
        assert client.goaways == [(streams[6], 0, b"session_timeout")]
    fcm.end()
    dropped = {frame.apns_id[4:] for frame in log.read(fcm.log) if frame.flags & Flag.UNPROCESSED}
    assert device(7)[-12:].encode() in dropped and device(6)[-12:].encode() not in dropped


def test_the_same_body_is_judged_alike_in_any_company(fcm: Fcm) -> None:
    bad, worse = {"token": GOOD, "data": {"n": 1}}, {"token": GOOD, "data": {"from": "x"}}
    good = {"token": GOOD, "data": {"n": "1"}}
    with fcm.client() as client:
        mixed = [good, bad, good, worse, good, bad, {"topic": "news"}, {**good, "token": GOOD + "é"}]
        answers = client.wait(*(fcm.start(client, message) for _ in range(3) for message in mixed))
    assert [answer.status for answer in answers] == [200, 400, 200, 400, 200, 400, 200, 400] * 3


def test_a_token_written_twice_or_escaped_is_judged_by_its_meaning(fcm: Fcm) -> None:
    first, second = device(1), device(2)
    hidden = rf'{{"message": {{"token": "{first}", "data": {{"x": "\"token\": \"{second}\""}}}}}}'
    escaped = rf'{{"message": {{"\u0074oken": "{first}", "data": {{"token": "{second}"}}}}}}'
    twice = rf'{{"message": {{"\u0074oken": "{first}", "data": {{"token": "{first}"}}}}}}'
    fcm.post("tokens", {"tokens": {device(1): {"state": "unregistered"}}})
    with fcm.client() as client:
        for body in (hidden, twice, escaped, twice, hidden):
            assert client.ask(fcm.headers(), body.encode()).status == 404


def test_a_phone_shows_what_its_token_got(fcm: Fcm) -> None:
    phone = Phone(fcm.control, GOOD)
    phone.pair()
    with fcm.client() as client:
        fcm.send(client, {"token": GOOD, "notification": {"title": "Train", "body": "leaves at 9"}})
        fcm.send(client, {"token": GOOD, "data": {"job": "4"}})
        fcm.send(client, {"token": GOOD, "data": {"dry": "1"}}, dry=True)
        fcm.send(client, {"token": device(9), "data": {"other": "1"}})
    assert [push.line for push in phone.arrived(5)] == ["[notification] Train: leaves at 9", "[data] (silent) job"]
    phone.close()


def test_an_absent_phone_finds_the_newest_of_each_collapse_key(fcm: Fcm) -> None:
    phone = Phone(fcm.control, GOOD)
    phone.pair()
    fcm.post("absent/" + GOOD)
    with fcm.client() as client:
        for number in range(3):
            android = {"collapse_key": "news", "notification": {"title": str(number)}}
            fcm.send(client, {"token": GOOD, "android": android})
        fcm.send(client, {"token": GOOD, "data": {"a": "1"}})
        fcm.send(client, {"token": GOOD, "data": {"b": "1"}})
        fcm.send(client, {"token": GOOD, "data": {"c": "1"}, "android": {"ttl": "0s"}})
    assert [push.line for push in phone.arrived(0)] == ["[notification] 2", "[data] (silent) a", "[data] (silent) b"]
    phone.close()


def send_url(fcm: Fcm) -> str:
    return f"https://localhost:{fcm.port}/v1/projects/{PROJECT}/messages:send"


@pytest.mark.real
def test_curl_exchanges_and_sends(fcm: Fcm) -> None:
    curl = [need("curl"), "-sS", "--cacert", str(fcm.ca)]
    form = ["--data-urlencode", f"grant_type={GRANT}", "--data-urlencode", f"assertion={fcm.account.assertion()}"]
    granted = subprocess.run([*curl, *form, f"https://localhost:{fcm.port}/token"], capture_output=True, check=True)
    bearer = json.loads(granted.stdout)["access_token"]
    message = json.dumps({"message": {"token": GOOD}})
    command = [*curl, "--http2", "-H", f"authorization: Bearer {bearer}", "-d", message, send_url(fcm)]
    assert "name" in json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_httpx_sends_over_http2(fcm: Fcm) -> None:
    from fcm_fixtures import trusting

    with httpx2.Client(http2=True, verify=trusting(fcm.ca)) as client:
        for number in range(5):
            headers = {"authorization": f"Bearer {fcm.bearer}"}
            answer = client.post(send_url(fcm), json={"message": {"token": device(number)}}, headers=headers)
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2")


@pytest.mark.real
@pytest.mark.parametrize("mode", ["counting", "full"])
def test_h2load_gets_an_answer_to_every_request(tmp_path: Path, mode: str) -> None:
    with running_fcm(tmp_path, mode=mode) as fcm:
        payload = tmp_path / "payload.json"
        payload.write_text(json.dumps({"message": {"token": GOOD, "data": {"n": "1"}}}))
        flags = ["-d", str(payload), "-H", f"authorization: Bearer {fcm.bearer}"]
        command = [need("h2load"), "-n", "20000", "-c", "4", "-m", "100", *flags, send_url(fcm)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        assert re.search(r"20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed", told), told
        fcm.end()
        summary = log.summarise(fcm.log)
        assert (summary.frames, summary.distinct, summary.connections) == (20000, 1, 4)
