"""A secret of Entra ID: are its three parts there, and have they the form of what they are named?"""

from __future__ import annotations

import re

from pushwarden.core.secret import redacted
from pushwarden.providers.detection.found import EntraSecret
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

KIND = "wns_secret"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"[a-zA-Z0-9-]{1,63}(?:\.[a-zA-Z0-9-]{1,63}){1,4}")
_PACKAGE_SID = re.compile(r"ms-app://[sS]-1-15-2(?:-\d{1,10}){7}/?")
"""What the Store gave apps before Entra: its secret needs no tenant (learn.microsoft.com, "WNS overview")."""


def check_entra(found: EntraSecret, findings: Findings) -> Report:
    """The facts name tenant and client; nothing is kept, for nothing can send with it yet.

    What has not the form of its name may be the secret in the wrong place: it is not shown.
    """
    findings.kind = KIND
    by_store = bool(_PACKAGE_SID.fullmatch(found.client))
    _whole(found, by_store, findings)
    if found.tenant and not (_GUID.fullmatch(found.tenant) or _DOMAIN.fullmatch(found.tenant)):
        findings.add("wns.tenant", value=redacted(found.tenant))
    if found.client and not by_store and not _GUID.fullmatch(found.client):
        findings.add("wns.client", value=redacted(found.client))
    if _GUID.fullmatch(found.secret):
        findings.add("wns.secret_id")
    if not findings.failed:
        findings.add("wns.identity", tenant=found.tenant or "of the Store", client=found.client)
        findings.facts |= {"tenant_id": found.tenant, "client_id": found.client, "subject": found.client}
    findings.add("provider.later", provider="Windows (WNS)")
    return findings.report()


def _whole(found: EntraSecret, by_store: bool, findings: Findings) -> None:
    tenant = found.tenant or by_store
    for field, there in (("tenant ID", tenant), ("client ID", found.client), ("client secret", found.secret)):
        if not there:
            findings.add("wns.missing", field=field)
