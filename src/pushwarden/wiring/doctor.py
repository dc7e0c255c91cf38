"""What `doctor` looks at: the machine, the files, the keys, the processes. Each finding is one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pushwarden.adapters import migrations
from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.seats import seats
from pushwarden.control.console.static import LIVE, Shelf
from pushwarden.control.letters import trial
from pushwarden.core.callback import failing, says
from pushwarden.core.errors import PushwardenError
from pushwarden.core.mail import Mail, is_address
from pushwarden.core.words import size
from pushwarden.ports.catalog import Tables
from pushwarden.ports.egress import Undelivered
from pushwarden.settings import Settings
from pushwarden.wiring import doctor_vault
from pushwarden.wiring.finding import Finding
from pushwarden.wiring.mailing import mailer_of
from pushwarden.wiring.stores import keeping_of, stores_of

LEAST_FREE = 256 << 20
T = TypeVar("T")
Look = Callable[[Settings], Iterable[Finding]]


def examine(settings: Settings, looks: Sequence[Look] = ()) -> list[Finding]:
    """Every finding, good ones too; looks: only these. Nothing is changed."""
    found: list[Finding] = []
    for look in looks or ALL:
        try:
            found += look(settings)
        except (PushwardenError, OSError) as error:
            found.append(Finding(look.__name__.strip("_"), False, str(error)))
    return found


def _store(settings: Settings) -> Iterator[Finding]:
    for name, good, sentence in keeping_of(settings).health():
        yield Finding(name, good, sentence)


def _disk(settings: Settings) -> Iterator[Finding]:
    if not settings.data.exists():
        yield Finding("data", False, f"{settings.data} does not exist; `pushwarden serve` makes it.")
        return
    free = shutil.disk_usage(settings.data).free
    yield Finding("disk", free > LEAST_FREE, f"{size(free)} free below {settings.data}.")


def _databases(settings: Settings) -> Iterator[Finding]:
    for database, stored in keeping_of(settings).revisions().items():
        newest = migrations.target(database)
        if stored is None:
            yield Finding(database, False, f"The database `{database}` does not exist; `pushwarden migrate` makes it.")
            continue
        words = f"is at revision {stored}" + ("." if stored == newest else f", not {newest}; run `pushwarden migrate`.")
        yield Finding(database, stored == newest, f"The database `{database}` {words}")


def _vault(settings: Settings) -> list[Finding]:
    return asyncio.run(doctor_vault.examine(settings))


def _callbacks(settings: Settings) -> Iterator[Finding]:
    """Only what needs a person."""
    for callback, sentence in asyncio.run(_asked(settings, _stuck_callbacks)) or ():
        yield Finding(f"callback {callback}", False, sentence)


def _stuck_callbacks(tables: Tables) -> list[tuple[str, str]]:
    found = [(one, tables.courses.get(one)) for one in tables.callbacks.all()]
    return [(one.id, says(one, course)) for one, course in found if failing(one, course)]


def _simulated(settings: Settings) -> Iterator[Finding]:
    if settings.simulated_only:
        words = "Every environment reaches simulators, by PUSHWARDEN_SIMULATED_ONLY: no push reaches a phone."
        yield Finding("simulated only", True, words)


def _mails(settings: Settings) -> Iterator[Finding]:
    """Notices that do not get through, and people whom nobody could write to."""
    waiting = asyncio.run(_asked(settings, lambda tables: tables.mails.all())) or []
    for mail in (one for one in waiting if one.attempts):
        again = "nothing more is tried; `pushwarden doctor --mail` tries now" if mail.gave_up else "it is tried again"
        yield Finding(f"mail {mail.id}", False, f"To {mail.recipient}, {mail.attempts} times: {mail.error} {again}.")
    named = asyncio.run(_asked(settings, lambda tables: any(app.contacts for app in tables.apps.all())))
    if settings.mail_server is None and (named or settings.contacts):
        yield Finding("mail", False, "Contacts are named, but no mail can be sent; set PUSHWARDEN_SMTP.")


async def _asked(settings: Settings, work: Callable[[Tables], T]) -> T | None:
    """None when the databases are not there, which is said already: opening them would make them."""
    if None in keeping_of(settings).revisions().values():
        return None
    stores = stores_of(settings, "doctor")
    try:
        return await stores.catalog.read(work)
    finally:
        await stores.close()


def try_mail(settings: Settings, recipient: str) -> Finding:
    """Sends a mail now, as notices are sent."""
    mailer, now_ms = mailer_of(settings), SystemClock().now_ms()
    if mailer is None:
        return Finding("mail", False, "No mail can be sent; set PUSHWARDEN_SMTP and PUSHWARDEN_SMTP_FROM.")
    if not is_address(recipient):
        return Finding("mail", False, f"`{recipient}` is no e-mail address.")
    mail = Mail("", f"mail_{secrets.token_hex(8)}", recipient, *trial(), now_ms, now_ms)
    try:
        asyncio.run(mailer.send(mail))
    except Undelivered as reason:
        return Finding("mail", False, str(reason))
    return Finding("mail", True, f"The mail server took a mail to {recipient}; look whether it arrived.")


def _fence(settings: Settings) -> Iterator[Finding]:
    if not settings.fence_file.exists():  # opening it would make one
        yield Finding("fence", False, "There is no fence file; the next `pushwarden serve` makes it.")
        return
    with contextlib.closing(FenceFile(settings.fence_file)) as fence:
        stops, damage = fence.stops(), fence.damage()
    for sentence in damage:
        yield Finding("fence", False, sentence)
    words = ", ".join(str(stop.scope) for stop in stops) or "nothing"
    yield Finding("stops", True, f"Stopped now: {words}.")


def _senders(settings: Settings) -> Iterator[Finding]:
    here = [seat.sender for seat in seats(settings.run)] if settings.run.exists() else []
    yield Finding("senders", bool(here), f"Senders here: {', '.join(here) or 'none; start `pushwarden serve`'}.")


def console(_: Settings) -> Iterator[Finding]:
    """Whether the console's pages move by themselves."""
    missing = [name for name in LIVE if name not in Shelf()]
    words = "moves by itself" if not missing else "shows nothing live; run `./dev setup` where npm packages can be had"
    yield Finding("console", not missing, f"The console {words}.")


ALL: tuple[Look, ...] = (_store, _disk, _databases, _vault, _callbacks, _mails, _fence, _senders, console, _simulated)
AT_ONCE: tuple[Look, ...] = (_store, _disk, _databases, _fence, console, _simulated)
"""What asks no other process and opens no database."""
