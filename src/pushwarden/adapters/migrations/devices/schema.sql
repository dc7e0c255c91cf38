CREATE TABLE device (
	audience INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	installation BLOB NOT NULL,
	token BLOB NOT NULL,
	person TEXT NOT NULL,
	app_version TEXT NOT NULL,
	build TEXT NOT NULL,
	tags TEXT NOT NULL,
	test INTEGER NOT NULL,
	state INTEGER NOT NULL,
	registered_at INTEGER NOT NULL,
	gone_at INTEGER,
	gone_reason TEXT,
	doubt_at INTEGER,
	version INTEGER NOT NULL,
	token_end BLOB GENERATED ALWAYS AS (substr(token, -8)) VIRTUAL,
	PRIMARY KEY (audience, seq)
)
 WITHOUT ROWID;

CREATE INDEX device_gone ON device (audience, gone_at) WHERE state = 1;

CREATE UNIQUE INDEX device_installation ON device (audience, installation);

CREATE INDEX device_person ON device (audience, person) WHERE person <> '';

CREATE INDEX device_token ON device (audience, token_end);

CREATE TABLE "audience" (
	id INTEGER NOT NULL,
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	provider TEXT NOT NULL,
	token_kind TEXT NOT NULL,
	size INTEGER NOT NULL,
	next_seq INTEGER NOT NULL,
	proven_seq INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id)
);

CREATE UNIQUE INDEX audience_place ON audience (organisation, app, environment, provider, token_kind);

CREATE TABLE invalidation (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	provider TEXT NOT NULL,
	token_kind TEXT NOT NULL,
	token TEXT NOT NULL,
	state TEXT NOT NULL,
	installation TEXT NOT NULL,
	person TEXT NOT NULL,
	reason TEXT NOT NULL,
	gone_ms INTEGER,
	at INTEGER NOT NULL,
	push TEXT NOT NULL
);

CREATE INDEX invalidation_at ON invalidation (at);

CREATE INDEX invalidation_place ON invalidation (organisation, app, number);

CREATE INDEX invalidation_token ON invalidation (token);

CREATE INDEX device_test ON device (audience, seq) WHERE test > 0;

CREATE TABLE census (
	audience INTEGER NOT NULL,
	app_version TEXT NOT NULL,
	build TEXT NOT NULL,
	test INTEGER NOT NULL,
	live INTEGER NOT NULL,
	gone INTEGER NOT NULL,
	PRIMARY KEY (audience, app_version, build, test)
)
 WITHOUT ROWID;

CREATE TABLE churn (
	audience INTEGER NOT NULL,
	day INTEGER NOT NULL,
	what TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (audience, day, what)
)
 WITHOUT ROWID;

CREATE TABLE noted (
	id INTEGER NOT NULL,
	invalidation INTEGER NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE pulse (
	audience INTEGER NOT NULL,
	next_seq INTEGER NOT NULL,
	size INTEGER NOT NULL,
	unproven INTEGER NOT NULL,
	counted_at INTEGER NOT NULL,
	took_ms INTEGER NOT NULL,
	PRIMARY KEY (audience)
);

CREATE TABLE import_report (
	number INTEGER NOT NULL,
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	id TEXT NOT NULL,
	started_at INTEGER NOT NULL,
	about TEXT NOT NULL,
	errors BLOB NOT NULL,
	PRIMARY KEY (number)
);

CREATE UNIQUE INDEX import_report_place ON import_report (organisation, app, environment, id);
