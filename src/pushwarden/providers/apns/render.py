"""One push and a slice of recipients, as columns of requests. Nothing here makes an object per push."""

from __future__ import annotations

from array import array
from sys import byteorder

from pushwarden.core.app import App, Credential
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Blame, Ending, Outcome
from pushwarden.core.push import Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.providers.apns import rules
from pushwarden.providers.apns.facts import HOSTS, KINDS, MDM_TOPIC
from pushwarden.providers.apns.payload import payload
from pushwarden.providers.port import Cell, Envelope, Origin
from pushwarden.providers.template import columns, encode, fill

_TOO_LARGE = Outcome(Ending.REFUSED, reason="PayloadTooLarge", blame=Blame.MESSAGE)
"""Ours, so without a status: the body was too large after its template was filled, and was not sent."""

_FEW = 16
"""Up to so many rows a push's own headers stay out of the connection's header table, as Apple advises."""


def origin(environment: Environment, port: int = 443) -> Origin:
    """`simulated` gives a host that never resolves: whoever connects puts the simulator's address in its place."""
    return Origin(HOSTS[environment], port)


def render(push: Push, app: App, credential: Credential, rows: Rows) -> list[Envelope]:
    """One envelope, for a push that `validate` let pass."""
    body = encode(payload(push))
    cell: Cell = fill(body, rows) if columns(body) else body
    keep, refused = _fitting(cell, KINDS[push.type].limit, len(rows))
    ids, paths = apns_ids(push.id, rows.seqs), [b"/3/device/" + token for token in rows.tokens]
    if refused:
        ids, paths = [ids[row] for row in keep], [paths[row] for row in keep]
        cell = [cell[row] for row in keep] if isinstance(cell, list) else cell
    return [
        Envelope(
            origin=origin(push.environment),
            headers=(*_headers(push, app, credential, len(keep)), (b"apns-id", ids)),
            path=paths,
            body=cell,
            count=len(keep),
            rows=keep if refused else None,
            refused=refused,
        )
    ]


def apns_ids(push_id: str, seqs: list[int] | range) -> list[bytes]:
    """UUIDs as text: the push's 80 bits, then the device's number in 48 bits; all at C speed."""
    if not seqs:
        return []
    head = "-".join((push_id[:8], push_id[8:12], push_id[12:16], push_id[16:20], ""))
    numbers = array("Q", seqs)
    if byteorder == "little":
        numbers.byteswap()
    octets = bytearray(numbers.tobytes())
    del octets[::8], octets[::7]  # the two high octets of each eight
    return (head + octets.hex("\n", 6).replace("\n", "\n" + head)).encode().split(b"\n")


def row_of(apns_id: bytes) -> tuple[str, int]:
    """The reverse: (push id, device number) of an `apns-id` of ours."""
    digits = apns_id.decode("ascii").replace("-", "")
    return digits[:20], int(digits[20:], 16)


def topic(push: Push, app: App, credential: Credential) -> str:
    """The bundle id with the suffix of the push type; MDM: the topic its certificate names."""
    if push.type is PushType.MDM:
        named = [name for name in credential.facts.get("topics", ()) if name.startswith(MDM_TOPIC)]
        return named[0] if named else app.bundle_id
    return app.bundle_id + KINDS[push.type].suffix


def _headers(push: Push, app: App, credential: Credential, count: int) -> list[tuple[bytes, Cell]]:
    same = {
        "apns-topic": topic(push, app, credential),
        "apns-push-type": push.type,
        "apns-priority": rules.priority(push),
    }
    own = {"apns-expiration": rules.expiration(push)}
    if collapse := rules.collapse_id(push):
        own["apns-collapse-id"] = collapse
    constant: list[tuple[bytes, Cell]] = [(name.encode(), value.encode()) for name, value in same.items()]
    for name, value in own.items():
        constant.append((name.encode(), [value.encode()] * count if count <= _FEW else value.encode()))
    return constant


def _fitting(body: Cell, limit: int, count: int) -> tuple[range | list[int], tuple[tuple[int, Outcome], ...]]:
    """The rows whose body fits, and the outcomes of the others."""
    if isinstance(body, bytes):
        fits = len(body) <= limit
        return (range(count), ()) if fits else ([], tuple((row, _TOO_LARGE) for row in range(count)))
    if max(map(len, body), default=0) <= limit:
        return range(count), ()
    refused = tuple((row, _TOO_LARGE) for row, cell in enumerate(body) if len(cell) > limit)
    return [row for row, cell in enumerate(body) if len(cell) <= limit], refused
