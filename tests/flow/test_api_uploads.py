"""Credential files over the API: nobody is asked what they are, and what cannot send is refused with all its checks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from cast import Reply, stage
from credential_samples import APPLE_KEYS, APPLE_STORES, GOOGLE, MICROSOFT, TWO, Sample
from looking import look_at
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Report

CREDENTIALS = "/v1/apps/shop/production/credentials"


async def inspect(provider: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
    """As the limited child does it, in this process, when the samples are valid."""
    return look_at(data, password=password, hints=hints, provider=provider)


def sent(*files: tuple[Sample, dict[str, Any]]) -> list[Reply]:
    """What alice is answered for each file with these fields; the last answer is her list."""

    async def whole() -> list[Reply]:
        scene = await stage(MemoryCatalog(), inspect=inspect)
        replies = []
        for sample, fields in files:
            hints = {name: value for name, value in sample.hints.items() if name not in ("environment", "bundle_id")}
            body = {"content": base64.b64encode(sample.make()).decode(), "password": sample.password or "", **hints}
            replies.append(await scene.ask("alice", "POST", CREDENTIALS, body | fields))
        return [*replies, await scene.ask("alice", "GET", CREDENTIALS)]

    return asyncio.run(whole())


def failed(reply: Reply) -> list[str]:
    assert (reply.status, reply.json["code"]) == (422, "unusable_credential"), reply.body
    assert reply.json["detail"].endswith(".")
    return [check["id"] for check in reply.json["checks"] if check["result"] == "failed"]


def test_a_file_finds_its_provider_by_itself() -> None:
    key, account, listed = sent((APPLE_KEYS["a .p8 as Apple gives it"], {}), (GOOGLE["a service account"], {}))
    assert (key.status, key.json["credential"]["provider"], key.json["credential"]["kind"]) == (
        201,
        "apns",
        "apns_token",
    )
    assert (account.status, account.json["credential"]["provider"]) == (201, "fcm")
    assert {one["provider"] for one in listed.json["credentials"]} == {"apns", "fcm"}
    assert all({"id", "result", "title", "message", "next", "evidence"} == set(one) for one in key.json["checks"])


def test_a_provider_that_does_not_fit_the_file_is_told_so() -> None:
    reply, listed = sent((GOOGLE["a service account"], {"provider": "apns"}))
    assert failed(reply) == ["file.other_provider"]
    assert reply.json["detail"].startswith("That is for Google, not for Apple.")
    assert listed.json["credentials"] == []


def test_a_file_of_a_provider_that_cannot_send_yet_is_refused_and_nothing_is_stored() -> None:
    entra = (MICROSOFT["what `az ad sp create-for-rbac` prints"], {})
    hub = (MICROSOFT["a hub's string"], {"provider": "azure"})
    *replies, listed = sent(entra, hub)
    for reply, provider in zip(replies, ("Windows (WNS)", "Azure Notification Hubs"), strict=True):
        assert failed(reply) == ["provider.later"]
        assert reply.json["detail"] == (
            f"We can't send through {provider} yet. The file was recognised, and nothing was stored."
        )
    assert listed.json["credentials"] == []


def test_of_several_certificates_the_answer_lists_them_and_the_serial_chooses() -> None:
    sample = APPLE_STORES["two identities"]
    chosen = f"{TWO.certificate.serial_number:x}"
    refused, wrong_app, _ = sent((sample, {}), (sample, {"serial": chosen.upper()}))
    assert failed(refused) == ["p12.many"]
    choices = refused.json["facts"]["choices"]
    assert chosen in [one["serial"] for one in choices]
    assert all({"subject", "bundle_id", "topics", "not_after", "serial"} <= set(one) for one in choices)
    assert failed(wrong_app) == ["cert.wrong_bundle"], "the app's own bundle ID is compared with"
