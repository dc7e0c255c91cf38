"""The journal's statements: what is asked of it, what callbacks are told, and what devices report."""

# ruff: noqa: S608 (built of constants only)

from pushwarden.adapters.journal_rows import ENDED, FATES, KEPT_COLUMNS
from pushwarden.adapters.postgres.journal.sql import named

_KEPT = f"SELECT {named(KEPT_COLUMNS)} FROM push"
PUSH = f"{_KEPT} WHERE id = %(id)s"

# A shard not yet frozen is estimated by its width. A moved recipient counts where it moved to.
_ESTIMATED = "CASE WHEN frozen = 1 THEN planned ELSE width END - moved"
LEFT = f"""
SELECT push, state, count(*), count(*) FILTER (WHERE frozen = 0), sum({_ESTIMATED})::bigint,
       coalesce(sum(planned - moved) FILTER (WHERE frozen = 1), 0)::bigint,
       {", ".join(f"sum({fate})::bigint" for fate in FATES)}
  FROM shard WHERE push = ANY (%(ids)s) GROUP BY push, state
"""

CLAIMED = """
SELECT push, kind, frozen, width, issued, members, done FROM shard
 WHERE push = ANY (%(ids)s) AND state = 'claimed' AND issued > 0
"""

REFUSALS = "SELECT push, reason, recipients FROM refusal WHERE push = ANY (%(ids)s)"

FAILURES = """
SELECT number, audience, seq, fate, reason, status, at, token FROM failure
 WHERE push = %(push)s AND number > %(after)s ORDER BY number LIMIT %(limit)s
"""

# Outcomes, for callbacks.
NUMBERS_BEFORE = """
SELECT coalesce((SELECT number FROM push WHERE accepted_at < %(at)s ORDER BY number DESC LIMIT 1), 0),
       coalesce((SELECT number FROM failure WHERE at < %(at)s ORDER BY number DESC LIMIT 1), 0)
"""
GIVEN = """
SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM push_number_seq),
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM failure_number_seq),
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
# OFFSET 0 and LIMIT 1 keep an app's own index out of it: rows are read in the order of their numbers, whoever's they
# are, so that what one look costs is bounded by its range.
ACCEPTED = """
SELECT number, id, environment FROM (
    SELECT number, id, environment, organisation, app FROM push
     WHERE number > %(after)s AND number <= %(until)s ORDER BY number OFFSET 0) AS looked_at
 WHERE organisation = %(organisation)s AND app = %(app)s
 ORDER BY number LIMIT %(limit)s
"""
FINISHED = f"""
{_KEPT} WHERE id = ANY (%(ids)s) AND state = 'done' AND organisation = %(organisation)s AND app = %(app)s
 ORDER BY number
"""
FAILED = """
SELECT number, environment, id, audience, seq, fate, reason, status, at, token
  FROM (SELECT * FROM failure WHERE number > %(after)s AND number <= %(until)s ORDER BY number OFFSET 0) AS looked_at
 CROSS JOIN LATERAL (
    SELECT id, organisation, app, environment FROM push WHERE push.id = looked_at.push LIMIT 1) AS its
 WHERE organisation = %(organisation)s AND app = %(app)s
 ORDER BY number LIMIT %(limit)s
"""

BACKLOG = f"""
SELECT lane, state, count(*), sum({_ESTIMATED} - ({ENDED}))::bigint, min(due_at)
  FROM shard GROUP BY lane, state ORDER BY lane COLLATE "C", state COLLATE "C"
"""

# What people ask for.
FAILURES_OF = """
SELECT push.id, own.number, own.audience, own.seq, own.fate, own.reason, own.status, own.at, own.token
  FROM failure AS own JOIN push ON push.id = own.push
 WHERE own.audience = %(audience)s AND own.seq = %(seq)s AND /* scope */ ORDER BY own.number DESC LIMIT %(limit)s
"""
SIGNAL = """
INSERT INTO signal (push, kind, audience, seq, at)
SELECT push, kind, audience, seq, at FROM json_populate_recordset(NULL::signal, %(signals)s) AS said
 ORDER BY push, kind, audience, seq
ON CONFLICT DO NOTHING
"""
# Rows are locked in one order; a bit that is set already adds nothing. Devices of one block come one after another.
SIGNAL_BLOCK = """
INSERT INTO signal_block AS kept (push, kind, audience, block, bits, devices, first_at, last_at)
VALUES (%(push)s, %(kind)s, %(audience)s, %(block)s, set_bit(%(empty)s, %(bit)s, 1), 1, %(at)s, %(at)s)
ON CONFLICT (push, kind, audience, block) DO UPDATE
   SET bits = set_bit(kept.bits, %(bit)s, 1), devices = kept.devices + 1 - get_bit(kept.bits, %(bit)s),
       first_at = least(kept.first_at, %(at)s), last_at = greatest(kept.last_at, %(at)s)
 WHERE get_bit(kept.bits, %(bit)s) = 0
"""
COUNTS = """
SELECT kind, count(*), min(at), max(at) FROM signal WHERE push = %(push)s GROUP BY kind
 UNION ALL
SELECT kind, sum(devices)::bigint, min(first_at), max(last_at) FROM signal_block WHERE push = %(push)s GROUP BY kind
"""
APART = "SELECT audience, seq, kind, at FROM signal WHERE push = %(push)s"
REPORTED = "SELECT kind, at FROM signal WHERE push = %(push)s AND audience = %(audience)s AND seq = %(seq)s"
REPORTED_IN_BLOCK = """
SELECT kind, bits FROM signal_block WHERE push = %(push)s AND audience = %(audience)s AND block = %(block)s
"""
