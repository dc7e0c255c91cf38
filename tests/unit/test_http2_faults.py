"""The fault matrix F1-F11 of a provider's connection, frame by frame."""

from __future__ import annotations

import pytest

from http2_fixtures import Ends
from pushwarden.http2 import frames
from pushwarden.http2.answers import BODY_CAP, STREAM_WINDOW
from pushwarden.http2.client import CONNECTION_WINDOW, ClientConnection
from pushwarden.http2.fields import encode_block
from pushwarden.http2.frames import Code, Setting
from pushwarden.http2.messages import Accepted, Answer, Broken, GoneAway, PingAcked, Requests, Unanswered, Why
from pushwarden.http2.server import ServerConnection

OK = encode_block([(b":status", b"200")])
GONE = encode_block([(b":status", b"410"), (b"content-type", b"application/json")])
REQUESTS = Requests(100, b"api.example", [b"/%d" % row for row in range(100)], b"{}", ((b"apns-topic", b"t"),))


def connected(streams: int = 100, **settings: int) -> ClientConnection:
    client = ClientConnection(now=0.0)
    known = {Setting[name.upper()]: value for name, value in settings.items()}
    client.receive(frames.settings([(Setting.MAX_CONCURRENT_STREAMS, streams), *known.items()]), 0.0)
    client.take_output()
    return client


def answered(stream: int, block: bytes = OK, *, end: bool = True) -> bytes:
    return frames.header_frames(stream, block, frames.END_STREAM if end else 0, 16_384)


def data(stream: int, body: bytes, *, end: bool = False) -> bytes:
    return frames.frame(frames.DATA, frames.END_STREAM if end else 0, stream, body)


def test_f1_goaway_frees_the_unprocessed_and_the_rest_keep_waiting() -> None:
    client = connected()
    assert client.submit(REQUESTS, 0, 10, "a", 5.0) == 10
    assert client.submit(REQUESTS, 10, 20, "b", 5.0) == 10
    events = client.receive(frames.goaway(25, 0), 1.0)
    assert events == [GoneAway(25, 0, "", b""), Unanswered("b", [13, 14, 15, 16, 17, 18, 19], Why.UNPROCESSED)]
    assert client.draining and client.capacity() == 0 and client.open_streams == 13
    assert client.submit(REQUESTS, 20, 30, "c", 5.0) == 0
    assert client.receive(answered(25) + answered(1), 1.0) == [Accepted("b", [12]), Accepted("a", [0])]
    assert client.tick(5.0) == [
        Unanswered("a", list(range(1, 10)), Why.DEADLINE),
        Unanswered("b", [10, 11], Why.DEADLINE),
    ]


@pytest.mark.parametrize(
    ("debug", "reason"),
    [
        (b'{"reason":"BadCertificate"}', "BadCertificate"),
        (b"", ""),
        (b"Maximum active streams violated", ""),
        (b'["reason"]', ""),
        (b'{"reason":7}', ""),
        (b"[" * 9000, ""),
    ],
)
def test_f2_a_goaway_with_an_error_tells_its_reason_and_nothing_crashes(debug: bytes, reason: str) -> None:
    client = connected()
    (event,) = client.receive(frames.goaway(0, Code.ENHANCE_YOUR_CALM, debug), 0.0)
    assert event == GoneAway(0, Code.ENHANCE_YOUR_CALM, reason, debug)


def test_f3_a_second_goaway_narrows_and_nothing_is_reported_twice() -> None:
    client, ends = connected(), Ends()
    ends.submit(client, REQUESTS, (0, 10), "a", 5.0)
    ends.add(client.receive(frames.goaway(frames.MAX_STREAM, 0), 0.0))
    assert client.open_streams == 10 and client.capacity() == 0
    for last in (9, 9, 5, 11):
        ends.add(client.receive(frames.goaway(last, 0), 0.0))
    assert client.open_streams == 3
    ends.add(client.lost())
    assert ends.complete()
    assert [end.why for end in ends.ends.values() if isinstance(end, Unanswered)] == [Why.UNPROCESSED] * 7 + [
        Why.LOST
    ] * 3


