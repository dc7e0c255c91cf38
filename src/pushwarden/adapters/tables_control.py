"""control.db: who may do what, and what is configured. The organisation stands in every key."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()


def _text(name: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, server_default=default)


def _number(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=null, autoincrement=False, server_default=default)


state = Table("state", metadata, _number("id", key=True), _number("version"), sqlite_strict=True)

organisation = Table(
    "organisation",
    metadata,
    _text("id", key=True),
    _text("name"),
    _number("version"),
    _number("created_at"),
    _number("admin_credentials", default="0"),
    sqlite_strict=True,
)

# People of an organisation, or, where that is empty, of the installation.
person = Table(
    "person",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("email"),  # in lower case
    _text("name"),
    _text("password"),  # argon2id
    Column("totp", LargeBinary, nullable=False),  # sealed
    _number("totp_step"),
    Column("recovery", LargeBinary, nullable=False),  # digests of 32 bytes, one after another
    _text("theme"),
    _text("density"),
    _number("shortcuts"),
    _number("disabled_at", null=True),
    _number("last_seen_at", null=True),
    _number("created_at"),
    _text("created_by"),
    _number("version"),
    sqlite_strict=True,
)
Index("person_id", person.c.id, unique=True)
Index("person_email", person.c.email, unique=True)
person_role = Table(
    "person_role",
    metadata,
    _text("organisation", key=True),
    _text("person", key=True),
    _text("scope", key=True),  # Scope.key
    _text("role", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
passkey = Table(
    "passkey",
    metadata,
    _text("person", key=True),
    _text("id", key=True),
    _text("name"),
    Column("public_key", LargeBinary, nullable=False),
    _number("signs"),
    _number("created_at"),
    _number("used_at", null=True),
    sqlite_strict=True,
)
Index("passkey_id", passkey.c.id, unique=True)
session = Table(
    "session",
    metadata,
    _text("person", key=True),
    _text("id", key=True),
    Column("digest", LargeBinary, nullable=False),
    _number("created_at"),
    _number("seen_at"),
    _number("fresh_until"),
    _text("address"),
    _text("agent"),
    sqlite_strict=True,
)
invitation = Table(
    "invitation",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    Column("digest", LargeBinary, nullable=False),
    _number("expires_at"),
    _text("email"),
    _text("name"),
    _text("person"),
    _text("bindings"),  # JSON array of [role, scope]
    _number("created_at"),
    _text("created_by"),
    sqlite_strict=True,
)

app = Table(
    "app",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("name"),
    _text("description"),
    _number("enabled"),
    _text("bundle_id"),
    _text("android_package"),
    _text("wns_sid"),
    _text("callbacks"),  # JSON array
    _number("version"),
    _number("created_at"),
    _text("contacts", default="[]"),  # JSON array of e-mail addresses
    _number("trial", default="0"),
    _number("deleted_at", default="0"),
    sqlite_strict=True,
)

credential = Table(
    "credential",
    metadata,
    _text("organisation", key=True),
    _text("app", key=True),
    _text("id", key=True),
    _text("environment"),
    _text("provider"),
    _text("kind"),
    _text("state"),
    _text("fingerprint"),
    _text("facts"),  # JSON object
    Column("sealed", LargeBinary, nullable=False),
    _number("version"),
    _number("created_at"),
    _text("slot", default=""),
    _number("enabled", default="1"),
    _number("activated_at", default="0"),
    _number("previous_until", default="0"),
    _text("request", default=""),  # the certificate request whose key is sealed here
    _text("certificate", default=""),  # PEM, beside a key that is sealed alone
    _number("revision", default="1"),
    sqlite_strict=True,
)
# One credential is active in a slot, whatever the code believes.
Index(
    "credential_active_slot",
    credential.c.organisation,
    credential.c.app,
    credential.c.environment,
    credential.c.provider,
    credential.c.slot,
    unique=True,
    sqlite_where=text("state = 'active'"),
    postgresql_where=text("state = 'active'"),
)

# What is known of a credential from its use. Beside it, because senders write it while people change the other.
credential_health = Table(
    "credential_health",
    metadata,
    _text("organisation", key=True),
    _text("credential", key=True),
    _text("app"),
    _text("health"),
    _number("since"),
    _text("reason"),  # a message's id; empty when all is well
    _text("checks"),  # JSON array: the evidence
    _number("proven_at"),  # the last answer that could only come of a good credential
    _number("asked_at"),  # the last probe
    sqlite_strict=True,
)
credential_probe = Table(
    "credential_probe",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("app"),
    _text("credential"),
    _text("asked_by"),
    _number("asked_at"),
    _text("claimed_by"),
    _number("claimed_at"),
    _number("done_at"),
    _text("checks"),  # JSON array
    sqlite_strict=True,
)
Index("credential_probe_open", credential_probe.c.done_at, credential_probe.c.asked_at)

# A certificate request made here: its private key is sealed before it is stored.
credential_request = Table(
    "credential_request",
    metadata,
    _text("organisation", key=True),
    _text("app", key=True),
    _text("id", key=True),
    _text("environment"),
    _text("name"),
    _text("pem"),
    _text("public_key"),  # SHA-256 of its SubjectPublicKeyInfo, hexadecimal
    Column("sealed", LargeBinary, nullable=False),
    _text("renews"),  # a credential's id
    _text("answered_by"),  # the credential its certificate became
    _text("created_by"),
    _number("created_at"),
    _number("version"),
    sqlite_strict=True,
)
# Each notice is given once.
credential_notice = Table(
    "credential_notice",
    metadata,
    _text("organisation", key=True),
    _text("credential", key=True),
    _text("what", key=True),
    _number("at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Mails that are not sent yet.
mail = Table(
    "mail",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("recipient"),
    _text("subject"),
    _text("body"),
    _number("since"),
    _number("due_at"),
    _number("attempts"),
    _text("error"),
    _number("gave_up"),
    sqlite_strict=True,
)

# What was configured for an app, each time it changed.
app_version = Table(
    "app_version",
    metadata,
    _text("organisation", key=True),
    _text("app", key=True),
    _number("number", key=True),
    _number("at"),
    _text("actor"),
    _text("actor_name"),
    _text("action"),
    _number("restored"),
    _text("configuration"),  # JSON object
    sqlite_strict=True,
)

api_key = Table(
    "api_key",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("name"),
    _text("kind"),
    _text("scope"),  # Scope.key
    Column("digest", LargeBinary, nullable=False),
    _number("created_at"),
    _number("expires_at"),
    _text("created_by"),
    _number("revoked_at", null=True),
    _number("last_used_at", null=True),
    _text("rotated_from"),
    _number("version"),
    sqlite_strict=True,
)
Index("api_key_id", api_key.c.id, unique=True)

audit = Table(
    "audit",
    metadata,
    _text("organisation", key=True),
    _number("sequence", key=True),
    _number("at"),
    _text("actor"),
    _text("action"),
    _text("app"),
    _text("outcome"),
    _text("target"),
    Column("body", LargeBinary, nullable=False),  # canonical JSON: what the hash is of
    Column("hash", LargeBinary, nullable=False),
    _text("environment", default=""),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
# A search goes by one of these, or looks at a bounded part of the rows.
Index("audit_actor", audit.c.organisation, audit.c.actor, audit.c.sequence)
Index("audit_action", audit.c.organisation, audit.c.action, audit.c.sequence)
Index("audit_app", audit.c.organisation, audit.c.app, audit.c.sequence)
Index("audit_target", audit.c.organisation, audit.c.target, audit.c.sequence)
Index("audit_outcome", audit.c.organisation, audit.c.outcome, audit.c.sequence)

# How often a day, an actor, an action, an app or an outcome stands in the audit: counted as it is written.
audit_facet = Table(
    "audit_facet",
    metadata,
    _text("organisation", key=True),
    _text("kind", key=True),
    _text("value", key=True),
    _text("label"),
    _number("entries"),
    _number("refused"),
    _number("first"),
    _number("last"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

snapshot = Table(
    "snapshot",
    metadata,
    _number("id", key=True),
    _number("version"),
    Column("body", LargeBinary, nullable=False),
    sqlite_strict=True,
)

stop = Table(
    "stop",
    metadata,
    _text("organisation", key=True),  # empty: the installation's
    _text("id", key=True),
    _text("scope"),
    _text("actor"),
    _text("reason"),
    _number("stopped_at"),
    _text("receipt"),  # JSON, empty until the senders answered
    _number("resumed_at", null=True),
    _text("resumed_by"),
    sqlite_strict=True,
)
Index("stop_id", stop.c.id, unique=True)
Index("stop_at", stop.c.stopped_at)

callback = Table(
    "callback",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("app"),
    _text("url"),
    _text("events"),  # JSON array
    _text("environments"),  # JSON array
    _number("enabled"),
    _text("ended"),
    Column("sealed", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    _number("previous_until"),
    _number("version"),
    _number("created_at"),
    sqlite_strict=True,
)
Index("callback_app", callback.c.organisation, callback.c.app)

# How far a callback has been told.
callback_place = Table(
    "callback_place",
    metadata,
    _text("organisation", key=True),
    _text("callback", key=True),
    _text("source", key=True),
    _number("number"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
callback_waiting = Table(
    "callback_waiting",
    metadata,
    _text("organisation", key=True),
    _text("callback", key=True),
    _text("push", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
callback_message = Table(
    "callback_message",
    metadata,
    _text("organisation", key=True),
    _text("callback", key=True),
    _text("id", key=True),
    _text("kind"),
    Column("body", LargeBinary, nullable=False),
    _number("since"),
    _number("due_at"),
    _number("attempts"),
    _number("gave_up"),
    _number("trial"),
    sqlite_strict=True,
)
callback_delivery = Table(
    "callback_delivery",
    metadata,
    _text("organisation", key=True),
    _text("callback", key=True),
    _number("number", key=True),
    _text("message"),
    _text("kind"),
    _number("at"),
    _number("status"),
    _number("ms"),
    _text("error"),
    sqlite_strict=True,
)

# A resume in steps.
ramp = Table(
    "ramp",
    metadata,
    _text("organisation", key=True),  # empty: the installation's
    _text("id", key=True),
    _text("scope"),  # Scope.key
    _number("step"),
    _number("step_ms"),
    _number("most_refused"),
    _number("started_at"),
    _text("started_by"),
    _number("step_at"),
    _number("since"),
    _number("accepted"),
    _number("refused"),
    _number("ended_at", null=True),
    _text("ended_by"),
    _text("outcome"),
    sqlite_strict=True,
)
Index("ramp_id", ramp.c.id, unique=True)

hold = Table(
    "hold",
    metadata,
    _text("organisation", key=True),
    _text("id", key=True),
    _text("lane"),
    _text("reason"),
    _number("opened_at"),
    _text("opened_by"),
    _text("counts"),  # JSON object
    _text("evidence"),  # JSON object
    _number("released_at", null=True),
    _text("released_by"),
    _text("release"),
    sqlite_strict=True,
)
Index("hold_id", hold.c.id, unique=True)

# Attempts of one provider in an environment; the hours are kept long after their minutes have gone.
tally = Table(
    "tally",
    metadata,
    _text("organisation", key=True),
    _text("app", key=True),
    _text("environment", key=True),
    _text("step", key=True),
    _number("at", key=True),
    _text("provider", key=True),
    _text("amounts"),  # JSON array: endings, ours, theirs
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("tally_at", tally.c.step, tally.c.at)
# How far each sender's counters have been added to them.
tally_seen = Table(
    "tally_seen",
    metadata,
    _text("sender", key=True),
    _text("run"),
    _text("places"),  # JSON object
    sqlite_strict=True,
)
