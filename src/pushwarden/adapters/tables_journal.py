"""journal.db: pushes accepted, their shards while they last, and what is kept of the recipients that failed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()

_FATES = ("accepted", "refused", "unknown", "expired", "stopped", "withdrawn")


def _text(name: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, server_default=default)


def _number(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=null, autoincrement=False, server_default=default)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _rowid(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, nullable=False)


push = Table(
    "push",
    metadata,
    _rowid("number"),  # order of acceptance
    _text("id"),
    _text("organisation"),
    _text("app"),
    _text("environment"),
    _text("type"),
    _text("class"),
    _text("message"),  # JSON object
    _number("accepted_at"),
    _number("expires_at"),
    _number("not_before"),
    _text("collapse_id"),
    _text("priority"),
    _text("tags"),
    _text("schedule"),
    _text("cohort"),
    _text("state"),
    _text("audience_note"),
    _text("actor"),
    _number("next_no"),  # of its shards; a number is never given twice
    _number("planned"),  # of the finished shards, like the fates
    *(_number(fate) for fate in _FATES),
    _number("finished_at", null=True),
    _text("source", default="api"),
    Column("addressed", LargeBinary),  # as core.addressed packs it
    _number("handed_at", default="0"),  # 0: not yet; the times are those of finished shards, like the fates
    _number("first_at", default="0"),
    _number("last_at", default="0"),
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
    _text("push"),
    _number("no"),
    _text("organisation"),
    _text("kind"),
    _number("audience"),
    _text("lane"),
    _number("rank"),  # of the lane's class: 0 urgent, 1 normal, 2 bulk, 3 suspect, 4 alone
    _text("state"),
    _number("due_at"),
    _number("lo"),
    _number("width"),
    _number("attempt"),
    _number("crashes"),
    _text("holder"),
    _number("fence"),
    _number("frozen"),
    _number("planned"),
    _number("issued"),
    _number("moved"),
    *(_number(fate) for fate in _FATES),
    _blob("done"),
    _blob("members"),  # empty while they stand in `roster`
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
roster = Table("roster", metadata, _number("shard", key=True), _blob("members"), sqlite_strict=True)

failure = Table(
    "failure",
    metadata,
    _rowid("number"),
    _text("push"),
    _number("audience"),
    _number("seq"),
    _text("fate"),
    _text("reason"),
    _number("status"),
    _number("at"),
    _text("token"),  # a short hash
    Index("failure_push", "push"),
    Index("failure_device", "audience", "seq"),
    sqlite_strict=True,
)

refusal = Table(
    "refusal",
    metadata,
    _text("push", key=True),
    _text("reason", key=True),
    _number("recipients"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    _text("organisation", key=True),
    _text("app", key=True),
    _text("environment", key=True),
    _text("key", key=True),
    _blob("fingerprint"),
    _text("push"),
    _number("at"),
    Index("idempotency_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

sender = Table(
    "sender",
    metadata,
    _text("seat", key=True),
    _number("incarnation"),
    _number("renewed_at"),  # 0: its lease has run out and what it held was given back
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What devices said of pushes to a few.
signal = Table(
    "signal",
    metadata,
    _text("push", key=True),
    _text("kind", key=True),
    _number("audience", key=True),
    _number("seq", key=True),
    _number("at"),
    Index("signal_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Which devices said it of a push to many: a bit each.
signal_block = Table(
    "signal_block",
    metadata,
    _text("push", key=True),
    _text("kind", key=True),
    _number("audience", key=True),
    _number("block", key=True),
    _blob("bits"),
    _number("devices"),
    _number("first_at"),
    _number("last_at"),
    Index("signal_block_at", "last_at"),
    sqlite_strict=True,
)
