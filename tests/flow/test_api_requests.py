"""Certificate requests over the API: made, downloaded, answered by an authority that stands for Apple's."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from apns_fixtures import NOW_MS, Pair, openssl, p8
from cast import Reply, Stage, stage
from looking import look_at
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.vault import Opening, Sealing
from pushwarden.control.api.app import build
from pushwarden.control.api.requests import MOST
from pushwarden.core.app import Credential
from pushwarden.core.errors import VaultRefused
from pushwarden.core.request import STALE_MS, CertificateRequest
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Tables
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.certificates import public_key_name
from pushwarden.providers.port import Report
from pushwarden.simulators import certificates
from pushwarden.wiring.entries import material_of

SHOP = "/v1/apps/shop/production/credentials"
REQUESTS = SHOP + "/requests"
BUNDLE = "com.acme.shop"


async def inspect(provider: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
    """As the limited child does it, in this process. The authority's certificates begin now, by the real clock."""
    return look_at(data, password=password, hints=hints, now_ms=time.time_ns() // 1_000_000)


@dataclass
class Desk:
    """alice before the API, with an authority in `folder` that answers her requests."""

    scene: Stage
    private: X25519PrivateKey
    folder: Path

    async def ask(self, method: str, path: str, body: Any = None, who: str = "alice") -> Reply:
        return await self.scene.ask(who, method, path, body)

    async def make(self, base: str = REQUESTS, **fields: str) -> Any:
        made = await self.ask("POST", base, fields)
        assert made.status == 201, made.body
        return made.json

    def certificate(self, made: Any, bundle: str = BUNDLE, days: int = 365, **more: Any) -> bytes:
        """What Apple gives for it."""
        return certificates.answer(self.folder, made["pem"].encode(), bundle, days=days, **more)

    async def bring(self, path: str, certificate: bytes, **fields: str) -> Reply:
        content = base64.b64encode(certificate).decode()
        return await self.ask("POST", path, {"content": content, "file_name": "aps.cer", **fields})

    async def rows(self) -> tuple[list[CertificateRequest], list[Credential]]:
        def work(tables: Tables) -> tuple[list[CertificateRequest], list[Credential]]:
            of_all = (tables.credentials.of("acme", "shop", environment) for environment in Environment)
            return tables.requests.all(), [one for some in of_all for one in some]

        return await self.scene.catalog.read(work)

    async def age(self, by_ms: int) -> None:
        """The one request was made so much earlier."""

        def work(tables: Tables) -> None:
            (kept,) = tables.requests.all()
            tables.requests.update(replace(kept, created_at=kept.created_at - by_ms, version=kept.version + 1))

        await self.scene.catalog.note(work)


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    scene, private = await stage(MemoryCatalog()), X25519PrivateKey.generate()
    services = replace(scene.services, inspect=inspect, vault=Sealing(private.public_key))
    yield Desk(replace(scene, services=services, app=build(services)), private, folder)


def failed(reply: Reply) -> list[str]:
    assert reply.status == 422, reply.body
    return [check["id"] for check in reply.json["checks"] if check["result"] == "failed"]


def pair_of(material: Secret) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = serialization.load_pem_private_key(material.reveal(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return x509.load_pem_x509_certificate(material.reveal()), key


def test_a_request_becomes_a_standby_credential_whose_halves_only_a_sender_joins(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make(email="ops@acme.example")
            cer = one.certificate(made)
            reply = await one.bring(made["answer"], cer)
            assert reply.status == 201, reply.body
            view = reply.json["credential"]
            assert (view["state"], view["kind"], view["request"]) == (
                "standby", "apns_certificate", made["request"]["id"],
            )  # fmt: skip
            assert "cer.matched" in [check["id"] for check in reply.json["checks"]]
            ((kept,), (credential,)) = await one.rows()
            assert kept.answered_by == credential.id
            certificate, key = pair_of(material_of(credential, Opening(one.private)))
            assert certificate.public_bytes(serialization.Encoding.DER) == cer
            assert public_key_name(key.public_key()) == made["request"]["public_key"] == kept.public_key
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "answered"

    asyncio.run(run())


def test_the_file_for_apple_is_one_that_openssl_takes(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make(name="Shop calls", email="ops@acme.example")
            reply = await one.ask("GET", made["download"], who="bob")
            assert (reply.status, reply.headers["content-type"]) == (200, "application/pkcs10")
            assert reply.headers["content-disposition"] == f'attachment; filename="{made["file_name"]}"'
            assert made["file_name"] == "Shop_Push_2027-01-15.certSigningRequest"
            assert reply.body.decode() == made["pem"]
            file = tmp_path / made["file_name"]
            file.write_bytes(reply.body)
            said = await asyncio.to_thread(
                openssl, "req", "-in", file, "-verify", "-noout", "-subject", "-nameopt", "RFC2253"
            )
            assert "verify OK" in said
            assert "CN=Shop calls,emailAddress=ops@acme.example" in said

    asyncio.run(run())


def test_the_steps_name_apples_page_the_app_and_the_file(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            assert made["page"] == "https://developer.apple.com/account/resources/certificates/add"
            steps = "\n".join(made["steps"])
            places = [steps.index(word) for word in (
                made["page"], "Apple Push Notification service SSL (Sandbox & Production)", BUNDLE, made["file_name"],
                "Download", "pushwarden credentials answer shop", made["answer"],
            )]  # fmt: skip
            assert places == sorted(places)
            again = await one.ask("GET", f"{REQUESTS}/{made['request']['id']}", who="bob")
            assert again.json == made
            assert made["request"]["name"] == "Shop Push"

    asyncio.run(run())


def test_the_sealed_key_opens_with_the_senders_key_under_its_own_name_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            await one.make()
            ((kept,), _) = await one.rows()
            key = Opening(one.private).open(kept.sealed, kept.label)
            assert b"PRIVATE KEY" in key.reveal()
            assert key.reveal()[60:100] not in kept.sealed
            for label in ("acme|shop|other|request", "acme|other|" + kept.id + "|request", kept.label + "1"):
                with pytest.raises(VaultRefused):
                    Opening(one.private).open(kept.sealed, label)
            with pytest.raises(VaultRefused):
                Opening(X25519PrivateKey.generate()).open(kept.sealed, kept.label)
            assert not hasattr(one.scene.services.vault, "open")

    asyncio.run(run())


def test_an_ordinary_upload_finds_the_request_by_itself(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = [await one.make(name=name) for name in ("first", "second", "third")]
            reply = await one.bring(SHOP, one.certificate(made[1]), provider="apns")
            assert reply.status == 201, reply.body
            assert reply.json["credential"]["request"] == made[1]["request"]["id"]
            states = {view["name"]: view["state"] for view in (await one.ask("GET", REQUESTS)).json["requests"]}
            assert states == {"first": "open", "second": "answered", "third": "open"}

    asyncio.run(run())


def test_the_wrong_request_is_told_which_one_the_certificate_fits(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            wrong, right = await one.make(name="wrong"), await one.make(name="right one")
            reply = await one.bring(wrong["answer"], one.certificate(right))
            assert failed(reply) == ["cer.other_request"]
            assert "right one" in reply.json["detail"]
            assert (await one.rows())[1] == []

    asyncio.run(run())


def test_a_certificate_that_was_not_asked_for_here_names_the_requests_that_are_open(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            await one.make(name="Shop Push")
            await one.make("/v1/apps/shop/sandbox/credentials/requests", name="elsewhere")
            foreign = {"pem": APNS.requesting.make("x", "").pem} if APNS.requesting else {}
            reply = await one.bring(SHOP, one.certificate(foreign), provider="apns")
            assert failed(reply) == ["cer.no_request"]
            assert "Open requests: Shop Push." in reply.json["detail"]

    asyncio.run(run())


def test_the_same_certificate_twice_is_one_credential_and_a_renewed_one_is_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            cer = one.certificate(made)
            first = await one.bring(made["answer"], cer)
            again = await one.bring(made["answer"], cer)
            assert (first.status, again.status) == (201, 200)
            assert again.json == first.json
            renewed = await one.bring(made["answer"], one.certificate(made, days=700))
            assert renewed.status == 201
            (kept,), credentials = await one.rows()
            assert {view.id for view in credentials} == {
                first.json["credential"]["id"], renewed.json["credential"]["id"],
            }  # fmt: skip
            assert kept.answered_by == renewed.json["credential"]["id"]
            opening = Opening(one.private)
            assert len({pair_of(material_of(view, opening))[1].private_numbers().d for view in credentials}) == 1
            assert len({material_of(view, opening).reveal() for view in credentials}) == 2

    asyncio.run(run())


def test_a_request_is_stale_after_ninety_days_and_is_answered_all_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            await one.age(STALE_MS - 1)
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "open"
            await one.age(1)
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "stale"
            assert (await one.bring(made["answer"], one.certificate(made))).status == 201
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "answered"

    asyncio.run(run())


def test_a_deleted_request_takes_its_key_along_and_leaves_the_credential_made_from_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            await one.bring(made["answer"], one.certificate(made))
            path = f"{REQUESTS}/{made['request']['id']}"
            assert (await one.ask("DELETE", path)).status == 204
            assert [(await one.ask(method, path)).status for method in ("GET", "DELETE")] == [404, 404]
            assert failed(await one.bring(SHOP, one.certificate(made, days=30), provider="apns")) == ["cer.no_request"]
            (_, (credential,)) = await one.rows()
            assert pair_of(material_of(credential, Opening(one.private)))[1].key_size == 2048

    asyncio.run(run())


def test_a_renewal_takes_its_name_from_what_it_renews_and_its_certificate_waits_beside_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make(name="first")
            old = (await one.bring(made["answer"], one.certificate(made))).json["credential"]["id"]
            assert (await one.ask("POST", f"{SHOP}/{old}/activate")).status == 200
            renewal = await one.make(renews=old)
            assert renewal["request"]["renews"] == old
            assert renewal["request"]["name"] == "first"
            new = (await one.bring(renewal["answer"], one.certificate(renewal))).json["credential"]
            assert (new["state"], new["request"]) == ("standby", renewal["request"]["id"])
            states = {view["id"]: view["state"] for view in (await one.ask("GET", SHOP)).json["credentials"]}
            assert states == {old: "active", new["id"]: "standby"}
            assert (await one.ask("POST", f"{SHOP}/{new['id']}/activate")).status == 200

    asyncio.run(run())


def test_a_key_or_anothers_certificate_cannot_be_renewed(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            body = {"provider": "apns", "text": p8().decode(), "key_id": "ABCDEFGHIJ", "team_id": "TEAM123456"}
            key = (await one.ask("POST", SHOP, body)).json["credential"]["id"]
            for renews, words in ((key, "does not end"), ("nothing", "no credential of this app")):
                reply = await one.ask("POST", REQUESTS, {"renews": renews})
                assert (reply.status, reply.json["field"]) == (422, "renews")
                assert words in reply.json["detail"]

    asyncio.run(run())


def test_a_certificate_for_both_of_apples_sides_serves_the_other_environment_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            sandbox = await one.bring("/v1/apps/shop/sandbox/credentials", one.certificate(made), provider="apns")
            assert sandbox.status == 201, sandbox.body
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "open"
            assert (await one.bring(made["answer"], one.certificate(made))).status == 201
            (_, credentials) = await one.rows()
            opening = Opening(one.private)
            assert len({pair_of(material_of(view, opening))[1].private_numbers().d for view in credentials}) == 1

    asyncio.run(run())


def test_a_request_is_seen_in_its_own_app_and_environment_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            for place in ("apps/shop/sandbox", "apps/other/production"):
                elsewhere = f"/v1/{place}/credentials/requests"
                assert (await one.ask("GET", elsewhere)).json == {"requests": []}
                path = f"{elsewhere}/{made['request']['id']}"
                for method, end in (("GET", ""), ("GET", ".certSigningRequest"), ("DELETE", "")):
                    assert (await one.ask(method, path + end)).status == 404
                assert (await one.bring(path + "/certificate", one.certificate(made))).status == 404

    asyncio.run(run())


BAD = {
    "nothing": (b"", 422, "invalid"),
    "huge": (b"0" * 65_537, 413, "body_too_large"),
    "very huge": (b"0" * 200_000, 413, "body_too_large"),
    "zeros": (bytes(500), 422, "file.unknown"),
    "a web page": (b"<!doctype html><html>Sign in", 422, "file.html"),
    "a key": (p8(), 422, "p8.key_id_missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_certificate_is_refused_and_the_request_stays_open(name: str, tmp_path: Path) -> None:
    async def run() -> None:
        data, status, expected = BAD[name]
        async with desk(tmp_path) as one:
            made = await one.make()
            reply = await one.bring(made["answer"], data)
            assert reply.status == status, reply.body
            said = reply.json.get("checks") or [{"id": reply.json["code"], "result": "failed"}]
            assert expected in [check["id"] for check in said if check["result"] == "failed"]
            assert (await one.ask("GET", REQUESTS)).json["requests"][0]["state"] == "open"

    asyncio.run(run())


def test_certificates_that_would_not_send_are_refused_with_the_check_that_says_why(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            cases = {
                "cert.wrong_bundle": one.certificate(made, "com.acme.other"),
                "cert.expired": one.certificate(made, days=-2),
                "cert.sandbox_only": one.certificate(made, environments="sandbox"),
                "file.is_csr": made["pem"].encode(),
            }
            for expected, data in cases.items():
                assert failed(await one.bring(made["answer"], data)) == [expected]
            assert (await one.rows())[1] == []

    asyncio.run(run())


def test_a_whole_key_is_no_answer_to_a_request(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            reply = await one.bring(made["answer"], p8(), key_id="ABCDEFGHIJ", team_id="TEAM123456")
            assert (reply.status, reply.json["field"]) == (422, "file")
            assert (await one.rows())[1] == []

    asyncio.run(run())


def test_a_certificate_that_brings_its_own_key_is_an_ordinary_upload(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            days = (time.time_ns() // 1_000_000 - NOW_MS) // 86_400_000
            pair = Pair(days=(-1, int(days) + 300))
            reply = await one.bring(made["answer"], pair.p12(), password="secret")
            assert reply.status == 201, reply.body
            assert reply.json["credential"]["request"] == ""
            ((kept,), (credential,)) = await one.rows()
            assert kept.open
            assert material_of(credential, Opening(one.private)).reveal() == pair.pem + pair.key_pem

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "größe@acme.example"}, "email"),
        ({"renews": "a/b"}, "renews"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_a_request_cannot_hold_is_refused_by_its_field(body: dict[str, str], field: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            reply = await one.ask("POST", REQUESTS, body)
            assert (reply.status, reply.json["field"]) == (422, field)

    asyncio.run(run())


def test_requests_do_not_pile_up_unseen(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = [await one.make() for _ in range(MOST)]
            assert (await one.ask("POST", REQUESTS, {})).json["code"] == "in_use"
            await one.ask("DELETE", f"{REQUESTS}/{made[0]['request']['id']}")
            await one.make()

    asyncio.run(run())


def test_each_step_stands_in_the_audit_and_none_shows_a_key(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path) as one:
            made = await one.make()
            await one.bring(made["answer"], one.certificate(made))
            await one.ask("DELETE", f"{REQUESTS}/{made['request']['id']}")
            ((), (credential,)) = await one.rows()
            number = pair_of(material_of(credential, Opening(one.private)))[1].private_numbers().d.to_bytes(256, "big")
            said = await one.ask("GET", "/v1/audit?action=credential.")
            assert [entry["action"] for entry in said.json["entries"]] == [
                "credential.request_delete", "credential.answer", "credential.request",
            ]  # fmt: skip
            known = json.dumps(made).encode() + said.body + (await one.ask("GET", SHOP)).body
            for secret in (number, number.hex().encode(), base64.b64encode(number)[:40], b"PRIVATE KEY", b"sealed"):
                assert secret not in known

    asyncio.run(run())
