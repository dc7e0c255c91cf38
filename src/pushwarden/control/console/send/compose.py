"""A test push as somebody composes it: as a form or as JSON, one from the other. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pushwarden.control.console.form import Form

KINDS = ("alert", "background", "voip")
SOUNDS = ("default", "")
_HEX = re.compile(r"[0-9a-fA-F<>]+")
_FORM = frozenset({"to", "type", "title", "body", "sound", "badge", "link", "collapse_id", "ttl", "data", "credential"})


@dataclass(frozen=True, slots=True)
class Draft:
    """Texts as they were typed. to: device, token or audience. more: what JSON said that the form has no field for."""

    mode: str = "form"
    to: str = "device"
    device: str = ""
    token: str = ""
    tags: str = ""
    type: str = "alert"
    title: str = ""
    body: str = ""
    sound: str = "default"
    badge: str = ""
    link: str = ""
    collapse_id: str = ""
    ttl: str = ""
    data: str = ""
    credential: str = ""
    json: str = ""
    more: str = ""

    @classmethod
    def of(cls, form: Form) -> Draft:
        return cls(**{one.name: form.text(one.name, str(one.default)) for one in fields(cls)})

    @property
    def kept(self) -> dict[str, str]:
        """What differs from an empty one: short enough for an address."""
        return {name: text for name, text in asdict(self).items() if text != getattr(EMPTY, name)}


EMPTY = Draft()


def request(draft: Draft) -> tuple[dict[str, Any], dict[str, str]]:
    """The API's push request, and what is wrong: field → id of the template's sentence."""
    return _from_json(draft) if draft.mode == "json" else _from_form(draft)


def as_json(draft: Draft) -> Draft:
    """The same push, shown as JSON. What is wrong with it stays to be seen there."""
    body, _ = _from_form(draft)
    return replace(draft, mode="json", json=json.dumps(body, indent=2, ensure_ascii=False))


def as_form(draft: Draft) -> tuple[Draft, dict[str, str]]:
    """The same push in the form's fields; JSON that cannot be read stays as it is."""
    body, wrong = _from_json(draft)
    return (draft, wrong) if wrong else (from_request(body, draft), {})


def from_request(body: Mapping[str, Any], before: Draft = EMPTY) -> Draft:
    to = body.get("to") if isinstance(body.get("to"), dict) else {}
    assert isinstance(to, dict)
    texts = {name: str(body.get(name, "")) for name in ("title", "body", "sound", "link", "collapse_id", "credential")}
    numbers = {name: "" if body.get(name) is None else str(body[name]) for name in ("badge", "ttl")}
    more = {name: value for name, value in body.items() if name not in _FORM}
    data = body.get("data")
    return replace(
        before,
        mode="form",
        type=str(body.get("type", "alert")),
        data=json.dumps(data, ensure_ascii=False) if data else "",
        more=json.dumps(more, ensure_ascii=False) if more else "",
        **texts,
        **numbers,
        **_named(to),
    )


def repeated(account: Mapping[str, Any], device: str) -> Draft:
    """A draft of a push that was sent. account: GET …/pushes/{id}/story; device: to which it goes, if to one."""
    said = {name: value for name, value in account["message"].items() if name != "overrides"}
    known = {name: account[name] for name in ("type", "collapse_id") if account.get(name)}
    return from_request({**said, **account["message"].get("overrides", {}), **known}, Draft(device=device, sound=""))


def marks(body: Mapping[str, Any]) -> dict[str, bool]:
    """A device reports what it got; a push to one device or token is found among the tests."""
    to = body.get("to")
    return {"confirm": True, "test": isinstance(to, dict) and bool({"device", "tokens"} & to.keys())}


def provider_of(token: str) -> str:
    """Apple's are hexadecimal; Google's hold other letters, and a colon."""
    return "apns" if _HEX.fullmatch(token) else "fcm"


def _named(to: Mapping[str, Any]) -> dict[str, str]:
    match to:
        case {"device": str(device)}:
            return {"to": "device", "device": device}
        case {"tokens": [str(token), *_]}:
            return {"to": "token", "token": token}
        case {"tags": str(tags)}:
            return {"to": "audience", "tags": tags}
        case {"all": True}:
            return {"to": "audience", "tags": ""}
        case _:
            return {}


def _from_json(draft: Draft) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        read = json.loads(draft.json)
    except (ValueError, RecursionError) as error:
        return {}, {"json": f"json_unread:{error}"}
    return (read, {}) if isinstance(read, dict) else ({}, {"json": "json_object"})


def _from_form(draft: Draft) -> tuple[dict[str, Any], dict[str, str]]:
    wrong: dict[str, str] = {}
    silent = draft.type == "background"
    texts = {name: "" if silent else getattr(draft, name) for name in ("title", "body", "sound", "link")}
    texts |= {"collapse_id": draft.collapse_id, "credential": draft.credential}
    found: dict[str, Any] = {"to": _to(draft, wrong), "type": draft.type}
    found |= {name: text for name, text in texts.items() if text}
    found |= _numbers(draft, wrong) | _objects(draft, wrong)
    return found, wrong


def _to(draft: Draft, wrong: dict[str, str]) -> dict[str, Any]:
    match draft.to:
        case "token":
            token = re.sub(r"\s+", "", draft.token)
            if not token:
                wrong["token"] = "token_missing"
            return {"tokens": [token], "provider": provider_of(token)}
        case "audience":
            return {"tags": draft.tags} if draft.tags else {"all": True}
        case _:
            if not draft.device:
                wrong["device"] = "device_missing"
            return {"device": draft.device}


def _numbers(draft: Draft, wrong: dict[str, str]) -> dict[str, int]:
    found = {}
    for name in ("badge", "ttl"):
        text = getattr(draft, name)
        if text.isascii() and text.isdigit() and len(text) < 10:
            found[name] = int(text)
        elif text:
            wrong[name] = "number"
    return found


def _objects(draft: Draft, wrong: dict[str, str]) -> dict[str, Any]:
    """`data`, and what the form has no field for."""
    found: dict[str, Any] = {}
    for name, text in (("data", draft.data), ("more", draft.more)):
        try:
            read = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            wrong[name] = "object"
        elif read:
            found |= {"data": read} if name == "data" else read
    return found
