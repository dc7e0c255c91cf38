"""What file is this, and can it send? Every upload and `credentials check` ask here; no network, no clock."""

from __future__ import annotations

from typing import assert_never

from cryptography import x509

from pushwarden.core.names import PEOPLE
from pushwarden.providers.apns.cer import check_cer
from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.apns.p8 import check_p8, opened
from pushwarden.providers.apns.p12 import check_p12
from pushwarden.providers.apns.pairs import check_pair
from pushwarden.providers.azure.check import check_hub
from pushwarden.providers.detection import detect
from pushwarden.providers.detection.found import (
    Account,
    Certificates,
    EntraSecret,
    HubString,
    Key,
    Store,
    What,
    Wrong,
)
from pushwarden.providers.fcm.check import check_account
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings, Unusable
from pushwarden.providers.port import Report
from pushwarden.providers.wns.check import check_entra

_WHAT: dict[type, tuple[str, str]] = {
    Key: ("apns", "a key for provider tokens (.p8)"),
    Store: ("apns", "a certificate with its key (.p12)"),
    Certificates: ("apns", "a certificate without its key (.cer)"),
    Account: ("fcm", "a service account's key (JSON)"),
    EntraSecret: ("wns", "a secret of Entra ID, for Windows"),
    HubString: ("azure", "a connection string of an Azure hub"),
}
_PEM_PAIR = "a certificate with its key (PEM)"


def inspect(file: File, provider: str = "") -> Report:
    """Never raises for what is in the file. provider: one of PEOPLE; by itself the one the file is for."""
    findings = Findings()
    found = detect(file.data, file.hint("file_name"))
    try:
        _recognised(found.what, provider, findings)
        if found.repaired:
            findings.add("file.repaired", what=" ".join(found.repaired))
        return _checked(found.what, file, findings)
    except Unusable:
        return findings.report()


def _recognised(what: What, given: str, findings: Findings) -> None:
    """Ends the report for what is no credential, and for one of another provider than the given one."""
    if isinstance(what, Wrong):
        findings.end(what.id, what.evidence, **what.values)
    findings.provider, called = _WHAT[type(what)]
    if isinstance(what, Certificates) and what.keys:
        called = _PEM_PAIR
    if given not in ("", findings.provider):
        findings.end("file.other_provider", found=PEOPLE[findings.provider], given=PEOPLE[given], what=called)
    findings.add("file.recognised", what=called)


def _checked(what: What, file: File, findings: Findings) -> Report:
    match what:
        case Key():
            return check_p8(what, file, findings)
        case Store():
            return check_p12(what.data, file, findings)
        case Certificates():
            return _certificates(what, file, findings)
        case Account():
            return check_account(what.fields, file, findings)
        case EntraSecret():
            return check_entra(what, findings)
        case HubString():
            return check_hub(what, file, findings)
        case Wrong():
            return findings.report()
        case _:
            assert_never(what)


def _certificates(what: Certificates, file: File, findings: Findings) -> Report:
    try:
        held = [x509.load_der_x509_certificate(one) for one in what.certificates]
    except BROKEN:
        findings.end("cert.unreadable", reason="it is altered or damaged")
    if not what.keys:
        return check_cer(held, file.hints, file.now_ms, findings)
    return check_pair([opened(key, file, findings) for key in what.keys], held, file, findings)
