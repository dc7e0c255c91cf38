"""Which addresses a user may have us connect to: public ones, and what the operator allows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address that a gateway reaches


def public(address: Address) -> bool:
    """Whether it, and every IPv4 address that it wraps, is of the public internet."""
    return all(one.is_global and not one.is_multicast for one in _all_of(address))


def _all_of(address: Address) -> Iterator[Address]:
    yield address
    if isinstance(address, IPv6Address):
        teredo = address.teredo or ()
        wrapped = [address.ipv4_mapped, address.sixtofour, *teredo]
        if address in NAT64:
            wrapped.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if int(address) >> 32 == 0:  # ::a.b.c.d, deprecated (RFC 4291 §2.5.5.1)
            wrapped.append(IPv4Address(int(address)))
        yield from (one for one in wrapped if one is not None)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator allows beside the public internet: host names and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """Names, addresses and networks (CIDR), comma-separated."""
        hosts, networks = set[str](), list[IPv4Network | IPv6Network]()
        for word in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ip_network(word, strict=False))
            except ValueError:
                hosts.add(word)
        return cls(frozenset(hosts), tuple(networks))

    def listed(self, host: str, address: Address) -> bool:
        plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
        return host in self.hosts or any(plain in network for network in self.networks)

    def refused(self, host: str, addresses: list[str], *, tls: bool) -> str:
        """The first address that may not be reached by this name, empty when all may. Without TLS only loopback may,
        and only when it is listed."""
        for text in addresses:
            address = ip_address(text)
            listed = self.listed(host, address)
            if not (listed or (tls and public(address))) or (not tls and not address.is_loopback):
                return text
        return ""
