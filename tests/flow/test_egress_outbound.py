"""Requests to addresses that users name: to what was checked, over verified TLS, never elsewhere."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from callback_fixtures import ALLOWED, Receiver
from pushwarden.adapters.egress.addresses import Allowed
from pushwarden.adapters.egress.outbound import Outbound
from pushwarden.ports.egress import Undelivered


def post(url: str, *, allow: str = "", ca: Path | None = None, resolve: Any = None, seconds: float = 10.0) -> int:
    outbound = Outbound(Allowed.parse(allow), ca, resolve, seconds)
    return asyncio.run(outbound.post(url, {"webhook-id": "m1"}, b"{}"))


def named(*addresses: str) -> Any:
    async def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
def test_no_way_of_writing_this_machine_leads_to_it(host: str, tmp_path: Path) -> None:
    with Receiver(tmp_path).up() as receiver:
        with pytest.raises(Undelivered, match=r"public internet|cannot be reached"):
            post(f"https://{host}:{receiver.port}/", ca=receiver.certificates.ca)
        assert receiver.heard == []


def test_a_name_with_one_private_address_is_not_tried_at_its_public_one(tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match=r"169\.254\.169\.254"):
        post("https://hooks.example/", resolve=named("192.88.98.1", "169.254.169.254"))


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_verified(tmp_path: Path) -> None:
    asked = []

    async def rebinding(host: str, port: int) -> list[tuple[Any, ...]]:
        asked.append(host)
        return list(await named("127.0.0.1" if len(asked) == 1 else "169.254.169.254")(host, port))

    with Receiver(tmp_path).up() as receiver:
        ca = receiver.certificates.ca
        assert post(receiver.url, allow=ALLOWED, ca=ca, resolve=rebinding) == 204
        assert asked == ["localhost"]
        [heard] = receiver.heard
        assert (heard.headers["host"], heard.headers["path"]) == (f"localhost:{receiver.port}", "/hook?x=1")
        with pytest.raises(Undelivered, match="not trusted"):
            post(f"https://hooks.example:{receiver.port}/", allow=ALLOWED, ca=ca, resolve=named("127.0.0.1"))
        with pytest.raises(Undelivered, match="not trusted"):
            post(receiver.url, allow=ALLOWED)
        assert len(receiver.heard) == 1


def test_a_redirect_is_an_answer_and_is_not_followed(tmp_path: Path) -> None:
    with Receiver(tmp_path, answer=lambda _: 307).up() as receiver:
        receiver.headers["location"] = f"https://127.0.0.1:{receiver.port}/elsewhere"
        assert post(receiver.url, allow=ALLOWED, ca=receiver.certificates.ca) == 307
        assert len(receiver.heard) == 1


def test_a_receiver_that_keeps_silent_is_left_in_time(tmp_path: Path) -> None:
    with Receiver(tmp_path).up() as receiver:
        receiver.free.clear()
        with pytest.raises(Undelivered, match="did not answer within"):
            post(receiver.url, allow=ALLOWED, ca=receiver.certificates.ca, seconds=0.3)


def test_nothing_of_the_environment_points_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Receiver(tmp_path).up() as receiver:
        assert post(receiver.url, allow=ALLOWED, ca=receiver.certificates.ca) == 204


def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    async def scene() -> int:
        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x" * 4096)
                await asyncio.wait_for(writer.drain(), 5)

        server = await asyncio.start_server(endless, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await Outbound(Allowed.parse(ALLOWED)).post(f"http://localhost:{port}/", {}, b"{}")
        finally:
            server.close()

    assert asyncio.run(scene()) == 200
