"""What is decided about people without asking anybody: passwords, codes, waits, and what is kept of a form."""

from __future__ import annotations

import asyncio

import pyotp
import pytest
from argon2 import PasswordHasher

from pushwarden.adapters.vault.chest import AesChest
from pushwarden.control.console.form import Form
from pushwarden.control.console.kept import KEPT_MS, LARGEST, Keeper
from pushwarden.control.people import codes
from pushwarden.control.people.browsers import KNOWN_MS, marked, recognised
from pushwarden.control.people.passkeys import usable
from pushwarden.control.people.passwords import Passwords, objection
from pushwarden.control.people.throttle import FORGET_MS, REMEMBERED, Throttle, of_address, of_one, of_stranger
from pushwarden.core.line import is_line
from pushwarden.core.words import browser
from pushwarden.settings import Settings

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 12"),
        ("x" * 1001, "at most 1000"),
        ("abababababab", "different characters"),
        ("dana-likes-tea", "own name"),
        ("I am Dana Kim, really", "own name"),
        ("correct horse battery", ""),
        ("ünïcödé ist auch gut", ""),
    ],
)
def test_a_password_is_refused_with_the_reason(password: str, words: str) -> None:
    said = objection(password, "dana@acme.example", "Dana Kim")
    assert words in said and bool(words) == bool(said)


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    async def run() -> None:
        passwords = Passwords(PasswordHasher(1, 8, 1))
        kept = await passwords.hash("caf\u00e9 au lait, please")
        assert await passwords.same(kept, "cafe\u0301 au lait, please")
        assert not await passwords.same(kept, "cafe au lait, please")
        assert not await passwords.same("", "nobody has this password")
        assert not await passwords.same("nonsense", "x")

    asyncio.run(run())


def test_a_code_is_right_a_step_early_or_late_and_never_twice() -> None:
    secret = codes.new_secret()
    now = NOW // codes.STEP_MS
    for off, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = pyotp.TOTP(secret).generate_otp(now + off)
        assert (codes.step_of(secret, code, NOW, 0) == now + off) is right
    assert codes.step_of(secret, pyotp.TOTP(secret).generate_otp(now), NOW, now) is None
    for odd in ("", "١٢٣٤٥٦", "12345", "abcdef"):
        assert codes.step_of(secret, odd, NOW, 0) is None
    spaced = pyotp.TOTP(secret).generate_otp(now)
    assert codes.step_of(secret, f" {spaced[:3]} {spaced[3:]}", NOW, 0) == now


def test_recovery_codes_are_used_up_one_by_one_however_they_are_typed() -> None:
    texts = codes.recovery_codes()
    kept = tuple(codes.kept(text) for text in texts)
    left = codes.without(kept, texts[0].upper().replace("-", " "))
    assert left is not None and len(left) == 9
    assert codes.without(left, texts[0]) is None
    assert codes.without(kept, "") is None


def test_each_wrong_try_beyond_a_few_doubles_the_wait_up_to_a_minute_and_is_forgotten() -> None:
    throttle, waits, dana = Throttle(), [], of_one("dana")
    for _ in range(14):
        waits.append(throttle.wait_ms(NOW, dana))
        throttle.tried(NOW, dana)
    assert waits[:8] == [0, 0, 0, 0, 0, 1000, 2000, 4000]
    assert max(waits) == 60_000
    assert throttle.wait_ms(NOW, of_one("omar")) == 0
    assert throttle.wait_ms(NOW + FORGET_MS + 1, dana) == 0
    throttle.passed(dana)
    assert throttle.wait_ms(NOW, dana) == 0


