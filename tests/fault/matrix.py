"""The fault matrix: one row a fault, with the script that plays it, what a user sees and what it costs.

`python -m tests.pages` makes docs/faults.md of it; tests/fault/test_matrix.py plays every row that has a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Rule = dict[str, Any]


class Ends(StrEnum):
    """How every recipient of a silent push must have ended once the fault has been played."""

    ACCEPTED = "accepted"  # all of them, each processed exactly once
    UNKNOWN = "unknown"  # at least one unknown, the rest accepted, nobody written to twice
    REFUSED = "refused"  # at least one refused, the rest accepted, no token touched


@dataclass(frozen=True, slots=True)
class Script:
    """A played fault. rules: the simulator's; most: the share of recipients that may end otherwise than accepted."""

    rules: tuple[Rule, ...]
    ends: Ends
    most: float = 1.0
    facts: Mapping[str, float] = field(default_factory=dict)  # deadlines a test can wait for
    fcm: tuple[Rule, ...] = ()  # where FCM says it in other words; empty: the same
    providers: tuple[str, ...] = ("apns", "fcm")

    def rules_of(self, provider: str) -> tuple[Rule, ...]:
        return self.fcm if provider == "fcm" and self.fcm else self.rules


@dataclass(frozen=True, slots=True)
class Fault:
    """played: how it is brought about, in words, where there is no script. proofs: tests of its own, by name."""

    number: str
    what: str
    sees: str
    lost: str
    scripts: tuple[Script, ...] = ()
    played: str = ""
    proofs: tuple[str, ...] = ()


QUICK = {"deadline": 0.6, "ping_after": 0.3, "ping_timeout": 0.3}
NOTHING = "nothing"
IN_FLIGHT = "silent pushes: those in flight on that connection end `unknown`; alerts: none"

