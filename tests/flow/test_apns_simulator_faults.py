"""Every command of the fault script, seen by python-hyper's h2, and what the frame log says of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pushwarden.simulators import log
from pushwarden.simulators.log import Event, Flag
from simulator_fixtures import TOKEN, Answer, Client, Simulator, running


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with running(tmp_path, first_streams=1000) as made:
        yield made


def send(simulator: Simulator, client: Client, count: int, first: int = 0, **headers: str) -> list[int]:
    return [
        client.send(simulator.headers(apns_id=f"00000000-0000-4000-8000-{at:012x}", **headers))
        for at in range(first, first + count)
    ]


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def drain(client: Client) -> None:
    while not client.closed:
        client.read()


def test_answers_can_be_late_and_out_of_order(simulator: Simulator) -> None:
    simulator.script({"do": "delay", "ms": 700, "until_streams": 1})
    with simulator.client() as client:
        late, prompt = send(simulator, client, 2)
        client.wait(prompt)
        assert late not in client.ended
        assert statuses(client.wait(late)) == [200]
    simulator.end()
    assert [frame.flags for frame in log.read(simulator.log)] == [Flag.DELAYED, 0]


def test_a_share_is_refused_and_the_same_seed_refuses_the_same(simulator: Simulator) -> None:
    with simulator.client() as client:
        rounds = []
        for first in (0, 100):
            simulator.script({"do": "refuse", "share": 0.3, "status": 503, "reason": "ServiceUnavailable"}, seed=7)
            rounds.append(statuses(client.wait(*send(simulator, client, 100, first))))
    assert 10 < rounds[0].count(503) < 60
    assert rounds[0] == rounds[1]


def test_a_refusal_carries_its_timestamp_and_retry_after(simulator: Simulator) -> None:
    simulator.script(
        {"do": "refuse", "until_streams": 1, "status": 429, "reason": "TooManyRequests", "retry_after": "7"},
        {"do": "refuse", "status": 410, "reason": "Unregistered", "timestamp_ms": -1000},
    )
    with simulator.client() as client:
        busy, gone = client.wait(*send(simulator, client, 2))
    assert (busy.status, busy.headers["retry-after"]) == (429, "7")
    assert 0 < time.time() * 1000 - json.loads(gone.body)["timestamp"] - 1000 < 60_000


@pytest.mark.parametrize("shape", ["none", "text", "huge", "split", "truncated", "bare"])
def test_error_bodies_can_be_shaped(simulator: Simulator, shape: str) -> None:
    simulator.script({"do": "refuse", "status": 500, "reason": "InternalServerError", "body": shape})
    with simulator.client() as client:
        (answer,) = client.wait(*send(simulator, client, 1))
    assert answer.status == 500
    if shape == "bare":
        assert answer.body == b"{}"
    elif shape in {"huge", "split"}:
        assert answer.reason == "InternalServerError"
        assert len(answer.body) > 1 << 20 or shape == "split"
    else:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(answer.body)


def test_rules_choose_by_type_topic_token_and_connection(simulator: Simulator) -> None:
    refuse = {"do": "refuse", "status": 500, "reason": "InternalServerError"}
    simulator.script({**refuse, "push_type": "background"}, {**refuse, "topic": "com.b"}, {**refuse, "token": "CD"})
    with simulator.client() as client:
        assert client.ask(simulator.headers()).status == 200
        assert client.ask(simulator.headers(apns_push_type="background")).status == 500
        assert client.ask(simulator.headers(apns_topic="com.b")).status == 500
        assert client.ask(simulator.headers(path="/3/device/cdef")).status == 500
    number = simulator.counts()["handshakes"]
    simulator.script({**refuse, "connections": [number + 2]})
    with simulator.client() as first, simulator.client() as second:
        assert first.ask(simulator.headers()).status == 200
        assert second.ask(simulator.headers()).status == 500


def test_streams_are_reset_with_the_code_of_the_script(simulator: Simulator) -> None:
    simulator.script({"do": "reset", "code": 7, "after_streams": 1})
    with simulator.client() as client:
        answers = client.wait(*send(simulator, client, 3))
    assert [(answer.status, answer.error) for answer in answers] == [(200, None), (0, 7), (0, 7)]
    simulator.end()
    assert log.summarise(simulator.log).by_status == {200: 1, 0: 2}


def test_silence_answers_nothing_and_logs_it(simulator: Simulator) -> None:
    simulator.script({"do": "silence", "until_streams": 1})
    with simulator.client() as client:
        silent, answered = send(simulator, client, 2)
        client.wait(answered)
        assert silent not in client.ended
    simulator.end()
    frames = list(log.read(simulator.log))
    assert [(frame.status, frame.flags) for frame in frames] == [(0, Flag.SCRIPTED), (200, 0)]


def test_goaway_after_streams_leaves_the_last_ones_unprocessed(simulator: Simulator) -> None:
    simulator.script({"do": "goaway", "after_streams": 10, "back": 3, "reason": "Shutdown", "close_after_ms": 50})
    with simulator.client() as client:
        streams = send(simulator, client, 12)
        drain(client)
        assert client.goaways == [(streams[6], 0, b'{"reason": "Shutdown"}')]
        assert client.ended == set(streams[:7])
    simulator.end()
    summary = log.summarise(simulator.log)
    assert summary.by_status[200] == 7
    assert [one.number for one in log.events(simulator.log) if one.event is Event.GOAWAY] == [streams[6]]


def test_goaway_comes_again_and_again_on_new_connections(simulator: Simulator) -> None:
    simulator.script({"do": "goaway", "every_s": 0.05, "close_after_ms": 0})
    for _ in range(3):
        with simulator.client() as client:
            drain(client)
            assert len(client.goaways) == 1


def test_a_two_phase_goaway_processes_what_comes_between(simulator: Simulator) -> None:
    simulator.script({"do": "goaway", "after_streams": 2, "two_phase": True, "two_phase_ms": 500, "close_after_ms": 50})
    with simulator.client() as client:
        streams = send(simulator, client, 2)
        while not client.goaways:
            client.read()
        between = send(simulator, client, 1, first=2)
        drain(client)
        assert [last for last, _, _ in client.goaways] == [2**31 - 1, between[0]]
        assert client.ended == {*streams, *between}


def test_the_stream_limit_changes_in_mid_connection(simulator: Simulator) -> None:
    simulator.script({"do": "settings", "max_streams": 1, "after_streams": 2})
    with simulator.client() as client:
        client.wait(*send(simulator, client, 2))
        while client.streams != 1:
            client.read()
        assert statuses(client.wait(*send(simulator, client, 1, first=2))) == [200]


def test_refusals_in_a_row_clamp_to_one_stream_until_a_good_push(simulator: Simulator) -> None:
    simulator.script({"do": "clamp", "after_refusals": 2})
    with simulator.client() as client:
        client.ask(simulator.headers())
        for _ in range(2):
            assert client.ask(simulator.headers(apns_push_type="nonsense")).status == 400
        while client.streams != 1:
            client.read()
        client.ask(simulator.headers())
        while client.streams != 1000:
            client.read()


def test_a_connection_is_reset_after_a_request(simulator: Simulator) -> None:
    simulator.script({"do": "disconnect", "after_streams": 1})
    with simulator.client() as client:
        assert statuses(client.wait(*send(simulator, client, 1))) == [200]
        send(simulator, client, 1, first=1)
        drain(client)
    simulator.end()
    assert [frame.status for frame in log.read(simulator.log)] == [200, 0]


def test_pings_can_go_unanswered(simulator: Simulator) -> None:
    with simulator.client() as client:
        client.h2.ping(b"12345678")
        client.flush()
        while not client.pings:
            client.read()
        simulator.script({"do": "drop_pings"})
        client.h2.ping(b"12345678")
        client.ask(simulator.headers())
        assert client.pings == 1


def test_a_script_that_drops_pings_holds_from_the_first_byte_of_a_connection(simulator: Simulator) -> None:
    simulator.script({"do": "drop_pings"})
    with simulator.client() as client:
        client.h2.ping(b"12345678")
        client.ask(simulator.headers())
        assert client.pings == 0


def test_an_idle_connection_is_closed_with_its_reason(simulator: Simulator) -> None:
    simulator.script({"do": "idle_close", "after_s": 0.05})
    with simulator.client() as client:
        drain(client)
        assert [json.loads(debug) for _, _, debug in client.goaways] == [{"reason": "IdleTimeout"}]


def test_a_stall_ends_and_what_waited_is_answered(simulator: Simulator) -> None:
    simulator.script({"do": "stall", "until_s": 0.2})
    with simulator.client() as client:
        assert client.ask(simulator.headers()).status == 200


def test_tiny_windows_hold_the_body_back(simulator: Simulator) -> None:
    simulator.script({"do": "windows", "stream": 10}, {"do": "stall", "what": "window"})
    with simulator.client() as client:
        client.read()
        while client.h2.remote_settings.initial_window_size != 10:
            client.read()
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, simulator.headers())
        assert client.h2.local_flow_control_window(stream) == 10


def test_a_half_open_connection_says_nothing_more(simulator: Simulator) -> None:
    simulator.script({"do": "half_open", "after_streams": 1})
    with simulator.client() as client:
        send(simulator, client, 1)
        with pytest.raises(TimeoutError):
            while True:
                client.read(0.3)
        assert not client.closed


def test_headers_without_their_end_are_in_the_log_with_their_time(simulator: Simulator) -> None:
    with simulator.client() as client:
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, simulator.headers())
        client.flush()
        client.h2.ping(b"12345678")
        client.flush()
        while not client.pings:
            client.read()
        acknowledged = time.monotonic_ns()
    while simulator.counts()["connections"]:
        pass
    simulator.end()
    unfinished = [one for one in log.events(simulator.log) if one.event is Event.UNFINISHED]
    assert [one.number for one in unfinished] == [stream]
    assert unfinished[0].ns < acknowledged
    assert log.frames_after(simulator.log, acknowledged) == 0
    assert log.frames_after(simulator.log, unfinished[0].ns - 1) == 1


def test_streams_above_the_limit_are_refused_and_in_the_log(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, simulator.client() as client:
        simulator.script({"do": "settings", "max_streams": 1, "after_streams": 1}, {"do": "delay", "ms": 700})
        client.ask(simulator.headers())
        while client.streams != 1:
            client.read()
        client.h2.remote_settings.max_concurrent_streams = 100
        client.h2.remote_settings.acknowledge()
        answers = client.wait(*send(simulator, client, 3))
        assert [(answer.status, answer.error) for answer in answers] == [(200, None), (0, 7), (0, 7)]
        simulator.end()
        refused = [one.number for one in log.events(simulator.log) if one.event is Event.REFUSED]
        assert refused == [3 + 2, 3 + 4]


def test_an_end_by_sigterm_books_what_was_unfinished(simulator: Simulator) -> None:
    with simulator.client() as client:
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, simulator.headers())
        client.h2.ping(b"12345678")
        client.flush()
        while not client.pings:
            client.read()
        simulator.end()
    booked = [one.event for one in log.events(simulator.log)]
    assert booked == [Event.OPENED, Event.UNFINISHED, Event.CLOSED]


@pytest.mark.parametrize("mode", ["counting", "full"])
def test_the_log_holds_every_request_once_and_in_order(tmp_path: Path, mode: str) -> None:
    with running(tmp_path, mode=mode, first_streams=1000) as simulator:
        start = time.monotonic_ns()
        with simulator.client() as client:
            client.wait(*send(simulator, client, 300))
            client.wait(*send(simulator, client, 1, path="/3/device/xx"))
        simulator.post("flush")
        assert log.summarise(simulator.log).frames == 301
        simulator.end()
    frames = list(log.read(simulator.log))
    assert [int.from_bytes(frame.apns_id[8:], "big") & 0xFFFF for frame in frames[:300]] == list(range(300))
    assert [frame.ns for frame in frames] == sorted(frame.ns for frame in frames)
    assert start < frames[0].ns and frames[-1].ns < time.monotonic_ns()
    summary = log.summarise(simulator.log)
    assert (summary.by_status, summary.distinct, list(summary.repeated.values())) == ({200: 300, 400: 1}, 300, [2])


def test_the_counters_tell_topic_type_status_and_reason(simulator: Simulator) -> None:
    with simulator.client() as client:
        client.wait(*send(simulator, client, 3))
        client.ask(simulator.headers(path="/3/device/xx"))
    told = simulator.counts()
    assert told["requests"] == 4
    assert told["reasons"] == {"BadDeviceToken": 1}
    rows = {(row["topic"], row["push_type"], row["status"]): row["count"] for row in told["counts"]}
    assert rows == {("com.example.app", "alert", 200): 3, ("com.example.app", "alert", 400): 1}


def test_a_wrong_script_is_refused_by_the_name_of_its_field(simulator: Simulator) -> None:
    answer = httpx2.post(f"{simulator.control}/script", json={"rules": [{"do": "delay", "seconds": 1}]})
    assert answer.status_code == 400
    assert "seconds" in answer.json()["detail"]


def test_a_phone_hears_everything_while_it_listens_and_the_newest_when_it_did_not(simulator: Simulator) -> None:
    phone = f"{simulator.control}/phone/{TOKEN}"
    httpx2.post(phone)
    with simulator.client() as client:
        client.wait(*send(simulator, client, 3))
        heard = httpx2.get(phone, params={"wait": "5"}).json()["pushes"]
        assert [push["topic"] for push in heard] == ["com.example.app"] * 3
        assert json.loads(heard[0]["body"]) == {"aps": {"alert": "hello"}}
        assert httpx2.get(phone).json() == {"pushes": []}


def test_logs_of_another_kind_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"something else altogether")
    with pytest.raises(ValueError, match="not a frame log"):
        list(log.read(path))


def test_a_log_cut_short_is_read_to_its_last_whole_block(tmp_path: Path) -> None:
    path = tmp_path / "log"
    made = log.Log(path)
    made.ids(5, 1, 200, bytes(32))
    made.ids(6, 1, 200, bytes(16))
    made.close()
    path.write_bytes(path.read_bytes()[:-1])
    assert [frame.ns for frame in log.read(path)] == [5, 5]
