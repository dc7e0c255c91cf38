"""Our server against python-hyper's h2 client, and our two ends against each other, over random splits and faults."""

from __future__ import annotations

from random import Random

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes, Settings
from hypothesis import given, settings
from hypothesis import strategies as st

from http2_fixtures import Ends, Headers, pieces
from pushwarden.http2 import frames
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Requests, Unanswered, Why
from pushwarden.http2.server import ServerConnection, encode_block

SEEDS = st.integers(0, 2**32)


class HyperClient:
    """h2 on the client's side: what it sent, and what it read by stream."""

    def __init__(self, random: Random, window: int) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        initial = {SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.connection.local_settings = Settings(client=True, initial_values=initial)
        self.connection.initiate_connection()
        self.random = random
        self.sent: dict[int, tuple[Headers, bytes]] = {}
        self.unsent: dict[int, bytes] = {}
        self.status: dict[int, int] = {}
        self.body: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.uncredited: list[tuple[int, int]] = []

    def request(self) -> None:
        connection, random = self.connection, self.random
        if connection.open_outbound_streams >= connection.remote_settings.max_concurrent_streams:
            return
        stream = connection.get_next_available_stream_id()
        headers = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"h"), (b":path", b"/%d" % stream)]
        headers += [(b"x-%d" % number, b"v" * random.randint(0, 200)) for number in range(random.randint(0, 4))]
        body = b"b" * random.choice([0, 1, 300, 40_000, 100_000])
        self.sent[stream] = (headers, body)
        connection.send_headers(stream, headers, end_stream=not body)
        if body:
            self.unsent[stream] = body

    def upload(self) -> None:
        connection = self.connection
        for stream, body in list(self.unsent.items()):
            while body and (room := min(connection.local_flow_control_window(stream), 16_000, len(body))) > 300:
                pad = self.random.choice([None, 0, 255])
                connection.send_data(stream, body[: room - 256] or body[:1], pad_length=pad)
                body = body[room - 256 :]
            room = connection.local_flow_control_window(stream)
            if 0 < len(body) <= min(room, 300):
                connection.send_data(stream, body, end_stream=True)
                body = b""
            self.unsent[stream] = body
            if not body:
                del self.unsent[stream]

    def feed(self, octets: bytes) -> None:
        for event in self.connection.receive_data(octets):
            match event:
                case h2.events.ResponseReceived():
                    assert event.headers is not None
                    self.status[event.stream_id] = int(dict(event.headers)[b":status"])
                case h2.events.DataReceived():
                    self.body[event.stream_id] = self.body.get(event.stream_id, b"") + event.data
                    self.uncredited.append((event.stream_id, event.flow_controlled_length))
                case h2.events.StreamEnded():
                    self.ended.add(event.stream_id)

    def credit(self) -> None:
        for stream, size in self.uncredited:
            self.connection.acknowledge_received_data(size, stream)
        self.uncredited.clear()


