"""Every page of the console with an address on the told company, and the looks that need something done first."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any

from pushwarden.control.console.app import build
from pushwarden.control.console.pages import PageRoute
from pushwarden.wiring.fleet.places import filled, looks, names
from pushwarden.wiring.stage import Stage


@dataclass(frozen=True)
class Place:
    name: str
    path: str
    signed_in: bool = True


STOPPED = "acme-shop/production"


class Nothing:
    """Stands for whatever a console is built from: its table needs none of it."""

    def __getattr__(self, _: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


def pages() -> list[PageRoute]:
    """All pages people open, as their table has them."""
    parts: list[Any] = [Nothing() for _ in signature(build).parameters]
    return looks(build(*parts).router.routes)


def places(stage: Stage) -> list[Place]:
    """One for every page."""
    known = named(stage)
    return [Place(_name(one.path), filled(one.path, known), one.signed_in) for one in pages()]


def while_stopped() -> list[Place]:
    """What looks different while the shop is stopped."""
    looks_so = {
        "overview": "/apps/acme-shop/production/overview",
        "apps": "/apps",
        "receipt": f"/stop/receipt?target={STOPPED}",
        "resume": f"/resume?target={STOPPED}",
    }
    return [Place(f"stopped-{name}", path) for name, path in looks_so.items()]


def named(stage: Stage) -> dict[str, str]:
    return names(lambda path: stage.call("GET", path))


def _name(path: str) -> str:
    words = [word.strip("{}") for word in path.split("/") if word not in ("", "{app}", "{env}")]
    return "-".join(words)
