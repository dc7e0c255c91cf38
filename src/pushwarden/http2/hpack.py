"""HPACK decoding (RFC 7541): jh2's compiled decoder where it can be had, else the one below; same answers."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, Protocol

from pushwarden.http2.frames import Code, Violation
from pushwarden.http2.huffman import HuffmanError, unhuffman

try:
    from jh2 import _hazmat as compiled
except ImportError:  # no wheel for this platform
    compiled = None

Header = tuple[bytes, bytes, bool]
"""(name, value, never indexed)"""

MAX_LIST: Final = 65_536
ENTRY_OVERHEAD: Final = 32  # RFC 7541 §4.1

_STATIC_TEXT: Final = """\
:authority|;:method|GET;:method|POST;:path|/;:path|/index.html;:scheme|http;:scheme|https;:status|200;:status|204;\
:status|206;:status|304;:status|400;:status|404;:status|500;accept-charset|;accept-encoding|gzip, deflate;\
accept-language|;accept-ranges|;accept|;access-control-allow-origin|;age|;allow|;authorization|;cache-control|;\
content-disposition|;content-encoding|;content-language|;content-length|;content-location|;content-range|;\
content-type|;cookie|;date|;etag|;expect|;expires|;from|;host|;if-match|;if-modified-since|;if-none-match|;if-range|;\
if-unmodified-since|;last-modified|;link|;location|;max-forwards|;proxy-authenticate|;proxy-authorization|;range|;\
referer|;refresh|;retry-after|;server|;set-cookie|;strict-transport-security|;transfer-encoding|;user-agent|;vary|;\
via|;www-authenticate|"""

STATIC: Final[tuple[tuple[bytes, bytes], ...]] = tuple(
    (name, value) for name, _, value in (entry.encode().partition(b"|") for entry in _STATIC_TEXT.split(";"))
)
"""RFC 7541 Appendix A; index 1 is STATIC[0]."""


class HpackError(Exception):
    """The header block cannot be decoded: end the connection with COMPRESSION_ERROR."""


class OversizedError(HpackError):
    """The header list is longer than announced: end the connection with ENHANCE_YOUR_CALM."""


class Decoder(Protocol):
    max_allowed_table_size: int
    header_table_size: int

    def decode(self, block: bytes, raw: bool, /) -> list[Header]: ...


class PythonDecoder:
    """Header blocks → headers, one instance a connection. Raises HpackError; after that the instance is of no use."""

    def __init__(self, max_list: int = MAX_LIST, max_table: int = 4096) -> None:
        self.max_header_list_size = max_list
        self.max_allowed_table_size = max_table
        self._limit = max_table
        self._used = 0
        self._table: deque[tuple[bytes, bytes]] = deque()

    @property
    def header_table_size(self) -> int:
        return self._limit

    @header_table_size.setter
    def header_table_size(self, limit: int) -> None:
        self._limit = limit
        self._evict()

    def decode(self, block: bytes, raw: bool = True, /) -> list[Header]:
        headers: list[Header] = []
        position = size = 0
        while position < len(block):
            first = block[position]
            if first & 0xE0 == 0x20:
                if headers:
                    raise HpackError("a table size update after the first header")
                limit, position = read_int(block, position, 5)
                self._resize(limit)
                continue
            name, value, position = self._field(block, position, first)
            headers.append((name, value, first & 0xF0 == 0x10))
            size += len(name) + len(value) + ENTRY_OVERHEAD
            if size > self.max_header_list_size:
                raise OversizedError(f"the header list is longer than {self.max_header_list_size} bytes")
        return headers

    def _field(self, block: bytes, position: int, first: int) -> tuple[bytes, bytes, int]:
        if first & 0x80:
            index, position = read_int(block, position, 7)
            return (*self._entry(index), position)
        index, position = read_int(block, position, 6 if first & 0x40 else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, position = read_string(block, position)
        value, position = read_string(block, position)
        if first & 0x40:
            self._insert(name, value)
        return name, value, position

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        if 0 < index <= len(STATIC):
            return STATIC[index - 1]
        if index and index - len(STATIC) <= len(self._table):
            return self._table[index - len(STATIC) - 1]
        raise HpackError(f"no entry has index {index}")

    def _insert(self, name: bytes, value: bytes) -> None:
        self._table.appendleft((name, value))
        self._used += len(name) + len(value) + ENTRY_OVERHEAD
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > self.max_allowed_table_size:
            raise HpackError(f"a table of {limit} bytes is larger than {self.max_allowed_table_size}")
        self.header_table_size = limit

    def _evict(self) -> None:
        while self._used > self._limit:
            name, value = self._table.pop()
            self._used -= len(name) + len(value) + ENTRY_OVERHEAD


def read_int(block: bytes, position: int, prefix: int) -> tuple[int, int]:
    """(value, next position) of an integer with a prefix of so many bits, §5.1; at most 2^32-1."""
    mask = (1 << prefix) - 1
    value = block[position] & mask
    position += 1
    if value < mask:
        return value, position
    for shift in range(0, 35, 7):
        if position >= len(block):
            raise HpackError("an integer is cut off")
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80 and value < 1 << 32:
            return value, position
    raise HpackError("an integer is too large")


def read_string(block: bytes, position: int) -> tuple[bytes, int]:
    """(octets, next position) of a string literal, §5.2."""
    if position >= len(block):
        raise HpackError("a string is missing")
    coded = block[position] & 0x80
    size, position = read_int(block, position, 7)
    stop = position + size
    if stop > len(block):
        raise HpackError("a string is cut off")
    if not coded:
        return block[position:stop], stop
    try:
        return unhuffman(block[position:stop]), stop
    except HuffmanError as error:
        raise HpackError(str(error)) from error


def decoder(max_list: int = MAX_LIST, *, pure: bool = False) -> Decoder:
    """A decoder for one connection: the compiled one unless it is missing or `pure` is asked for."""
    if compiled is None or pure:
        return PythonDecoder(max_list)
    made: Decoder = compiled.Decoder(max_list)
    return made


def violation(error: BaseException) -> Violation | None:
    """The violation a decoder's error stands for; None when the error is not a decoder's.

    jh2's decoder panics (a BaseException without an importable class) on a block that ends inside an integer.
    """
    kind: Any = type(error)
    if kind.__name__ == "OversizedHeaderListError" or isinstance(error, OversizedError):
        return Violation(Code.ENHANCE_YOUR_CALM, "the header list is longer than announced")
    if kind.__name__ in ("HPACKError", "PanicException") or isinstance(error, HpackError):
        return Violation(Code.COMPRESSION_ERROR, f"a header block cannot be decoded: {error}")
    return None
