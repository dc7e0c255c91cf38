"""The API as one ASGI application: the control plane's routes, and those other parts bring."""

from __future__ import annotations

from collections.abc import Sequence

from pushwarden.control.api import (
    apps,
    audit,
    bin,
    callbacks,
    credentials,
    effective,
    holds,
    installation,
    invitations,
    keys,
    mail,
    organisations,
    overview,
    people,
    people_here,
    places,
    proofs,
    requests,
    series,
    sessions,
    simulated,
    switching,
    system,
    versions,
)
from pushwarden.control.services import Services
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route


def build(services: Services, more: Sequence[Route] = ()) -> Frame:
    """more: intake's and the stop's routes. ValueError when two claim one address."""
    frame: Frame
    table = (
        *organisations.routes(services),
        *apps.routes(services),
        *effective.routes(services),
        *bin.routes(services),
        *versions.routes(services),
        *callbacks.routes(services),
        *credentials.routes(services),
        *requests.routes(services),
        *simulated.routes(services),
        *switching.routes(services),
        *overview.routes(services),
        *places.routes(services),
        *proofs.routes(services),
        *keys.routes(services),
        *people.routes(services),
        *sessions.routes(services),
        *people_here.routes(services),
        *invitations.routes(services),
        *mail.routes(services),
        *audit.routes(services),
        *holds.routes(services),
        *series.routes(services),
        *more,
        *installation.routes(services),
        *system.routes(services, lambda: frame.router.routes),
    )
    frame = Frame(table, services.ring, services.clock, services.catalog.record)
    return frame
