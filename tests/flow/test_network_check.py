"""The network check: what each host that senders need says for itself, from real handshakes with real servers."""

from __future__ import annotations

import asyncio
import ssl
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from test_egress_tls import Server, server_certificate

from pushwarden.adapters.egress.tls import client_context
from pushwarden.control.machine import Reached
from pushwarden.dataplane.transport.dial import Target
from pushwarden.providers.port import Origin
from pushwarden.settings import Settings
from pushwarden.wiring.reach import Host, hosts, issuer_of, reach, skew_of


def check(*wanted: Host) -> list[Reached]:
    return list(asyncio.run(reach(wanted)))


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return client_context(server_certificate(tmp_path))


def at(port: int, context: ssl.SSLContext, name: str = "Apple", *, told: bool = False) -> Host:
    return Host(name, Target(Origin("localhost", port), context, timeout=2), told)


def test_a_host_that_answers_is_reached_and_names_its_certifier(context: ssl.SSLContext, tmp_path: Path) -> None:
    [found] = check(at(Server(tmp_path).port, context))
    assert (found.name, found.host, found.issuer, found.sentence) == ("Apple", "localhost", "localhost", "")
    assert found.ms is not None


def test_a_certificate_nobody_trusts_here_is_said_and_the_others_are_asked_all_the_same(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    resigned, good = check(at(Server(tmp_path).port, client_context(), "Google"), at(Server(tmp_path).port, context))
    assert (resigned.ms, good.sentence) == (None, "")
    assert "does not trust" in resigned.sentence


def test_a_closed_port_is_named(context: ssl.SSLContext) -> None:
    [found] = check(at(1, context))
    assert found.sentence == "localhost:1 cannot be reached: Connection refused."


def test_a_host_that_tells_no_time_leaves_the_clock_unknown(context: ssl.SSLContext, tmp_path: Path) -> None:
    [found] = check(at(Server(tmp_path).port, context, told=True))
    assert found.ms is not None
    assert found.skew_ms is None


@pytest.mark.parametrize(("ahead", "said"), [(0.4, 0), (0.99, 0), (90.0, 90_000), (-30.0, -30_000)])
def test_how_far_our_clock_is_ahead_is_told_to_a_second(ahead: float, said: int) -> None:
    host = float(int(time.time()))
    answer = f"HTTP/1.1 404 Not Found\r\nDate: {formatdate(host, usegmt=True)}\r\n\r\n".encode()
    assert skew_of(answer, host + ahead) == said


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"Date: yesterday\r\n", b"date:\r\n"])
def test_an_answer_without_a_date_tells_nothing(answer: bytes) -> None:
    assert skew_of(answer, time.time()) is None


def test_what_is_no_certificate_has_no_certifier() -> None:
    assert issuer_of(b"nonsense") == ""


def test_every_host_that_lanes_connect_to_is_asked_by_the_port_and_proxy_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, apns_port=2197, proxy="http://proxy.example:3128")
    found = {(host.target.origin.host, host.target.origin.port, host.target.proxy) for host in hosts(settings)}
    assert found == {
        ("api.push.apple.com", 2197, settings.proxy), ("api.sandbox.push.apple.com", 2197, settings.proxy),
        ("fcm.googleapis.com", 443, settings.proxy), ("oauth2.googleapis.com", 443, settings.proxy),
    }  # fmt: skip
