"""Files a person may drop, each made at run time: what it is, what must be said of it, and whether it can send."""

from __future__ import annotations

import base64
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs7, pkcs12

import pfx_fixtures as pfx
from apns_fixtures import Pair, openssl, openssl_p12, p8
from fcm_pushes import PROJECT, account, file, pem, rsa_key
from looking import look_at
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.certificates import public_key_name
from pushwarden.providers.detection import SIZE_LIMIT
from pushwarden.providers.port import Report

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PKCS8, PKCS1 = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
TOPICS = {"com.acme.shop": "app", "com.acme.shop.voip": "voip", "com.acme.shop.complication": "complication"}
KEY = {"file_name": "AuthKey_ABCDEFGHIJ.p8", "team_id": "TEAMTEAM12"}
SHOP = {"bundle_id": "com.acme.shop", "environment": "production"}


@dataclass(frozen=True)
class Sample:
    """says: message ids that must be in the report, `id=result` where it is not what the message means by itself.

    Of an unusable file, `says` names every failed check.
    """

    make: Callable[[], bytes]
    says: str
    usable: bool = False
    password: str | None = None
    hints: dict[str, str] = field(default_factory=dict)
    provider: str = ""


def look_at_sample(sample: Sample) -> Report:
    """Its report."""
    password = None if sample.password is None else Secret(sample.password.encode())
    return look_at(sample.make(), password=password, hints=sample.hints, provider=sample.provider)


def key(make: Callable[[], bytes], says: str = "p8.unproven_topic", usable: bool = True, **more: str) -> Sample:
    """A key for provider tokens, with its file name and team ID unless told otherwise."""
    password = more.pop("password", None)
    return Sample(make, says, usable, password, {**KEY, **more})


def store(make: Callable[[], bytes], says: str = "p12.opened p12.pair", usable: bool = True, **more: str) -> Sample:
    """A certificate with its key, under the password `secret` unless told otherwise."""
    return Sample(make, says, usable, more.pop("password", "secret"), {**SHOP, **more})


def google(make: Callable[[], bytes], says: str, usable: bool = False, **hints: str) -> Sample:
    return Sample(make, says, usable, None, hints)


def wrong(make: bytes | Callable[[], bytes], says: str, name: str = "file") -> Sample:
    return Sample(make if callable(make) else lambda: make, says, hints={"file_name": name})


# ---- what the files are made of ----


@cache
def apple() -> bytes:
    return p8()


