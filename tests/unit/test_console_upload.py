"""A file out of a form is handed on as it comes, whatever its size and however the browser cuts it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pushwarden.control.console.imports.upload import Upload, upload_of
from pushwarden.core.errors import Malformed

BOUNDARY = b"----x7"
HEADERS = [(b"content-type", b"multipart/form-data; boundary=" + BOUNDARY)]


def form(content: bytes, name: bytes = b"list.csv") -> bytes:
    field = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="note"\r\n\r\nnot this\r\n'
    file = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
    return field + file + b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--" + BOUNDARY + b"--\r\n"


def receiving(body: bytes, size: int) -> Any:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    async def receive() -> dict[str, Any]:
        part = pieces.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(pieces)}

    return receive


async def read(upload: Upload) -> bytes:
    return b"".join([part async for part in upload.rest()]) if await upload.begin() else b""


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_the_files_bytes_come_out_as_they_went_in(size: int) -> None:
    content = b"installation_id,token\r\n" + b"a--,--" + BOUNDARY[:-1] + b"\r\n" * 50

    async def scene() -> None:
        upload = upload_of(HEADERS, receiving(form(content), size))
        assert await read(upload) == content
        assert (upload.name, upload.kind) == ("list.csv", b"text/csv")

    asyncio.run(scene())


def test_a_hundred_megabytes_are_never_together_in_memory() -> None:
    piece, count = bytes(100_000), 1000
    whole = form(b"{")
    head, tail = whole[: whole.index(b"{") + 1], whole[whole.index(b"{") + 1 :]
    sent, taken = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal sent
        assert sent - taken <= 4 * len(piece), "the next piece is asked for before the last one was handed on"
        sent += len(piece)
        number = sent // len(piece)
        part = head if number == 1 else tail if number == count + 2 else piece
        return {"type": "http.request", "body": part, "more_body": number < count + 2}

    async def scene() -> None:
        nonlocal taken
        upload = upload_of(HEADERS, receive)
        assert await upload.begin()
        async for part in upload.rest():
            taken = sent
            assert len(part) <= len(piece) + len(head)
        assert sent >= 100_000_000

    asyncio.run(scene())


def test_an_empty_form_has_no_file_and_what_is_no_form_is_refused() -> None:
    async def scene() -> None:
        assert await read(upload_of(HEADERS, receiving(form(b"", b""), 50))) == b""
        with pytest.raises(Malformed):
            upload_of([(b"content-type", b"multipart/form-data")], receiving(b"x", 1))
        with pytest.raises(Malformed):
            await read(upload_of(HEADERS, receiving(b"nonsense" * 9, 9)))

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "first", "kind"),
    [
        ("a.csv", b"{", b"text/csv"), ("a", b"\xef\xbb\xbftoken,", b"text/csv"),
        ("a", b' {"token"', b"application/x-ndjson"), ("a.ndjson", b"{", b"application/x-ndjson"),
        ("", b"{", b"application/x-ndjson"),
    ],
)  # fmt: skip
def test_what_a_file_is_follows_from_its_name_and_its_beginning(name: str, first: bytes, kind: bytes) -> None:
    async def nothing() -> Any:
        for one in ():
            yield one

    assert Upload(nothing(), name, first).kind == kind
