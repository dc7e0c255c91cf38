"""control.db: what is configured, and who did what. The organisation stands in every key. People: tables_people."""

from __future__ import annotations

from sqlalchemy import Index, Table, text

from pushwarden.adapters.columns import blob, number, words
from pushwarden.adapters.tables_people import metadata

state = Table("state", metadata, number("id", key=True), number("version"), sqlite_strict=True)

organisation = Table(
    "organisation",
    metadata,
    words("id", key=True),
    words("name"),
    number("version"),
    number("created_at"),
    number("admin_credentials", default="0"),
    sqlite_strict=True,
)

app = Table(
    "app",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("name"),
    words("description"),
    number("enabled"),
    words("bundle_id"),
    words("android_package"),
    words("wns_sid"),
    words("callbacks"),  # JSON array
    number("version"),
    number("created_at"),
    words("contacts", default="[]"),  # JSON array of e-mail addresses
    number("trial", default="0"),
    number("deleted_at", default="0"),
    sqlite_strict=True,
)

credential = Table(
    "credential",
    metadata,
    words("organisation", key=True),
    words("app", key=True),
    words("id", key=True),
    words("environment"),
    words("provider"),
    words("kind"),
    words("state"),
    words("fingerprint"),
    words("facts"),  # JSON object
    blob("sealed"),
    number("version"),
    number("created_at"),
    words("slot", default=""),
    number("enabled", default="1"),
    number("activated_at", default="0"),
    number("previous_until", default="0"),
    words("request", default=""),  # the certificate request whose key is sealed here
    words("certificate", default=""),  # PEM, beside a key that is sealed alone
    number("revision", default="1"),
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
    words("organisation", key=True),
    words("credential", key=True),
    words("app"),
    words("health"),
    number("since"),
    words("reason"),  # a message's id; empty when all is well
    words("checks"),  # JSON array: the evidence
    number("proven_at"),  # the last answer that could only come of a good credential
    number("asked_at"),  # the last probe
    sqlite_strict=True,
)
credential_probe = Table(
    "credential_probe",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("app"),
    words("credential"),
    words("asked_by"),
    number("asked_at"),
    words("claimed_by"),
    number("claimed_at"),
    number("done_at"),
    words("checks"),  # JSON array
    sqlite_strict=True,
)
Index("credential_probe_open", credential_probe.c.done_at, credential_probe.c.asked_at)

