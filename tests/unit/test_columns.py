"""Somebody else's device list: its columns guessed or said, and the first lines shown before anything is written."""

from __future__ import annotations

import pytest

from pushwarden.core.columns import by_name, columns_of, guess, guessed
from pushwarden.core.errors import Invalid, Malformed, UnknownField
from pushwarden.core.importing import lister
from pushwarden.dataplane.intake.import_preview import previewed

THEIRS = ["Device Token", "player_id", "OS", "external_user_id", "app-version", "session_count", "Tags"]
LINE = b"5eed5eed,phone-1,iOS,ann,5.3,12,beta ios\n"
HEAD = b"Device Token,player_id,OS,external_user_id,app-version,session_count,Tags\n"


def test_columns_of_other_services_are_guessed_by_their_names() -> None:
    fields = ["token", "installation_id", "provider", "user", "app_version", "", "tags"]
    assert guessed(THEIRS) == fields
    assert [guess(name) for name in THEIRS] == fields


def test_a_field_of_the_very_name_goes_before_one_that_looks_like_it() -> None:
    assert guessed(["device_token", "token", "deviceId", "installation_id"]) == ["", "token", "", "installation_id"]
    assert guessed(["push_token", "device_token", "udid"]) == ["token", "", "installation_id"]


def test_a_person_says_what_a_column_is() -> None:
    choose = columns_of("Device Token:token,player_id:user,id:installation_id,OS:")
    assert choose(["Device Token", "player_id", "OS", "id", "more"]) == ["token", "user", "", "installation_id", ""]
    for text in ("token", "a:colour"):
        with pytest.raises(Invalid):
            columns_of(text)


def test_without_a_word_every_column_must_be_a_field() -> None:
    assert columns_of("") is by_name
    with pytest.raises(UnknownField):
        by_name(["installation_id", "token", "colour"])
    for names in (["installation_id"], ["token", "token", "installation_id"]):
        with pytest.raises(Malformed):
            by_name(names)


def test_a_list_of_another_service_is_read_by_its_own_names() -> None:
    reader = lister("text/csv", columns_of("guess"))
    (one,) = reader.feed(HEAD + LINE).entries
    assert (one.installation_id, one.provider, one.token, one.user) == ("phone-1", "apns", "5eed5eed", "ann")
    assert (one.app_version, one.tags) == ("5.3", ("beta", "ios"))


def test_the_preview_shows_columns_rows_and_what_cannot_be_read_and_no_token() -> None:
    shown = previewed("text/csv", HEAD + LINE + b"zz,phone-2,iOS,,,,\n" + LINE[:9], "guess")
    assert [one["field"] for one in shown["columns"]][:3] == ["token", "installation_id", "provider"]
    assert [one["installation_id"] for one in shown["rows"]] == ["phone-1"]
    assert shown["rows"][0]["token"] == "5eed…(8)"
    assert [(one["line"], one["code"]) for one in shown["errors"]] == [(3, "invalid")]
    assert shown["problem"] == ""
    lost = previewed("text/csv", b"a,b\n1,2\n", "guess")
    assert (lost["rows"], [one["name"] for one in lost["columns"]]) == ([], ["a", "b"])
    assert "installation_id and token" in lost["problem"]
    plain = previewed("application/x-ndjson", b'{"installation_id":"a","token":"abab"}\n{"inst', "guess")
    assert (plain["kind"], plain["columns"], len(plain["rows"])) == ("ndjson", [], 1)
