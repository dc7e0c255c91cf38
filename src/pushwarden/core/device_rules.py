"""What a device must look like to be registered or imported, and its one normal form."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from pushwarden.core.device import TOKEN_KINDS, Device, DeviceState
from pushwarden.core.errors import Invalid, Malformed, PushwardenError, UnknownField
from pushwarden.core.tags import MAX_TAGS, TAG

# Tokens are opaque and of any length; clients send NSData's description `<abcd ef…>` too (Apple; node-apn#149).
_APNS_TOKEN = re.compile(r"[0-9a-f]{2,400}")
_APNS_FRAME = str.maketrans("", "", "<> ")
# Observed: some 160 characters, always of these; opaque, of no promised length (Firebase says only "do not parse").
_FCM_TOKEN = re.compile(r"[A-Za-z0-9_:\-]{2,1024}")
_TOKENS = {
    "apns": (b"0123456789abcdef", 400),
    "fcm": (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-", 1024),
}
"""What tokens in normal form are made of, and how long they are at most."""
_LIMITS = {"user": 256, "app_version": 64, "build": 64, "gone_reason": 128}
_UNKNOWN = re.compile(r"unknown field `(.*?)`")
_PLACE = re.compile(r"`\$\.([a-z_]+)")
MAX_INSTALLATION_ID = 128
MAX_MS = 1 << 53


class Entry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A device as it is written in a request or a line. The times and the state are only for import and export.

    registered_at: 0 when not known. gone_at: set for a tombstone.
    """

    installation_id: str = ""
    provider: str = "apns"
    token: str = ""
    token_kind: str = "alert"
    user: str = ""
    app_version: str = ""
    build: str = ""
    tags: tuple[str, ...] = ()
    test: bool = False
    version: int = 0
    registered_at: int = 0
    gone_at: int | None = None
    gone_reason: str = ""

    def __repr__(self) -> str:
        return f"<entry {self.installation_id}>"


def parse_device(fields: dict[str, Any] | bytes, installation_id: str | None = None) -> Device:
    """One device of a request: a decoded object or its JSON. installation_id: from the path, over the body's.

    Malformed when it is no JSON object, UnknownField, or Invalid with `field` naming what is wrong.
    """
    entry = read_entry(fields)
    if installation_id is not None:
        if entry.installation_id not in ("", installation_id):
            raise Invalid("installation_id differs from the one in the path; leave it out.", field="installation_id")
        entry.installation_id = installation_id
    for name in ("registered_at", "gone_at", "gone_reason"):
        if getattr(entry, name):
            raise UnknownField(f"{name} is set by Pushwarden; leave it out.", field=name)
    return device_of(checked(entry))


