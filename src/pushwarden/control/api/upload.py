"""A credential file as it arrives: multipart or JSON, at most 64 KiB, in memory only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pushwarden.control.api.fields import Identifier, Request, Text
from pushwarden.core.errors import BodyTooLarge, Invalid, Malformed, UnknownField
from pushwarden.core.secret import Secret
from pushwarden.web.call import Call

LARGEST = 64 * 1024
LIMIT = 2 * LARGEST
_HINTS = ("file_name", "key_id", "team_id", "bundle_id", "serial", "push_types", "project_id", "modified_at", "hub")
_FIELDS = frozenset({"provider", "file", "password", *_HINTS})


class UploadBody(Request):
    """`content` is base64; `text` is for files that are text, such as a .p8. Whose file it is, it says itself.

    serial: of the certificate that is meant, where a file has several. push_types: that the app uses, with commas.
    modified_at: the file's own time, Unix milliseconds.
    """

    provider: Identifier = ""
    content: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    password: str = ""
    file_name: Text = ""
    key_id: Identifier = ""
    team_id: Identifier = ""
    bundle_id: Identifier = ""
    serial: Text = ""
    push_types: Text = ""
    project_id: Identifier = ""
    modified_at: Identifier = ""
    hub: Identifier = ""


@dataclass(frozen=True, slots=True)
class Upload:
    provider: str
    content: bytes
    password: Secret | None
    hints: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<upload for {self.provider}, {len(self.content)} bytes>"


_JSON = msgspec.json.Decoder(UploadBody)


async def uploaded(call: Call) -> Upload:
    """Malformed, Invalid, UnknownField or BodyTooLarge say what is wrong with it."""
    if call.header(b"content-type").lower().startswith("multipart/form-data"):
        upload = await _from_form(call)
    else:
        upload = _from_json(await call.json(_JSON))
    if len(upload.content) > LARGEST:
        raise BodyTooLarge(f"A credential file may have at most {LARGEST} bytes.", limit=LARGEST)
    return upload


def _from_json(body: UploadBody) -> Upload:
    if isinstance(body.content, str):
        try:
            content = base64.b64decode(body.content, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("`content` is not base64.", field="content") from None
    else:
        content = body.text.encode() if isinstance(body.text, str) else b""
    if not content:
        raise Invalid("Send the file as `file` (multipart), `content` (base64) or `text`.", field="file")
    return _upload(body.provider, content, body.password, {name: getattr(body, name) for name in _HINTS})


async def _from_form(call: Call) -> Upload:
    parser = MultiPartParser(
        Headers(raw=list(call.headers)), call.stream(), max_files=1, max_fields=16, max_part_size=LARGEST
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise Malformed(f"The multipart body cannot be read: {error}.") from None
    try:
        return await _from_fields(form)
    finally:
        await form.close()


async def _from_fields(form: FormData) -> Upload:
    for name in form:
        if name not in _FIELDS:
            raise UnknownField(f"There is no field `{name}` here; remove it or correct its name.", field=name)
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid("Send the file as the part `file`, with a file name.", field="file")
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    hints = {name: texts.get(name, "") for name in _HINTS}
    hints["file_name"] = hints["file_name"] or file.filename or ""
    return _upload(texts.get("provider", ""), await file.read(), texts.get("password", ""), hints)


def _upload(provider: str, content: bytes, password: str, hints: Mapping[str, str]) -> Upload:
    for name, value in hints.items():
        if not value.isprintable() or len(value) > 1000:
            raise Invalid(f"`{name}` has a character that is not allowed, or is too long.", field=name)
    secret = Secret(password.encode()) if password else None
    return Upload(provider, content, secret, {name: value for name, value in hints.items() if value})