@pytest.mark.parametrize(
    ("code", "why"),
    [(Code.REFUSED_STREAM, Why.UNPROCESSED), (Code.CANCEL, Why.RESET), (Code.INTERNAL_ERROR, Why.RESET)],
)
def test_f4_a_reset_stream_ends_and_frees_its_slot(code: Code, why: Why) -> None:
    client = connected(streams=2)
    client.submit(REQUESTS, 0, 2, "a", 5.0)
    assert client.capacity() == 0
    assert client.receive(frames.reset(3, code), 0.0) == [Unanswered("a", [1], why, code)]
    assert client.capacity() == 1
    assert client.receive(frames.reset(3, code) + answered(3), 0.0) == []


def test_f5_a_lost_transport_leaves_what_is_open_unknown() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 3, "a", 5.0)
    client.receive(answered(3), 0.0)
    assert client.lost() == [Unanswered("a", [0, 2], Why.LOST)]
    assert client.lost() == [] and client.open_streams == 0 and client.capacity() == 0


def test_f6_a_ping_is_written_and_its_acknowledgement_told() -> None:
    client = connected()
    client.ping(b"12345678")
    assert client.take_output() == frames.ping(b"12345678")
    assert client.receive(frames.ping(b"12345678", ack=True), 7.0) == [PingAcked(b"12345678")]
    assert client.last_inbound == 7.0
    client.receive(frames.ping(b"abcdefgh"), 8.0)
    assert client.take_output() == frames.ping(b"abcdefgh", ack=True)


def test_f7_a_silent_server_costs_each_stream_its_own_deadline() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 2, "late", 20.0)
    client.submit(REQUESTS, 2, 4, "soon", 5.0)
    client.take_output()
    assert client.next_deadline() == 5.0 and client.tick(4.9) == []
    assert client.tick(5.0) == [Unanswered("soon", [2, 3], Why.DEADLINE)]
    assert client.take_output() == frames.reset(5, Code.CANCEL) + frames.reset(7, Code.CANCEL)
    assert client.next_deadline() == 20.0 and client.open_streams == 2
    assert client.receive(answered(5) + answered(7, GONE, end=False) + data(7, b"x", end=True), 6.0) == []


def test_f8_an_exhausted_window_stops_writing_and_credit_resumes_it() -> None:
    client = connected()
    large = Requests(100, b"h", b"/", b"x" * 10_000)
    assert client.submit(large, 0, 100, "a", 5.0) == 6
    assert client.capacity() == 0
    client.receive(frames.window_update(0, 25_000), 0.0)
    assert client.submit(large, 6, 100, "a", 5.0) == 3


def test_f8_a_tiny_stream_window_splits_the_body_and_holds_up_nobody_else() -> None:
    client = connected(initial_window_size=4)
    server = ServerConnection()
    assert client.submit(Requests(1, b"h", b"/", b"0123456789"), 0, 1, "a", 5.0) == 1
    server.receive(frames.PREFACE + frames.settings([]) + client.take_output())
    assert client.submit(Requests(1, b"h", b"/", b"abc"), 0, 1, "b", 5.0) == 1
    heard = server.receive(client.take_output())
    assert heard.bodies == [b"abc"]
    client.receive(frames.window_update(1, 4), 0.0)
    client.receive(frames.settings([(Setting.INITIAL_WINDOW_SIZE, 6)]), 0.0)
    assert server.receive(client.take_output()).bodies == [b"0123456789"]


