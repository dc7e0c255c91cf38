"""control.db: people, their roles, sign-ins and invitations."""

from __future__ import annotations

from sqlalchemy import Index, MetaData, Table

from pushwarden.adapters.columns import blob, number, words

metadata = MetaData()
"""Of the whole control.db: tables_control goes on with it."""

# People of an organisation, or, where that is empty, of the installation.
person = Table(
    "person",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("email"),  # in lower case
    words("name"),
    words("password"),  # argon2id
    blob("totp"),  # sealed
    number("totp_step"),
    blob("recovery"),  # digests of 32 bytes, one after another
    words("theme"),
    words("density"),
    number("shortcuts"),
    number("disabled_at", null=True),
    number("last_seen_at", null=True),
    number("created_at"),
    words("created_by"),
    number("version"),
    sqlite_strict=True,
)
Index("person_id", person.c.id, unique=True)
Index("person_email", person.c.email, unique=True)
person_role = Table(
    "person_role",
    metadata,
    words("organisation", key=True),
    words("person", key=True),
    words("scope", key=True),  # Scope.key
    words("role", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
passkey = Table(
    "passkey",
    metadata,
    words("person", key=True),
    words("id", key=True),
    words("name"),
    blob("public_key"),
    number("signs"),
    number("created_at"),
    number("used_at", null=True),
    sqlite_strict=True,
)
Index("passkey_id", passkey.c.id, unique=True)
session = Table(
    "session",
    metadata,
    words("person", key=True),
    words("id", key=True),
    blob("digest"),
    number("created_at"),
    number("seen_at"),
    number("fresh_until"),
    words("address"),
    words("agent"),
    sqlite_strict=True,
)
invitation = Table(
    "invitation",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    blob("digest"),
    number("expires_at"),
    words("email"),
    words("name"),
    words("person"),
    words("bindings"),  # JSON array of [role, scope]
    number("created_at"),
    words("created_by"),
    sqlite_strict=True,
)
