"""A file out of a form of any size, handed on as it comes: no more than a piece of it is in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from pushwarden.core.errors import Malformed
from pushwarden.web import body
from pushwarden.web.body import RawHeaders, Receive

LARGEST = 1 << 36
_NAME = re.compile(rb'filename="([^"]*)"')


@dataclass
class Upload:
    """name: the file's, known once the first piece is there. first: that piece."""

    parts: AsyncIterator[bytes] = field(repr=False)
    name: str = ""
    first: bytes = b""

    async def begin(self) -> bool:
        """Whether there is a file with something in it."""
        async for part in self.parts:
            self.first = part
            return True
        return False

    async def rest(self) -> AsyncIterator[bytes]:
        yield self.first
        async for part in self.parts:
            yield part

    @property
    def kind(self) -> bytes:
        """By the file's name, else by how it begins."""
        csv = self.name.lower().endswith((".csv", ".txt", ".tsv"))
        looks = not self.first.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")
        return b"text/csv" if csv or looks else b"application/x-ndjson"


def upload_of(headers: RawHeaders, receive: Receive) -> Upload:
    """The file of a multipart form, or a whole body. Malformed when it is no form a browser sends."""
    kind, options = parse_options_header(body.header(headers, b"content-type") or b"")
    parts = body.chunks(receive, LARGEST)
    if kind != b"multipart/form-data":
        return Upload(parts)
    reader = _Reader(options.get(b"boundary", b""))
    made = Upload(_file(parts, reader))
    reader.upload = made
    return made


async def _file(parts: AsyncIterator[bytes], reader: _Reader) -> AsyncIterator[bytes]:
    async for part in parts:
        for piece in reader.feed(part):
            yield piece


class _Reader:
    """Gives what belongs to the part that has a file name."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise Malformed("The form cannot be read; load the page again and send it once more.")
        self.upload: Upload | None = None
        self._here = False
        self._value = b""
        self._found: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_value": self._header,
                "on_part_data": self._data,
            },
        )

    def feed(self, part: bytes) -> list[bytes]:
        try:
            self._parser.write(part)
        except MultipartParseError:
            raise Malformed("The form cannot be read; load the page again and send it once more.") from None
        found, self._found = self._found, []
        return found

    def _begin(self) -> None:
        self._here, self._value = False, b""

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        named = _NAME.search(self._value)
        if named is not None and self.upload is not None:
            self._here, self.upload.name = True, named[1].decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._here and end > start:
            self._found.append(data[start:end])
