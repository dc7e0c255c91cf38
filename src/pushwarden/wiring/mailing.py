"""What mails go out through, as the settings name it."""

from __future__ import annotations

from pushwarden.adapters.egress.smtp import SmtpMailer
from pushwarden.control.post import Post
from pushwarden.settings import Settings


def mailer_of(settings: Settings) -> SmtpMailer | None:
    """What sends notices; None when no mail server is set."""
    server = settings.mail_server
    return SmtpMailer(server, settings.smtp_from, settings.smtp_ca) if server else None


def post_of(settings: Settings) -> Post:
    """What sends mails somebody waits for."""
    server = settings.mail_server
    return Post(mailer_of(settings), settings.smtp_from, server.host if server else "", settings.public_url)
