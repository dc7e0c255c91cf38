"""The fault script: what a simulator does wrong, when, and on which connections. Read from JSON or TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

Body = Literal["json", "none", "text", "huge", "split", "truncated", "bare"]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conditions every rule may carry; all given ones must hold. Times count from the loading of the script."""

    connections: tuple[int, ...] = ()  # numbers of connections, from 1; empty: all
    every_connection: int = 1  # every n-th connection
    from_s: float = 0.0
    until_s: float = float("inf")

    def holds(self, connection: int, elapsed: float) -> bool:
        return (
            self.from_s <= elapsed < self.until_s
            and connection % self.every_connection == 0
            and (not self.connections or connection in self.connections)
        )


class OnRequest(When, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Conditions on one request. Streams count the requests of a connection, from 1."""

    share: float = 1.0
    after_streams: int = 0
    until_streams: int = 1 << 62
    push_type: str = ""
    topic: str = ""
    token: str = ""  # hex prefix


class Delay(OnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="delay"):
    """Holds the answer back: `ms`, and evenly up to `jitter_ms` more, in steps of a millisecond."""

    ms: float
    jitter_ms: float = 0.0


class Refuse(OnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="refuse"):
    """timestamp_ms: negative counts back from now. body: how the error body is shaped."""

    status: int
    reason: str
    timestamp_ms: int | None = None
    retry_after: str = ""
    body: Body = "json"


class Reset(OnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="reset"):
    """RST_STREAM with an error code: 7 REFUSED_STREAM, 8 CANCEL, 2 INTERNAL_ERROR."""

    code: int = 7


class Silence(OnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="silence"):
    """Never answers."""


class Disconnect(OnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="disconnect"):
    """TCP reset in place of the answer: nothing read in the same batch is answered either."""


class GoAway(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="goaway"):
    """Once after a number of streams or once every so many seconds of a connection's life.

    back: last-stream-id names the request so many before the latest; the later ones are not answered.
    two_phase: 2^31−1 first, the real last-stream-id `two_phase_ms` later.
    """

    after_streams: int = 0
    every_s: float = 0.0
    back: int = 0
    two_phase: bool = False
    two_phase_ms: float = 50.0
    code: int = 0
    reason: str = ""
    close_after_ms: float = 1000.0


class Settings(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="settings"):
    """Once after a number of streams: another SETTINGS_MAX_CONCURRENT_STREAMS."""

    max_streams: int
    after_streams: int = 0


class Clamp(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="clamp"):
    """One stream after so many refusals in a row; 1000 again after the next accepted push."""

    after_refusals: int


class Stall(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="stall"):
    """For the time of the rule: reads nothing, or reads and gives no WINDOW_UPDATE. Afterwards all is made up for."""

    what: Literal["reading", "window"] = "reading"


class DropPings(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="drop_pings"):
    """Acknowledges no PING."""


class IdleClose(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="idle_close"):
    """Closes a connection that sent nothing for so long, with GOAWAY IdleTimeout unless `silent`."""

    after_s: float
    silent: bool = False


class HalfOpen(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="half_open"):
    """After a number of streams: reads nothing more, writes nothing more, closes nothing."""

    after_streams: int = 0


class Windows(When, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="windows"):
    """New connections announce this SETTINGS_INITIAL_WINDOW_SIZE: bytes of body a stream may send at once."""

    stream: int


RequestRule = Delay | Refuse | Reset | Silence | Disconnect
ConnectionRule = GoAway | Settings | Clamp | Stall | DropPings | IdleClose | HalfOpen | Windows
Rule = RequestRule | ConnectionRule


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules in order: of those on a request the first that matches decides its end, and each matching delay adds up."""

    seed: int = 1
    rules: tuple[Rule, ...] = ()

    @property
    def on_request(self) -> tuple[RequestRule, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, OnRequest))

    @property
    def on_connection(self) -> tuple[ConnectionRule, ...]:
        return tuple(rule for rule in self.rules if not isinstance(rule, OnRequest))


class BadScript(Exception):
    """The fault script cannot be used; mend the field that the sentence names."""


def parse(text: bytes, *, toml: bool = False) -> Script:
    """BadScript names the field that is wrong."""
    try:
        if toml:
            return msgspec.toml.decode(text, type=Script)
        return msgspec.json.decode(text, type=Script)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadScript(f"The fault script is not usable: {error}") from error


def load(path: Path) -> Script:
    return parse(path.read_bytes(), toml=path.suffix == ".toml")
