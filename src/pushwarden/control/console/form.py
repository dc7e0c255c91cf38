"""What a form sent: texts and small files, bounded, in memory only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pushwarden.core.errors import BodyTooLarge, Malformed, UnsupportedMedia
from pushwarden.web import body
from pushwarden.web.body import RawHeaders, Receive

LARGEST_FILE = 1024 * 1024
LIMIT = 2 * LARGEST_FILE
"""Bytes of a form; pages that take more stream it themselves."""
_FIELDS = 500


@dataclass(frozen=True, slots=True)
class SentFile:
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """fields: name → values in their order."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    files: Mapping[str, SentFile] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The last value, without blanks around it."""
        return self.fields[name][-1].strip() if name in self.fields else default

    def raw(self, name: str) -> str:
        """As it was typed: for passwords."""
        return self.fields[name][-1] if name in self.fields else ""

    def all(self, name: str) -> Sequence[str]:
        return self.fields.get(name, ())

    def ticked(self, name: str) -> bool:
        return name in self.fields

    def file(self, name: str) -> SentFile | None:
        """None when no file was chosen."""
        return self.files.get(name)


async def read(headers: RawHeaders, receive: Receive) -> Form:
    """Malformed, BodyTooLarge or UnsupportedMedia say what is wrong with it."""
    _announced(headers)
    kind = (body.header(headers, b"content-type") or b"").split(b";")[0].strip().lower()
    if kind == b"multipart/form-data":
        return await _multipart(headers, receive)
    content = await body.read(headers, receive, LIMIT)
    if kind != b"application/x-www-form-urlencoded" and content:
        raise UnsupportedMedia("Send the form as a browser does.")
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except (ValueError, UnicodeDecodeError):
        raise Malformed("The form cannot be read; load the page again and send it once more.") from None
    return Form(_gathered(pairs))


def _announced(headers: RawHeaders) -> None:
    """Before a byte is read: whoever chose the wrong file need not wait until all of it is here."""
    try:
        body.announced(headers, LIMIT)
    except BodyTooLarge as error:
        raise BodyTooLarge(
            "That is more than the 2 MB a form takes, and nothing of it was read; go back and choose another file.",
            limit=LIMIT,
        ) from error


async def _multipart(headers: RawHeaders, receive: Receive) -> Form:
    parser = MultiPartParser(
        Headers(raw=list(headers)),
        body.chunks(receive, LIMIT),
        max_files=10,
        max_fields=_FIELDS,
        max_part_size=LARGEST_FILE,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise Malformed(f"The form cannot be read: {error}.") from None
    try:
        texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        files = {
            name: SentFile(value.filename or "", await value.read())
            for name, value in form.multi_items()
            if isinstance(value, UploadFile) and value.filename
        }
    finally:
        await form.close()
    return Form(_gathered(texts), files)


def _gathered(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields
