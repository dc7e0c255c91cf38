"""Mails through a mail server: TLS always, but to a server on this machine that has none. smtplib, in a thread."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from contextlib import closing
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from pushwarden.core.mail import Mail, MailServer
from pushwarden.ports.egress import Undelivered

SECONDS = 15.0
"""For each answer of the server."""


class SmtpMailer:
    """`Mailer`. A connection for each mail: notices are few."""

    def __init__(self, server: MailServer, sender: str, ca: Path | None = None) -> None:
        self._server, self._sender = server, sender
        self._context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca is not None:
            self._context.load_verify_locations(ca)

    async def send(self, mail: Mail) -> None:
        where = f"{self._server.host}:{self._server.port}"
        try:
            await asyncio.to_thread(self._send, written(mail, self._sender))
        except smtplib.SMTPAuthenticationError as error:
            raise Undelivered(f"{where} does not accept the user or the password of PUSHWARDEN_SMTP.") from error
        except smtplib.SMTPRecipientsRefused as error:
            ((_, (code, words)),) = error.recipients.items()
            raise Undelivered(f"{where} does not take mail for {mail.recipient}: {_said(code, words)}.") from error
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"{where} refused the mail: {_said(error.smtp_code, error.smtp_error)}.") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Undelivered(f"{where} offers no {'login' if self._server.user else 'TLS'}: {error}.") from error
        except ssl.SSLCertVerificationError as error:
            raise Undelivered(f"{where} shows a certificate that is not trusted: {error.verify_message}.") from error
        except UnicodeError as error:
            raise Undelivered(f"{where}: the user and the password of PUSHWARDEN_SMTP must be ASCII.") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(f"{where} cannot be reached: {getattr(error, 'strerror', '') or error}.") from error

    def _send(self, message: EmailMessage) -> None:
        with closing(self._connected()) as smtp:
            if self._server.user:
                smtp.login(self._server.user, self._server.password.reveal().decode())
            smtp.send_message(message)
            smtp.quit()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.implicit:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=self._context)
        smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        try:
            smtp.ehlo()
            if smtp.has_extn("starttls") or not server.local:
                smtp.starttls(context=self._context)
        except BaseException:
            smtp.close()
            raise
        return smtp


def written(mail: Mail, sender: str) -> EmailMessage:
    """The same bytes at every try, so that one sent twice can be known by its id."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, mail.recipient, mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.since // 1000, UTC))
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers
    message.set_content(mail.body)
    return message


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())[:200]}".rstrip(".")