def read_entry(fields: dict[str, Any] | bytes) -> Entry:
    """The shape alone; `checked` judges the values."""
    try:
        if isinstance(fields, bytes):
            return msgspec.json.decode(fields, type=Entry)
        return msgspec.convert(fields, Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(error) from error


def refusal(error: msgspec.DecodeError | UnicodeDecodeError) -> PushwardenError:
    """Our error for msgspec's: UnknownField or Invalid with the field's name, else Malformed."""
    if not isinstance(error, msgspec.ValidationError):
        return Malformed("A device is a JSON object; this is not JSON.")
    text = str(error)
    if unknown := _UNKNOWN.search(text):
        return UnknownField(f"{unknown[1]} is not a field of a device; leave it out.", field=unknown[1])
    place = _PLACE.search(text)
    return Invalid(f"{text}; correct it.", field=place[1] if place else "")


def checked(entry: Entry) -> Entry:
    """The same entry, valid and in normal form (changed in place). Invalid with `field` otherwise."""
    installation = entry.installation_id
    if not 0 < len(installation) <= MAX_INSTALLATION_ID or not installation.isprintable() or "/" in installation:
        raise Invalid("installation_id must be 1 to 128 printable characters without a /.", field="installation_id")
    kinds = TOKEN_KINDS.get(entry.provider)
    if kinds is None:
        raise Invalid(f"provider must be one of {', '.join(TOKEN_KINDS)}.", field="provider")
    if entry.token_kind not in kinds:
        raise Invalid(f"token_kind must be one of {', '.join(kinds)}.", field="token_kind")
    entry.token = normal_token(entry.provider, entry.token, "token")
    _check_texts(entry)
    if entry.tags:
        _check_tags(entry)
    if not 0 <= entry.registered_at < MAX_MS or not 0 <= (entry.gone_at or 0) < MAX_MS or entry.version < 0:
        raise Invalid("registered_at, gone_at and version must not be negative or beyond 2^53.", field="registered_at")
    return entry


def all_checked(entries: Sequence[Entry]) -> bool:
    """Whether `checked` would leave every one of them as it is: column by column, a third of its price."""
    if not entries:
        return True
    columns = zip(*map(msgspec.structs.astuple, entries), strict=True)
    ids, providers, tokens, kinds, users, versions, builds, tags, _, numbers, registered, gone, reasons = columns
    texts = zip((users, versions, builds, reasons), _LIMITS.values(), strict=True)
    return (
        _within(ids, 1, MAX_INSTALLATION_ID)
        and "/" not in "".join(ids)  # it stands in addresses
        and all(kind in TOKEN_KINDS.get(provider, ()) for provider, kind in set(zip(providers, kinds, strict=True)))
        and _good_tokens(providers, tokens)
        and all(_within(set(column), 0, limit) for column, limit in texts)
        and all(map(_good_tags, set(tags)))
        and min(numbers) >= 0
        and all(0 <= (time or 0) < MAX_MS for time in {*registered, *gone})
    )


def normal_token(provider: str, token: str, field: str) -> str:
    """The wire form. Invalid, naming `field`, when the provider gives out no such tokens."""
    if provider == "fcm":
        if not _FCM_TOKEN.fullmatch(token):
            raise Invalid(f"{field} must be 2 to 1024 letters, digits or _:- as the app got it from Google.",
                          field=field)  # fmt: skip
        return token
    if _APNS_TOKEN.fullmatch(token):
        return token
    token = token.translate(_APNS_FRAME).lower()
    if not _APNS_TOKEN.fullmatch(token):
        raise Invalid(f"{field} must be 2 to 400 hexadecimal digits, as the app got it from Apple.", field=field)
    return token


def _good_tokens(providers: Sequence[str], tokens: Sequence[str]) -> bool:
    for provider in set(providers):
        letters, most = _TOKENS[provider]
        own = (
            tokens
            if len(set(providers)) == 1
            else [token for one, token in zip(providers, tokens, strict=True) if one == provider]
        )
        joined = "".join(own)
        if not _within(own, 2, most) or not joined.isascii() or joined.encode().translate(None, letters):
            return False
    return True


def _within(texts: Collection[str], least: int, most: int) -> bool:
    lengths = set(map(len, texts))
    return least <= min(lengths) and max(lengths) <= most and "".join(texts).isprintable()


def _good_tags(tags: tuple[str, ...]) -> bool:
    return len(set(tags)) == len(tags) <= MAX_TAGS and all(tag in _KNOWN or _remember(tag) for tag in tags)


def device_of(entry: Entry) -> Device:
    """The device of a checked entry."""
    gone = entry.gone_at is not None
    return Device(
        installation_id=entry.installation_id,
        provider=entry.provider,
        token=entry.token,
        token_kind=entry.token_kind,
        user=entry.user,
        app_version=entry.app_version,
        build=entry.build,
        tags=entry.tags,
        test=entry.test,
        version=entry.version,
        registered_at=entry.registered_at,
        state=DeviceState.GONE if gone else DeviceState.LIVE,
        gone_at=entry.gone_at,
        gone_reason=entry.gone_reason if gone else "",
    )


def entry_of(device: Device) -> Entry:
    """The line that imports as this device. The version is left out: it is the store's own."""
    gone = device.state is DeviceState.GONE
    return Entry(
        device.installation_id, device.provider, device.token, device.token_kind, device.user, device.app_version,
        device.build, device.tags, device.test, 0, device.registered_at, device.gone_at if gone else None,
        device.gone_reason if gone else "",
    )  # fmt: skip


def _check_texts(entry: Entry) -> None:
    user, version, build, reason = entry.user, entry.app_version, entry.build, entry.gone_reason
    if len(user) <= 64 and len(version) <= 64 and len(build) <= 64 and (user + version + build + reason).isprintable():
        return
    for name, limit in _LIMITS.items():
        value = getattr(entry, name)
        if len(value) > limit or not value.isprintable():
            raise Invalid(f"{name} must be at most {limit} printable characters.", field=name)


def _check_tags(entry: Entry) -> None:
    tags = entry.tags
    if len(tags) > MAX_TAGS:
        raise Invalid(f"A device has at most {MAX_TAGS} tags.", field="tags")
    for tag in tags:
        if tag not in _KNOWN and not _remember(tag):
            raise Invalid("A tag is 1 to 64 characters of A-Z a-z 0-9 _ . : -", field="tags")
    if len(tags) > 1 and len(set(tags)) < len(tags):
        entry.tags = tuple(dict.fromkeys(tags))


# Tags that were judged good, so that the millionth device with the same two costs nothing.
_KNOWN: set[str] = set()
_KNOWN_LIMIT = 4096


def _remember(tag: str) -> bool:
    if TAG.fullmatch(tag) is None:
        return False
    if len(_KNOWN) < _KNOWN_LIMIT:
        _KNOWN.add(tag)
    return True
