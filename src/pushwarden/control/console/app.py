"""The console as one ASGI application: every page's rows in one table."""

from __future__ import annotations

from pushwarden.control.console.access import view as access
from pushwarden.control.console.activity import view as activity
from pushwarden.control.console.activity.watching import Watching
from pushwarden.control.console.apps import view as apps
from pushwarden.control.console.audit import view as audit
from pushwarden.control.console.callbacks import view as callbacks
from pushwarden.control.console.credentials import view as credentials
from pushwarden.control.console.desk import Desk
from pushwarden.control.console.devices import view as devices
from pushwarden.control.console.door import Console
from pushwarden.control.console.help import view as help_
from pushwarden.control.console.history import view as history
from pushwarden.control.console.imports import view as imports
from pushwarden.control.console.later import view as later
from pushwarden.control.console.live import view as live
from pushwarden.control.console.onboarding import view as onboarding
from pushwarden.control.console.overview import view as overview
from pushwarden.control.console.profile import view as profile
from pushwarden.control.console.resume import view as resume
from pushwarden.control.console.search import view as search
from pushwarden.control.console.send import view as send
from pushwarden.control.console.settings import view as settings
from pushwarden.control.console.signin import view as signin
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.stop import receipt
from pushwarden.control.console.stop import view as stop
from pushwarden.control.console.stopkey import view as stopkey
from pushwarden.control.console.system import view as system
from pushwarden.control.people.desk import Desk as People


def build(desk: Desk, people: People) -> Console:
    """ValueError when two pages claim one address."""
    gate = Gate(people)
    return Console(
        desk,
        gate,
        (
            *signin.routes(gate),
            *profile.routes(gate),
            *access.routes(gate),
            *stopkey.routes(people.services.ring),
            *apps.routes(),
            *onboarding.routes(),
            *credentials.routes(),
            *send.routes(),
            *imports.routes(),
            *devices.routes(),
            *later.routes(),
            *overview.routes(),
            *system.routes(),
            *help_.routes(),
            *history.routes(),
            *settings.routes(),
            *callbacks.routes(),
            *audit.routes(),
            *stop.routes(),
            *receipt.routes(),
            *resume.routes(),
            *live.routes(desk.sessions, desk.pulse),
            *search.routes(),
            *activity.routes(Watching(desk.sessions, desk.clock)),
        ),
    )
