"""The form that makes an app: what was typed, what is wrong with it, and the id that follows from the name. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.form import Form

LONGEST_ID = 60
_BUNDLE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class NewApp:
    name: str = ""
    bundle_id: str = ""
    android_package: str = ""

    @classmethod
    def of(cls, form: Form) -> NewApp:
        return cls(form.text("name"), form.text("bundle_id"), form.text("android_package"))

    @property
    def id(self) -> str:
        """Derived from the name: lower case, ASCII, dashes between words. Empty when nothing is left."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_ID].strip("-")

    def body(self, number: int) -> dict[str, Any]:
        """number: 1 for the id itself, a higher one where that is taken."""
        base = self.id or "app"
        return {
            "id": base if number == 1 else f"{base}-{number}",
            "name": self.name,
            "bundle_id": self.bundle_id,
            "android_package": self.android_package,
            "trial": True,
        }

    def problems(self) -> dict[str, str]:
        """Field → which of the template's sentences is meant."""
        found = {}
        if not self.name:
            found["name"] = "name_missing"
        if not self.bundle_id and not self.android_package:
            found["bundle_id"] = "both_missing"
        if self.bundle_id and (kind := _bundle(self.bundle_id)):
            found["bundle_id"] = kind
        if self.android_package and not _PACKAGE.fullmatch(self.android_package):
            found["android_package"] = "package_form"
        return found


def _bundle(text: str) -> str:
    if "*" in text:
        return "bundle_star"
    return "" if _BUNDLE.fullmatch(text) else "bundle_form"
