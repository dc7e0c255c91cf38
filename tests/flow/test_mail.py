"""Mails to a real mail server: TLS, login, what is refused, and when one is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cast import HeldClock
from mail_fixtures import MailBox
from pushwarden.adapters.egress.smtp import SmtpMailer
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.postman import Postman
from pushwarden.core.app import App
from pushwarden.core.callback import GIVE_UP_MS
from pushwarden.core.mail import KEPT_MS, Mail, addresses_of, is_address, server_of
from pushwarden.ports.egress import Undelivered
from pushwarden.settings import Settings
from pushwarden.wiring.doctor import examine
from pushwarden.wiring.stores import keeping_of, stores_of

NOW = 1_800_000_000_000
MAIL = Mail("acme", "mail_1", "ada@acme.example", "Shop — läuft ab", "One line.\n.\nÜber alles.\n", NOW, NOW)
SENDER = "push@acme.example"


def run(scene: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(scene)


def mailer(box: MailBox, **changes: Any) -> SmtpMailer:
    server = replace(server_of(changes.pop("url", box.url())), **changes)
    return SmtpMailer(server, SENDER, box.ca)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_mail_comes_whole_over_tls_after_a_login(tmp_path: Path, implicit: bool) -> None:
    with MailBox(tmp_path, implicit=implicit, login=True).up() as box:
        run(mailer(box).send(MAIL))
    [mail] = box.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, MAIL.recipient, MAIL.subject)
    assert mail.get_content().replace("\r\n", "\n") == MAIL.body
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<mail_1@acme.example>", "auto-generated")
    words = [line.split()[0].upper() for line in box.sessions[0]]
    assert words.index("AUTH") > (0 if implicit else words.index("STARTTLS"))


def test_only_a_server_on_this_machine_may_do_without_tls(tmp_path: Path) -> None:
    with MailBox(tmp_path, starttls=False).up() as box:
        run(mailer(box).send(MAIL))
        with pytest.raises(Undelivered, match="offers no TLS"):
            run(mailer(box, host="127.1").send(MAIL))
    assert len(box.mails) == 1


def test_why_a_mail_was_not_taken_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    with MailBox(tmp_path, login=True, refuses={"ada@acme.example"}).up() as box:
        with pytest.raises(Undelivered, match=r"does not take mail for ada@acme.example: 550 5.1.1 nobody"):
            run(mailer(box).send(MAIL))
        with pytest.raises(Undelivered, match="does not accept the user or the password") as caught:
            run(mailer(box, url=box.url(password="s3cret")).send(MAIL))
        assert "s3cret" not in str(caught.value)
        with pytest.raises(Undelivered, match="certificate that is not trusted"):
            run(SmtpMailer(server_of(box.url()), SENDER).send(MAIL))
        box.down = True
        with pytest.raises(Undelivered, match="cannot be reached"):
            run(mailer(box).send(MAIL))
    with pytest.raises(Undelivered, match="cannot be reached: Connection refused"):
        run(mailer(box).send(MAIL))
    assert box.mails == []


def test_a_password_that_no_server_can_take_is_said_so(tmp_path: Path) -> None:
    with MailBox(tmp_path, login=True).up() as box, pytest.raises(Undelivered, match="must be ASCII"):
        run(mailer(box, url=box.url(password="pässwörd")).send(MAIL))


def test_a_mail_that_is_not_taken_is_sent_later_and_once(tmp_path: Path) -> None:
    async def scene(box: MailBox) -> None:
        catalog, clock = MemoryCatalog(), HeldClock(NOW)
        postman = Postman(catalog, mailer(box), clock, jitter=lambda: 1.0)
        await catalog.note(lambda tables: tables.mails.put(MAIL))
        box.down = True
        await postman.step()
        await postman.step()
        [waiting] = await catalog.read(lambda tables: tables.mails.all())
        assert (waiting.attempts, waiting.due_at, len(box.sessions)) == (1, NOW + 5_000, 1)
        assert "cannot be reached" in waiting.error
        box.down = False
        clock.ms = NOW + 5_000
        await postman.step()
        await postman.step()
        assert await catalog.read(lambda tables: tables.mails.all()) == []
        assert [mail["Message-ID"] for mail in box.mails] == ["<mail_1@acme.example>"]

    with MailBox(tmp_path).up() as box:
        run(scene(box))


def test_after_three_days_a_mail_waits_for_a_person_until_one_gets_through(tmp_path: Path) -> None:
    async def scene(box: MailBox) -> None:
        catalog, clock = MemoryCatalog(), HeldClock(NOW)
        postman = Postman(catalog, mailer(box), clock, jitter=lambda: 1.0)
        other = replace(MAIL, id="mail_2", recipient="bob@acme.example")
        for mail in (MAIL, other):
            await catalog.note(lambda tables, mail=mail: tables.mails.put(mail))
        box.refuses = {MAIL.recipient, other.recipient}
        while clock.ms < NOW + GIVE_UP_MS + 3_600_000:
            await postman.step()
            clock.ms += 1_800_000
        tried = len(box.sessions)
        await postman.step()
        assert len(box.sessions) == tried
        assert all(mail.gave_up for mail in await catalog.read(lambda tables: tables.mails.all()))
        box.refuses = set()
        fresh = replace(MAIL, id="mail_3", since=clock.ms, due_at=clock.ms)
        await catalog.note(lambda tables: tables.mails.put(fresh))
        await postman.step()
        assert [mail.id for mail in await catalog.read(lambda tables: tables.mails.all())] == ["mail_2"]
        clock.ms = NOW + KEPT_MS
        await postman.step()
        assert await catalog.read(lambda tables: tables.mails.all()) == []

    with MailBox(tmp_path).up() as box:
        run(scene(box))


@pytest.mark.parametrize("text", ["ada@acme.example", "a.b+c@x-y.example", "root@localhost"])
def test_an_address_is_taken(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@acme", "ada@", "ada@acme.", "ada@-x.example", "ada@a..b", "a da@acme.example", "ada@acme.example\n",
     "ada@acme.example\r\nBcc: x@y", "<ada@acme.example>", "ada@acme.example,bob@acme.example", "a" * 65 + "@x.example",
     "ada@" + "x" * 64 + ".example", "ada@" + "x." * 130 + "example", "ädä@acme.example"],
)  # fmt: skip
def test_what_is_no_address_or_two_is_not(text: str) -> None:
    assert not is_address(text)


def test_addresses_stand_between_commas_and_a_wrong_one_is_named() -> None:
    assert addresses_of(" ada@x.example, bob@x.example ,ada@x.example,") == ("ada@x.example", "bob@x.example")
    with pytest.raises(ValueError, match="`bob` is no e-mail address"):
        addresses_of("ada@x.example, bob")


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://h/x", "smtp://h:99999"])
def test_a_mail_server_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        server_of(url)


def test_a_mail_servers_url_has_its_own_ports_and_shows_no_password() -> None:
    server = server_of("smtps://us%40er:p%3Aw@mail.example")
    assert (server.host, server.port, server.implicit, server.user) == ("mail.example", 465, True, "us@er")
    assert server.password.reveal() == b"p:w"
    assert "p:w" not in repr(server)
    assert server_of("smtp://mail.example").port == 587


def test_doctor_names_the_mails_that_do_not_get_through_and_people_nobody_can_write_to(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path})
    keeping_of(settings).migrate()
    assert [one for one in examine(settings) if one.name.startswith("mail")] == []

    async def enter() -> None:
        stores = stores_of(settings, "test")
        stuck = replace(MAIL, attempts=9, error="mail.example:587 cannot be reached: Connection refused.", gave_up=True)
        app = App("acme", "shop", "Shop", contacts=("ada@acme.example",))
        await stores.catalog.note(lambda tables: (tables.mails.put(stuck), tables.apps.insert(app)))
        await stores.close()

    run(enter())
    [stuck, unset] = [one for one in examine(settings) if one.name.startswith("mail")]
    assert not stuck.good and stuck.sentence.startswith("To ada@acme.example, 9 times: mail.example:587 cannot be")
    assert not unset.good and "set PUSHWARDEN_SMTP" in unset.sentence
