"""/v1/mail: whether mails can be sent from here, and one to try it."""

from __future__ import annotations

import msgspec

from pushwarden.control.api.fields import Email, Request
from pushwarden.control.api.people import visible
from pushwarden.control.letters import trial
from pushwarden.control.services import Services, new_id
from pushwarden.core.errors import Invalid
from pushwarden.core.mail import Mail
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class MailView(msgspec.Struct):
    """objection: why none can be sent; linkless: why no invitation can. Empty when they can."""

    server: str
    sender: str
    objection: str
    linkless: str


class MailTest(Request):
    """recipient: one of the people of the organisation."""

    recipient: Email


class MailTested(msgspec.Struct):
    """taken: by the mail server; whether it arrived is seen in the mailbox. error: why not."""

    taken: bool
    error: str


_TEST = msgspec.json.Decoder(MailTest)


class Mails:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, _: Call) -> Answer:
        post = self._services.post
        return Answer(MailView(post.server, post.sender, post.objection, post.linkless))

    async def test(self, call: Call) -> Answer:
        """To one's own people only: nobody is written to by strangers."""
        wanted, now = await call.json(_TEST), self._services.clock.now_ms()
        call.require(Permission.PEOPLE_WRITE, Scope(call.where.organisation))
        recipient = wanted.recipient.lower()
        if not await self._services.catalog.read(lambda tables: _known(tables, call, recipient)):
            raise Invalid(f"{recipient} is the address of nobody here; choose one of your people.", field="recipient")
        subject, body = trial()
        mail = Mail(call.where.organisation, f"mail_{new_id()}", recipient, subject, body, now, now)
        error = await self._services.post.send(mail)
        return Answer(MailTested(not error, error))


def _known(tables: Tables, call: Call, email: str) -> bool:
    found = tables.people.by_email(email)
    return found is not None and (found.id == call.principal.id or visible(call, found.organisation))


def routes(services: Services) -> tuple[Route, ...]:
    mails, mine = Mails(services), Within.HANDLER
    return (
        route("GET", "/v1/mail", mails.show, permission=Permission.PEOPLE_READ, within=mine,
              summary="Whether mails can be sent, through which server, from whom.", shape=Shape(None, MailView)),
        route("POST", "/v1/mail/test", mails.test, permission=Permission.PEOPLE_WRITE, within=mine, noted=True,
              action="mail.test", summary="Send a mail to one of your people now.",
              shape=Shape(MailTest, MailTested)),
    )  # fmt: skip
