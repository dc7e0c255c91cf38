"""Is it working? A table of facts and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.health import DAY_MS, Health
from pushwarden.core.names import PEOPLE
from pushwarden.core.verdict import LOOKS, NEEDS_SOMEBODY, Facts, Halt, Proof, State, verdict
from pushwarden.core.words import THIN

NOW = 1_795_266_060_000  # 21 November 2026
ENDS = NOW + 23 * DAY_MS
APPLE = Proof("apns", Health.ACTIVE, "certificate", ENDS)
GOOGLE = Proof("fcm", Health.ACTIVE, "service account")
SENDERS = {"urgent": 42, "normal": 42, "bulk-0": 42}
GOOD = Facts(
    NOW, proofs=(APPLE, GOOGLE), senders=SENDERS, version=42, accepted=97_312, refused=391,
    devices={"apns": 60_000, "fcm": 24_210},
)  # fmt: skip
ENDING = replace(APPLE, health=Health.ATTENTION)

TABLE = [
    (GOOD, State.WORKING, "Working. Apple and Google accept our pushes: 99.6 % in the last hour.", "", ""),
    (replace(GOOD, proofs=(APPLE,)), State.WORKING, "Working. Apple accepts our pushes: 99.6 %", "", ""),
    (replace(GOOD, halt=Halt(NOW, "Dana K.", "crash loop in 5.3")), State.STOPPED,
     "Stopped. Nothing is sent. Dana K. stopped it: “crash loop in 5.3”.", "", "Resume…"),
    (replace(GOOD, enabled=False), State.DISABLED, "Disabled.", "", "Open settings"),
    (replace(GOOD, proofs=(replace(GOOGLE, health=Health.DISABLED),)), State.DISABLED,
     "Switched off. Somebody switched the Google service account off; pushes wait.", "", "Open credentials"),
    (replace(GOOD, proofs=(replace(APPLE, health=Health.FAILING), GOOGLE)), State.REFUSED,
     "Apple refuses our certificate. Pushes to Apple’s devices wait", "", "Open credentials"),
    (replace(GOOD, proofs=(Proof("apns", Health.FAILING, "certificate", NOW - DAY_MS, "key"),)), State.REFUSED,
     "The Apple certificate has expired.", "", "Switch to the standby key…"),
    (replace(GOOD, accepted=100, refused=300), State.REFUSED, "Most pushes are refused. 75 % of", "", "See why"),
    (replace(GOOD, senders={}), State.DRIFT, "No sender is running. Pushes are taken and wait", "", "Open system"),
    (replace(GOOD, senders=SENDERS | {"bulk-0": 41}), State.DRIFT,
     "The newest configuration is not in effect everywhere. 2 of 3 senders have configuration 42.",
     "bulk-0 has not loaded it.", "Open system"),
    (replace(GOOD, senders=SENDERS | {"bulk-0": 41}, settled=False), State.WORKING, "Working.", "", ""),
    (replace(GOOD, proofs=(replace(ENDING, spare="key"), GOOGLE)), State.ATTENTION,
     "Working. Apple and Google accept our pushes",
     "the Apple certificate expires in 23 days, on Monday 14 December.", "Switch to the standby key…"),
    (replace(GOOD, proofs=(ENDING,)), State.ATTENTION, "Working.",
     "the Apple certificate expires in 23 days", "Renew…"),
    (replace(GOOD, proofs=(replace(ENDING, ends_at=NOW + 1),)), State.ATTENTION, "Working.",
     "expires tomorrow", "Renew…"),
    (replace(GOOD, proofs=(replace(ENDING, ends_at=0),), accepted=0, refused=0), State.ATTENTION,
     "Something needs attention. Nothing was sent in the last hour.", "Apple refuses more pushes", "Open credentials"),
    (replace(GOOD, proofs=(APPLE, replace(GOOGLE, health=Health.DISABLED))), State.ATTENTION, "Working.",
     "the Google service account is switched off; its pushes wait.", "Open credentials"),
    (replace(GOOD, proofs=(APPLE,), lacking=("fcm",)), State.ATTENTION, "Working.",
     f"24{THIN}210 devices cannot be reached: there is no Google credential.", "Add a credential"),
    (replace(GOOD, proofs=(APPLE,), lacking=("fcm",), devices={"apns": 1}), State.WORKING, "Working.", "", ""),
    (replace(GOOD, accepted=900, refused=100), State.ATTENTION, "Working.", "10 % of the pushes", "See why"),
    (replace(GOOD, accepted=9, refused=1), State.WORKING, "Working.", "", ""),
    (replace(GOOD, proofs=(replace(APPLE, health=Health.UNPROVEN),), accepted=0, refused=0), State.UNPROVEN,
     "Saved, not proven yet. Apple has not confirmed our certificate.", "", "Send a test push"),
    (replace(GOOD, accepted=0, refused=0), State.READY, "Ready. Nothing was sent in the last hour.", "",
     "Send a test push"),
    (replace(GOOD, accepted=0, refused=0, devices={}), State.WAITING, "Waiting for a device.", "", "Connect a device"),
    (Facts(NOW, senders=SENDERS, version=42, lacking=("apns",)), State.NOTHING, "Not set up yet.", "",
     "Add a credential"),
]  # fmt: skip

PROOF = st.builds(
    Proof, st.sampled_from(sorted(PEOPLE)), st.sampled_from(Health), st.sampled_from(["key", "certificate"]),
    st.sampled_from([0, NOW - DAY_MS, NOW + DAY_MS]), st.sampled_from(["", "key"]),
)  # fmt: skip
FACTS = st.builds(
    Facts, st.just(NOW), enabled=st.booleans(), halt=st.sampled_from([None, Halt(NOW, "Dana K.")]),
    proofs=st.lists(PROOF, max_size=3).map(tuple), lacking=st.lists(st.sampled_from(["apns", "fcm"])).map(tuple),
    senders=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3)), version=st.integers(0, 3),
    settled=st.booleans(), accepted=st.integers(0, 10**6), refused=st.integers(0, 10**6),
    devices=st.dictionaries(st.sampled_from(["apns", "fcm"]), st.integers(0, 10**6)),
)  # fmt: skip


@pytest.mark.parametrize(("facts", "state", "head", "todo", "label"), TABLE)
def test_facts_have_one_verdict_and_at_most_one_thing_to_do(facts, state, head, todo, label) -> None:
    said = verdict(facts)
    assert said.state is state
    assert f"{said.sentence} {said.rest}".replace(THIN, " ").startswith(head)
    assert todo.replace(THIN, " ") in said.todo.replace(THIN, " ")
    assert said.label == label
    assert bool(said.todo) == bool(todo)


def test_every_state_has_its_own_case_and_its_own_word() -> None:
    assert {state for _, state, *_ in TABLE} == set(State) == set(LOOKS)
    assert len({look.word for look in LOOKS.values()}) == len(State)


@given(FACTS)
def test_whatever_the_facts_somebody_can_read_what_to_do(facts: Facts) -> None:
    said = verdict(facts)
    assert said.sentence.endswith(".")
    assert said.rest.endswith(".")
    assert bool(said.label) == bool(said.where)
    if said.state in NEEDS_SOMEBODY:
        assert said.label
    if facts.halt:
        assert said.state is State.STOPPED


@given(FACTS)
def test_what_is_worse_is_never_hidden_by_what_is_better(facts: Facts) -> None:
    order = list(State)
    failing = any(one.health is Health.FAILING for one in facts.proofs)
    if failing and facts.enabled:
        assert order.index(verdict(facts).state) <= order.index(State.REFUSED)
    off = facts.proofs and all(one.health is Health.DISABLED for one in facts.proofs)
    if facts.behind and facts.enabled and not off:
        assert order.index(verdict(facts).state) <= order.index(State.DRIFT)
