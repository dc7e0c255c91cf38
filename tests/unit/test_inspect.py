"""What the limited child says of a file crosses as plain data; what breaks it becomes a check of the table."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import msgspec
import pytest

from apns_fixtures import NOW_MS, Pair, p8
from hostile_files import seeds
from looking import look_at
from pushwarden.core.errors import Busy
from pushwarden.core.messages import MESSAGES
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Report
from pushwarden.wiring.inspect import Inspector, concluded
from pushwarden.wiring.limited.reading import Answer, Request, read
from pushwarden.wiring.limited.server import BROKEN, DONE, OUT_OF_MEMORY, Ending
from real import need

HINTS = {"file_name": "AuthKey_ABCDEFGHIJ.p8", "team_id": "TEAMTEAM12"}


def test_the_child_reports_what_a_check_in_our_own_process_reports() -> None:
    async def whole() -> list[Report]:
        inspector = Inspector(lambda: NOW_MS)
        try:
            return [await inspector("apns", data, Secret(b"secret"), HINTS) for data in files]
        finally:
            inspector.close()

    files = [p8(), Pair().p12(), Pair().p12(b"another"), b"junk", b""]
    for data, report in zip(files, asyncio.run(whole()), strict=True):
        assert report == look_at(data, provider="apns", password=Secret(b"secret"), hints=HINTS, now_ms=NOW_MS)


def test_every_kind_of_file_is_read_with_what_was_loaded_before() -> None:
    need("openssl")
    program = (
        "import sys, msgspec; from pushwarden.wiring.limited import reading\n"
        "reading.rehearse(); loaded = set(sys.modules)\n"
        "for work in msgspec.msgpack.decode(sys.stdin.buffer.read()): reading.read(work)\n"
        "print(*sorted(set(sys.modules) - loaded))\n"
    )
    works = [one.work for one in seeds().values()]
    command, given = [sys.executable, "-I", "-c", program], msgspec.msgpack.encode(works)
    done = subprocess.run(command, input=given, capture_output=True, timeout=100, check=True)
    assert (done.stdout, done.stderr) == (b"\n", b"")


@pytest.mark.parametrize(
    ("answer", "code", "name"),
    [
        (b"", -signal.SIGXCPU, "file.timeout"),
        (b"", -signal.SIGKILL, "file.timeout"),
        (b"", OUT_OF_MEMORY, "file.too_complex"),
        (b"", BROKEN, "file.too_complex"),
        (b"", -signal.SIGSEGV, "file.too_complex"),
        (b"\xff garbage", DONE, "file.too_complex"),
        (msgspec.msgpack.encode({"kind": "apns_token", "material": b"x"}), DONE, "file.too_complex"),
    ],
)
def test_a_file_that_broke_its_child_fails_with_a_message_of_the_table(answer: bytes, code: int, name: str) -> None:
    report = concluded(answer, Ending(code, 0.1, 1 << 20))
    assert [(check.id, check.result) for check in report.checks] == [(name, "failed")]
    assert not report.usable
    assert name in MESSAGES


def test_no_process_to_read_with_is_not_the_files_fault() -> None:
    async def whole() -> None:
        inspector = Inspector(lambda: NOW_MS, ("/bin/false",))
        with pytest.raises(Busy):
            await inspector("apns", p8(), None, HINTS)
        inspector.close()

    asyncio.run(whole())


def test_a_password_and_a_key_are_in_no_repr_on_their_way() -> None:
    request = Request("apns", Pair().p12(b"planted"), b"planted", HINTS, NOW_MS)
    answer = msgspec.msgpack.decode(read(msgspec.msgpack.encode(request)), type=Answer)
    assert answer.material is not None
    assert b"PRIVATE KEY" in answer.material
    for shown in (repr(request), repr(answer), repr(answer.report), json.dumps(answer.facts)):
        assert "planted" not in shown
        assert "PRIVATE" not in shown
