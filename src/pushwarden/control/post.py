"""Mails somebody waits for: sent at once, kept nowhere, because a link in one is as good as a password."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pushwarden.core.mail import Mail
from pushwarden.ports.egress import Mailer, Undelivered

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Post:
    """mailer: None without a mail server. origin: how people reach the console, empty where nobody said it: what a
    request calls the site is whatever its sender wrote, so no link is made of that.
    """

    mailer: Mailer | None = None
    sender: str = ""
    server: str = ""
    origin: str = ""

    @property
    def objection(self) -> str:
        """Why no mail can be sent, in a sentence; empty when one can."""
        return "" if self.mailer else "No mail can be sent: set PUSHWARDEN_SMTP and PUSHWARDEN_SMTP_FROM."

    @property
    def linkless(self) -> str:
        """Why no link can be mailed; empty when one can."""
        missing = "" if self.origin else "No link can be mailed: set PUSHWARDEN_PUBLIC_URL to how people reach this."
        return self.objection or missing

    async def send(self, mail: Mail) -> str:
        """Why the mail server did not take it; empty when it did."""
        if self.mailer is None:
            return self.objection
        try:
            async with asyncio.timeout(SECONDS):
                await self.mailer.send(mail)
        except Undelivered as reason:
            return str(reason)
        except TimeoutError:
            return f"{self.server} has not answered for {SECONDS:.0f} s; whether it took the mail is not known."
        return ""
