"""A connection string of a hub: is it whole, for what, and may it send?"""

from __future__ import annotations

import base64
import binascii
import re

from pushwarden.providers.detection.found import HubString
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

KIND = "azure_hub"
_ENDPOINT = re.compile(
    r"sb://([a-z0-9][a-z0-9-]{0,62})\.servicebus\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net|"
    r"cloudapi\.de)/?",
    re.I,
)
"""Namespace and cloud: the public one and the national ones."""
_NEEDED = {"sharedaccesskeyname": "SharedAccessKeyName", "sharedaccesskey": "SharedAccessKey"}
_RIGHTS = {
    "DefaultListenSharedAccessSignature": "azure.listen_only",
    "DefaultFullSharedAccessSignature": "azure.rights",
    "RootManageSharedAccessKey": "azure.root",
}
"""Policies that Azure makes itself: the first two with a hub, the last with its namespace."""
_KEY_BYTES = 32


def check_hub(found: HubString, file: File, findings: Findings) -> Report:
    """hints: hub. The facts name namespace, hub and policy; nothing is kept, for nothing can send with it yet."""
    findings.kind = KIND
    parts = found.parts
    for name, field in _NEEDED.items():
        if not parts.get(name):
            findings.add("azure.missing", field=field)
    endpoint = _ENDPOINT.fullmatch(parts.get("endpoint", ""))
    namespace, hub = endpoint[1].lower() if endpoint else "", parts.get("entitypath") or file.hint("hub")
    if endpoint is None:
        findings.add("azure.endpoint", value=parts.get("endpoint", ""))
    else:
        findings.add("azure.namespace" if hub else "azure.no_hub", namespace=namespace, hub=hub)
    _key(parts.get("sharedaccesskey", ""), findings)
    if policy := parts.get("sharedaccesskeyname", ""):
        findings.add(_RIGHTS.get(policy, "azure.rights_unknown"), policy=policy)
    findings.facts |= {"namespace": namespace, "hub": hub, "policy": policy, "subject": namespace}
    findings.add("provider.later", provider="Azure Notification Hubs")
    return findings.report()


def _key(key: str, findings: Findings) -> None:
    if not key:
        return
    try:
        content = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        findings.add("azure.key", reason="is not base64, or its end is missing")
        return
    if len(content) != _KEY_BYTES:
        findings.add("azure.key", reason=f"has {len(content)} bytes, not {_KEY_BYTES}")
