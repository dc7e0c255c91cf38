"""Which column of somebody else's device list is which field of ours: guessed by its name, or said by a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pushwarden.core.device_rules import Entry
from pushwarden.core.errors import Invalid, Malformed, UnknownField

GUESS = "guess"
"""In place of a mapping: by the names alone; what is not known is left out."""
FIELDS = ("installation_id", "token", "provider", "token_kind", "user", "app_version", "build", "tags", "test",
          "registered_at")  # fmt: skip
"""What a column can be; export's other fields are taken under their own names only."""
MOST_COLUMNS = 200

_KNOWN = {
    "installation_id": ("installationid", "installation", "deviceid", "deviceidentifier", "udid", "uuid",
                        "identifierforvendor", "androidid", "instanceid", "subscriptionid", "playerid"),
    "token": ("token", "devicetoken", "pushtoken", "apnstoken", "fcmtoken", "gcmtoken", "registrationtoken",
              "registrationid", "pushid", "identifier"),
    "provider": ("provider", "platform", "os", "devicetype", "type", "service"),
    "token_kind": ("tokenkind", "kind"),
    "user": ("user", "userid", "username", "externalid", "externaluserid", "customerid", "alias", "account"),
    "app_version": ("appversion", "versionname", "gameversion", "clientversion"),
    "build": ("build", "buildnumber", "bundleversion", "versioncode"),
    "tags": ("tags", "labels", "segments"),
    "test": ("test", "istest", "testdevice", "testtype"),
    "registered_at": ("registeredat",),
}  # fmt: skip
_GUESSES = {name: field for field, names in _KNOWN.items() for name in names}

Choose = Callable[[Sequence[str]], list[str]]
"""The header's names → a field each, empty for columns to leave out. Malformed or UnknownField."""


def guess(name: str) -> str:
    """The field a column of this name most likely is; empty when none comes to mind."""
    if name in Entry.__struct_fields__:
        return name
    return _GUESSES.get(re.sub(r"[^a-z0-9]", "", name.lower()), "")


def by_name(names: Sequence[str]) -> list[str]:
    """Every column has one of our names."""
    for name in names:
        if name not in Entry.__struct_fields__:
            raise UnknownField(f"The header names `{name}`, which is not a field of a device.", field=name)
    return _whole(names)


def guessed(names: Sequence[str]) -> list[str]:
    """The first column that looks like a field is taken for it; one of the field's very name goes before."""
    fields = [guess(name) for name in names]
    kept = [
        field if field and (name == field or (field not in names and field not in fields[:at])) else ""
        for at, (name, field) in enumerate(zip(names, fields, strict=True))
    ]
    return _whole(kept)


def said(mapping: Mapping[str, str]) -> Choose:
    """Columns by what a person said; the others as guessed."""

    def choose(names: Sequence[str]) -> list[str]:
        return _whole([mapping.get(name, "") for name in names])

    return choose


def columns_of(text: str) -> Choose:
    """Of a query parameter: nothing, `guess`, or `column:field,…` with an empty field for one to leave out."""
    if not text:
        return by_name
    if text == GUESS:
        return guessed
    mapping = {}
    for pair in text.split(",")[:MOST_COLUMNS]:
        column, colon, field = pair.rpartition(":")
        if not colon or (field and field not in Entry.__struct_fields__):
            raise Invalid("`columns` is `guess`, or column:field,… with fields of a device.", field="columns")
        mapping[column] = field
    return said(mapping)


def _whole(fields: Sequence[str]) -> list[str]:
    used = [field for field in fields if field]
    if len(set(used)) < len(used) or not {"installation_id", "token"} <= set(used):
        raise Malformed("The header must name installation_id and token, and each field once.")
    return list(fields)