def test_an_address_waits_for_all_accounts_it_tries_and_memory_is_bounded() -> None:
    throttle = Throttle()
    for number in range(25):
        throttle.tried(NOW, of_stranger(f"p{number}", "192.0.2.1"))
    assert throttle.wait_ms(NOW, of_stranger("fresh", "192.0.2.1")) == 32_000
    throttle.passed(of_stranger("p1", "192.0.2.1"))
    assert throttle.wait_ms(NOW, of_stranger("fresh", "192.0.2.1")) == 16_000, "one right try forgives one"
    for number in range(REMEMBERED):
        throttle.tried(NOW, of_stranger(f"q{number}", f"b{number}"))
    assert throttle.wait_ms(NOW, of_stranger("fresh", "192.0.2.1")) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "nonsense", False),
    ],
)
def test_an_ipv6_address_counts_for_its_whole_network(one: str, other: str, same: bool) -> None:
    assert (of_address(one) == of_address(other)) is same


def test_a_code_waits_longer_than_a_password_because_only_its_owner_gets_that_far() -> None:
    throttle, counted = Throttle(), of_stranger("dana", "a", code=True)
    for _ in range(30):
        throttle.tried(NOW, counted)
    assert throttle.wait_ms(NOW, counted) == 900_000
    assert throttle.wait_ms(NOW, of_stranger("dana", "b")) == 0


def test_a_browser_is_known_for_the_account_it_was_signed_in_with_and_for_half_a_year() -> None:
    chest = AesChest(bytes(32))
    text = marked(chest, "", "dana@acme.example", NOW)
    name = recognised(chest, text, "dana@acme.example", NOW)
    assert name
    assert recognised(chest, marked(chest, text, "dana@acme.example", NOW), "dana@acme.example", NOW) == name
    assert recognised(chest, marked(chest, text, "omar@acme.example", NOW), "omar@acme.example", NOW) != name
    assert recognised(chest, text, "omar@acme.example", NOW) == ""
    assert recognised(chest, text, "dana@acme.example", NOW + KNOWN_MS) == ""
    assert recognised(AesChest(b"1" * 32), text, "dana@acme.example", NOW) == ""


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "a\x85b", "a\u2028b", "Dana \u202egnp.exe", "a\u2066b", "a\n"])
def test_what_breaks_a_line_or_turns_its_reading_is_no_name(text: str) -> None:
    assert not is_line(text)


@pytest.mark.parametrize("text", ["Dana K.", "شيماء", "می\u200cخواهم", "👩‍💻 Ana", "<b>&\"'", ""])
def test_a_name_of_any_language_is_a_line(text: str) -> None:
    assert is_line(text)


def test_a_form_comes_back_as_it_was_for_an_hour_and_a_forged_one_never() -> None:
    keeper = Keeper(AesChest(bytes(32)))
    form = Form({"csrf": ["old"], "name": ["Dana"], "many": ["a", "b\nc"]})
    text = keeper.keep("/access/keys", {"app": "shop", "csrf": "old"}, form, NOW)
    found = keeper.find(text, NOW)
    assert found and (found.path, found.query) == ("/access/keys", {"app": "shop"})
    assert found.form.fields == {"name": ["Dana"], "many": ["a", "b\nc"]}
    assert keeper.find(text, NOW + KEPT_MS) is None
    assert keeper.find(text, NOW, "another browser") is None
    assert Keeper(AesChest(b"1" * 32)).find(text, NOW) is None
    assert keeper.find(text[:-2] + "00", NOW) is None
    assert keeper.find("nonsense", NOW) is None
    assert keeper.keep("/x", {}, Form({"big": ["x" * (LARGEST + 1)]}), NOW) == ""


@pytest.mark.parametrize(
    ("origin", "able"),
    [
        ("https://push.example.com", True),
        ("http://localhost:8600", True),
        ("http://push.example.com", False),
        ("http://127.0.0.1:8600", False),
        ("https://[::1]:8600", False),
    ],
)
def test_passkeys_are_offered_where_browsers_make_them(origin: str, able: bool) -> None:
    assert usable(origin) is able


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.1", "curl/8.1"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, words: str) -> None:
    assert browser(agent) == words


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://x/path", "push.example.com"])
def test_an_address_of_the_console_is_scheme_and_host(url: str) -> None:
    with pytest.raises(ValueError, match="https:// and a host"):
        Settings.model_validate({"public_url": url})
    assert Settings.model_validate({"public_url": "https://push.example.com/"}).secure
