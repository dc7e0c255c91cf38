"""The simulated phone against the APNs simulator and a door that stands for Pushwarden's devices."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushwarden.simulators.control import Asked, Control, Refused
from pushwarden.simulators.phone.phone import NotRegistered, Phone, confirmation, push_of
from simulator_fixtures import TOKEN, Simulator, running


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with running(tmp_path) as made:
        yield made


class Registrar:
    """PUT /v1/… on loopback, in a thread of its own."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    async def _put(self, asked: Asked) -> Any:
        if "refused" in asked.rest:
            raise Refused(404, "no such app")
        self.seen.append((asked.rest, asked.json()))
        return {}

    def __enter__(self) -> Registrar:
        self._thread.start()
        self._door = Control({("PUT", "v1"): self._put})
        self.port = asyncio.run_coroutine_threadsafe(self._door.start(), self._loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._door.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def test_a_phone_registers_and_prints_what_arrives(simulator: Simulator) -> None:
    body = json.dumps({"aps": {"alert": {"title": "Train", "body": "leaves at 9"}}}).encode()
    with Registrar() as registrar:
        arguments = ["--control", simulator.control, "--api", f"http://127.0.0.1:{registrar.port}", "--app", "demo"]
        command = [sys.executable, "-m", "pushwarden.simulators.phone", *arguments]
        phone = subprocess.Popen(
            [*command, "--token", TOKEN, "--user", "u1", "--count", "2"],
            stdout=subprocess.PIPE,
            env={**os.environ, "PUSHWARDEN_KEY": "pwk_x"},
        )
        while not registrar.seen:
            assert phone.poll() is None
        with simulator.client() as client:
            client.ask(simulator.headers(), body)
            client.ask(simulator.headers(apns_push_type="background"), b'{"aps":{"content-available":1},"job":4}')
        out, _ = phone.communicate(timeout=10)
    assert out.decode().splitlines() == ["[alert] Train: leaves at 9", "[background] (silent) job"]
    expected = {"provider": "apns", "token": TOKEN, "token_kind": "alert", "user": "u1"}
    assert registrar.seen == [("apps/demo/simulated/devices/simulated-phone", expected)]


def test_a_refused_registration_says_what_pushwarden_said(simulator: Simulator) -> None:
    phone = Phone(simulator.control)
    with Registrar() as registrar, pytest.raises(NotRegistered, match=r"404.*no such app"):
        phone.register(f"http://127.0.0.1:{registrar.port}/v1/apps/refused", "pwk_x", "i1", {})
    phone.close()


def test_an_absent_phone_finds_only_the_newest_push_that_may_be_stored(simulator: Simulator) -> None:
    phone = Phone(simulator.control, TOKEN)
    phone.pair()
    simulator.post("absent/" + TOKEN)
    with simulator.client() as client:
        for number in range(3):
            client.ask(simulator.headers(), b'{"aps":{"alert":"%d"}}' % number)
        client.ask(simulator.headers(apns_topic="com.example.other"))
        client.ask(simulator.headers(apns_topic="com.example.third", apns_expiration="0"))
        client.ask(simulator.headers(apns_topic="com.example.fourth", apns_expiration="1000000000"))
    assert [push.line for push in phone.arrived(0)] == ["[alert] 2", "[alert] hello"]
    phone.close()


@pytest.mark.parametrize("body", [b"not json", b"[1]", b"\xff\xfe"])
def test_a_phone_survives_what_is_no_notification(simulator: Simulator, body: bytes) -> None:
    phone = Phone(simulator.control, TOKEN)
    phone.pair()
    with simulator.client() as client:
        client.ask(simulator.headers(), body)
    assert [push.line for push in phone.arrived(5)] == ["[alert] (silent)"]
    phone.close()


ASKED = {"push": "p1", "nonce": "n1"}


@pytest.mark.parametrize(
    ("content", "asks"),
    [
        ({"aps": {}, "pushwarden": ASKED}, ("p1", "n1")),
        ({"message": {"data": {"pushwarden": json.dumps(ASKED)}}}, ("p1", "n1")),
        ({"message": {"data": {"pushwarden": "no json"}}}, None),
        ({"message": {}, "pushwarden": ASKED}, None),
        ({"pushwarden": {"push": 1, "nonce": "n1"}}, None),
        ({}, None),
    ],
)
def test_a_phone_confirms_what_asks_for_it_and_nothing_else(content: Any, asks: Any) -> None:
    push = push_of({"id": "a", "topic": "t", "push_type": "alert", "body": json.dumps(content)})
    assert push.asks == asks
    wanted = {"push": "p1", "nonce": "n1", "event": "received", "token": TOKEN}
    assert confirmation(push, TOKEN) == (wanted if asks else None)
