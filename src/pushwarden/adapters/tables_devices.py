"""devices.db: audiences, and their devices clustered by number. Never STRICT: ids and tokens are BLOB or TEXT."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Computed, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=null, autoincrement=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


audience = Table(
    "audience",
    metadata,
    Column("id", Integer, primary_key=True, nullable=False),
    _text("organisation"),
    _text("app"),
    _text("environment"),
    _text("provider"),
    _text("token_kind"),
    _number("size"),  # live devices
    _number("next_seq"),
    Column("proven_seq", Integer, nullable=False, server_default=text("0")),
    Index("audience_place", "organisation", "app", "environment", "provider", "token_kind", unique=True),
)

device = Table(
    "device",
    metadata,
    _number("audience", key=True),
    _number("seq", key=True),
    Column("installation", LargeBinary, nullable=False),
    Column("token", LargeBinary, nullable=False),
    _text("person"),
    _text("app_version"),
    _text("build"),
    _text("tags"),  # ",ios,beta,", or nothing
    _number("test"),  # 0 no, 1 the app says so, 2 a person does
    _number("state"),  # 0 live, 1 gone
    _number("registered_at"),  # 0: not known
    _number("gone_at", null=True),  # when it was buried
    Column("gone_reason", Text),
    _number("doubt_at", null=True),  # when the provider first called it dead without saying since when
    _number("version"),
    # The end of a token is as good as a hash of it and costs no bytes in the row (every provider's ends at random).
    Column("token_end", LargeBinary, Computed("substr(token, -8)", persisted=False)),
    Index("device_installation", "audience", "installation", unique=True),
    Index("device_token", "audience", "token_end"),
    Index("device_person", "audience", "person", **_where("person <> ''")),
    Index("device_gone", "audience", "gone_at", **_where("state = 1")),
    Index("device_test", "audience", "seq", **_where("test > 0")),
    sqlite_with_rowid=False,
)

# An audience as chores last saw it, its devices counted by what they have in common, and what came and went by day.
pulse = Table(
    "pulse",
    metadata,
    _number("audience", key=True),
    _number("next_seq"),
    _number("size"),
    _number("unproven"),
    _number("counted_at"),
    _number("took_ms"),
)
census = Table(
    "census",
    metadata,
    _number("audience", key=True),
    Column("app_version", Text, primary_key=True, nullable=False),
    Column("build", Text, primary_key=True, nullable=False),
    _number("test", key=True),
    _number("live"),
    _number("gone"),
    sqlite_with_rowid=False,
)
churn = Table(
    "churn",
    metadata,
    _number("audience", key=True),
    _number("day", key=True),
    Column("what", Text, primary_key=True, nullable=False),
    _number("count"),
    sqlite_with_rowid=False,
)
noted = Table("noted", metadata, _number("id", key=True), _number("invalidation"))  # the last one that churn counts

# What providers said of tokens, for 30 days. AUTOINCREMENT: a number once given stands in cursors for ever.
invalidation = Table(
    "invalidation",
    metadata,
    Column("number", Integer, primary_key=True, nullable=False),
    _text("organisation"),
    _text("app"),
    _text("environment"),
    _text("provider"),
    _text("token_kind"),
    _text("token"),
    _text("state"),  # gone, revived; doubted: not given out
    _text("installation"),  # as device_rows.INSTALLATION gives it; empty for a raw token
    _text("person"),
    _text("reason"),
    _number("gone_ms", null=True),
    _number("at"),
    _text("push"),
    Index("invalidation_place", "organisation", "app", "number"),
    Index("invalidation_token", "token"),
    Index("invalidation_at", "at"),
    sqlite_autoincrement=True,
)
