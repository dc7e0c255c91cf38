"""python-hyper's h2 as the other side of a connection, and the bookkeeping of what must end how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Accepted, Answer, Broken, Event, Requests, Unanswered

Headers = list[tuple[bytes, bytes]]


def pieces(octets: bytes, random: Random, largest: int) -> Iterator[bytes]:
    """Any split of the bytes, into some hundred at most."""
    largest = max(largest, len(octets) // 50)
    while octets:
        size = random.randint(1, largest)
        yield octets[:size]
        octets = octets[size:]


def row_headers(requests: Requests, row: int) -> Headers:
    """What the peer must read for this row, in wire order."""
    path = requests.path if isinstance(requests.path, bytes) else requests.path[row]
    rest = [(name, cell if isinstance(cell, bytes) else cell[row]) for name, cell in requests.headers]
    return [
        (b":method", requests.method),
        (b":scheme", b"https"),
        (b":authority", requests.authority),
        (b":path", path),
        *rest,
    ]


def row_body(requests: Requests, row: int) -> bytes:
    return requests.body if isinstance(requests.body, bytes) else requests.body[row]


class Stream:
    """A request as h2's server reads it."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.body = b""
        self.ended = False
        self.answered = 0  # status, once the answer has ended


class HyperServer:
    """h2 on the server's side. It credits what it reads when told to, and answers what it is told to."""

    def __init__(self, settings: dict[h2.settings.SettingCodes, int]) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        self.connection.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.connection.max_inbound_frame_size = self.connection.local_settings.max_frame_size
        self.connection.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self.uncredited: list[tuple[int, int]] = []
        self.resets: dict[int, int] = {}
        self.pongs: list[bytes] = []
        self.refuses_above = 2**31 - 1
        self.goaways: list[int] = []

    def feed(self, octets: bytes) -> None:
        for event in self.connection.receive_data(octets):
            match event:
                case h2.events.RequestReceived():
                    assert event.headers is not None
                    self.streams[event.stream_id] = Stream([(bytes(n), bytes(v)) for n, v in event.headers])
                case h2.events.DataReceived():
                    self.streams[event.stream_id].body += event.data
                    self.uncredited.append((event.stream_id, event.flow_controlled_length))
                case h2.events.StreamEnded():
                    self.streams[event.stream_id].ended = True
                case h2.events.StreamReset():
                    self.resets[event.stream_id] = event.error_code
                case h2.events.PingAckReceived():
                    self.pongs.append(event.ping_data)
                case h2.events.ConnectionTerminated():
                    self.goaways.append(event.error_code)

    def credit(self, count: int) -> None:
        for stream, size in self.uncredited[:count]:
            if size:
                self.connection.acknowledge_received_data(size, stream)
        del self.uncredited[:count]

    def waiting(self) -> list[int]:
        """Streams that are complete, accepted and not answered."""
        return [
            number
            for number, stream in self.streams.items()
            if stream.ended and not stream.answered and number not in self.resets and number <= self.refuses_above
        ]

    def answer(self, number: int, status: int, body: bytes, random: Random) -> None:
        """Interim answer, split body, trailers and empty DATA at random."""
        connection = self.connection
        if random.random() < 0.1:
            connection.send_headers(number, [(b":status", b"103"), (b"link", b"x")])
        headers = [(b":status", b"%d" % status), (b"apns-id", b"%036d" % number), (b"server", b"h2")]
        trailers = random.random() < 0.1
        connection.send_headers(number, headers, end_stream=not body and not trailers)
        for part in pieces(body, random, 700):
            connection.send_data(number, part, pad_length=random.choice([None, 0, 7]))
        if trailers:
            connection.send_headers(number, [(b"x-checksum", b"1")], end_stream=True)
        elif body:
            connection.send_data(number, b"", end_stream=True)
        self.streams[number].answered = status

    def reset(self, number: int, code: int) -> None:
        self.connection.reset_stream(number, code)
        self.streams[number].answered = -code

    def take_output(self) -> bytes:
        return self.connection.data_to_send()


class Ends:
    """Every submitted row must end exactly once; `ends` says how."""

    def __init__(self) -> None:
        self.submitted: Counter[tuple[object, int]] = Counter()
        self.ends: dict[tuple[object, int], Event] = {}
        self.broken: list[Broken] = []

    def add(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Accepted() | Unanswered():
                    for row in event.rows:
                        self._end(event.tag, row, event)
                case Answer():
                    self._end(event.tag, event.row, event)
                case Broken():
                    self.broken.append(event)

    def submit(
        self, client: ClientConnection, requests: Requests, rows: tuple[int, int], tag: object, at: float
    ) -> int:
        count = client.submit(requests, rows[0], rows[1], tag, at)
        self.submitted.update((tag, row) for row in range(rows[0], rows[0] + count))
        return count

    def _end(self, tag: object, row: int, event: Event) -> None:
        assert (tag, row) in self.submitted, f"{(tag, row)} ended and was never submitted"
        assert (tag, row) not in self.ends, f"{(tag, row)} ended twice"
        self.ends[tag, row] = event

    def complete(self) -> bool:
        assert max(self.submitted.values(), default=1) == 1
        return self.ends.keys() == self.submitted.keys()