def test_f8_credit_is_returned_for_every_byte_received() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 1, "a", 5.0)
    given = {0: 0, 1: 0}
    client.receive(answered(1, GONE, end=False), 0.0)
    client.take_output()
    for _ in range(3 * CONNECTION_WINDOW // 16_384):
        client.receive(data(1, b"\x05" + bytes(16_383)), 0.0)
        out = client.take_output()
        for at in range(0, len(out), 13):
            given[int.from_bytes(out[at + 5 : at + 9], "big")] += int.from_bytes(out[at + 9 : at + 13], "big")
    received = 3 * CONNECTION_WINDOW
    assert received - given[0] < CONNECTION_WINDOW and received - given[1] < STREAM_WINDOW


def test_f9_the_stream_limit_is_obeyed_up_and_down() -> None:
    client = connected(streams=1)
    assert client.submit(REQUESTS, 0, 100, "a", 5.0) == 1
    client.receive(answered(1) + frames.settings([(Setting.MAX_CONCURRENT_STREAMS, 50)]), 0.0)
    assert client.submit(REQUESTS, 1, 100, "a", 5.0) == 50
    client.receive(frames.settings([(Setting.MAX_CONCURRENT_STREAMS, 1)]), 0.0)
    assert client.max_streams == 1 and client.capacity() == 0
    client.receive(b"".join([answered(stream) for stream in range(3, 101, 2)]), 0.0)
    assert client.open_streams == 1 and client.capacity() == 0
    client.receive(answered(101), 0.0)
    assert client.capacity() == 1


def test_f9_before_settings_the_assumption_holds_and_without_a_limit_ours() -> None:
    client = ClientConnection(now=0.0, assumed_streams=3, most_streams=70)
    assert client.submit(REQUESTS, 0, 100, "a", 5.0) == 3
    client.receive(frames.settings([]), 0.0)
    assert client.capacity() == 67


def test_f10_a_body_in_pieces_is_put_together_and_one_too_long_is_cut() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 3, "a", 5.0)
    octets = answered(1, GONE, end=False) + data(1, b'{"rea') + answered(3, GONE) + answered(5, GONE, end=False)
    octets += (
        data(1, b'son":1}', end=True) + b"".join([data(5, b"x" * 10_000) for _ in range(100)]) + data(5, b"", end=True)
    )
    headers = ((b"content-type", b"application/json"),)
    assert client.receive(octets, 0.0) == [
        Answer("a", 1, 410, headers, b""),
        Answer("a", 0, 410, headers, b'{"reason":1}'),
        Answer("a", 2, 410, headers, b"x" * BODY_CAP),
    ]


def test_f10_interim_answers_are_passed_over_and_trailers_taken() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 1, "a", 5.0)
    interim = answered(1, encode_block([(b":status", b"100")]), end=False)
    trailers = answered(1, encode_block([(b"x", b"y")]))
    assert client.receive(interim * 2 + answered(1, OK, end=False) + data(1, b"body") + trailers, 0.0) == [
        Accepted("a", [0])
    ]


@pytest.mark.parametrize(
    "octets",
    [
        answered(1, encode_block([(b"x", b"y")])),
        answered(1, encode_block([(b":status", b"20x")])),
        answered(1, encode_block([(b":status", b"103")])),
        data(1, b"before headers"),
        answered(1, OK, end=False) + answered(1, OK),
    ],
)
def test_f10_a_malformed_answer_ends_its_stream_only(octets: bytes) -> None:
    client = connected()
    client.submit(REQUESTS, 0, 2, "a", 5.0)
    client.take_output()
    assert client.receive(octets, 0.0) == [Unanswered("a", [0], Why.RESET, Code.PROTOCOL_ERROR)]
    assert client.take_output() == frames.reset(1, Code.PROTOCOL_ERROR)
    assert client.receive(answered(3), 0.0) == [Accepted("a", [1])]


def test_f11_a_closed_connection_says_goodbye_once_and_takes_nothing_new() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 1, "a", 5.0)
    client.take_output()
    client.close()
    client.close()
    assert client.take_output() == frames.goaway(0, 0) and client.capacity() == 0
    assert client.receive(answered(1), 0.0) == [Accepted("a", [0])]
    assert client.next_deadline() is None


def test_an_early_answer_ends_a_body_that_still_waits() -> None:
    client = connected(initial_window_size=10)
    client.submit(Requests(1, b"h", b"/", b"x" * 100), 0, 1, "a", 5.0)
    client.take_output()
    client.receive(answered(1, GONE), 0.0)
    assert client.take_output() == frames.reset(1, Code.CANCEL)
    assert client.receive(frames.window_update(1, 1000), 0.0) == [] and client.take_output() == b""


