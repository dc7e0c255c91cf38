"""journal.db: pushes accepted, their shards while they last, and what is kept of the recipients that failed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, text

from pushwarden.adapters.columns import blob, number, words

metadata = MetaData()

_FATES = ("accepted", "refused", "unknown", "expired", "stopped", "withdrawn")


def _rowid(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, nullable=False)


push = Table(
    "push",
    metadata,
    _rowid("number"),  # order of acceptance
    words("id"),
    words("organisation"),
    words("app"),
    words("environment"),
    words("type"),
    words("class"),
    words("message"),  # JSON object
    number("accepted_at"),
    number("expires_at"),
    number("not_before"),
    words("collapse_id"),
    words("priority"),
    words("tags"),
    words("schedule"),
    words("cohort"),
    words("state"),
    words("audience_note"),
    words("actor"),
    number("next_no"),  # of its shards; a number is never given twice
    number("planned"),  # of the finished shards, like the fates
    *(number(fate) for fate in _FATES),
    number("finished_at", null=True),
    words("source", default="api"),
    Column("addressed", LargeBinary),  # as core.addressed packs it
    number("handed_at", default="0"),  # 0: not yet; the times are those of finished shards, like the fates
    number("first_at", default="0"),
    number("last_at", default="0"),
    Index("push_id", "id", unique=True),
    Index("push_place", "organisation", "app", "environment"),
    Index("push_organisation", "organisation"),
    sqlite_strict=True,
)
Index(
    "push_open",
    push.c.organisation,
    push.c.app,
    push.c.environment,
    push.c.accepted_at,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)

# The columns a query sums stand before the blobs, so that it reads no overflow page.
shard = Table(
    "shard",
    metadata,
    _rowid("id"),
    words("push"),
    number("no"),
    words("organisation"),
    words("kind"),
    number("audience"),
    words("lane"),
    number("rank"),  # of the lane's class: 0 urgent, 1 normal, 2 bulk, 3 suspect, 4 alone
    words("state"),
    number("due_at"),
    number("lo"),
    number("width"),
    number("attempt"),
    number("crashes"),
    words("holder"),
    number("fence"),
    number("frozen"),
    number("planned"),
    number("issued"),
    number("moved"),
    *(number(fate) for fate in _FATES),
    blob("done"),
    blob("members"),  # empty while they stand in `roster`
    Index("shard_no", "push", "no", unique=True),
    sqlite_strict=True,
)
for _name, _columns, _state in (
    ("shard_lane", (shard.c.rank, shard.c.lane, shard.c.due_at), "ready"),
    ("shard_claimed", (shard.c.holder,), "claimed"),
    ("shard_held", (shard.c.push,), "held"),
):
    _where = text(f"state = '{_state}'")
    Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)

# Members too long to be written again with every mark of their shard.
roster = Table("roster", metadata, number("shard", key=True), blob("members"), sqlite_strict=True)

failure = Table(
    "failure",
    metadata,
    _rowid("number"),
    words("push"),
    number("audience"),
    number("seq"),
    words("fate"),
    words("reason"),
    number("status"),
    number("at"),
    words("token"),  # a short hash
    Index("failure_push", "push"),
    Index("failure_device", "audience", "seq"),
    sqlite_strict=True,
)

refusal = Table(
    "refusal",
    metadata,
    words("push", key=True),
    words("reason", key=True),
    number("recipients"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    words("organisation", key=True),
    words("app", key=True),
    words("environment", key=True),
    words("key", key=True),
    blob("fingerprint"),
    words("push"),
    number("at"),
    Index("idempotency_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

sender = Table(
    "sender",
    metadata,
    words("seat", key=True),
    number("incarnation"),
    number("renewed_at"),  # 0: its lease has run out and what it held was given back
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What devices said of pushes to a few.
signal = Table(
    "signal",
    metadata,
    words("push", key=True),
    words("kind", key=True),
    number("audience", key=True),
    number("seq", key=True),
    number("at"),
    Index("signal_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Which devices said it of a push to many: a bit each.
signal_block = Table(
    "signal_block",
    metadata,
    words("push", key=True),
    words("kind", key=True),
    number("audience", key=True),
    number("block", key=True),
    blob("bits"),
    number("devices"),
    number("first_at"),
    number("last_at"),
    Index("signal_block_at", "last_at"),
    sqlite_strict=True,
)
