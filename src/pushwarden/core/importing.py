"""Device files as streams of bytes, NDJSON or CSV: entries and line errors out. A bad line costs no good one."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from pushwarden.core.columns import Choose, by_name
from pushwarden.core.device_rules import Entry, all_checked, checked, read_entry, refusal
from pushwarden.core.errors import Invalid, Malformed, PushwardenError

MAX_LINE = 16_384
"""Bytes of one line."""

_DECODE = msgspec.json.Decoder(Entry)
_BLANK = b" \t\r"
_PLATFORMS = {"ios": "apns", "ipados": "apns", "apple": "apns", "android": "fcm", "google": "fcm", "firebase": "fcm"}
"""What other lists call the provider."""
_TRUE, _FALSE = ("true", "1", "yes"), ("", "false", "0", "no")


@dataclass(frozen=True, slots=True)
class LineError:
    """line: from 1. code and message as a problem of the API would have them."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class Lines:
    """What a chunk gave: entries in order, and the errors of its bad lines."""

    entries: list[Entry] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, line: int, error: PushwardenError) -> None:
        self.errors.append(LineError(line, error.code, error.detail))


class Lister(Protocol):
    """Reads one file: `feed` each chunk, then `end`. `line` is how many lines were seen."""

    line: int

    def feed(self, chunk: bytes) -> Lines: ...

    def end(self) -> Lines:
        """What stood after the last newline."""
        ...


class _Splitter:
    """Whole lines out of chunks; of a line that is too long only the fact that it was there is kept."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def split(self, chunk: bytes) -> list[bytes | None]:
        """None stands for a line longer than MAX_LINE."""
        lines: list[bytes | None] = list((self._rest + chunk).split(b"\n"))
        rest = lines.pop() or b""
        if self._skipping and lines:
            lines[0] = None
            self._skipping = False
        if self._skipping or len(rest) > MAX_LINE:
            self._skipping, rest = True, b""
        self._rest = rest
        return [None if line is not None and len(line) > MAX_LINE else line for line in lines]

    def last(self) -> list[bytes | None]:
        rest, skipping = self._rest, self._skipping
        self._rest, self._skipping = b"", False
        return [None] if skipping else [rest] if rest else []


class NdjsonLister:
    """One JSON object a line; blank lines are passed over."""

    def __init__(self) -> None:
        self.line = 0
        self._splitter = _Splitter()

    def feed(self, chunk: bytes) -> Lines:
        return self._read(self._splitter.split(chunk))

    def end(self) -> Lines:
        return self._read(self._splitter.last())

    def _read(self, lines: list[bytes | None]) -> Lines:
        """All at once when every line is good, as nearly always; else one by one."""
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            entries = [_DECODE.decode(line) for line in lines if line is not None]
            if len(entries) == len(lines) and all_checked(entries):
                self.line += len(lines)
                return Lines(entries)
        return self._read_each(lines)

    def _read_each(self, lines: list[bytes | None]) -> Lines:
        found = Lines()
        decode, add, number = _DECODE.decode, found.entries.append, self.line
        for number, line in enumerate(lines, self.line + 1):
            try:
                if line is None:
                    raise _too_long()
                add(checked(decode(line)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if line and line.strip(_BLANK):
                    found.refuse(number, refusal(error))
            except PushwardenError as error:
                found.refuse(number, error)
        self.line = number
        return found


class CsvLister:
    """Commas, a header that names the fields, tags separated by spaces or `|`, no newline inside quotes.

    names: the header as it stands; choose: what its columns are.
    """

    def __init__(self, choose: Choose = by_name) -> None:
        self.line = 0
        self.names: list[str] = []
        self._choose = choose
        self._splitter = _Splitter()
        self._header: list[str] = []

    @property
    def fields(self) -> list[str]:
        """What the columns are, empty before the header was read."""
        return self._header

    def feed(self, chunk: bytes) -> Lines:
        return self._read(self._splitter.split(chunk))

    def end(self) -> Lines:
        return self._read(self._splitter.last())

    def _read(self, lines: list[bytes | None]) -> Lines:
        found = Lines()
        for line in lines:
            self.line += 1
            if line is not None and not line.strip(_BLANK):
                continue
            try:
                cells = _cells(line)
                if self._header:
                    found.entries.append(checked(self._entry(cells)))
                else:
                    self.names = [cell.strip() for cell in cells]
                    self._header = self._choose(self.names)
            except PushwardenError as error:
                if not self._header:
                    raise
                found.refuse(self.line, error)
        return found

    def _entry(self, cells: list[str]) -> Entry:
        if len(cells) != len(self._header):
            raise Malformed(f"The line has {len(cells)} cells and the header {len(self._header)}; make them the same.")
        return read_entry(
            {name: _value(name, cell) for name, cell in zip(self._header, cells, strict=True) if cell and name}
        )


def lister(content_type: str, choose: Choose = by_name) -> NdjsonLister | CsvLister:
    """By media type: text/csv, whose columns may have other names; anything else is NDJSON."""
    return CsvLister(choose) if content_type.partition(";")[0].strip().lower() == "text/csv" else NdjsonLister()


def write_lines(entries: Iterator[Entry] | list[Entry]) -> bytes:
    """NDJSON that an import takes back; fields with their usual value are left out."""
    return _ENCODE.encode_lines([_Line.of(entry) for entry in entries])


class _Line(msgspec.Struct, omit_defaults=True):
    installation_id: str
    provider: str
    token: str
    token_kind: str
    user: str = ""
    app_version: str = ""
    build: str = ""
    tags: tuple[str, ...] = ()
    test: bool = False
    registered_at: int = 0
    gone_at: int | None = None
    gone_reason: str = ""

    @classmethod
    def of(cls, entry: Entry) -> _Line:
        return cls(
            entry.installation_id, entry.provider, entry.token, entry.token_kind, entry.user, entry.app_version,
            entry.build, entry.tags, entry.test, entry.registered_at, entry.gone_at, entry.gone_reason,
        )  # fmt: skip


_ENCODE = msgspec.json.Encoder()


def _too_long() -> Malformed:
    return Malformed(f"The line is longer than {MAX_LINE} bytes; a device never is.")


def _cells(line: bytes | None) -> list[str]:
    if line is None:
        raise _too_long()
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r")], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed("The line is not UTF-8 CSV; check its quotes.") from error


def _value(name: str, cell: str) -> object:
    if name == "provider":
        return _PLATFORMS.get(cell.strip().lower(), cell)
    if name == "tags":
        return cell.replace("|", " ").split()
    if name == "test":
        if cell.lower() not in _TRUE + _FALSE:
            raise Invalid("test must be true or false.", field="test")
        return cell.lower() in _TRUE
    if name in ("version", "registered_at", "gone_at"):
        if not cell.isdecimal():
            raise Invalid(f"{name} must be a whole number.", field=name)
        return int(cell)
    return cell
