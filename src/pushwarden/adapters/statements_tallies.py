"""The statements of the tallies, built once for whichever database runs them."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select

from pushwarden.adapters.tables_control import tally, tally_seen

_PLACE = (
    tally.c.organisation == bindparam("organisation"),
    tally.c.app == bindparam("app"),
    tally.c.environment == bindparam("environment"),
    tally.c.step == bindparam("step"),
)
TALLIES = (
    select(tally.c.at, tally.c.provider, tally.c.amounts)
    .where(*_PLACE, tally.c.at >= bindparam("since"), tally.c.at < bindparam("until"))
    .order_by(tally.c.at, tally.c.provider)
)
TALLIES_ACROSS = select(tally.c.app, tally.c.environment, tally.c.at, tally.c.provider, tally.c.amounts).where(
    tally.c.step == bindparam("step"),
    tally.c.at >= bindparam("since"),
    tally.c.organisation == bindparam("organisation"),
)
TALLY_DELETE = (
    tally.delete()
    .where(and_(*_PLACE, tally.c.at == bindparam("at"), tally.c.provider == bindparam("provider")))
    .returning(tally.c.amounts)
)
TALLY_INSERT = tally.insert()
TALLY_FORGET = (
    tally.delete().where(tally.c.step == bindparam("step"), tally.c.at < bindparam("before")).returning(tally.c.at)
)
SEEN_GET = select(tally_seen).where(tally_seen.c.sender == bindparam("sender"))
SEEN_INSERT = tally_seen.insert()
SEEN_DELETE = tally_seen.delete().where(tally_seen.c.sender == bindparam("sender"))