def apple_key() -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(apple(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


def text() -> str:
    return apple().decode()


def body() -> str:
    return "".join(text().split("\n")[1:-2])


@cache
def pair() -> Pair:
    return Pair(topics=TOPICS, key=rsa_key())


def by_openssl(*options: str, password: str = "secret", of: Pair | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return openssl_p12(Path(folder), of or pair(), *options, password=password)


def from_openssl(*words: str, **files: bytes) -> bytes:
    """What a command of openssl writes to `out`, with these files beside it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        openssl(*(f"{folder}/{word[1:]}" if word.startswith("@") else word for word in words))
        return (Path(folder) / "out").read_bytes()


def closed_key(iterations: int = 2048) -> bytes:
    asked = ("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", str(iterations), "-passout", "pass:secret")
    return from_openssl(*asked, "-in", "@key", "-out", "@out", key=apple())


def two_identities(second: Pair, password: bytes = b"secret") -> bytes:
    """As Keychain exports two marked items: both keys, both certificates."""
    both = (Pair(), second)
    bags = [pfx.shrouded_bag(one, password, 2048) for one in both] + [pfx.certificate_bag(one) for one in both]
    return pfx.file(pfx.open_safe(*bags), password=password)


TWO = Pair("Apple Push Services: com.acme.other", uid="com.acme.other")
ED = ed25519.Ed25519PrivateKey.generate()


def ed_store() -> bytes:
    made = Pair()
    builder = x509.CertificateBuilder(
        made.certificate.issuer, made.certificate.subject, ED.public_key(), 7,
        made.certificate.not_valid_before_utc, made.certificate.not_valid_after_utc,
    )  # fmt: skip
    return pkcs12.serialize_key_and_certificates(
        b"x", ED, builder.sign(ED, None), None, BestAvailableEncryption(b"secret")
    )


def foreign() -> bytes:
    closing = BestAvailableEncryption(b"secret")
    return pkcs12.serialize_key_and_certificates(b"x", Pair().key, None, [Pair().certificate], closing)


def request(encoding: serialization.Encoding) -> bytes:
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(rsa_key(), hashes.SHA256())
        .public_bytes(encoding)
    )


def profile(kind: str) -> bytes:
    inside = (
        b'<?xml version="1.0"?><!DOCTYPE plist PUBLIC "x" "y"><plist><dict><key>Name</key><string>Acme '
        + kind.encode() + b"</string><key>TeamIdentifier</key></dict></plist>"
    )  # fmt: skip
    signer = pkcs7.PKCS7SignatureBuilder().set_data(inside).add_signer(pair().certificate, rsa_key(), hashes.SHA256())
    return signer.sign(DER, [])


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def no_certificates() -> bytes:
    signed = cms.SignedData({"version": "v1", "digest_algorithms": [], "encap_content_info": {"content_type": "data"},
                             "signer_infos": []})  # fmt: skip
    return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


def known(one: Pair) -> dict[str, str]:
    return {"requests": json.dumps({public_key_name(one.key.public_key()): "Shop Push"})}


MADE_HERE = Pair()
ENTRA = {
    "tenant": "11111111-2222-3333-4444-555555555555",
    "appId": "66666666-7777-8888-9999-000000000000",
    "password": "abc8Q~" + "x" * 34,
}
HUB_KEY = base64.b64encode(b"k" * 32).decode()


def hub(policy: str = "DefaultFullSharedAccessSignature", more: str = "", access: str = HUB_KEY) -> bytes:
    where = "Endpoint=sb://acme-push.servicebus.windows.net/"
    return f"{where};SharedAccessKeyName={policy};SharedAccessKey={access}{more}".encode()


LONG_AGO = str(1_700_000_000_000 - 400 * 86_400_000)
GOOD_ACCOUNT = "json.account json.token_uri_google json.key json.age_unknown fcm.unproven_project"


def broken_key(change: Callable[[str], str]) -> bytes:
    return file(private_key=change(pem(rsa_key())))


# ---- the table ----

APPLE_KEYS: dict[str, Sample] = {
    "a .p8 as Apple gives it": key(
        apple, "file.recognised p8.parsed p8.key_id_fits p8.team_id_fits p8.signs p8.unproven_topic"
    ),
    "with a byte-order mark": key(lambda: b"\xef\xbb\xbf" + apple()),
    "with Windows line ends": key(lambda: apple().replace(b"\n", b"\r\n")),
    "as UTF-16": key(lambda: text().encode("utf-16")),
    "as UTF-16 without a mark": key(lambda: text().encode("utf-16-le")),
    "with white space around": key(lambda: b"\n\n   " + apple() + b" \t\n"),
    "without its last line end": key(lambda: apple().rstrip()),
    "indented, as in YAML": key(lambda: text().replace("\n", "\n    ").encode()),
    "in quotation marks": key(lambda: b'"' + apple() + b'"', "file.repaired"),
    "in typographic quotation marks": key(lambda: "“".encode() + apple() + "”".encode(), "file.repaired"),
    "as a JSON text": key(lambda: json.dumps(text()).encode(), "file.repaired"),
    "in a fenced block": key(lambda: b"```\n" + apple() + b"```"),
    "without first and last line": key(lambda: body().encode(), "file.repaired"),
    "as base64 of the file": key(lambda: base64.b64encode(apple()), "file.repaired"),
    "as a data URL": key(lambda: b"data:application/octet-stream;base64," + base64.b64encode(apple()), "file.repaired"),
    "in one line": key(lambda: apple().replace(b"\n", b""), "file.repaired"),
    "with line ends as letters": key(lambda: apple().replace(b"\n", b"\\n"), "file.repaired"),
    "with doubled line ends": key(lambda: apple().replace(b"\n", b"\n\n"), "file.repaired"),
    "with a word processor's dashes": key(lambda: text().replace("-----", "—–").encode(), "file.repaired"),
    "in binary form": key(lambda: base64.b64decode(body())),
    "as openssl ecparam writes it": key(
        lambda: (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
            + ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS1, NoEncryption())
        )
    ),
    "with a password that is given": key(closed_key, password="secret"),
    "with a password that is not given": key(closed_key, "p8.encrypted", False),
    "with another password": key(closed_key, "p8.password", False, password="Secret"),
    "closed at a price": key(lambda: closed_key(9_000_000), "p12.too_costly", False, password="secret"),
    "closed as OpenSSL did long ago": key(
        lambda: rsa_key().private_bytes(PEM, PKCS1, BestAvailableEncryption(b"x")), "p8.encrypted", False
    ),
    "the first half": key(lambda: apple()[:120], "p8.malformed", False),
    "a line missing": key(
        lambda: b"\n".join([*apple().split(b"\n")[:2], *apple().split(b"\n")[3:]]), "p8.malformed", False
    ),
    "a letter changed": key(lambda: apple().replace(b"M", b"!", 1), "p8.malformed", False),
    "nothing inside": key(lambda: b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "p8.malformed", False),
    "two keys": key(lambda: apple() + p8(), "p8.malformed", False),
    "named .p8, and something else": key(lambda: b"hello", "p8.malformed", False),
    "on another curve": key(lambda: pem(ec.generate_private_key(ec.SECP384R1())).encode(), "p8.curve", False),
    "RSA, named .p8": key(lambda: pem(rsa_key()).encode(), "p8.curve", False),
    "Ed25519, named .p8": key(lambda: pem(ED).encode(), "p8.curve", False),
    "a certificate, named .p8": key(lambda: Pair().pem, "p8.is_cert", False),
    "a binary certificate, named .p8": key(lambda: Pair().certificate.public_bytes(DER), "p8.is_cert", False),
    "for In-App Purchase": key(
        apple, "p8.other_service", False, file_name="SubscriptionKey_ABCDEFGHIJ.p8", key_id="ABCDEFGHIJ"
    ),
    "with another key ID": key(apple, "p8.key_id", False, key_id="XXXXXXXXXX"),
    "without a key ID": key(apple, "p8.key_id_missing", False, file_name="key.p8"),
    "with something as key ID": key(apple, "p8.key_id_form", False, file_name="key.p8", key_id="abc"),
    "without a team ID": key(apple, "p8.team_id_missing", False, team_id=""),
    "with something as team ID": key(apple, "p8.team_id", False, team_id="teamteam12"),
    "with the key ID as team ID": key(apple, "p8.same_ids", team_id="ABCDEFGHIJ"),
    "given for Google": Sample(apple, "file.other_provider", hints=KEY, provider="fcm"),
}

APPLE_STORES: dict[str, Sample] = {
    "a .p12 of openssl (AES-256)": store(
        by_openssl, "p12.opened p12.pair cert.push cert.issuer cert.valid cert.environment cert.bundle cert.types"
    ),
    "as Keychain writes it (RC2-40, 3DES)": store(lambda: by_openssl("-legacy"), "p12.legacy"),
    "all 3DES": store(
        lambda: by_openssl("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"), "p12.legacy"
    ),
    "AES-128 and SHA-512": store(
        lambda: by_openssl("-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512")
    ),
    "without a MAC": store(lambda: by_openssl("-nomac")),
    "the certificate open": store(lambda: by_openssl("-certpbe", "NONE")),
    "100,000 rounds": store(lambda: by_openssl("-iter", "100000")),
    "of cryptography": store(lambda: pair().p12()),
    "as BER, like a Keychain's": store(lambda: pfx.as_ber(Pair().p12())),
    "without a password": store(lambda: pair().p12(b""), "p12.open", password=""),
    "with an empty password": store(lambda: by_openssl(password=""), "p12.open", password=""),
    "with an empty password, old": store(
        lambda: by_openssl("-legacy", password=""), "p12.open p12.legacy", password=""
    ),
    "pasted as base64": store(lambda: base64.b64encode(by_openssl()), "file.repaired"),
    "with a wrong password": store(by_openssl, "p12.password", False, password="Secret"),
    "with a space behind the password": store(lambda: by_openssl("-legacy"), "p12.password", False, password="secret "),
    "with an empty password that is not empty": store(by_openssl, "p12.password", False, password=""),
    "altered": store(lambda: by_openssl()[:300] + b"\0" + by_openssl()[301:], "p12.damaged", False),
    "named .p12, and something else": store(lambda: b"\x01\x02hello", "p12.damaged", False, file_name="push.p12"),
    "the download cut off": store(lambda: pair().p12()[:-60], "file.truncated", False),
    "with a MAC nobody knows": store(
        lambda: Pair().p12().replace(bytes.fromhex("06092a864886f70d01050c"), bytes.fromhex("06092b06010401da47040b")),
        "p12.unsupported",
        False,
    ),
    "at a price": store(lambda: by_openssl("-iter", "3000000"), "p12.too_costly", False),
    "without the key": store(lambda: by_openssl("-nokeys"), "p12.no_key", False),
    "without the certificate": store(
        lambda: pkcs12.serialize_key_and_certificates(b"x", Pair().key, None, None, BestAvailableEncryption(b"secret")),
        "p12.no_cert",
        False,
    ),
    "key and certificate of two": store(foreign, "p12.key_mismatch", False),
    "two identities": store(lambda: two_identities(TWO), "p12.many", False),
    "two identities, one meant": store(
        lambda: two_identities(TWO),
        "p12.chosen cert.bundle",
        serial=f"{TWO.certificate.serial_number:X}",
        bundle_id="com.acme.other",
    ),
    "two identities, a third meant": store(lambda: two_identities(TWO), "p12.no_serial", False, serial="12:34"),
    "two identities, one for signing": store(
        lambda: two_identities(Pair("Apple Distribution: Acme", marks="")), "p12.chosen"
    ),
    "a key of another kind": store(ed_store, "cert.key_kind", False),
    "for signing apps": store(lambda: Pair("Apple Distribution: Acme", marks="").p12(), "cert.not_push", False),
    "for development": store(lambda: Pair("Apple Development: Ann", uid="", marks="").p12(), "cert.not_push", False),
    "for another app": store(lambda: Pair(uid="com.other").p12(), "cert.wrong_bundle", False),
    "for an app that has no bundle ID": store(lambda: Pair().p12(), "cert.bundle_unknown", bundle_id=""),
    "for the sandbox": store(lambda: Pair(marks="1").p12(), "cert.sandbox_only", False),
    "for production": store(lambda: Pair(marks="2").p12(), "cert.production_only", False, environment="sandbox"),
    "expired": store(lambda: Pair(days=(-400, -1)).p12(), "cert.expired", False),
    "not yet valid": store(lambda: Pair(days=(1, 365)).p12(), "cert.not_yet", False),
    "about to expire": store(lambda: Pair(days=(-300, 10)).p12(), "cert.expires"),
    "of another authority": store(lambda: Pair(issuer="Corp CA").p12(), "cert.foreign_issuer"),
    "without calls": store(lambda: Pair().p12(), "cert.voip_missing", push_types="alert,voip"),
    "for calls alone": store(
        lambda: Pair("VoIP Services: com.acme.shop", uid="com.acme.shop.voip").p12(), "cert.types cert.bundle"
    ),
}

APPLE_CERTIFICATES: dict[str, Sample] = {
    "certificate and key in one PEM": store(lambda: pair().pem + pair().key_pem, "p12.pair cert.push", password=""),
    "as openssl pkcs12 -nodes writes it": store(
        lambda: from_openssl(
            "pkcs12", "-in", "@p12", "-nodes", "-passin", "pass:secret", "-out", "@out", p12=by_openssl()
        ),
        "p12.pair",
        password="",
    ),
    "certificate and closed key": store(lambda: Pair(key=apple_key()).pem + closed_key(), "p12.pair"),
    "certificate and closed key, another password": store(
        lambda: Pair(key=apple_key()).pem + closed_key(), "p8.password", False, password="Secret"
    ),
    "certificate and closed key at a price": store(
        lambda: Pair(key=apple_key()).pem + closed_key(9_000_000), "p12.too_costly", False
    ),
    "certificate and old closed key": store(
        lambda: pair().pem + rsa_key().private_bytes(PEM, PKCS1, BestAvailableEncryption(b"x")),
        "p12.unsupported",
        False,
    ),
    "a .cer": store(lambda: Pair().certificate.public_bytes(DER), "cer.no_request", False, file_name="aps.cer"),
    "a .crt": store(lambda: Pair().pem, "cer.no_request", False, file_name="aps.crt"),
    "a .p7b": store(lambda: pkcs7.serialize_certificates([Pair().certificate], DER), "cer.no_request", False),
    "a .p7b in PEM": store(lambda: pkcs7.serialize_certificates([Pair().certificate], PEM), "cer.no_request", False),
    "a .cer of a request made here": store(lambda: MADE_HERE.pem, "cer.matched", **known(MADE_HERE)),
    "a .cer of another request": store(
        lambda: MADE_HERE.pem, "cer.other_request", False, request="f" * 64, **known(MADE_HERE)
    ),
    "a damaged .cer": store(lambda: Pair().pem[:300] + b"\n-----END CERTIFICATE-----\n", "cert.unreadable", False),
    "a request itself": wrong(lambda: request(PEM), "file.is_csr"),
    "a request itself, binary": wrong(lambda: request(DER), "file.is_csr"),
}

GOOGLE: dict[str, Sample] = {
    "a service account": google(file, GOOD_ACCOUNT, True),
    "with a byte-order mark": google(lambda: b"\xef\xbb\xbf" + file(), GOOD_ACCOUNT, True),
    "in quotation marks": google(lambda: b"'" + file() + b"'", "file.repaired", True),
    "as base64": google(lambda: base64.b64encode(file()), "file.repaired", True),
    "of the app's project": google(file, "json.project", True, project_id=PROJECT),
    "of another project": google(file, "json.wrong_project", project_id="acme-shop-2"),
    "of another project than before": google(file, "json.wrong_project=warning", True, known_project="acme-shop-2"),
    "from this month": google(file, "json.age", True, modified_at="1699000000000"),
    "from last year": google(file, "json.old", True, modified_at=LONG_AGO),
    "the key with doubled backslashes": google(
        lambda: broken_key(lambda one: one.replace("\n", "\\n")), "json.key_repaired", True
    ),
    "the key in one line": google(lambda: broken_key(lambda one: one.replace("\n", "")), "json.key_repaired", True),
    "the key with real line breaks": google(lambda: file().replace(b"\\n", b"\n"), "file.repaired", True),
    "the key half": google(lambda: broken_key(lambda one: one[:700]), "json.key_damaged"),
    "the key with a letter lost": google(lambda: broken_key(lambda one: one[:100] + one[101:]), "json.key_damaged"),
    "the key with a password": google(
        lambda: file(private_key=rsa_key().private_bytes(PEM, PKCS8, BestAvailableEncryption(b"x")).decode()),
        "json.key_encrypted",
    ),
    "the key elliptic": google(lambda: file(private_key=text()), "json.key_kind"),
    "the key small": google(lambda: file(private_key=pem(rsa_key(1024))), "json.key_size"),
    "without a project": google(lambda: file(project_id=None), "json.missing"),
    "a project that is none": google(lambda: file(project_id="../../x"), "json.form"),
    "sending the key elsewhere": google(lambda: file(token_uri="https://evil.example/token"), "json.token_uri"),
    "of a simulator": google(
        lambda: file(token_uri="https://localhost:9443/token"),
        "json.token_uri_simulated",
        True,
        environment="simulated",
    ),
    "the end missing": google(lambda: file()[:-40], "json.malformed"),
    "a comma missing": google(lambda: file().replace(b",", b"", 1), "json.malformed"),
    "an authorized user": google(lambda: file(type="authorized_user"), "json.wrong_type"),
    "an external account": google(lambda: file(type="external_account"), "json.wrong_type"),
    "no type": google(lambda: file(type=None), "json.wrong_type"),
    "a list": google(lambda: b"[1]", "json.not_a_credential"),
    "other JSON": google(lambda: b'{"hello": "world"}', "json.not_a_credential"),
    "an OAuth client": google(lambda: b'{"installed":{"client_id":"a"}}', "file.is_oauth_client"),
    "google-services.json": google(lambda: b'{"project_info":{"project_id":"acme"}}', "file.is_google_services"),
    "the private key alone": google(lambda: pem(rsa_key()).encode(), "json.only_key"),
    "the line of the private key alone": google(
        lambda: b'"private_key": ' + json.dumps(account()["private_key"]).encode() + b",", "json.only_key"
    ),
    "given for Apple": Sample(file, "file.other_provider", provider="apns"),
}

MICROSOFT: dict[str, Sample] = {
    "what `az ad sp create-for-rbac` prints": google(lambda: json.dumps(ENTRA).encode(), "wns.identity provider.later"),
    "as variables": google(
        lambda: "AZURE_TENANT_ID={tenant}\nAZURE_CLIENT_ID={appId}\nAZURE_CLIENT_SECRET={password}\n".format(
            **ENTRA
        ).encode(),
        "wns.identity provider.later",
    ),
    "as the portal shows it": google(
        lambda: "Application (client) ID: {appId}\nDirectory (tenant) ID: {tenant}\nValue: {password}\n".format(
            **ENTRA
        ).encode(),
        "wns.identity provider.later",
    ),
    "of the Store": google(
        lambda: json.dumps({"client_id": "ms-app://s-1-15-2-1-2-3-4-5-6-7", "client_secret": "x" * 32}).encode(),
        "wns.identity provider.later",
    ),
    "without the secret": google(lambda: json.dumps(ENTRA | {"password": ""}).encode(), "wns.missing provider.later"),
    "a tenant that is none": google(
        lambda: json.dumps(ENTRA | {"tenant": "acme"}).encode(), "wns.tenant provider.later"
    ),
    "a client that is none": google(
        lambda: json.dumps(ENTRA | {"appId": "acme"}).encode(), "wns.client provider.later"
    ),
    "the secret's ID": google(
        lambda: json.dumps(ENTRA | {"password": ENTRA["appId"]}).encode(), "wns.secret_id provider.later"
    ),
    "a hub's string": google(lambda: hub(more=";EntityPath=shop"), "azure.namespace azure.rights provider.later"),
    "a hub's string, the hub said": google(hub, "azure.namespace provider.later", hub="shop"),
    "a hub's string in a variable": google(lambda: b'HUB="' + hub() + b'"', "azure.no_hub provider.later"),
    "a hub's string in JSON": google(
        lambda: json.dumps({"connectionString": hub().decode()}).encode(), "azure.no_hub provider.later"
    ),
    "for listening": google(lambda: hub("DefaultListenSharedAccessSignature"), "azure.listen_only provider.later"),
    "of the namespace": google(lambda: hub("RootManageSharedAccessKey"), "azure.root azure.no_hub provider.later"),
    "of a policy of one's own": google(lambda: hub("backend"), "azure.rights_unknown provider.later"),
    "the key missing": google(lambda: hub(access=""), "azure.missing provider.later"),
    "the key cut off": google(lambda: hub(access=HUB_KEY[:20]), "azure.key provider.later"),
    "at another address": google(
        lambda: hub().replace(b".servicebus.windows.net", b".example.com"), "azure.endpoint provider.later"
    ),
    "of a storage account": wrong(
        b"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=x", "azure.wrong_service"
    ),
}

WRONG: dict[str, Sample] = {
    "nothing": wrong(b"", "file.empty"),
    "white space": wrong(b" \n\t", "file.empty"),
    "too large": wrong(b"x" * (SIZE_LIMIT + 1), "file.too_large"),
    "too deep": wrong(b"[" * 60_000, "file.too_complex"),
    "too deep, binary": wrong(b"\x30\x80" * 20_000, "file.too_complex"),
    "any text": wrong(b"hello", "file.unknown", "notes.txt"),
    "any bytes": wrong(b"\xff" * 40, "file.unknown"),
    "a web page": wrong(b"<!DOCTYPE html><html><body>Sign in</body></html>", "file.html", "AuthKey_ABCDEFGHIJ.p8"),
    "an error page": wrong(b"\n <html><h1>404 Not Found</h1></html>", "file.html", "account.json"),
    "an iPhone's provisioning profile": wrong(lambda: profile("iOS"), "file.is_profile", "a.mobileprovision"),
    "a Mac's provisioning profile": wrong(lambda: profile("Mac"), "file.is_profile", "a.provisionprofile"),
    "GoogleService-Info.plist": wrong(
        b'<?xml version="1.0"?><plist><dict><key>GCM_SENDER_ID</key><string>1</string><key>PROJECT_ID</key>'
        b"<string>acme</string></dict></plist>",
        "file.is_google_info",
    ),
    "an old server key": wrong(b"AAAAbcdefgh:APA91b" + b"x" * 134, "file.is_legacy_fcm_key"),
    "an older server key": wrong(b"key=AIza" + b"x" * 35, "file.is_legacy_fcm_key"),
    "an iPhone's token": wrong(b"0a" * 32, "file.is_device_token"),
    "an Android phone's token": wrong(b"cYh0abcdefg:APA91b" + b"x" * 134, "file.is_device_token"),
    "an iPhone's app": wrong(lambda: zipped("Payload/Shop.app/Info.plist"), "file.is_app", "Shop.ipa"),
    "an Android app": wrong(lambda: zipped("AndroidManifest.xml"), "file.is_app", "shop.apk"),
    "a ZIP": wrong(lambda: zipped("AuthKey_ABCDEFGHIJ.p8"), "file.is_archive", "key.zip"),
    "a gzip": wrong(b"\x1f\x8b\x08\0\0\0\0\0", "file.is_archive"),
    "a Java keystore": wrong(b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1", "file.is_keystore", "release.jks"),
    "a Keychain": wrong(b"kych\0\1\0\0", "file.is_keychain", "login.keychain-db"),
    "a Mac's companion file": wrong(
        b"\x00\x05\x16\x07\0\2\0\0Mac OS X", "file.is_mac_shadow", "._AuthKey_ABCDEFGHIJ.p8"
    ),
    "a PDF": wrong(b"%PDF-1.7\n", "file.is_document"),
    "a screenshot": wrong(b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "file.is_document"),
    "a photo": wrong(b"\xff\xd8\xff\xe0\0\x10JFIF", "file.is_document"),
    "a formatted text": wrong(lambda: b"{\\rtf1 " + apple() + b"}", "file.is_document"),
    "a Word document": wrong(lambda: zipped("[Content_Types].xml", "word/document.xml"), "file.is_document"),
    "a PGP message": wrong(b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----", "file.is_pgp"),
    "an SSH key": wrong(
        lambda: ED.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, NoEncryption()),
        "file.is_ssh_key",
        "id_ed25519",
    ),
    "an SSH public key": wrong(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ann@mac", "file.is_ssh_key"),
    "a PuTTY key": wrong(b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none", "file.is_ssh_key", "key.ppk"),
    "a public key": wrong(lambda: rsa_key().public_key().public_bytes(PEM, SPKI), "file.is_public_key"),
    "a public key, binary": wrong(lambda: rsa_key().public_key().public_bytes(DER, SPKI), "file.is_public_key"),
    "a private key alone": wrong(lambda: rsa_key().private_bytes(PEM, PKCS1, NoEncryption()), "file.is_private_key"),
    "a private key alone, binary": wrong(
        lambda: rsa_key().private_bytes(DER, PKCS8, NoEncryption()), "file.is_private_key"
    ),
    "a .p7b without certificates": wrong(no_certificates, "file.is_p7b"),
    "a download cut off": wrong(lambda: Pair().certificate.public_bytes(DER)[:200], "file.truncated", "aps.cer"),
}

KINDS = {
    "key": APPLE_KEYS,
    "store": APPLE_STORES,
    "certificate": APPLE_CERTIFICATES,
    "google": GOOGLE,
    "microsoft": MICROSOFT,
    "wrong": WRONG,
}
SAMPLES: dict[str, Sample] = {f"{kind}: {name}": one for kind, kept in KINDS.items() for name, one in kept.items()}