FAULTS = (
    Fault(
        "F1",
        "GOAWAY in the middle",
        "Nothing: what was not processed goes out on another connection.",
        NOTHING,
        (Script(({"do": "goaway", "after_streams": 137, "back": 6, "reason": "Shutdown"},), Ends.ACCEPTED),),
        proofs=("test_f1_goaway_frees_the_unprocessed_and_the_rest_keep_waiting",),
    ),
    Fault(
        "F2",
        "GOAWAY with an error and its reason",
        "The reason under `troubles` of the sender; the pushes go on elsewhere.",
        NOTHING,
        (
            Script(
                ({"do": "goaway", "after_streams": 300, "code": 11, "reason": "too_many", "connections": [1, 2]},),
                Ends.ACCEPTED,
            ),
        ),
        proofs=("test_f2_a_goaway_with_an_error_tells_its_reason_and_nothing_crashes",),
    ),
    Fault(
        "F3",
        "two GOAWAYs",
        "Nothing.",
        NOTHING,
        (
            Script(
                ({"do": "goaway", "after_streams": 200, "two_phase": True, "two_phase_ms": 20},),
                Ends.ACCEPTED,
            ),
        ),
        proofs=("test_a_two_phase_goaway_processes_what_comes_between",),
    ),
    Fault(
        "F4",
        "a stream is reset",
        "REFUSED_STREAM: nothing. Any other code: `unknown`, or sent again, by type.",
        "silent pushes: the reset ones end `unknown`; alerts: none",
        (
            Script(({"do": "reset", "code": 7, "share": 0.05},), Ends.ACCEPTED),
            Script(({"do": "reset", "code": 8, "share": 0.05},), Ends.UNKNOWN, 0.1),
            Script(({"do": "reset", "code": 2, "share": 0.05},), Ends.UNKNOWN, 0.1),
        ),
    ),
    Fault(
        "F5",
        "TCP reset with requests in flight",
        "Silent: at most the requests in flight end `unknown`. Alert: sent again under its collapse id.",
        IN_FLIGHT,
        (
            Script(
                ({"do": "disconnect", "after_streams": 700, "connections": [1, 2, 3]},),
                Ends.UNKNOWN,
                fcm=({"do": "disconnect", "after_streams": 90, "connections": [1, 2, 3]},),
            ),
        ),
        proofs=("test_f5_an_alert_without_answer_is_sent_again_under_the_same_collapse_id",),
    ),
    Fault(
        "F6",
        "the peer vanished without a word",
        "A pause of seconds, then as F5.",
        IN_FLIGHT,
        (
            Script(
                (
                    {"do": "delay", "ms": 30},
                    {"do": "half_open", "after_streams": 300, "connections": [1]},
                    {"do": "drop_pings", "connections": [1]},
                ),
                Ends.UNKNOWN,
                facts={**QUICK, "deadline": 30.0},
                fcm=(
                    {"do": "delay", "ms": 30},
                    {"do": "half_open", "after_streams": 90, "connections": [1]},
                    {"do": "drop_pings", "connections": [1]},
                ),
            ),
        ),
        played="`./dev soak stalled`: one of four connections half-open, not reading, or black-holed by `Relay`",
        proofs=(
            "test_f6_a_peer_that_vanished_is_found_by_ping",
            "test_one_of_four_connections_that_stalls_is_left_alone_and_replaced",
        ),
    ),
    Fault(
        "F7",
        "accepted, never answered",
        "`unknown` after the deadline (urgent: sooner), or sent again, by type.",
        "silent pushes: the unanswered ones end `unknown`; alerts: none",
        (Script(({"do": "silence", "share": 0.03},), Ends.UNKNOWN, 0.1, QUICK),),
    ),
    Fault(
        "F8",
        "windows of 0, tiny windows",
        "Slower.",
        NOTHING,
        (
            Script(
                ({"do": "windows", "stream": 16}, {"do": "stall", "what": "window", "from_s": 0.1, "until_s": 0.5}),
                Ends.ACCEPTED,
            ),
        ),
        proofs=("test_f8_a_tiny_stream_window_splits_the_body_and_holds_up_nobody_else",),
    ),
    Fault(
        "F9",
        "the stream limit shrinks to 1",
        "Slower; no more connections are opened to work around it.",
        NOTHING,
        (
            Script(
                (
                    {"do": "settings", "after_streams": 500, "max_streams": 1},
                    {"do": "settings", "after_streams": 520, "max_streams": 1000},
                ),
                Ends.ACCEPTED,
            ),
        ),
    ),
    Fault(
        "F10",
        "error bodies split, empty, not JSON, cut, huge",
        "The refusal, judged by its status when the body says nothing.",
        NOTHING,
        tuple(
            Script(
                ({"do": "refuse", "share": 0.08, "status": 400, "reason": "BadTopic2", "body": shape},), Ends.REFUSED
            )
            for shape in ("split", "none", "text", "huge", "truncated")
        ),
        proofs=("test_f10_a_body_in_pieces_is_put_together_and_one_too_long_is_cut",),
    ),
    Fault(
        "F11",
        "idle connections are closed",
        "Nothing: the next push opens one.",
        NOTHING,
        played="`idle_close`, then another push",
        proofs=(
            "test_f11_a_push_after_the_provider_closed_idle_connections_goes_out",
            "test_f11_a_closed_connection_says_goodbye_once_and_takes_nothing_new",
            "test_an_idle_connection_is_closed_with_its_reason",
        ),
    ),
    Fault(
        "F12",
        "TLS: another name, another authority, old TLS",
        "The sentence under `troubles`; nothing is sent and the credential is not blamed.",
        NOTHING,
        played="a simulator with another authority",
        proofs=(
            "test_f12_a_provider_this_machine_does_not_trust_gets_nothing_and_blames_no_credential",
            "test_a_server_of_another_name_or_authority_is_refused",
            "test_the_context_takes_no_old_tls",
        ),
    ),
    Fault(
        "F13",
        "the client certificate is not accepted at the handshake",
        "After three handshakes the lane pauses, 15 s doubling to 5 min, and says why.",
        NOTHING,
        played="a server that asks for another certificate",
        proofs=(
            "test_f13_a_refused_client_certificate_pauses_the_lane_after_three_handshakes",
            "test_without_a_certificate_the_first_read_says_so",
        ),
    ),
    Fault(
        "F14",
        "the client certificate ends while connected",
        "The lane pauses at that moment and says so; warned before by `pushwarden_credential_expires_seconds`.",
        NOTHING,
        played="a certificate whose last moment passes in mid-run",
        proofs=("test_f14_a_certificate_that_ends_while_connected_pauses_its_lane",),
    ),
    Fault(
        "F15",
        "the provider token is too old",
        "Nothing: a fresh token, on a new connection where the provider wants one.",
        NOTHING,
        (
            Script(
                ({"do": "refuse", "status": 403, "reason": "ExpiredProviderToken", "connections": [1]},),
                Ends.ACCEPTED,
                fcm=({"do": "refuse", "status": 401, "reason": "UNAUTHENTICATED", "connections": [1]},),
            ),
        ),
        proofs=("test_a_connection_never_changes_its_token_twice_in_twenty_minutes_nor_uses_an_old_one",),
    ),
    Fault(
        "F16",
        "a wrong clock",
        "Nothing up to two minutes fast; else the credential's sentence names the clock.",
        NOTHING,
        played="skewed times",
        proofs=("test_a_token_is_old_enough_for_a_fast_clock_and_young_enough_for_apple",),
    ),
    Fault(
        "F17",
        "429",
        "APNs: that device waits, the others do not. FCM: the project's lane waits as long as it is asked to.",
        "what its ttl ends meanwhile: `expired`",
        (
            Script(
                ({"do": "refuse", "share": 0.05, "status": 429, "reason": "TooManyRequests", "until_s": 1.0},),
                Ends.ACCEPTED,
                fcm=(
                    {
                        "do": "refuse",
                        "share": 0.05,
                        "status": 429,
                        "reason": "QUOTA_EXCEEDED",
                        "retry_after": "1",
                        "until_s": 0.5,
                    },
                ),
            ),
        ),
        proofs=("test_retry_after_is_never_cut_short", "test_a_wait_the_provider_asks_for_is_kept"),
    ),
    Fault(
        "F18",
        "a storm of 500 and 503",
        "The push stays `open`; what expires meanwhile ends `expired`, what is refused six times `refused`.",
        "what its ttl ends meanwhile: `expired`",
        (
            Script(
                ({"do": "refuse", "share": 0.3, "status": 503, "reason": "ServiceUnavailable", "until_s": 1.0},),
                Ends.ACCEPTED,
                fcm=(
                    {
                        "do": "refuse",
                        "share": 0.3,
                        "status": 503,
                        "reason": "UNAVAILABLE",
                        "retry_after": "1",
                        "until_s": 0.5,
                    },
                ),
            ),
        ),
    ),
    Fault(
        "F19",
        "dead or silent addresses",
        "Nothing: the next address is tried a quarter of a second later; names are resolved at each connect.",
        NOTHING,
        played="a resolver that names dead addresses first",
        proofs=(
            "test_an_address_that_refuses_gives_way_to_the_next",
            "test_an_address_that_never_answers_holds_nobody_up",
            "test_each_dial_asks_the_resolver_anew",
        ),
    ),
    Fault(
        "F20",
        "the proxy dies or refuses",
        "The sentence under `troubles`.",
        "as F5",
        played="`ConnectProxy` moods",
        proofs=(
            "test_f20_a_connect_proxy_is_used_and_its_refusal_said_in_a_sentence",
            "test_a_proxy_refuses_or_dies",
        ),
    ),
    Fault(
        "F21",
        "dead tokens, one of them registered again since",
        "The dead one is never sent to again; the newer one stays.",
        NOTHING,
        played="`refuse` 410 with `timestamp_ms`",
        proofs=(
            "test_f21_a_token_that_died_is_buried_and_never_sent_to_again",
            "test_only_the_token_that_was_meant_and_not_registered_later_is_buried",
        ),
    ),
    Fault(
        "F22",
        "sandbox and production mixed",
        "A hold with its reason; no token is touched.",
        NOTHING,
        played="`refuse` BadDeviceToken, all",
        proofs=(
            "test_f22_a_wrong_environment_touches_no_token_and_holds_the_lane",
            "test_bad_tokens_in_number_point_at_the_environment",
            "test_a_wrong_campaign_sends_a_sample_touches_no_device_and_says_why",
        ),
    ),
    Fault(
        "F23",
        "the credential, the topic or the project is wrong",
        "The lane pauses and says why; nobody ends, no token is touched. New devices: a hold with its reason.",
        NOTHING,
        played="`refuse` InvalidProviderToken, DeviceTokenNotForTopic, PERMISSION_DENIED, SENDER_ID_MISMATCH",
        proofs=(
            "test_f23_a_refused_credential_pauses_its_lane_and_ends_nobody",
            "test_a_fault_of_the_configuration_touches_no_token",
            "test_a_wrong_campaign_sends_a_sample_touches_no_device_and_says_why",
        ),
    ),
    Fault(
        "F24",
        "FCM: 404 without a word about the token, INVALID_ARGUMENT",
        "404 without UNREGISTERED: the project's fault, the lane pauses. INVALID_ARGUMENT: the message's, "
        "unless it names the token.",
        NOTHING,
        played="`refuse` 404 NOT_FOUND, 403 PERMISSION_DENIED and SERVICE_DISABLED",
        proofs=("test_f24_a_404_without_a_word_about_the_token_is_the_projects_fault",),
    ),
    Fault(
        "F25",
        "half the fleet called dead at once",
        "A hold; a person releases it.",
        NOTHING,
        played="`refuse` 410, `share`",
        proofs=("test_a_tenth_of_a_sample_dead_at_once_is_for_a_person",),
    ),
    Fault(
        "F26",
        "a token moves to another installation",
        "`moved` in the import's report.",
        NOTHING,
        played="a second registration",
        proofs=("test_a_token_another_installation_holds_moves_and_its_number_is_never_given_again",),
    ),
    Fault(
        "F28",
        "a reason nobody knows",
        "The reason word for word; tried once more, no token touched.",
        NOTHING,
        (Script(({"do": "refuse", "share": 0.2, "status": 400, "reason": "NeverHeardOf"},), Ends.REFUSED, 0.1),),
        proofs=("test_a_thousand_unknown_reasons_delete_no_token",),
    ),
    Fault(
        "F29",
        "kill -9 of a sender in a fan-out",
        "A second of pause.",
        "alerts: at most W doubled; silent: at most W `unknown`",
        played="`kill -9`",
        proofs=(
            "test_a_killed_process_loses_no_alert",
            "test_a_killed_sender_doubles_no_silent_push",
            "test_nothing_is_lost_whatever_happens",
        ),
    ),
    Fault(
        "F30",
        "kill -9 of api, chores, supervisor or PostgreSQL",
        "What had its 202 is there; repeat the rest with its idempotency key.",
        NOTHING,
        played="`kill -9`",
        proofs=(
            "test_a_killed_child_is_started_again_and_readiness_says_so",
            "test_no_child_outlives_a_killed_supervisor_and_a_new_one_starts",
        ),
    ),
    Fault(
        "F31",
        "two senders on one shard",
        "Nothing.",
        NOTHING,
        played="a stale claim",
        proofs=(
            "test_a_stale_fence_changes_nothing_and_is_given_back",
            "test_no_shard_is_claimed_twice",
            "test_a_second_process_cannot_take_a_seat",
        ),
    ),
    Fault(
        "F32",
        "a locked database",
        "503 `busy` with Retry-After; a stop works.",
        NOTHING,
        played="an open write transaction",
        proofs=(
            "test_a_journal_locked_by_another_process_is_busy_and_nothing_was_accepted",
            "test_a_locked_database_delays_no_stop_and_has_its_row_afterwards",
        ),
    ),
    Fault(
        "F33",
        "a full disk",
        "507 `store_full`; what is under way is recorded from a reserve; a stop works.",
        NOTHING,
        played="a small file system, a spent reserve",
        proofs=(
            "test_a_full_disk_refuses_to_accept_and_keeps_what_was_accepted",
            "test_outcomes_are_recorded_from_the_reserve_and_nothing_is_begun_meanwhile",
            "test_a_disk_that_takes_no_record_fails_no_stop",
        ),
    ),
    Fault(
        "F36",
        "a recipient at which the sender dies",
        "Everyone else gets the push; one failure `quarantined`, an alarm and a line in the log.",
        "the push to that recipient",
        played="SIGKILL in render and in classify, an exception in each",
        proofs=(
            "test_the_one_recipient_at_which_senders_die_is_quarantined_and_everyone_else_gets_the_push",
            "test_a_silent_push_is_never_sent_again_to_whom_it_was_in_doubt",
            "test_a_single_push_that_kills_its_sender_is_quarantined_and_its_neighbours_are_not",
            "test_code_that_fails_at_one_recipient_costs_that_one_and_no_sender",
        ),
    ),
    Fault(
        "F37",
        "the same request twice",
        "The first push's id, or 409.",
        NOTHING,
        played="the same idempotency key",
        proofs=(
            "test_the_same_key_with_the_same_body_is_replayed",
            "test_the_same_key_with_another_body_is_refused_and_the_rest_is_accepted",
        ),
    ),
    Fault(
        "F40",
        "SIGTERM in a fan-out",
        "The rest goes out after the restart.",
        NOTHING,
        played="SIGTERM",
        proofs=(
            "test_a_drain_gives_the_shards_back_and_another_sender_finishes_them",
            "test_sigterm_closes_the_door_first_then_the_senders_then_the_chores",
        ),
    ),
    Fault(
        "F41",
        "a stop races with everything, a frozen sender",
        "The receipt says what is proven.",
        "what was in flight to an aborted connection: `unknown`",
        played="SIGSTOP, a stop at full speed",
        proofs=(
            "test_no_frame_follows_a_drained_reply_at_full_speed",
            "test_a_stop_in_mid_flight_lets_no_frame_follow_the_drained_reply",
            "test_a_frozen_sender_is_ended_and_the_receipt_says_so",
            "test_a_stop_is_made_without_the_api_when_it_is_frozen",
        ),
    ),
    Fault(
        "F42",
        "opt-out while it is queued",
        "`withdrawn`.",
        NOTHING,
        played="a device removed in mid-run",
        proofs=("test_f42_an_opt_out_in_the_queue_ends_withdrawn",),
    ),
    Fault(
        "F45",
        "payloads too large, bad text",
        "413 or 422 before anything is queued.",
        NOTHING,
        played="any text a caller may send",
        proofs=("test_what_is_accepted_can_be_sent", "test_what_is_accepted_for_fcm_can_be_sent"),
    ),
)
