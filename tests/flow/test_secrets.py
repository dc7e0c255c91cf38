"""Planted secrets are found nowhere, whatever was asked and whatever died."""

from __future__ import annotations

import json

import pytest

import leaks
from product_fixtures import close_stage, open_stage

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("store", leaks.STORES)
def test_a_planted_secret_is_in_no_answer_log_error_crash_dump_backup_or_metric(store: str) -> None:
    stage = open_stage(environ=leaks.environ(store), providers=("apns", "fcm"))
    try:
        told = leaks.play(stage)
    finally:
        close_stage(stage)
    print(json.dumps(told))
    assert told["leaks"] == {}
    assert {200, 201, 400, 404, 422, 500} <= told["answers"].keys(), "every kind of answer was looked at"
    assert set(told["died"]) == {"reader", "sender-normal", "chores", "api"}
    assert {"file", "process", "pushwarden", "GET", "POST"} <= told["surfaces"].keys()
    assert ("pg_dump" in told["surfaces"]) is (store == "postgres")
