"""Which addresses a user may have us connect to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pushwarden.adapters.egress.addresses import Allowed, public

PRIVATE = """
127.0.0.1 127.8.8.8 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1
198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fc00::1 fd12::1 ff02::1 2001:db8::1 ::ffff:10.0.0.1
::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 2002:7f00:1:: 2002:a00:1::
::127.0.0.1 2001:0:4136:e378:8000:63bf:f5ff:fffe
""".split()  # noqa: SIM905  as a table


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_of_the_public_internet_is_refused_however_it_is_written(text: str) -> None:
    assert not public(ip_address(text))
    assert Allowed().refused("hooks.example", [text], tls=True) == text


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::"])
def test_public_addresses_may_be_reached_by_tls_alone(text: str) -> None:
    assert public(ip_address(text))
    assert Allowed().refused("hooks.example", [text], tls=True) == ""
    assert Allowed().refused("hooks.example", [text], tls=False) == text


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    assert Allowed().refused("hooks.example", ["8.8.8.8", "10.0.0.7"], tls=True) == "10.0.0.7"


def test_the_operator_allows_names_and_networks_and_without_tls_only_loopback() -> None:
    allowed = Allowed.parse("hooks.internal, 10.1.0.0/16, fd00::/8, 127.0.0.1")
    assert allowed.refused("hooks.internal", ["192.168.0.9"], tls=True) == ""
    assert allowed.refused("other.internal", ["192.168.0.9"], tls=True) == "192.168.0.9"
    assert allowed.refused("any", ["10.1.2.3", "fd00::5", "::ffff:10.1.0.1"], tls=True) == ""
    assert allowed.refused("any", ["10.1.2.3"], tls=False) == "10.1.2.3"
    assert allowed.refused("any", ["127.0.0.1"], tls=False) == ""
    assert allowed.refused("any", ["127.0.0.2"], tls=False) == "127.0.0.2"
