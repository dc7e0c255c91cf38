"""What a text with named parts is: JSON, a property list, lines of `name=value`, a connection string."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pushwarden.providers.detection.found import UNKNOWN, Account, EntraSecret, Found, HubString, What, Wrong

_ENTRA = {
    "tenant": ("tenantid", "tenant", "directoryid", "directorytenantid"),
    "client": ("clientid", "client", "appid", "applicationid", "applicationclientid", "packagesid"),
    "secret": ("clientsecret", "secret", "password", "value", "secretvalue", "appsecret"),
}
"""What the portal, its command line and people call the three parts, without case and punctuation."""
_LINE = re.compile(r"""(?:export )?["']?([A-Za-z_][\w .()-]{0,60}?)["']?\s*[:=]\s*["']?(.*?)["']?[,;]?""")
_LONGEST_LINE = 2000
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,80}\s*=\s*(?=[\"']?Endpoint=)")
_OTHER_SERVICES = {
    "DefaultEndpointsProtocol=": "Azure Storage",
    "AccountEndpoint=": "Azure Cosmos DB",
    "HostName=": "Azure IoT Hub",
    "Server=": "a database",
    "InstrumentationKey=": "Application Insights",
    "Endpoint=https://": "another Azure service",
}
_PLIST_STRING = r"<key>{}</key>\s*<string>([^<]{{1,200}})"
_REASONS = {
    "Expecting ',' delimiter": "a comma is missing, or a quotation mark too many",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting value": "a value is missing",
    "Unterminated string": "a text begins here and does not end",
    "Invalid control character": "a line break stands inside a text",
    "Invalid \\": "a backslash stands where none belongs",
    "Extra data": "the JSON has ended, and more follows",
    "Illegal trailing comma": "there is a comma too many",
}


def look_json(text: str) -> Found:
    """Any text that should be JSON."""
    try:
        fields, repaired = _loaded(text)
    except json.JSONDecodeError as error:
        said = next((words for start, words in _REASONS.items() if error.msg.startswith(start)), "it is damaged")
        said = "the file ends here, too early" if error.pos >= len(text) else said
        return Found(Wrong("json.malformed", {"line": error.lineno, "column": error.colno, "reason": said}))
    except (ValueError, RecursionError):
        deep = {"line": 1, "column": 1, "reason": "it is nested too deep, or a number has too many digits"}
        return Found(Wrong("json.malformed", deep))
    if not isinstance(fields, dict):
        return Found(Wrong("json.not_a_credential", {"found": "no named parts"}))
    return Found(_object(fields), repaired)


def look_plist(text: str) -> What:
    """A property list in XML."""
    if "GOOGLE_APP_ID" in text or "GCM_SENDER_ID" in text:
        project = re.search(_PLIST_STRING.format("PROJECT_ID"), text)
        return Wrong("file.is_google_info", {"project_id": project[1] if project else ""})
    return Wrong("file.is_profile" if "TeamIdentifier" in text else UNKNOWN)


def look_lines(text: str) -> What:
    """A connection string, or lines that name the parts of a secret."""
    text = _VARIABLE.sub("", text, count=1).strip("\"' \n")
    if text.lower().startswith("endpoint=sb://"):
        parts = (part.partition("=") for part in text.split(";") if part.strip())
        return HubString({key.strip().lower(): value.strip() for key, _, value in parts})
    other = next((service for start, service in _OTHER_SERVICES.items() if text.startswith(start)), "")
    if other:
        return Wrong("azure.wrong_service", {"service": other})
    lines = [_LINE.fullmatch(line.strip()) for line in text.splitlines() if len(line) <= _LONGEST_LINE]
    return _entra({line[1]: line[2] for line in lines if line}) or Wrong(UNKNOWN)


def _loaded(text: str) -> tuple[Any, tuple[str, ...]]:
    try:
        return json.loads(text), ()
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control character"):
            raise
        return json.loads(text, strict=False), ("Real line breaks stood inside a text.",)


def _object(fields: Mapping[str, Any]) -> What:
    kind = fields.get("type")
    if "project_info" in fields:
        project = fields["project_info"].get("project_id") if isinstance(fields["project_info"], dict) else ""
        return Wrong("file.is_google_services", {"project_id": project})
    if "installed" in fields or "web" in fields:
        return Wrong("file.is_oauth_client")
    if kind == "service_account":
        return Account(fields)
    if "type" in fields or "private_key" in fields:
        return Wrong("json.wrong_type", {"type": kind[:40] if isinstance(kind, str) and kind else "nothing"})
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    hub = next((value for value in texts.values() if value.lower().startswith("endpoint=sb://")), "")
    if hub:
        return look_lines(hub)
    named = ", ".join(f"`{key[:40]}`" for key in [*fields][:3]) or "no named parts"
    return _entra(texts) or Wrong("json.not_a_credential", {"found": named})


def _entra(fields: Mapping[str, str]) -> EntraSecret | None:
    """At least two of the three parts must be named."""
    plain = {re.sub(r"^(?:azure|wns)_|[^a-z]", "", key.lower()): value for key, value in fields.items()}
    parts = {part: next((plain[key] for key in names if plain.get(key)), "") for part, names in _ENTRA.items()}
    return EntraSecret(**parts) if sum(map(bool, parts.values())) > 1 else None
