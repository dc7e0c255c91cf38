"""An address for every page of the console that shows something of the told company."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from pushwarden.control.console.pages import PageRoute

V1 = "/v1/apps/acme-shop/production"
_HERE = "/apps/{app}/{env}"
NO_LOOK = {
    "/events": "a stream",
    "/frame": "a part of a page",
    f"{_HERE}/frame": "a part of a page",
    "/": "leads to /apps",
    "/deliveries/export": "a file",
    f"{_HERE}/activity/export": "a file",
    f"{_HERE}/activity/{{push}}/live": "a part of a page",
    f"{_HERE}/activity/{{push}}/events": "a stream",
    f"{_HERE}/credentials/requests/{{request}}/file": "a file",
    "/system/bundle": "a file",
    f"{_HERE}/devices/export": "a file",
    f"{_HERE}/devices/listen": "a part of a page",
    f"{_HERE}/devices/imports/{{import}}/errors": "a file",
    f"{_HERE}/start": "leads to the step that is next",
    f"{_HERE}/overview/now": "a part of a page",
    f"{_HERE}/send/outcome": "a part of a page",
    f"{_HERE}/start/credential/report": "a part of a page",
    f"{_HERE}/start/device/list": "a part of a page",
    f"{_HERE}/start/outcome": "a part of a page",
    "/audit/export": "a file",
    "/stop/receipt/signed": "a file",
    "/search/offers": "a part of a page",
}
"""Pages with no look of their own, and why."""
ASKED = {f"{_HERE}/send/help": "?push={push}&device={installation_id}"}
"""What has to be asked along with a page."""
Ask = Callable[[str], Any]
"""What the API answers to GET of a path."""


def looks(table: Iterable[PageRoute]) -> list[PageRoute]:
    """The pages people open, by path."""
    shown = (one for one in table if one.method == "GET" and one.path not in NO_LOOK)
    return sorted(shown, key=lambda one: one.path)


def names(ask: Ask) -> dict[str, str]:
    """What stands in an address for each name of the table."""
    credential = next(one for one in ask(f"{V1}/credentials")["credentials"] if one["state"] == "standby")
    return {
        "app": "acme-shop",
        "env": "production",
        "callback": ask("/v1/apps/acme-shop/callbacks")["callbacks"][0]["id"],
        "credential": credential["id"],
        "installation_id": "qa-iphone-15",
        "import": ask(f"{V1}/devices/imports")["imports"][0]["id"],
        "key": next(one["id"] for one in ask("/v1/keys")["keys"] if one["name"] == "Order service"),
        "person": "usr_omar",
        "push": ask(f"{V1}/pushes")["pushes"][0]["id"],
        "request": ask(f"{V1}/credentials/requests")["requests"][0]["id"],
        "version": "2",
    }


def filled(path: str, known: dict[str, str]) -> str:
    """KeyError names what no address is known for."""
    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path + ASKED.get(path, ""))
