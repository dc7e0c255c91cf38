CREATE TABLE api_key (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	scope TEXT NOT NULL,
	digest BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	revoked_at INTEGER,
	last_used_at INTEGER,
	rotated_from TEXT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE UNIQUE INDEX api_key_id ON api_key (id);

CREATE TABLE app (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	bundle_id TEXT NOT NULL,
	android_package TEXT NOT NULL,
	wns_sid TEXT NOT NULL,
	callbacks TEXT NOT NULL,
	version INTEGER NOT NULL,
	created_at INTEGER NOT NULL, contacts TEXT DEFAULT '[]' NOT NULL, trial INTEGER DEFAULT '0' NOT NULL, deleted_at INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE TABLE audit (
	organisation TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	app TEXT NOT NULL,
	outcome TEXT NOT NULL,
	target TEXT NOT NULL,
	body BLOB NOT NULL,
	hash BLOB NOT NULL, environment TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (organisation, sequence)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE credential (
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	id TEXT NOT NULL,
	environment TEXT NOT NULL,
	provider TEXT NOT NULL,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	facts TEXT NOT NULL,
	sealed BLOB NOT NULL,
	version INTEGER NOT NULL,
	created_at INTEGER NOT NULL, slot TEXT DEFAULT '' NOT NULL, enabled INTEGER DEFAULT '1' NOT NULL, activated_at INTEGER DEFAULT '0' NOT NULL, previous_until INTEGER DEFAULT '0' NOT NULL, request TEXT DEFAULT '' NOT NULL, certificate TEXT DEFAULT '' NOT NULL, revision INTEGER DEFAULT '1' NOT NULL,
	PRIMARY KEY (organisation, app, id)
)
 STRICT;

CREATE TABLE hold (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	lane TEXT NOT NULL,
	reason TEXT NOT NULL,
	opened_at INTEGER NOT NULL,
	opened_by TEXT NOT NULL,
	counts TEXT NOT NULL,
	evidence TEXT NOT NULL,
	released_at INTEGER,
	released_by TEXT NOT NULL,
	release TEXT NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE UNIQUE INDEX hold_id ON hold (id);

CREATE TABLE organisation (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	created_at INTEGER NOT NULL, admin_credentials INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE snapshot (
	id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE state (
	id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE stop (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	scope TEXT NOT NULL,
	actor TEXT NOT NULL,
	reason TEXT NOT NULL,
	stopped_at INTEGER NOT NULL,
	receipt TEXT NOT NULL,
	resumed_at INTEGER,
	resumed_by TEXT NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE INDEX stop_at ON stop (stopped_at);

CREATE UNIQUE INDEX stop_id ON stop (id);

CREATE TABLE callback (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	app TEXT NOT NULL,
	url TEXT NOT NULL,
	events TEXT NOT NULL,
	environments TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	ended TEXT NOT NULL,
	sealed BLOB NOT NULL,
	previous BLOB NOT NULL,
	previous_until INTEGER NOT NULL,
	version INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE INDEX callback_app ON callback (organisation, app);

CREATE TABLE callback_delivery (
	organisation TEXT NOT NULL,
	callback TEXT NOT NULL,
	number INTEGER NOT NULL,
	message TEXT NOT NULL,
	kind TEXT NOT NULL,
	at INTEGER NOT NULL,
	status INTEGER NOT NULL,
	ms INTEGER NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (organisation, callback, number)
)
 STRICT;

CREATE TABLE callback_message (
	organisation TEXT NOT NULL,
	callback TEXT NOT NULL,
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	body BLOB NOT NULL,
	since INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	gave_up INTEGER NOT NULL,
	trial INTEGER NOT NULL,
	PRIMARY KEY (organisation, callback, id)
)
 STRICT;

CREATE TABLE callback_place (
	organisation TEXT NOT NULL,
	callback TEXT NOT NULL,
	source TEXT NOT NULL,
	number INTEGER NOT NULL,
	PRIMARY KEY (organisation, callback, source)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE callback_waiting (
	organisation TEXT NOT NULL,
	callback TEXT NOT NULL,
	push TEXT NOT NULL,
	PRIMARY KEY (organisation, callback, push)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE credential_health (
	organisation TEXT NOT NULL,
	credential TEXT NOT NULL,
	app TEXT NOT NULL,
	health TEXT NOT NULL,
	since INTEGER NOT NULL,
	reason TEXT NOT NULL,
	checks TEXT NOT NULL,
	proven_at INTEGER NOT NULL,
	asked_at INTEGER NOT NULL,
	PRIMARY KEY (organisation, credential)
)
 STRICT;

CREATE TABLE credential_notice (
	organisation TEXT NOT NULL,
	credential TEXT NOT NULL,
	what TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (organisation, credential, what)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE credential_probe (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	app TEXT NOT NULL,
	credential TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at INTEGER NOT NULL,
	claimed_by TEXT NOT NULL,
	claimed_at INTEGER NOT NULL,
	done_at INTEGER NOT NULL,
	checks TEXT NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE INDEX credential_probe_open ON credential_probe (done_at, asked_at);

CREATE TABLE credential_request (
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	id TEXT NOT NULL,
	environment TEXT NOT NULL,
	name TEXT NOT NULL,
	pem TEXT NOT NULL,
	public_key TEXT NOT NULL,
	sealed BLOB NOT NULL,
	renews TEXT NOT NULL,
	answered_by TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (organisation, app, id)
)
 STRICT;

CREATE UNIQUE INDEX credential_active_slot ON credential (organisation, app, environment, provider, slot) WHERE state = 'active';

CREATE TABLE mail (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	recipient TEXT NOT NULL,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	since INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	error TEXT NOT NULL,
	gave_up INTEGER NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE TABLE invitation (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	digest BLOB NOT NULL,
	expires_at INTEGER NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	person TEXT NOT NULL,
	bindings TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE TABLE passkey (
	person TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	public_key BLOB NOT NULL,
	signs INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	used_at INTEGER,
	PRIMARY KEY (person, id)
)
 STRICT;

CREATE UNIQUE INDEX passkey_id ON passkey (id);

CREATE TABLE person (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	password TEXT NOT NULL,
	totp BLOB NOT NULL,
	totp_step INTEGER NOT NULL,
	recovery BLOB NOT NULL,
	theme TEXT NOT NULL,
	density TEXT NOT NULL,
	shortcuts INTEGER NOT NULL,
	disabled_at INTEGER,
	last_seen_at INTEGER,
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE UNIQUE INDEX person_email ON person (email);

CREATE UNIQUE INDEX person_id ON person (id);

CREATE TABLE person_role (
	organisation TEXT NOT NULL,
	person TEXT NOT NULL,
	scope TEXT NOT NULL,
	role TEXT NOT NULL,
	PRIMARY KEY (organisation, person, scope, role)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE session (
	person TEXT NOT NULL,
	id TEXT NOT NULL,
	digest BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	seen_at INTEGER NOT NULL,
	fresh_until INTEGER NOT NULL,
	address TEXT NOT NULL,
	agent TEXT NOT NULL,
	PRIMARY KEY (person, id)
)
 STRICT;

CREATE TABLE tally (
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	step TEXT NOT NULL,
	at INTEGER NOT NULL,
	provider TEXT NOT NULL,
	amounts TEXT NOT NULL,
	PRIMARY KEY (organisation, app, environment, step, at, provider)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX tally_at ON tally (step, at);

CREATE TABLE tally_seen (
	sender TEXT NOT NULL,
	run TEXT NOT NULL,
	places TEXT NOT NULL,
	PRIMARY KEY (sender)
)
 STRICT;

CREATE TABLE app_version (
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	number INTEGER NOT NULL,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	actor_name TEXT NOT NULL,
	action TEXT NOT NULL,
	restored INTEGER NOT NULL,
	configuration TEXT NOT NULL,
	PRIMARY KEY (organisation, app, number)
)
 STRICT;

CREATE TABLE audit_facet (
	organisation TEXT NOT NULL,
	kind TEXT NOT NULL,
	value TEXT NOT NULL,
	label TEXT NOT NULL,
	entries INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	PRIMARY KEY (organisation, kind, value)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX audit_action ON audit (organisation, action, sequence);

CREATE INDEX audit_actor ON audit (organisation, actor, sequence);

CREATE INDEX audit_app ON audit (organisation, app, sequence);

CREATE INDEX audit_outcome ON audit (organisation, outcome, sequence);

CREATE INDEX audit_target ON audit (organisation, target, sequence);

CREATE TABLE ramp (
	organisation TEXT NOT NULL,
	id TEXT NOT NULL,
	scope TEXT NOT NULL,
	step INTEGER NOT NULL,
	step_ms INTEGER NOT NULL,
	most_refused INTEGER NOT NULL,
	started_at INTEGER NOT NULL,
	started_by TEXT NOT NULL,
	step_at INTEGER NOT NULL,
	since INTEGER NOT NULL,
	accepted INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	ended_at INTEGER,
	ended_by TEXT NOT NULL,
	outcome TEXT NOT NULL,
	PRIMARY KEY (organisation, id)
)
 STRICT;

CREATE UNIQUE INDEX ramp_id ON ramp (id);
