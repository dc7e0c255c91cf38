"""Files as an enemy would change them: blindly by bytes, and knowingly by values, with every length right again."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from asn1crypto import parser, pkcs12

from pushwarden.providers.apns import pfx_mac

HUGE = (0, 1, -1, 2047, 2048, 10**5, 6 * 10**5, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 2**4096, -(2**31), 2**20000)
TAGS = (1, 2, 3, 4, 5, 6, 10, 12, 16, 17, 19, 22, 23, 24, 28, 30)
WORDS: tuple[Any, ...] = (
    None, True, 0, -1, 2**64, 1e308, "", "x" * 30_000, [], {}, [[]] * 50, {"a": {"b": {}}}, "\u202e\0\x1b[2J",
    "service_account",
)  # fmt: skip
_PEM = re.compile(rb"(-----BEGIN [A-Z ]+-----)(.+?)(-----END [A-Z ]+-----)", re.S)


# ---- bytes ----


def flip(data: bytes, chance: Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def behead(data: bytes, chance: Random) -> bytes:
    return data[chance.randrange(len(data)) :]


def splice(data: bytes, chance: Random) -> bytes:
    """A piece of the file, put in somewhere else, or over what is there."""
    begin = chance.randrange(len(data))
    piece = data[begin : begin + chance.choice((1, 4, 16, 200, 2000))]
    at = chance.randrange(len(data))
    return data[:at] + piece + data[at + chance.choice((0, len(piece))) :]


def repeat(data: bytes, chance: Random) -> bytes:
    return data * chance.choice((2, 3, 20))


def swell(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) * chance.choice((100, 10_000, 60_000)) + data[at:]


def lengths(data: bytes, chance: Random) -> bytes:
    """Bytes after something that looks like a tag: what says how long it is."""
    places = [at + 1 for at in range(len(data) - 1) if data[at] in b"\x02\x03\x04\x30\x31\xa0\xa1"]
    if not places:
        return flip(data, chance)
    out = bytearray(data)
    for at in chance.sample(places, min(len(places), chance.choice((1, 2, 5)))):
        out[at] = chance.choice((0, 1, 0x7F, 0x80, 0x81, 0x84, 0x8F, 0xFF, chance.randrange(256)))
    return bytes(out)


# ---- ASN.1 ----


@dataclass(slots=True)
class Value:
    """One value, open where others are inside it: by its tag, or because its octets are some."""

    cls: int
    constructed: int
    tag: int
    octets: bytes
    inside: list[Value] = field(default_factory=list)

    def dump(self) -> bytes:
        content = b"".join(one.dump() for one in self.inside) if self.inside else self.octets
        return bytes(parser.emit(self.cls, self.constructed, self.tag, content))

    def all(self) -> list[Value]:
        return [self, *(deeper for one in self.inside for deeper in one.all())]


def values(data: bytes) -> list[Value]:
    """ValueError when it is not ASN.1 to its end."""
    found = []
    while data:
        cls, constructed, tag, header, content, trailer = parser.parse(data)
        one = Value(cls, constructed, tag, content)
        if constructed or (tag == 4 and len(content) > 8 and content[0] == 0x30):
            try:
                one.inside = values(content)
            except ValueError:
                one.inside = []
        found.append(one)
        data = data[len(header) + len(content) + len(trailer) :]
    return found


def number(root: Value, chance: Random) -> None:
    """A number becomes another: a size, a version, an iteration count, part of a key."""
    numbers = [one for one in root.all() if one.cls == 0 and one.tag == 2]
    if numbers:
        value = chance.choice(HUGE)
        chance.choice(numbers).octets = value.to_bytes(value.bit_length() // 8 + 1, signed=True)


def counts(root: Value, chance: Random) -> None:
    """Every small number at once: iterations wherever they are."""
    value = chance.choice(HUGE[3:9])
    for one in root.all():
        if one.cls == 0 and one.tag == 2 and 1 < len(one.octets) < 4:
            one.octets = value.to_bytes(value.bit_length() // 8 + 1, signed=True)


def twice(root: Value, chance: Random) -> None:
    holder = _holder(root, chance)
    if holder.inside:
        holder.inside += [chance.choice(holder.inside)] * chance.choice((1, 1, 10, 100))


def drop(root: Value, chance: Random) -> None:
    holder = _holder(root, chance)
    if len(holder.inside) > 1:
        holder.inside.pop(chance.randrange(len(holder.inside)))


def shuffle(root: Value, chance: Random) -> None:
    chance.shuffle(_holder(root, chance).inside)


def transplant(root: Value, chance: Random) -> None:
    """A value takes the place of another."""
    everything = root.all()
    given = chance.choice(everything).dump()
    target = chance.choice(everything[1:] or everything)
    target.octets, target.inside, target.constructed = given, [], 1


def wrap(root: Value, chance: Random) -> None:
    one = chance.choice(root.all())
    inner = one.dump()
    for _ in range(chance.choice((1, 2, 30, 33, 400))):
        inner = bytes(parser.emit(0, 1, 16, inner))
    one.octets, one.inside, one.constructed = inner, [], 1


def retag(root: Value, chance: Random) -> None:
    one = chance.choice(root.all())
    one.tag, one.cls = chance.choice(TAGS), chance.choice((0, 0, 0, 2))


def noise(root: Value, chance: Random) -> None:
    leaves = [one for one in root.all() if not one.inside]
    chance.choice(leaves).octets = chance.randbytes(chance.choice((0, 1, 2, 16, 2000)))


def _holder(root: Value, chance: Random) -> Value:
    return chance.choice([one for one in root.all() if one.inside] or [root])


KNOWING = (number, number, counts, counts, twice, drop, shuffle, transplant, wrap, retag, noise)


def asn1(data: bytes, chance: Random) -> bytes:
    """One to three values changed; the bytes themselves when it is not ASN.1, or too deep for us."""
    try:
        (root,) = values(data)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            chance.choice(KNOWING)(root, chance)
        return root.dump()
    except (ValueError, RecursionError):
        return flip(data, chance)


def resealed(data: bytes, chance: Random, password: bytes) -> bytes:
    """A `.p12` whose parts are changed and whose MAC is right again, so that everything is looked at."""
    try:
        content = pkcs12.Pfx.load(data)["auth_safe"]["content"].native
    except (ValueError, TypeError):
        content = None
    if not isinstance(content, bytes) or not content:
        return asn1(data, chance)
    return pfx_mac.closed(asn1(content, chance), pfx_mac.spellings(password)[0])


# ---- texts ----


def rearmoured(data: bytes, chance: Random) -> bytes:
    """PEM whose inside is changed knowingly."""

    def change(found: re.Match[bytes]) -> bytes:
        try:
            inner = asn1(base64.b64decode(found[2]), chance)
        except ValueError:
            return found[0]
        return found[1] + b"\n" + base64.encodebytes(inner) + found[3]

    return _PEM.sub(change, data)


def fields(data: bytes, chance: Random) -> bytes:
    """A JSON object with fields changed, gone, or nested; the key in it changed knowingly."""
    try:
        held = json.loads(data)
    except ValueError:
        held = None
    if not isinstance(held, dict) or not held:
        return splice(data, chance)
    name = chance.choice(sorted(held))
    match chance.randrange(4):
        case 0:
            held[name] = chance.choice(WORDS)
        case 1:
            del held[name]
        case 2:
            for _ in range(chance.choice((1, 31, 40, 400))):
                held = {name: held, "type": "service_account"}
        case _:
            held["private_key"] = rearmoured(str(held.get("private_key", "")).encode(), chance).decode()
    return json.dumps(held).encode()


BLIND: tuple[Callable[[bytes, Random], bytes], ...] = (flip, flip, cut, behead, splice, repeat, swell, lengths)


def mutated(data: bytes, chance: Random, password: bytes) -> bytes:
    """The file changed once or more, in a way that suits it about every second time."""
    for _ in range(chance.choice((1, 1, 2))):
        ways = list(BLIND)
        if data[:1] == b"\x30":
            ways += [asn1] * 4 + [lambda data, chance: resealed(data, chance, password)] * 6
        elif b"-----BEGIN" in data and data[:1] != b"{":
            ways += [rearmoured] * 8
        elif data[:1] == b"{":
            ways += [fields] * 8
        data = chance.choice(ways)(data or b"\0", chance)
    return data