class Exchange:
    """h2's client and our server: what was read, and what was answered."""

    def __init__(self, random: Random, window: int, table: int) -> None:
        self.random = random
        self.server = ServerConnection(max_streams=random.choice([1, 5, 100]), header_table_size=table)
        self.client = HyperClient(random, window)
        self.read: dict[int, tuple[Headers, bytes]] = {}
        self.answers: dict[int, tuple[int, bytes]] = {}
        self.exchange()

    def exchange(self) -> None:
        for part in pieces(self.client.connection.data_to_send(), self.random, self.random.choice([5, 1000, 100_000])):
            heard = self.server.receive(part)
            assert not heard.broken and not heard.refused
            for stream, headers, body in zip(heard.streams, heard.headers, heard.bodies, strict=True):
                self.read[stream] = ([(name, value) for name, value, _ in headers], body)
        for part in pieces(self.server.take_output(), self.random, self.random.choice([5, 1000, 100_000])):
            self.client.feed(part)

    def answer(self) -> None:
        waiting = [stream for stream in self.read if stream not in self.answers]
        whole = [stream for stream in waiting if self.random.random() < 0.5]
        self.server.respond_many(whole, encode_block([(b":status", b"200")]), None)
        self.answers.update((stream, (200, b"")) for stream in whole)
        for stream in set(waiting) - set(whole):
            self.answers[stream] = (410, b"r" * self.random.choice([0, 10, 30_000]))
            self.server.respond(stream, encode_block([(b":status", b"410"), (b"x-y", b"z")]), self.answers[stream][1])

    def settle(self) -> None:
        self.client.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        for _ in range(5000):
            if self.client.sent.keys() == self.client.ended:
                return
            self.client.upload()
            self.client.credit()
            self.exchange()
            self.answer()
            self.exchange()
        raise AssertionError("streams are stuck")


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 40), st.sampled_from([0, 50, 1000, 65_535]), st.sampled_from([0, 100, 4096, 10_000]))
def test_requests_read_as_sent_and_answers_arrive_whole(seed: int, steps: int, window: int, table: int) -> None:
    play = Exchange(random := Random(seed), window, table)
    client, server = play.client, play.server
    play.exchange()
    for _ in range(steps):
        random.choice([client.request, client.request, play.answer, client.credit])()
        client.upload()
        play.exchange()
    play.settle()
    assert play.read == client.sent
    assert {number: (client.status[number], client.body.get(number, b"")) for number in client.ended} == play.answers
    assert not server.open_streams and not server.pending


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_both_ends_of_ours_agree_whatever_the_server_does(seed: int, steps: int) -> None:
    random = Random(seed)
    server = ServerConnection(max_streams=random.choice([1, 10, 500]), header_table_size=random.choice([0, 90, 4096]))
    client, ends = ClientConnection(now=0.0, assumed_streams=random.choice([1, 50])), Ends()
    paths = [b"/%d" % row for row in range(3000)]
    requests = Requests(3000, b"h", paths, b"b" * random.choice([0, 200, 3000]), ((b"apns-topic", b"x"),))
    row, answered, refused = 0, set[int](), set[int]()

    def exchange() -> None:
        for part in pieces(client.take_output(), random, random.choice([50, 100_000])):
            heard = server.receive(part)
            assert not heard.broken
            refused.update(heard.refused)
            waiting.extend(heard.streams)
        for part in pieces(server.take_output(), random, random.choice([50, 100_000])):
            ends.add(client.receive(part, 0.0))

    waiting: list[int] = []
    exchange()
    for step in range(steps):
        row += ends.submit(client, requests, (row, min(3000, row + random.randint(1, 300))), "t", 9.0)
        if random.random() < 0.1:
            server.set_max_streams(random.choice([1, 3, 200]))
        if random.random() < 0.03:
            server.goaway(None if random.random() < 0.5 else server.last_stream // 2, 0, b"{}")
        random.shuffle(waiting)
        some, waiting = waiting[: random.randint(0, 300)], waiting[300:] if step % 2 else []
        answered.update(stream for stream in some if stream in server.open_streams)
        block = encode_block([(b":status", b"200"), (b"apns-id", b"%036d" % step)])
        server.respond_many(some, block[:-36], [b"%036d" % stream for stream in some])
        exchange()
    while server.open_streams:
        server.respond_many(sorted(server.open_streams - server.pending.keys()), encode_block([(b":status", b"200")]))
        exchange()
    exchange()
    assert ends.complete() and not client.open_streams and not ends.broken
    for end in ends.ends.values():
        if isinstance(end, Unanswered):
            assert end.why is Why.UNPROCESSED


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=20), st.booleans())
def test_any_bytes_are_heard_or_broken_and_never_an_exception(parts: list[bytes], settled: bool) -> None:
    server = ServerConnection()
    server.receive(frames.PREFACE[: 24 if settled else 0])
    if settled:
        server.receive(frames.settings([]))
    for part in parts:
        server.receive(part)
    server.respond_many([1, 3], encode_block([(b":status", b"200")]))
