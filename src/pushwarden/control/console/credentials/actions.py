"""What can be pressed after a check: the parts of a message's advice, each with where it leads. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Lead(StrEnum):
    """Where a step leads. ADVICE: nowhere in this console; it is done elsewhere and read as text."""

    FILE = "file"  # the drop zone
    REQUEST = "request"  # make a certificate request
    PASSWORD = "password"
    IDS = "ids"  # key ID and team ID
    AGAIN = "again"  # ask the provider once more
    LANE = "lane"  # the slots, where a standby can be switched to
    SEND = "send"
    DEVICES = "devices"
    SETTINGS = "settings"
    HISTORY = "history"
    STOP = "stop"
    RESUME = "resume"
    SYSTEM = "system"
    USES = "uses"  # which credentials of the organisation there are
    SANDBOX = "sandbox"
    PRODUCTION = "production"
    APPLE_KEYS = "apple_keys"
    APPLE_CERTIFICATES = "apple_certificates"
    APPLE_STATUS = "apple_status"
    FIREBASE = "firebase"
    FCM_API = "fcm_api"
    GOOGLE_ACCESS = "google_access"
    ADVICE = "advice"


OUTSIDE = {
    Lead.APPLE_KEYS: "https://developer.apple.com/account/resources/authkeys/list",
    Lead.APPLE_CERTIFICATES: "https://developer.apple.com/account/resources/certificates/add",
    Lead.APPLE_STATUS: "https://developer.apple.com/system-status/",
    Lead.FIREBASE: "https://console.firebase.google.com/project/{project}/settings/serviceaccounts/adminsdk",
    Lead.FCM_API: "https://console.cloud.google.com/apis/library/fcm.googleapis.com?project={project}",
    Lead.GOOGLE_ACCESS: "https://console.cloud.google.com/iam-admin/iam?project={project}",
}
"""Pages of Apple and Google; project: `_` lets Google ask which one."""

_PATTERNS: tuple[tuple[str, Lead], ...] = (
    (r"create a request|start fresh with a request|renew", Lead.REQUEST),
    (r"enter its password|try again$", Lead.PASSWORD),
    (r"(give|correct) the (key|team) id|edit team id|use [A-Z0-9]{10}$", Lead.IDS),
    (r"(resume), then check again", Lead.RESUME),
    (r"(else )?check again", Lead.AGAIN),
    (r"switch (back|to standby)", Lead.LANE),
    (r"go to send", Lead.SEND),
    (r"register the device", Lead.DEVICES),
    (r"(give|change) the app", Lead.SETTINGS),
    (r"show the change", Lead.HISTORY),
    (r"stop$", Lead.STOP),
    (r"start one", Lead.SYSTEM),
    (r"show who uses", Lead.USES),
    (r"save it in sandbox|use it for sandbox", Lead.SANDBOX),
    (r"save it in production|use it for production", Lead.PRODUCTION),
    (r"enable it at google", Lead.FCM_API),
    (r"give it firebase", Lead.GOOGLE_ACCESS),
    (r"show me where: firebase|open firebase|firebase →|make a new key; it waits|open the key list", Lead.FIREBASE),
    (r"status page", Lead.APPLE_STATUS),
    (r"show me where: developer|open apple's key list|open the key at apple|look both up|make a key for|apple lets you"
     r"|use the authkey", Lead.APPLE_KEYS),
    (r"open apple|in apple's list|upload it at apple|get a (sandbox|voip)|download it again at apple",
     Lead.APPLE_CERTIFICATES),
    (r"(choose|drop|download|export|upload|copy|treat as|add credential|unpack|open it with|answer that request"
     r"|use one of these|say which|fix in place|sign in there|in keychain access|find out who)", Lead.FILE),
)  # fmt: skip
_COMPILED = [(re.compile(pattern, re.IGNORECASE), lead) for pattern, lead in _PATTERNS]
ADVICE = re.compile(
    r"nothing to do|next time|fix (the clock|ntp)|if clocks differ|firewall|exempt|ask for dns|update this machine|"
    r"mend that|we try again|try port|keep the file|leave the provider|remind|look it up|azure|entra|make a (new "
    r"client|policy)|use (default|a policy|the application)|give the hub|correct the (tenant)",
    re.IGNORECASE,
)
"""What is done outside of this console, and what needs nothing."""


@dataclass(frozen=True, slots=True)
class Action:
    """label: as the message says it. href: for what is outside; empty for what the template leads to."""

    label: str
    lead: Lead
    href: str = ""


def actions(advice: str, project: str = "") -> list[Action]:
    """The steps of a check's `next`, in its order. project: of Google, where it is known."""
    return [_action(part.strip(), project) for part in advice.split(" · ") if part.strip()]


def _action(label: str, project: str) -> Action:
    label = label[:1].upper() + label[1:]
    lead = lead_of(label)
    return Action(label, lead, OUTSIDE[lead].format(project=project or "_") if lead in OUTSIDE else "")


def lead_of(label: str) -> Lead:
    """ADVICE for what no pattern knows; a test holds every message to be known."""
    if ADVICE.match(label):
        return Lead.ADVICE
    return next((lead for pattern, lead in _COMPILED if pattern.match(label)), Lead.ADVICE)
