"""Sends the mails that notices wrote: one after another, again until each is taken or three days are over."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pushwarden.core.mail import KEPT_MS, Mail, failed
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.clock import Clock
from pushwarden.ports.egress import Mailer, Undelivered

log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Postman:
    catalog: Catalog
    mailer: Mailer
    clock: Clock
    jitter: Callable[[], float] = random.random

    async def step(self) -> None:
        """Tries every mail that is due."""
        now_ms = self.clock.now_ms()
        for mail in await self.catalog.read(lambda tables: tables.mails.all()):
            if mail.gave_up and now_ms - mail.since >= KEPT_MS:
                await self._drop(mail)
            elif not mail.gave_up and mail.due_at <= now_ms:
                await self._send(mail)

    async def _send(self, mail: Mail) -> None:
        try:
            await self.mailer.send(mail)
        except Undelivered as reason:
            tried = failed(mail, str(reason), self.clock.now_ms(), self.jitter())
            await self.catalog.note(lambda tables: tables.mails.put(tried))
            log.warning("mail not taken", mail=mail.id, attempts=tried.attempts, error=tried.error)
        else:
            await self._drop(mail)
            log.info("mail taken", mail=mail.id)

    async def _drop(self, mail: Mail) -> None:
        """One that was taken ends what doctor says of its recipient."""

        def work(tables: Tables) -> None:
            for one in tables.mails.all():
                if one.id == mail.id or (one.gave_up and one.recipient == mail.recipient):
                    tables.mails.drop(one.id)

        await self.catalog.note(work)
