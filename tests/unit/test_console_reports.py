"""A credential's report on its page: every file people drop and every answer, with title, text and step."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from credential_samples import SAMPLES, look_at_sample
from pushwarden.adapters.clock import SystemClock
from pushwarden.control.console.credentials.actions import Lead, actions
from pushwarden.control.console.credentials.kept import Reported
from pushwarden.control.console.credentials.report import Report, rows
from pushwarden.control.console.render import Renderer
from pushwarden.control.console.static import Shelf
from pushwarden.core.check import Check
from pushwarden.core.messages import MESSAGES, Result
from pushwarden.core.principal import Permission
from real import need

PROMISED = (
    "none file.unknown file.empty file.is_profile file.is_google_services file.is_legacy_fcm_key p12.password "
    "p12.no_key p12.no_cert p12.key_mismatch p12.many p12.legacy cer.no_request cert.not_push cert.wrong_bundle "
    "cert.sandbox_only cert.expired cert.expires cert.not_yet cert.revoked cert.voip_missing p8.malformed "
    "p8.is_cert p8.key_id p8.refused p8.env p8.topic p8.unproven_topic apns.throttled json.malformed "
    "json.only_key json.wrong_type json.key_damaged json.wrong_project oauth.invalid_grant fcm.api_off "
    "fcm.permission net.dns net.blocked net.tls_proxy net.h2 provider.down run.refused_rate"
)
"""Ids that documents and other people's programs name."""
RENDERER = Renderer(Shelf(), SystemClock())
TOLD = (Result.FAILED, Result.WARNING, Result.UNPROVEN, Result.SKIPPED)


def drawn(checks: Sequence[Check]) -> str:
    """The report's part of the page."""
    visit = SimpleNamespace(base="/apps/shop/production", path="/apps/shop/production/credentials",
                            where=SimpleNamespace(app="shop"), may=lambda _: True)  # fmt: skip
    credential = SimpleNamespace(id="c1", state="standby")
    report = Report(credential, Reported("push.p12", 3, 1), rows(checks), None)
    context = {"visit": visit, "report": report, "provider": "Apple", "Permission": Permission, "csrf": "x"}
    return RENDERER.render("credentials/reported.html", context)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def said(check: Check, page: str) -> None:
    text = words(page)
    for part in (check.title, check.message.replace("`", "")):
        assert " ".join(part.split()) in text
    if check.result in TOLD:
        for step in actions(check.next):
            pressed = re.search(rf"<(a|button) [^>]*>{re.escape(html.escape(step.label, quote=False))}", _plain(page))
            assert step.label in html.unescape(page)
            assert pressed or step.lead is Lead.ADVICE, (check.id, step)


def _plain(page: str) -> str:
    return page.replace("&#39;", "'").replace("&#34;", '"')


def test_every_id_that_was_promised_is_there() -> None:
    assert [id for id in PROMISED.split() if id not in MESSAGES] == []


ONE_OF_EACH = {one.says: name for name, one in SAMPLES.items() if "p12.too_costly" not in one.says}.values()
"""A file for all that files are told, but for those that take seconds to make."""


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_file_is_answered_with_a_title_a_text_and_a_step(name: str) -> None:
    need("openssl")
    checks = look_at_sample(SAMPLES[name]).checks
    page = drawn(checks)
    for check in checks:
        said(check, page)


@pytest.mark.parametrize("id", MESSAGES)
def test_every_message_stands_on_the_page_with_what_to_do(id: str) -> None:
    told = MESSAGES[id]
    values = {place: "1" for place in re.findall(r"\{(\w+)\}", told.title + told.text + told.next)}
    check = Check.of(id, **values)
    said(check, drawn([check]))
    if check.result in (Result.FAILED, Result.WARNING, Result.UNPROVEN):
        assert f'<small class="mono muted">{id}</small>' in drawn([check])
