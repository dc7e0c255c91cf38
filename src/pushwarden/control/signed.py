"""A receipt as a signed file: a JSON Web Signature (RFC 7515, EdDSA by RFC 8037) beside what it says in plain JSON."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import msgspec

from pushwarden.core.errors import Malformed
from pushwarden.ports.signer import Signer

KIND = "pushwarden-receipt"
LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Signed:
    """content: what the signature is over. key: the name of the key that is said to have made it."""

    receipt: dict[str, Any]
    content: bytes
    signature: bytes
    key: str


def signed(receipt: Any, signer: Signer) -> bytes:
    """The same receipt gives the same file. `receipt` is for people; what is signed is `payload`."""
    payload = msgspec.json.encode(receipt)
    protected = _said(json.dumps({"alg": "EdDSA", "kid": signer.name, "typ": KIND}).encode())
    content = f"{protected}.{_said(payload)}"
    whole = {
        "receipt": msgspec.json.decode(payload), "protected": protected, "payload": _said(payload),
        "signature": _said(signer.sign(content.encode())),
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def opened(file: bytes) -> Signed:
    """What a file says, before anybody looked at its signature. Malformed when it is no signed receipt, or when what
    people read in it is not what was signed."""
    try:
        whole = json.loads(file[: LONGEST + 1])
        head, receipt = json.loads(_bytes(whole["protected"])), json.loads(_bytes(whole["payload"]))
        content = f"{whole['protected']}.{whole['payload']}".encode()
        found = Signed(receipt, content, _bytes(whole["signature"]), str(head["kid"]))
        known = (head["alg"], head["typ"], "crit" in head) == ("EdDSA", KIND, False) and isinstance(receipt, dict)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed("This is no signed receipt; get one with `pushwarden receipts get ID --signed`.") from error
    if not known:
        raise Malformed("This is signed in a way no receipt is; get it anew where the stop was made.")
    if whole.get("receipt", receipt) != receipt:
        raise Malformed("What stands in `receipt` is not what was signed: somebody changed this file.")
    return found


def _said(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