# A certificate request made here: its private key is sealed before it is stored.
credential_request = Table(
    "credential_request",
    metadata,
    words("organisation", key=True),
    words("app", key=True),
    words("id", key=True),
    words("environment"),
    words("name"),
    words("pem"),
    words("public_key"),  # SHA-256 of its SubjectPublicKeyInfo, hexadecimal
    blob("sealed"),
    words("renews"),  # a credential's id
    words("answered_by"),  # the credential its certificate became
    words("created_by"),
    number("created_at"),
    number("version"),
    sqlite_strict=True,
)
# Each notice is given once.
credential_notice = Table(
    "credential_notice",
    metadata,
    words("organisation", key=True),
    words("credential", key=True),
    words("what", key=True),
    number("at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Mails that are not sent yet.
mail = Table(
    "mail",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("recipient"),
    words("subject"),
    words("body"),
    number("since"),
    number("due_at"),
    number("attempts"),
    words("error"),
    number("gave_up"),
    sqlite_strict=True,
)

# What was configured for an app, each time it changed.
app_version = Table(
    "app_version",
    metadata,
    words("organisation", key=True),
    words("app", key=True),
    number("number", key=True),
    number("at"),
    words("actor"),
    words("actor_name"),
    words("action"),
    number("restored"),
    words("configuration"),  # JSON object
    sqlite_strict=True,
)

api_key = Table(
    "api_key",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("name"),
    words("kind"),
    words("scope"),  # Scope.key
    blob("digest"),
    number("created_at"),
    number("expires_at"),
    words("created_by"),
    number("revoked_at", null=True),
    number("last_used_at", null=True),
    words("rotated_from"),
    number("version"),
    sqlite_strict=True,
)
Index("api_key_id", api_key.c.id, unique=True)

audit = Table(
    "audit",
    metadata,
    words("organisation", key=True),
    number("sequence", key=True),
    number("at"),
    words("actor"),
    words("action"),
    words("app"),
    words("outcome"),
    words("target"),
    blob("body"),  # canonical JSON: what the hash is of
    blob("hash"),
    words("environment", default=""),
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
    words("organisation", key=True),
    words("kind", key=True),
    words("value", key=True),
    words("label"),
    number("entries"),
    number("refused"),
    number("first"),
    number("last"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

snapshot = Table(
    "snapshot",
    metadata,
    number("id", key=True),
    number("version"),
    blob("body"),
    sqlite_strict=True,
)

stop = Table(
    "stop",
    metadata,
    words("organisation", key=True),  # empty: the installation's
    words("id", key=True),
    words("scope"),
    words("actor"),
    words("reason"),
    number("stopped_at"),
    words("receipt"),  # JSON, empty until the senders answered
    number("resumed_at", null=True),
    words("resumed_by"),
    sqlite_strict=True,
)
Index("stop_id", stop.c.id, unique=True)
Index("stop_at", stop.c.stopped_at)

callback = Table(
    "callback",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("app"),
    words("url"),
    words("events"),  # JSON array
    words("environments"),  # JSON array
    number("enabled"),
    words("ended"),
    blob("sealed"),
    blob("previous"),
    number("previous_until"),
    number("version"),
    number("created_at"),
    sqlite_strict=True,
)
Index("callback_app", callback.c.organisation, callback.c.app)

# How far a callback has been told.
callback_place = Table(
    "callback_place",
    metadata,
    words("organisation", key=True),
    words("callback", key=True),
    words("source", key=True),
    number("number"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
callback_waiting = Table(
    "callback_waiting",
    metadata,
    words("organisation", key=True),
    words("callback", key=True),
    words("push", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
callback_message = Table(
    "callback_message",
    metadata,
    words("organisation", key=True),
    words("callback", key=True),
    words("id", key=True),
    words("kind"),
    blob("body"),
    number("since"),
    number("due_at"),
    number("attempts"),
    number("gave_up"),
    number("trial"),
    sqlite_strict=True,
)
callback_delivery = Table(
    "callback_delivery",
    metadata,
    words("organisation", key=True),
    words("callback", key=True),
    number("number", key=True),
    words("message"),
    words("kind"),
    number("at"),
    number("status"),
    number("ms"),
    words("error"),
    sqlite_strict=True,
)

# A resume in steps.
ramp = Table(
    "ramp",
    metadata,
    words("organisation", key=True),  # empty: the installation's
    words("id", key=True),
    words("scope"),  # Scope.key
    number("step"),
    number("step_ms"),
    number("most_refused"),
    number("started_at"),
    words("started_by"),
    number("step_at"),
    number("since"),
    number("accepted"),
    number("refused"),
    number("ended_at", null=True),
    words("ended_by"),
    words("outcome"),
    sqlite_strict=True,
)
Index("ramp_id", ramp.c.id, unique=True)

hold = Table(
    "hold",
    metadata,
    words("organisation", key=True),
    words("id", key=True),
    words("lane"),
    words("reason"),
    number("opened_at"),
    words("opened_by"),
    words("counts"),  # JSON object
    words("evidence"),  # JSON object
    number("released_at", null=True),
    words("released_by"),
    words("release"),
    sqlite_strict=True,
)
Index("hold_id", hold.c.id, unique=True)

# Attempts of one provider in an environment; the hours are kept long after their minutes have gone.
tally = Table(
    "tally",
    metadata,
    words("organisation", key=True),
    words("app", key=True),
    words("environment", key=True),
    words("step", key=True),
    number("at", key=True),
    words("provider", key=True),
    words("amounts"),  # JSON array: endings, ours, theirs
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("tally_at", tally.c.step, tally.c.at)
# How far each sender's counters have been added to them.
tally_seen = Table(
    "tally_seen",
    metadata,
    words("sender", key=True),
    words("run"),
    words("places"),  # JSON object
    sqlite_strict=True,
)
