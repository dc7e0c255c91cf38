"""Settings that make no sense are refused with a sentence; a store's password is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from pushwarden.settings import Settings

DSN = "postgresql://push:pa55word@db.example/push"


def test_the_store_is_sqlite_unless_a_dsn_is_named() -> None:
    assert Settings.model_validate({}).dsn == ""
    assert Settings.model_validate({"store": DSN}).dsn == DSN


def test_a_dsn_can_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsn").write_text(f"{DSN}\n")
    monkeypatch.setenv("PUSHWARDEN_STORE_FILE", str(tmp_path / "dsn"))
    assert Settings().dsn == DSN
    monkeypatch.setenv("PUSHWARDEN_STORE", DSN)
    with pytest.raises(pydantic.ValidationError, match="both set; keep one"):
        Settings()
    monkeypatch.delenv("PUSHWARDEN_STORE")
    (tmp_path / "dsn").unlink()
    with pytest.raises(pydantic.ValidationError, match="cannot be read"):
        Settings()


def test_another_store_is_refused_without_repeating_what_was_said() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Settings.model_validate({"store": "mysql://push:pa55word@db"})
    (said,) = caught.value.errors()
    assert "postgresql://" in said["msg"]
    assert "pa55word" not in said["msg"]


def test_the_password_is_not_shown() -> None:
    settings = Settings.model_validate({"store": DSN})
    assert "pa55word" not in f"{settings!r} {settings} {settings.model_dump_json()}"


MAIL = {"smtp": "smtp://push:pa55word@mail.example", "smtp_from": "push@acme.example"}


def test_a_mail_server_is_known_by_its_url_which_can_stand_in_a_file(tmp_path: Path) -> None:
    assert Settings.model_validate({}).mail_server is None
    server = Settings.model_validate(MAIL).mail_server
    assert server is not None and (server.host, server.port, server.user) == ("mail.example", 587, "push")
    (tmp_path / "smtp").write_text("smtps://mail.example\n")
    filed = Settings.model_validate({"smtp_file": str(tmp_path / "smtp"), "smtp_from": "push@acme.example"})
    assert filed.mail_server is not None and filed.mail_server.implicit
    assert "pa55word" not in repr(Settings.model_validate(MAIL))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"smtp": MAIL["smtp"]}, "PUSHWARDEN_SMTP_FROM is not"),
        (MAIL | {"smtp": "mail.example"}, "it is smtp://"),
        (MAIL | {"smtp": "smtp://push:pa55word@mail.example:99999"}, "Port"),
        (MAIL | {"smtp_from": "push"}, "`push` is no e-mail address"),
        ({"contacts": "ada@acme.example, bob"}, "`bob` is no e-mail address"),
    ],
)
def test_mail_that_could_not_be_sent_is_refused_at_start(said: dict[str, str], words: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=words) as caught:
        Settings.model_validate(said)
    assert all("pa55word" not in one["msg"] for one in caught.value.errors())


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ({}, True),
        ({"listen_host": "0.0.0.0"}, False),
        ({"listen_host": "0.0.0.0", "simulators": "on"}, True),
        ({"simulators": "off"}, False),
        ({"simulator_fcm": "localhost:1"}, False),
    ],
)
def test_simulators_are_our_own_on_loopback_alone_unless_somebody_says_otherwise(
    said: dict[str, str], own: bool
) -> None:
    assert Settings.model_validate(said).own_simulators is own


def test_simulators_of_two_kinds_at_once_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="keep one"):
        Settings.model_validate({"simulators": "on", "simulator_apns": "localhost:1"})
