"""Answers of one shape that carry bodies, as Google writes them, against an encoder with a dynamic table (hpack)."""

from __future__ import annotations

from random import Random

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st

from http2_fixtures import pieces
from pushwarden.http2 import frames
from pushwarden.http2.client import CONNECTION_WINDOW, ClientConnection
from pushwarden.http2.messages import Accepted, Answer, Event, Requests, Unanswered

ROWS = 400
REQUESTS = Requests(ROWS, b"fcm.googleapis.com", b"/v1/projects/p/messages:send", b"{}")


class Google:
    """Answers in raw frames; headers enter the dynamic table, and the date changes now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.encoder = hpack.Encoder()
        self.second = 0

    def answer(self, stream: int, status: int, body: bytes) -> bytes:
        if self.random.random() < 0.1:
            self.second += 1
        common = [("content-type", "application/json"), ("date", f"Sun, 22 Nov 2026 00:00:{self.second:02}")]
        varying = [hpack.NeverIndexedHeaderTuple("x-id", f"{self.random.random():.6f}")] * (self.random.random() < 0.3)
        huffman = self.random.random() < 0.5
        block = self.encoder.encode([(":status", str(status)), *common, *varying], huffman=huffman)
        late = self.random.random() < 0.5
        data = frames.frame(frames.DATA, 0 if late else 1, stream, body)
        end = frames.frame(frames.DATA, 1, stream, b"") if late else b""
        return frames.frame(frames.HEADERS, 4, stream, block) + data + end


def opened(streams: int) -> ClientConnection:
    client = ClientConnection(now=0.0)
    client.receive(frames.settings([(3, streams)]), 0.0)
    return client


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_every_answer_is_told_once_and_rightly(seed: int) -> None:
    random = Random(seed)
    client, google = opened(ROWS), Google(random)
    assert client.submit(REQUESTS, 0, ROWS, "tag", 1e9) == ROWS
    streams = [2 * row + 1 for row in range(ROWS)]
    if random.random() < 0.5:
        random.shuffle(streams)
    statuses = {stream: random.choices([200, 404], [30, 1])[0] for stream in streams}
    octets = b""
    for stream in streams:
        octets += google.answer(stream, statuses[stream], b'{"name": "%08d"}' % random.randint(0, 10**8 - 1))
        if random.random() < 0.05:
            octets += frames.ping(b"fcm-ping")
    events: list[Event] = []
    for part in pieces(octets, random, random.choice([50, 3000, 100_000])):
        events += client.receive(part, 0.0)
    accepted = sorted(row for event in events if isinstance(event, Accepted) for row in event.rows)
    refused = {event.row: event for event in events if isinstance(event, Answer)}
    assert accepted == [row for row in range(ROWS) if statuses[2 * row + 1] == 200]
    assert sorted(refused) == [row for row in range(ROWS) if statuses[2 * row + 1] == 404]
    assert all(dict(one.headers)[b"content-type"] == b"application/json" for one in refused.values())
    assert all(one.body.startswith(b'{"name"') for one in refused.values())
    assert client.open_streams == 0 and not client.broken


def test_the_connections_window_is_given_back_for_bodies_of_one_shape() -> None:
    client, google = opened(ROWS), Google(Random(1))
    body, given, sent = b"x" * 4000, 0, 0
    client.take_output()
    while sent < CONNECTION_WINDOW:
        first = client._next
        client.submit(REQUESTS, 0, ROWS, sent, 1e9)
        client.take_output()
        octets = b"".join(google.answer(first + 2 * row, 200, body) for row in range(ROWS))
        client.receive(octets, 0.0)
        sent += ROWS * len(body)
        for kind, payload in read(client.take_output()):
            given += int.from_bytes(payload, "big") if kind == frames.WINDOW_UPDATE else 0
    assert sent - CONNECTION_WINDOW / 2 <= given <= sent


def read(octets: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(octets):
        size = int.from_bytes(octets[at : at + 3], "big")
        found.append((octets[at + 3], octets[at + 9 : at + 9 + size]))
        at += 9 + size
    return found


def test_an_answer_of_a_known_shape_to_a_stream_that_is_not_open_is_as_wrong_as_any() -> None:
    client, google = opened(ROWS), Google(Random(2))
    google.random.random = lambda: 0.9  # type: ignore[method-assign]
    client.submit(REQUESTS, 0, 20, "tag", 1e9)
    client.receive(b"".join(google.answer(2 * row + 1, 200, b"{}") for row in range(20)), 0.0)
    assert not client.receive(google.answer(39, 200, b"{}"), 0.0) and not client.broken
    client.submit(REQUESTS, 20, 21, "tag", 1e9)
    events = client.receive(google.answer(4001, 200, b"{}"), 0.0)
    assert client.broken and not any(isinstance(one, Accepted | Unanswered) for one in events)


def test_a_body_of_another_stream_is_not_taken_for_ones_own() -> None:
    """HEADERS of the third stream stand before DATA of the second, which looks like one answer."""
    client, encoder = opened(ROWS), hpack.Encoder()
    client.submit(REQUESTS, 0, 43, "tag", 1e9)

    def head(stream: int) -> bytes:
        return frames.frame(frames.HEADERS, 4, stream, encoder.encode([(":status", "200"), ("server", "ESF")]))

    def data(stream: int) -> bytes:
        return frames.frame(frames.DATA, 1, stream, b'{"name": 1}')

    alike = b"".join(head(2 * row + 1) + data(2 * row + 1) for row in range(40))
    mixed = head(81) + head(83) + data(81) + head(85) + data(83)
    assert sum(len(one.rows) for one in client.receive(alike + mixed, 0.0) if isinstance(one, Accepted)) == 42
    assert client.open_streams == 1
    (last,) = client.receive(data(85), 0.0)
    assert last == Accepted("tag", [42])
