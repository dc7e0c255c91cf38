"""Credential files changed by an enemy, through the real limited child: what is said of each, and what it cost."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from apns_fixtures import NOW_MS, Pair, openssl_p12, p8
from fcm_fixtures import ServiceAccount
from mutations import mutated
from pfx_fixtures import as_ber, certificate_bag, file, key_bag, nest, open_safe, shrouded_bag, with_pbmac1
from pushwarden.core.messages import MESSAGES
from pushwarden.providers.inspection import CALLED
from pushwarden.wiring.inspect import READING, asked, concluded
from pushwarden.wiring.limited.asking import AT_ONCE, ForkServer
from pushwarden.wiring.limited.server import DONE, Ending

PASSWORD = b"secret"
PASSWORDS = (PASSWORD,) * 6 + (None, b"", b"wrong", b"se\0cret", "пароль".encode(), b"x" * 20_000)
HINTS = {"file_name": "AuthKey_ABCDEFGHIJ.p8", "team_id": "TEAMTEAM12", "bundle_id": "com.acme.shop"}
HUB = f"Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=DefaultFull;SharedAccessKey={'A' * 43}="
ENTRA = f"tenant_id={uuid.UUID(int=1)},client_id={uuid.UUID(int=2)},client_secret={'x' * 40}"
OPENSSL = {
    "p12, today's": (),
    "p12, RC2-40 and 3DES": ("-legacy",),
    "p12, 3DES": ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
    "p12, AES-128 and SHA-512": ("-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512"),
    "p12, no MAC": ("-nomac",),
    "p12, open parts": ("-keypbe", "NONE", "-certpbe", "NONE"),
    "p12, 100,000 iterations": ("-iter", "100000"),
}
CPU_SECONDS, MEMORY = 2.0, 128 << 20
"""What one file may cost."""


@dataclass
class Tally:
    """What became of the files. broken: how to make those again that broke the child or said nothing known."""

    files: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    hangs: int = 0
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.broken and max(self.cpu) <= CPU_SECONDS and max(self.memory) <= MEMORY

    def told(self) -> dict[str, Any]:
        took = sorted(self.took)
        return {
            "files": self.files,
            "by_id": dict(self.ends.most_common()),
            "crashes": self.crashes,
            "hangs": self.hangs,
            "worst_cpu_s": round(max(self.cpu), 3),
            "worst_memory_mb": round(max(self.memory) / 1e6, 1),
            "files_per_s": round(self.files / self.seconds, 1),
            "ms_p50": round(took[len(took) // 2] * 1000, 1),
            "ms_p99": round(took[len(took) * 99 // 100] * 1000, 1),
            "broken": self.broken[:20],
        }


@functools.cache
def seeds() -> dict[str, tuple[str, bytes]]:
    """Name → (provider, file), all under PASSWORD where they have one."""
    pair, closing = Pair(topics={"com.acme.shop": "app", "com.acme.shop.voip": "voip"}), (1000,)
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    locked = serialization.BestAvailableEncryption(PASSWORD)
    parts = open_safe(shrouded_bag(pair, PASSWORD, *closing), nest(certificate_bag(pair), 3))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Acme")])
    request = x509.CertificateSigningRequestBuilder(name).sign(pair.key, hashes.SHA256())
    account = ServiceAccount().file()
    apple = {
        "p8": p8(),
        "p8, in base64": base64.b64encode(p8()),
        "p8, pasted": json.dumps(p8().decode()).encode(),
        "p7b": pkcs7.serialize_certificates([pair.certificate, Pair().certificate], der),
        "p8, closed": pair.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked),
        "p8, scrypt": _openssl(pair.key_pem, "pkcs8", "-topk8", "-scrypt", "-passout", "pass:secret"),
        "cer": pair.certificate.public_bytes(der),
        "pem": pair.pem,
        "pem with key": pair.pem + pair.key_pem,
        "csr": request.public_bytes(pem),
        "p12, cryptography's": pair.p12(PASSWORD),
        "p12, two keys": file(open_safe(key_bag(pair), key_bag(Pair()), certificate_bag(pair)), parts),
        "p12, newer MAC": with_pbmac1(file(parts), PASSWORD),
        "p12, BER": as_ber(file(parts)),
        "p12, RSA": Pair(key=rsa.generate_private_key(65537, 2048)).p12(PASSWORD),
    }
    with tempfile.TemporaryDirectory() as folder:
        apple |= {name: openssl_p12(Path(folder), pair, *options) for name, options in OPENSSL.items()}
    other = {
        "json": ("fcm", account),
        "json, another key": ("fcm", ServiceAccount().file(private_key=pair.key_pem.decode())),
        "json to Apple": ("apns", account),
        "google-services": ("fcm", json.dumps({"project_info": {"project_id": "x"}, "client": []}).encode()),
        "connection string": (
            "fcm",
            b"Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=x;SharedAccessKey=eA==",
        ),
        "connection string in JSON": ("azure", json.dumps({"primaryConnectionString": HUB}).encode()),
        "secret, lines": ("wns", ENTRA.replace(",", "\n").encode()),
        "secret, JSON": ("wns", json.dumps(dict(part.split("=") for part in ENTRA.split(","))).encode()),
        "plist": ("apns", b"<?xml version='1.0'?><plist><key>PROJECT_ID</key><string>x</string></plist>"),
        "page": ("apns", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
        "profile": ("apns", b"\x30\x82\x01\x00..<?xml?><!DOCTYPE plist PUBLIC>..."),
        "profile, signed": ("apns", _profile(pair)),
    }
    return {name: ("apns", data) for name, data in apple.items()} | other


@dataclass(frozen=True)
class Variant:
    name: str
    provider: str
    data: bytes
    password: bytes | None

    @property
    def work(self) -> bytes:
        return asked(self.provider, self.data, self.password, HINTS, NOW_MS)


def variant(seed: int, number: int) -> Variant:
    """One changed file, the same in shape for the same numbers; keys and salts are made anew each time."""
    chance = Random(f"{seed}/{number}")
    kinds = seeds()
    name = chance.choice(sorted(kinds))
    provider, data = kinds[name]
    data = mutated(data, chance, PASSWORD)
    provider = chance.choice((provider,) * 6 + ("",) * 3 + tuple(CALLED))
    return Variant(f"{seed}/{number} {name}", provider, data, chance.choice(PASSWORDS))


async def run(files: int, seed: int) -> Tally:
    """All of them, as many at once as the product reads."""
    tally, server, numbers = Tally(), ForkServer(READING), iter(range(files))
    await server.ask(variant(seed, 0).work)
    began = time.monotonic()

    async def work() -> None:
        for number in numbers:
            one = variant(seed, number)
            sent = time.monotonic()
            answer, ending = await server.ask(one.work)
            tally.took.append(time.monotonic() - sent)
            assert ending is not None, f"the fork server ended at {one.name}"
            _note(tally, one, answer, ending)

    try:
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    finally:
        server.close()
    tally.seconds = time.monotonic() - began
    return tally


def _note(tally: Tally, one: Variant, answer: bytes, ending: Ending) -> None:
    report = concluded(answer, ending)
    failed = [check.id for check in report.checks if check.result == "failed"]
    known = all(check.id in MESSAGES for check in report.checks) and (bool(failed) or report.usable)
    tally.files += 1
    tally.ends[failed[-1] if failed else "usable"] += 1
    tally.cpu.append(ending.cpu)
    tally.memory.append(ending.memory)
    tally.hangs += failed == ["file.timeout"]
    tally.crashes += ending.code != DONE and failed != ["file.timeout"]
    if ending.code != DONE or not known:
        data = base64.b64encode(one.data).decode()
        tally.broken.append({"file": one.name, "code": ending.code, "ends": failed, "base64": data[:3000]})


def _openssl(given: bytes, *arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True, timeout=60).stdout


def _profile(pair: Pair) -> bytes:
    """As Apple signs a provisioning profile: a property list in CMS."""
    plist = b'<?xml version="1.0"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" ""><plist></plist>'
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pair.pem").write_bytes(pair.pem + pair.key_pem)
        signer = str(Path(folder) / "pair.pem")
        return _openssl(plist, "cms", "-sign", "-nodetach", "-binary", "-outform", "DER", "-signer", signer)
