"""devices.db: audiences, and their devices clustered by number. Never STRICT: ids and tokens are BLOB or TEXT."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Computed, Index, Integer, LargeBinary, MetaData, Table, Text, text

from pushwarden.adapters.columns import blob, number, words

metadata = MetaData()


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


audience = Table(
    "audience",
    metadata,
    Column("id", Integer, primary_key=True, nullable=False),
    words("organisation"),
    words("app"),
    words("environment"),
    words("provider"),
    words("token_kind"),
    number("size"),  # live devices
    number("next_seq"),
    Column("proven_seq", Integer, nullable=False, server_default=text("0")),
    Index("audience_place", "organisation", "app", "environment", "provider", "token_kind", unique=True),
)

device = Table(
    "device",
    metadata,
    number("audience", key=True),
    number("seq", key=True),
    blob("installation"),
    blob("token"),
    words("person"),
    words("app_version"),
    words("build"),
    words("tags"),  # ",ios,beta,", or nothing
    number("test"),  # 0 no, 1 the app says so, 2 a person does
    number("state"),  # 0 live, 1 gone
    number("registered_at"),  # 0: not known
    number("gone_at", null=True),  # when it was buried
    Column("gone_reason", Text),
    number("doubt_at", null=True),  # when the provider first called it dead without saying since when
    number("version"),
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
    number("audience", key=True),
    number("next_seq"),
    number("size"),
    number("unproven"),
    number("counted_at"),
    number("took_ms"),
)
census = Table(
    "census",
    metadata,
    number("audience", key=True),
    Column("app_version", Text, primary_key=True, nullable=False),
    Column("build", Text, primary_key=True, nullable=False),
    number("test", key=True),
    number("live"),
    number("gone"),
    sqlite_with_rowid=False,
)
churn = Table(
    "churn",
    metadata,
    number("audience", key=True),
    number("day", key=True),
    Column("what", Text, primary_key=True, nullable=False),
    number("count"),
    sqlite_with_rowid=False,
)
noted = Table("noted", metadata, number("id", key=True), number("invalidation"))  # the last one that churn counts

# What imports came to: the newest of each environment. about: JSON; errors: JSON of the refused lines, packed.
import_report = Table(
    "import_report",
    metadata,
    Column("number", Integer, primary_key=True, nullable=False),
    words("organisation"),
    words("app"),
    words("environment"),
    words("id"),
    number("started_at"),
    words("about"),
    blob("errors"),
    Index("import_report_place", "organisation", "app", "environment", "id", unique=True),
)

# What providers said of tokens, for 30 days. AUTOINCREMENT: a number once given stands in cursors for ever.
invalidation = Table(
    "invalidation",
    metadata,
    Column("number", Integer, primary_key=True, nullable=False),
    words("organisation"),
    words("app"),
    words("environment"),
    words("provider"),
    words("token_kind"),
    words("token"),
    words("state"),  # gone, revived; doubted: not given out
    words("installation"),  # as device_rows.INSTALLATION gives it; empty for a raw token
    words("person"),
    words("reason"),
    number("gone_ms", null=True),
    number("at"),
    words("push"),
    Index("invalidation_place", "organisation", "app", "number"),
    Index("invalidation_token", "token"),
    Index("invalidation_at", "at"),
    sqlite_autoincrement=True,
)
