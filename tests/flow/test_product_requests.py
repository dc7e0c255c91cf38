"""Without a Mac: a request made here, a certificate from an authority that stands for Apple's, a push by it alone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from product_fixtures import SLOW, ask, calm, device, ended, frames, send
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.vault import Opening
from pushwarden.adapters.vault.keys import private_keys
from pushwarden.core.request import CertificateRequest
from pushwarden.simulators.certificates import answer
from pushwarden.wiring.stage import BUNDLE_ID, Stage

__all__ = ["calm"]
pytestmark = SLOW

TOPICS = ((BUNDLE_ID, "app"), (BUNDLE_ID + ".voip", "voip"))


def made(stage: Stage, base: str, **fields: str) -> Any:
    return stage.call("POST", f"{base}/credentials/requests", json=fields)


def brought(stage: Stage, path: str, asked: Any, days: int = 365) -> Any:
    """Apple's part, and the way back."""
    cer = answer(stage.folder / "certificates", asked["pem"].encode(), BUNDLE_ID, TOPICS, days=days)
    return stage.call("POST", path, files={"file": ("aps.cer", cer, "application/x-x509-ca-cert")})


def test_a_request_a_certificate_and_a_push_that_it_alone_vouches_for(calm: Stage) -> None:
    base = calm.make_app("nomac")
    for key in calm.call("GET", f"{base}/credentials")["credentials"]:
        ask(calm, "DELETE", f"{base}/credentials/{key['id']}?force=true")
    asked = made(calm, base)
    credential = brought(calm, asked["answer"], asked)["credential"]
    assert (credential["kind"], credential["state"]) == ("apns_certificate", "standby")
    calm.call("POST", f"{base}/credentials/{credential['id']}/activate")
    device(calm, base, "phone", "1a" * 32, user="ada")
    device(calm, base, "phone", "1b" * 32, user="ada", token_kind="voip")
    for kind, fields in (("alert", {"title": "x"}), ("voip", {"data": {"call": "1"}})):
        push = send(calm, base, {"user": "ada"}, kind, **fields)
        assert ended(calm.settled(base, push)) == {"accepted": 1}, kind
        assert len(frames(calm, push)) == 1
    renewal = made(calm, base, renews=credential["id"])
    successor = brought(calm, renewal["answer"], renewal, 700)["credential"]
    calm.call("POST", f"{base}/credentials/{successor['id']}/activate")
    push = send(calm, base, {"user": "ada"}, "alert", title="renewed")
    assert ended(calm.settled(base, push)) == {"accepted": 1}
    assert len(frames(calm, push)) == 1


def test_the_key_of_a_request_is_in_no_file_and_no_answer_but_sealed(calm: Stage) -> None:
    base = calm.make_app("sealedkey")
    asked = made(calm, base)
    credential = brought(calm, asked["answer"], asked)["credential"]
    calm.call("POST", f"{base}/credentials/{credential['id']}/activate")
    device(calm, base, "phone", "1c" * 32, user="ada")
    assert ended(calm.settled(base, send(calm, base, {"user": "ada"}, "alert", title="x"))) == {"accepted": 1}
    forms = _forms(_kept(calm, asked["request"]["id"]), calm)
    for path in (calm.folder / "log", *calm.data.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            assert [form for form in forms if form in content] == [], path.name
    one = f"{base}/credentials/requests"
    for address in (one, f"{one}/{asked['request']['id']}", asked["download"], f"{base}/credentials",
                    f"{base}/effective", "/v1/audit?limit=500", "/metrics"):  # fmt: skip
        answered = ask(calm, "GET", address)
        assert answered.status_code == 200, address
        assert [form for form in forms if form in answered.content] == [], address


def test_the_api_process_has_no_key_that_opens_a_request(calm: Stage) -> None:
    base = calm.make_app("noway")
    kept = _kept(calm, made(calm, base)["request"]["id"])
    assert kept.sealed[:4] == b"pwv1"
    assert b"PRIVATE" not in kept.sealed
    said = json.dumps(calm.call("GET", f"{base}/credentials/requests"))
    assert base64.b64encode(kept.sealed).decode()[:40] not in said
    assert kept.sealed.hex()[:40] not in said


def _kept(stage: Stage, request: str) -> CertificateRequest:
    """As it stands in the database."""

    async def read() -> CertificateRequest:
        with contextlib.closing(SqliteCatalog(stage.data / "control.db")) as catalog:
            found = await catalog.read(lambda tables: tables.requests.all())
        return next(one for one in found if one.id == request)

    return asyncio.run(read())


def _forms(kept: CertificateRequest, stage: Stage) -> list[bytes]:
    """The key as PEM lines, DER and bare numbers; opened as a sender does it. The first lines hold what is public."""
    opened = Opening(*private_keys(stage.data / "keys", {})).open(kept.sealed, kept.label).reveal()
    key = serialization.load_pem_private_key(opened, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    bare = [number.to_bytes(256, "big").lstrip(b"\0") for number in (numbers.d, numbers.p, numbers.q)]
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [der, *bare, *(number.hex().encode() for number in bare), *opened.split(b"\n")[8:-3]]
