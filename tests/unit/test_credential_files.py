"""Every file a person may drop is named, and told what to do next; every message about files is provoked by one."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from credential_samples import ENTRA, SAMPLES, look_at_sample
from fcm_pushes import account, file
from looking import NOW_MS, look_at
from pushwarden.core.messages import MESSAGES, Result
from pushwarden.core.secret import Secret
from pushwarden.wiring.inspect import Inspector
from real import need

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_named_judged_and_told_what_to_do(name: str) -> None:
    need("openssl")
    sample = SAMPLES[name]
    report = look_at_sample(sample)
    found = {check.id: check.result for check in report.checks}
    said = dict(one.split("=") if "=" in one else (one, str(MESSAGES[one].result)) for one in sample.says.split())
    assert said.items() <= found.items(), found
    assert report.usable == sample.usable, found
    assert (report.material is not None) == sample.usable
    failed = {id for id, result in found.items() if result == Result.FAILED}
    assert failed == {id for id, result in said.items() if result == Result.FAILED}
    assert all(check.next for check in report.checks if check.result in (Result.FAILED, Result.WARNING))
    shown = repr(report) + json.dumps(dict(report.facts))
    assert not re.search(r"PRIVATE KEY-----\s*\w|[A-Za-z0-9+/]{80}", shown.replace(report.fingerprint, ""))


def test_the_limited_child_says_the_same_of_every_third() -> None:
    async def whole() -> None:
        inspector = Inspector(lambda: NOW_MS)
        try:
            for sample in list(SAMPLES.values())[::3]:
                data, password = sample.make(), None if sample.password is None else Secret(sample.password.encode())
                here = look_at(data, password=password, hints=sample.hints, provider=sample.provider)
                assert await inspector(sample.provider, data, password, sample.hints) == here
        finally:
            inspector.close()

    asyncio.run(whole())


def test_what_stands_in_the_wrong_place_is_not_shown_for_it_may_be_the_secret() -> None:
    secret = "abc8Q~" + "secret" * 5
    swapped = {"tenant": secret, "appId": secret, "password": ENTRA["appId"]}
    key = account()["private_key"]
    for data in (json.dumps(swapped).encode(), file(private_key_id=key), file(project_id=key), file(type=key)):
        report = look_at(data)
        shown = repr(report) + json.dumps(dict(report.facts))
        assert not report.usable
        assert secret not in shown and key[60:90] not in shown


def test_damaged_json_says_where_and_how() -> None:
    for data, where in (
        (b'{"type": "service_account",\n "a" 1}', "Line 2, column 6: a colon is missing."),
        (b'{"type": "service_account",\n', "Line 1, column 28: the file ends here, too early."),
        (b'{"type": "service_acc', "Line 1, column 10: a text begins here and does not end."),
    ):
        (check,) = look_at(data).checks
        assert (check.id, check.message) == ("json.malformed", where)


def test_there_are_files_enough_to_mean_something() -> None:
    assert len(SAMPLES) >= 60


ELSEWHERE: dict[str, str] = {
    "tests/unit/test_inspect.py": "file.timeout",
    "tests/flow/test_live_proof.py": (
        "p8.refused p8.env p8.topic apns.throttled oauth.invalid_grant fcm.api_off fcm.permission fcm.no_project "
        "cert.revoked live.accepted live.handshake live.oauth live.clock live.clock_wrong live.not_asked provider.down"
    ),
    "tests/flow/test_live_proof_way.py": (
        "cert.refused live.timeout live.stopped live.unclear live.sealed live.trust net.dns net.blocked net.tls_proxy "
        "net.h2"
    ),
    "tests/flow/test_api_proofs.py": "live.no_sender",
    "tests/fault/test_refused_credentials.py": "run.refused_rate",
    "tests/flow/test_credential_notices.py": "run.well",
    "tests/flow/test_credential_overview.py": "none",
    "tests/flow/test_cli.py": "live.offline",
}
"""Messages that no file alone provokes: the test that has a sender, a simulator or a server say them."""


def test_every_message_is_provoked_by_a_file_or_by_an_answer() -> None:
    by_files = {one.split("=")[0] for sample in SAMPLES.values() for one in sample.says.split()}
    by_answers = {id for ids in ELSEWHERE.values() for id in ids.split()}
    assert by_files | by_answers == set(MESSAGES)
    assert not by_files & by_answers


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_is_said_elsewhere_is_tested_there(path: str) -> None:
    text = (ROOT / path).read_text()
    assert [id for id in ELSEWHERE[path].split() if f'"{id}"' not in text] == []
