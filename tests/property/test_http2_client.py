"""Our client against python-hyper's h2 server, over random bytes, settings, windows, answers, resets and GOAWAYs."""

from __future__ import annotations

from random import Random

from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from http2_fixtures import Ends, HyperServer, pieces, row_body, row_headers
from pushwarden.http2 import frames
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Accepted, Answer, Event, Requests, Unanswered, Why

ROWS = 40
SEEDS = st.integers(0, 2**32)


def make_requests(random: Random, tag: int) -> Requests:
    """Constants and columns at random; bodies from empty to larger than a frame; constants that outgrow any table."""
    headers: list[tuple[bytes, bytes | list[bytes]]] = []
    for number in range(random.randint(0, 5)):
        size = random.choice([0, 1, 30, 126, 127, 128, 300, 2000])
        if random.random() < 0.5:
            headers.append((b"x-constant-%d" % number, b"c" * size))
        else:
            headers.append((b"x-column-%d" % number, [b"v" * random.randint(0, size) for _ in range(ROWS)]))
    headers += random.sample([(b"content-type", b"application/json"), (b"accept-encoding", b"gzip, deflate")], 1)
    headers.append((b"authorization", b"bearer " + b"x" * random.randint(1, 200)))
    largest = random.choice([0, 10, 400, 20_000, 70_000])
    body: bytes | list[bytes] = b"b" * random.randint(0, largest)
    if random.random() < 0.5:
        body = [b"%d" % row * random.randint(0, largest // 4) for row in range(ROWS)]
    path: bytes | list[bytes] = b"/same" if random.random() < 0.2 else [b"/%d/%d" % (tag, row) for row in range(ROWS)]
    return Requests(ROWS, b"host-%d" % (tag % 2), path, body, tuple(headers), method=random.choice([b"POST", b"PUT"]))


class Play:
    """One connection's life at random: `step` until `settle`."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = 0.0
        self.client = ClientConnection(now=0.0, pure=random.random() < 0.5)
        self.server = HyperServer(self._settings())
        self.kinds = [make_requests(random, tag) for tag in range(random.randint(1, 3))]
        self.next_rows = [0] * len(self.kinds)
        self.ends = Ends()
        self.sent: list[tuple[int, int]] = []  # (kind, row) of stream 1, 3, …
        self.gone: int | None = None
        self.client.receive(self.server.take_output(), 0.0)  # h2 judges even the first bytes by its SETTINGS
        self.server.feed(self.client.take_output())

    def _settings(self) -> dict[SettingCodes, int]:
        random = self.random
        return {
            SettingCodes.MAX_CONCURRENT_STREAMS: random.choice([1, 2, 7, 100]),
            SettingCodes.INITIAL_WINDOW_SIZE: random.choice([0, 1, 100, 5000, 65_535, 1 << 20]),
            SettingCodes.HEADER_TABLE_SIZE: random.choice([0, 40, 100, 200, 1000, 4096, 65_536]),
            SettingCodes.MAX_FRAME_SIZE: random.choice([16_384, 20_000]),
            SettingCodes.MAX_HEADER_LIST_SIZE: 65_536,
        }

    def exchange(self, largest: int) -> None:
        for part in pieces(self.client.take_output(), self.random, largest):
            self.server.feed(part)
        for part in pieces(self.server.take_output(), self.random, largest):
            self.ends.add(self.client.receive(part, self.now))

    def submit(self) -> None:
        kind = self.random.randrange(len(self.kinds))
        start = self.next_rows[kind]
        stop = min(ROWS, start + self.random.randint(1, ROWS))
        capacity = self.client.capacity()
        count = self.ends.submit(self.client, self.kinds[kind], (start, stop), kind, self.now + 10)
        assert count <= capacity
        self.sent += [(kind, row) for row in range(start, start + count)]
        self.next_rows[kind] += count

    def answer(self) -> None:
        waiting = self.server.waiting()
        self.random.shuffle(waiting)
        for number in waiting[: self.random.randint(0, 20)]:
            chance = self.random.random()
            if chance < 0.1:
                self.server.reset(number, self.random.choice([2, 7, 8]))
            else:
                status = self.random.choice([200, 200, 200, 410, 503])
                body = b"r" * self.random.choice([0, 1, 900, 9000]) if status != 200 or chance < 0.3 else b""
                self.server.answer(number, status, body, self.random)

    def change_settings(self) -> None:
        changes = self._settings()
        if changes[SettingCodes.INITIAL_WINDOW_SIZE] < self.server.connection.local_settings.initial_window_size:
            del changes[SettingCodes.INITIAL_WINDOW_SIZE]  # h2 judges what is on the way by the new size
        self.server.connection.update_settings(changes)
        self.exchange(1000)
        self.exchange(1000)  # h2 mixes up two changes that are not acknowledged

    def go_away(self) -> None:
        read = max(self.server.streams, default=0)
        self.gone = self.random.randint(0, read + 4) if self.gone is None else self.random.randint(0, self.gone)
        self.server.refuses_above = min(self.server.refuses_above, self.gone)
        octets = self.server.take_output() + frames.goaway(self.gone, 0, b'{"reason":"Shutdown"}')
        for part in pieces(octets, self.random, 50):
            self.ends.add(self.client.receive(part, self.now))

    def pass_time(self) -> None:
        self.now += self.random.choice([1, 5, 11])
        self.ends.add(self.client.tick(self.now))

    def step(self) -> None:
        moves = [self.submit, self.submit, self.answer, self.change_settings, self.pass_time]
        weights = [6, 6, 8, 1, 1]
        if self.gone is None or self.random.random() < 0.2:
            moves.append(self.go_away)
            weights.append(0 if self.random.random() < 0.9 else 3)
        self.random.choices(moves, weights)[0]()
        if self.random.random() < 0.7:
            self.server.credit(self.random.randint(0, 50))
        self.exchange(self.random.choice([7, 100, 100_000]))

    def settle(self) -> None:
        """Answer all that is open: no stream may be stuck."""
        for _ in range(3000):
            if not self.client.open_streams:
                break
            self.server.credit(len(self.server.uncredited))
            if self.server.connection.local_settings.initial_window_size < 5000:
                self.server.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
            self.exchange(100_000)
            self.answer()
            self.exchange(100_000)
        assert not self.client.open_streams, "streams are stuck"


def check(play: Play) -> None:
    assert play.ends.complete()
    assert not play.ends.broken
    assert not play.server.goaways
    for number, stream in play.server.streams.items():
        kind, row = play.sent[(number - 1) // 2]
        assert stream.headers == row_headers(play.kinds[kind], row)
        assert row_body(play.kinds[kind], row).startswith(stream.body)
        if stream.ended:
            assert stream.body == row_body(play.kinds[kind], row)
        assert_fair(play.ends.ends[kind, row], stream.answered, above=number > play.server.refuses_above)
    read = set(play.server.streams)
    for index, key in enumerate(play.sent):
        if 2 * index + 1 not in read:
            end = play.ends.ends[key]
            assert isinstance(end, Unanswered) and end.why in (Why.UNPROCESSED, Why.DEADLINE)


def assert_fair(end: Event, answered: int, *, above: bool) -> None:
    """The end of a row is what the server did, or what time and GOAWAY explain."""
    match end:
        case Accepted():
            assert answered == 200
        case Answer():
            assert answered == end.status
            assert end.body in (b"", b"r", b"r" * 900, b"r" * 8192)
            assert end.headers[-1] == (b"server", b"h2")
        case Unanswered(why=Why.UNPROCESSED):
            assert answered == -7 or above
        case Unanswered(why=Why.RESET):
            assert answered == -end.code
        case _:
            assert isinstance(end, Unanswered) and end.why is Why.DEADLINE


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_every_row_ends_once_as_the_server_said_and_reads_as_submitted(seed: int, steps: int) -> None:
    play = Play(Random(seed))
    for _ in range(steps):
        play.step()
    play.settle()
    check(play)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 30))
def test_what_is_open_when_the_transport_ends_is_lost_and_nothing_else(seed: int, steps: int) -> None:
    play = Play(Random(seed))
    for _ in range(steps):
        play.step()
    still = play.client.open_streams
    lost = play.client.lost()
    play.ends.add(lost)
    assert sum(len(event.rows) for event in lost if isinstance(event, Unanswered)) == still
    assert play.ends.complete() and play.client.capacity() == 0 and play.client.next_deadline() is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=20), st.booleans())
def test_any_bytes_end_in_events_and_never_in_an_exception(parts: list[bytes], settled: bool) -> None:
    client = ClientConnection(now=0.0)
    ends = Ends()
    if settled:
        client.receive(frames.settings([]), 0.0)
    ends.submit(client, Requests(5, b"h", b"/", b"x"), (0, 5), "t", 1.0)
    for part in parts:
        ends.add(client.receive(part, 0.0))
    ends.add(client.lost())
    assert ends.complete()