def test_stream_ids_end_and_with_them_the_capacity() -> None:
    client = ClientConnection(now=0.0, assumed_streams=10, first_stream=frames.MAX_STREAM - 4)
    assert client.submit(REQUESTS, 0, 10, "a", 5.0) == 3
    client.receive(frames.settings([]) + answered(frames.MAX_STREAM), 0.0)
    assert client.capacity() == 0


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 0, b"1234567"), Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 1, b"12345678"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, 1, 0, b"123456"), Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, 0, 1, b""), Code.PROTOCOL_ERROR),
        (frames.settings([(Setting.ENABLE_PUSH, 1)]), Code.PROTOCOL_ERROR),
        (frames.settings([(Setting.INITIAL_WINDOW_SIZE, 2**31)]), Code.FLOW_CONTROL_ERROR),
        (frames.settings([(Setting.MAX_FRAME_SIZE, 100)]), Code.PROTOCOL_ERROR),
        (frames.frame(frames.PUSH_PROMISE, 4, 1, b"\0\0\0\x02"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 1, b"123"), Code.FRAME_SIZE_ERROR),
        (frames.reset(0, 1), Code.PROTOCOL_ERROR),
        (frames.reset(99, 1), Code.PROTOCOL_ERROR),
        (frames.goaway(0, 0)[:-1].replace(b"\0\0\x08\x07", b"\0\0\x07\x07"), Code.FRAME_SIZE_ERROR),
        (frames.window_update(0, 0), Code.PROTOCOL_ERROR),
        (frames.window_update(0, frames.MAX_WINDOW), Code.FLOW_CONTROL_ERROR),
        (frames.frame(frames.PRIORITY, 0, 1, b"1"), Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.CONTINUATION, 4, 1, b""), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, b"\x88") + frames.ping(b"12345678"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 4, 2, b"\x88"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 4 | 8, 1, b"\x05\x88"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 5, 1, b"\xff"), Code.COMPRESSION_ERROR),
        (data(0, b"x"), Code.PROTOCOL_ERROR),
        (data(99, b"x"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, b"") + frames.frame(frames.CONTINUATION, 0, 1, bytes(16_384)) * 5, 11),
    ],
)
def test_a_peer_that_breaks_the_protocol_gets_a_goaway(octets: bytes, code: int) -> None:
    client = connected()
    client.submit(REQUESTS, 0, 1, "a", 5.0)
    client.take_output()
    events = client.receive(octets, 0.0)
    assert [event.code for event in events if isinstance(event, Broken)] == [code]
    assert client.take_output()[:17].endswith(bytes(4) + code.to_bytes(4, "big"))
    assert client.capacity() == 0 and client.receive(answered(1), 0.0) == []
    assert client.lost() == [Unanswered("a", [0], Why.LOST)]


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n\r\n", frames.ping(b"12345678"), frames.SETTINGS_ACK])
def test_a_peer_that_does_not_begin_with_settings_is_broken(octets: bytes) -> None:
    events = ClientConnection(now=0.0).receive(octets, 0.0)
    assert isinstance(events[0], Broken)


def test_padding_priority_continuation_and_unknown_frames_are_read() -> None:
    client = connected()
    client.submit(REQUESTS, 0, 2, "a", 5.0)
    octets = frames.frame(77, 0xFF, 3, b"whatever") + frames.frame(frames.PRIORITY, 0, 3, b"12345")
    octets += frames.frame(frames.HEADERS, 0x8 | 0x20 | 1, 1, b"\x02" + b"12345" + OK[:1] + b"\0\0")
    octets += frames.frame(frames.CONTINUATION, 0, 1, b"") + frames.frame(frames.CONTINUATION, 4, 1, b"\x00\x01a\x01b")
    octets += answered(3, GONE, end=False) + frames.frame(frames.DATA, 9, 3, b"\x03body\0\0\0")
    headers = ((b"content-type", b"application/json"),)
    assert client.receive(octets, 0.0) == [Accepted("a", [0]), Answer("a", 1, 410, headers, b"body")]


def test_a_header_block_larger_than_a_frame_continues() -> None:
    client, server = connected(), ServerConnection(max_header_list=60_000)
    server.receive(frames.PREFACE + frames.settings([]))
    wide = Requests(2, b"h", b"/", b"", ((b"x-wide", b"w" * 20_000), (b"x-column", [b"c" * 19_000, b"d" * 100])))
    assert client.submit(wide, 0, 2, "a", 5.0) == 2
    heard = server.receive(client.take_output())
    assert heard.streams == [1, 3]
    assert [headers[-1][1] for headers in heard.headers] == [b"c" * 19_000, b"d" * 100]
