"""The whole product over PostgreSQL: the main flows of the other product tests, played on a stage with that store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_product_access import test_a_stop_key_stops_and_does_nothing_else
from test_product_credentials import test_a_switch_and_a_switch_back_under_a_fan_out_lose_and_double_nothing
from test_product_devices import (
    test_a_mass_invalidation_holds_the_lane_until_a_person_discards_it_by_api,
    test_a_rotated_token_is_the_one_that_is_sent_to,
    test_a_token_that_died_is_buried_until_it_is_registered_again,
    test_an_export_imported_elsewhere_is_the_same_export,
    test_an_import_tells_each_bad_line_and_keeps_every_good_one,
    test_an_opt_out_in_the_middle_of_a_fan_out_is_never_written_to,
)
from test_product_pushes import (
    test_a_cancel_in_mid_flight_ends_the_rest_and_frees_its_place_in_the_fence,
    test_a_push_waits_for_its_time,
    test_a_template_gives_each_phone_its_own_words,
    test_each_way_to_name_recipients_reaches_exactly_those,
    test_every_push_type_arrives_as_the_preview_showed_it,
)
from test_product_stops import (
    test_a_resume_decides_what_becomes_of_the_rest_of_a_fan_out,
    test_a_stopped_scope_queues_nothing_unless_asked_to_hold,
)

import postgres_server
from product_fixtures import SLOW, close_stage, open_stage
from pushwarden.wiring.stage import Stage

__all__ = [
    "test_a_cancel_in_mid_flight_ends_the_rest_and_frees_its_place_in_the_fence",
    "test_a_mass_invalidation_holds_the_lane_until_a_person_discards_it_by_api",
    "test_a_push_waits_for_its_time",
    "test_a_resume_decides_what_becomes_of_the_rest_of_a_fan_out",
    "test_a_rotated_token_is_the_one_that_is_sent_to",
    "test_a_stop_key_stops_and_does_nothing_else",
    "test_a_stopped_scope_queues_nothing_unless_asked_to_hold",
    "test_a_switch_and_a_switch_back_under_a_fan_out_lose_and_double_nothing",
    "test_a_template_gives_each_phone_its_own_words",
    "test_a_token_that_died_is_buried_until_it_is_registered_again",
    "test_an_export_imported_elsewhere_is_the_same_export",
    "test_an_import_tells_each_bad_line_and_keeps_every_good_one",
    "test_an_opt_out_in_the_middle_of_a_fan_out_is_never_written_to",
    "test_each_way_to_name_recipients_reaches_exactly_those",
    "test_every_push_type_arrives_as_the_preview_showed_it",
]
pytestmark = SLOW


@pytest.fixture(scope="module")
def postgres_stage() -> Iterator[Stage]:
    stage = open_stage(environ={"PUSHWARDEN_STORE": postgres_server.fresh_database(migrated=False)})
    yield stage
    close_stage(stage)


@pytest.fixture
def calm(postgres_stage: Stage) -> Iterator[Stage]:
    """In place of the one over SQLite."""
    yield postgres_stage
    postgres_stage.control("POST", "/script", content=b'{"rules":[]}')


def test_nothing_is_kept_in_files_beside_the_database(calm: Stage) -> None:
    assert list(Path(calm.data).glob("*.db*")) == []
