CREATE TABLE failure (
	number INTEGER NOT NULL,
	push TEXT NOT NULL,
	audience INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	fate TEXT NOT NULL,
	reason TEXT NOT NULL,
	status INTEGER NOT NULL,
	at INTEGER NOT NULL,
	token TEXT NOT NULL,
	PRIMARY KEY (number)
)
 STRICT;

CREATE INDEX failure_push ON failure (push);

CREATE TABLE idempotency (
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	"key" TEXT NOT NULL,
	fingerprint BLOB NOT NULL,
	push TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (organisation, app, environment, "key")
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE push (
	number INTEGER NOT NULL,
	id TEXT NOT NULL,
	organisation TEXT NOT NULL,
	app TEXT NOT NULL,
	environment TEXT NOT NULL,
	type TEXT NOT NULL,
	class TEXT NOT NULL,
	message TEXT NOT NULL,
	accepted_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	not_before INTEGER NOT NULL,
	collapse_id TEXT NOT NULL,
	priority TEXT NOT NULL,
	tags TEXT NOT NULL,
	schedule TEXT NOT NULL,
	cohort TEXT NOT NULL,
	state TEXT NOT NULL,
	audience_note TEXT NOT NULL,
	actor TEXT NOT NULL,
	next_no INTEGER NOT NULL,
	planned INTEGER NOT NULL,
	accepted INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	unknown INTEGER NOT NULL,
	expired INTEGER NOT NULL,
	stopped INTEGER NOT NULL,
	withdrawn INTEGER NOT NULL,
	finished_at INTEGER, source TEXT DEFAULT 'api' NOT NULL, addressed BLOB, handed_at INTEGER DEFAULT '0' NOT NULL, first_at INTEGER DEFAULT '0' NOT NULL, last_at INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (number)
)
 STRICT;

CREATE UNIQUE INDEX push_id ON push (id);

CREATE INDEX push_open ON push (organisation, app, environment, accepted_at) WHERE state = 'open';

CREATE INDEX push_place ON push (organisation, app, environment);

CREATE TABLE refusal (
	push TEXT NOT NULL,
	reason TEXT NOT NULL,
	recipients INTEGER NOT NULL,
	PRIMARY KEY (push, reason)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE roster (
	shard INTEGER NOT NULL,
	members BLOB NOT NULL,
	PRIMARY KEY (shard)
)
 STRICT;

CREATE TABLE sender (
	seat TEXT NOT NULL,
	incarnation INTEGER NOT NULL,
	renewed_at INTEGER NOT NULL,
	PRIMARY KEY (seat)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE shard (
	id INTEGER NOT NULL,
	push TEXT NOT NULL,
	no INTEGER NOT NULL,
	organisation TEXT NOT NULL,
	kind TEXT NOT NULL,
	audience INTEGER NOT NULL,
	lane TEXT NOT NULL,
	rank INTEGER NOT NULL,
	state TEXT NOT NULL,
	due_at INTEGER NOT NULL,
	lo INTEGER NOT NULL,
	width INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	crashes INTEGER NOT NULL,
	holder TEXT NOT NULL,
	fence INTEGER NOT NULL,
	frozen INTEGER NOT NULL,
	planned INTEGER NOT NULL,
	issued INTEGER NOT NULL,
	moved INTEGER NOT NULL,
	accepted INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	unknown INTEGER NOT NULL,
	expired INTEGER NOT NULL,
	stopped INTEGER NOT NULL,
	withdrawn INTEGER NOT NULL,
	done BLOB NOT NULL,
	members BLOB NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE INDEX shard_claimed ON shard (holder) WHERE state = 'claimed';

CREATE INDEX shard_held ON shard (push) WHERE state = 'held';

CREATE UNIQUE INDEX shard_no ON shard (push, no);

CREATE INDEX shard_lane ON shard (rank, lane, due_at) WHERE state = 'ready';

CREATE TABLE signal (
	push TEXT NOT NULL,
	kind TEXT NOT NULL,
	audience INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (push, kind, audience, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX signal_at ON signal (at);

CREATE TABLE signal_block (
	push TEXT NOT NULL,
	kind TEXT NOT NULL,
	audience INTEGER NOT NULL,
	block INTEGER NOT NULL,
	bits BLOB NOT NULL,
	devices INTEGER NOT NULL,
	first_at INTEGER NOT NULL,
	last_at INTEGER NOT NULL,
	PRIMARY KEY (push, kind, audience, block)
)
 STRICT;

CREATE INDEX signal_block_at ON signal_block (last_at);

CREATE INDEX failure_device ON failure (audience, seq);

CREATE INDEX push_organisation ON push (organisation);
