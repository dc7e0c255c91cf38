"""What is known of the sending from memory."""

from __future__ import annotations

from typing import Any

from pushwarden.control.outlook import Outlook, Queue, answers
from pushwarden.core.receipt import Confirmation, Evidence, Receipt, SenderReceipt
from pushwarden.core.scope import Environment, Scope

SHOP, OTHER = "acme/shop/production/apns", "acme/other/production/apns/voip"
WHERE = Scope("acme", "shop", Environment.PRODUCTION)


def stats(accepted: int = 0, refused: int = 0, **wrote: int) -> dict[str, Any]:
    endings = [[SHOP, "accepted", "", accepted], [SHOP, "refused", "Unregistered", refused], [OTHER, "refused", "", 9]]
    families = {"shop": SHOP, "other": OTHER}
    return {"counters": {"endings": endings, "wrote": {families[name]: [count, 5] for name, count in wrote.items()}}}


def test_nothing_is_known_before_anything_was_seen() -> None:
    outlook = Outlook()
    assert (outlook.a_minute(Scope()), outlook.queue(Scope()), outlook.senders) == (None, None, [])


def test_a_minute_is_what_was_written_in_the_last_sixty_seconds() -> None:
    outlook = Outlook()
    for second in range(100):
        outlook.see({"one": stats(shop=10 * second, other=second), "two": stats(shop=second)}, float(second))
    assert outlook.a_minute(WHERE) == 660
    assert outlook.a_minute(Scope("acme")) == 720
    assert outlook.a_minute(Scope("rival")) == 0
    assert outlook.senders == ["one", "two"]


def test_a_sender_that_began_anew_takes_nothing_away() -> None:
    outlook = Outlook()
    outlook.see({"one": stats(shop=500)}, 0.0)
    outlook.see({"one": stats(shop=3)}, 1.0)
    assert outlook.a_minute(WHERE) == 0


def test_the_queue_parts_what_is_held_from_what_may_go() -> None:
    outlook = Outlook()
    outlook.see_backlog(
        [
            {"lane": f"{SHOP}/bulk", "state": "held", "recipients": 7},
            {"lane": f"{SHOP}/bulk", "state": "ready", "recipients": 5},
            {"lane": f"{SHOP}/normal", "state": "claimed", "recipients": 1},
            {"lane": f"{OTHER}/urgent", "state": "ready", "recipients": None},
        ]
    )
    assert outlook.queue(WHERE) == Queue(queued=6, held=7)
    assert outlook.queue(Scope("acme", "other")) == Queue()
    outlook.see_backlog(None)
    assert outlook.queue(WHERE) is None


def test_answers_are_counted_by_sender_within_the_scope() -> None:
    said = {"one": stats(accepted=5, refused=2)}
    assert answers(said, WHERE) == {"one": (5, 2)}
    assert answers(said, Scope("acme")) == {"one": (5, 11)}


def receipt(*senders: SenderReceipt) -> Receipt:
    return Receipt("stop-1", WHERE, 1, 5, 4.0, senders)


def test_sent_since_a_stop_is_what_senders_wrote_after_they_confirmed_it() -> None:
    outlook = Outlook()
    known = SenderReceipt("one", Confirmation.DRAINED, 4.0, evidence=Evidence(wrote=100))
    outlook.see({"one": stats(shop=100, other=50)}, 0.0)
    assert outlook.sent_since(WHERE, receipt(known)) == 0
    outlook.see({"one": stats(shop=103)}, 1.0)
    assert outlook.sent_since(WHERE, receipt(known)) == 3
    outlook.see({"one": stats(shop=2)}, 2.0)  # a new process
    assert outlook.sent_since(WHERE, receipt(known)) == 2
    silent = SenderReceipt("two", Confirmation.UNREACHED, 60.0)
    assert outlook.sent_since(WHERE, receipt(known, silent)) is None
    outlook.see({}, 3.0)
    assert outlook.sent_since(WHERE, receipt(known)) is None
