"""The journal's statements. `{rows}` stands for as many parenthesised parameter lists as there are rows.

`{rows: …}` says what such a list is: `$` a value of the row, `$2` its second one again, `?1` the first of all rows'.
"""

# ruff: noqa: S608 (built of constants only)

from pushwarden.adapters.journal_rows import ALONE, ENDED, FATES, KEPT_COLUMNS, PUSH_COLUMNS, RANK
from pushwarden.core.lane import Class
from pushwarden.core.push import LEAST_LIFE_MS
from pushwarden.core.shard import INSTANT, LONELY

# Intake: what is there already of the ids and of the idempotency keys asked for, each in one row.
SEEN_IDS = "SELECT json_group_array(id) FROM push WHERE id IN (SELECT value FROM json_each(:ids))"

SEEN_KEYS = """
SELECT json_group_array(json_array(asked.key, known.push, hex(known.fingerprint)))
  FROM json_each(:keys) AS asked CROSS JOIN idempotency AS known
 WHERE known.organisation = asked.value ->> 0 AND known.app = asked.value ->> 1
   AND known.environment = asked.value ->> 2 AND known.key = asked.value ->> 3
   AND known.at > asked.value ->> 4
"""

INSERT_PUSH = """
INSERT INTO push (id, organisation, app, environment, type, class, message, accepted_at, expires_at, not_before,
                  collapse_id, priority, tags, schedule, cohort, state, audience_note, actor, next_no, finished_at,
                  source, addressed, planned, accepted, refused, unknown, expired, stopped, withdrawn) VALUES {rows}
"""

INSERT_SHARD = """
INSERT INTO shard (push, no, organisation, kind, audience, lane, rank, state, due_at, lo, width, attempt, frozen,
                   planned, members, crashes, holder, fence, issued, moved, accepted, refused, unknown, expired,
                   stopped, withdrawn, done) VALUES {rows}
"""

# The same for a sheet. Of all rows: organisation, app, environment, actor, the shards' state, the pushes' source.
INSERT_SINGLE = """
INSERT INTO push (id, type, class, message, accepted_at, expires_at, not_before, collapse_id, priority, state,
                  audience_note, next_no, finished_at, addressed, organisation, app, environment, actor, source, tags,
                  schedule, cohort, planned, accepted, refused, unknown, expired, stopped, withdrawn)
VALUES {rows: $, $, $, $, $, $, $, $, $, $, $, $, $, $, ?1, ?2, ?3, ?4, ?6, '', '', '', 0, 0, 0, 0, 0, 0, 0}
"""

INSERT_PART = """
INSERT INTO shard (push, no, kind, audience, lane, rank, due_at, width, members, planned, organisation, state, lo,
                   attempt, frozen, crashes, holder, fence, issued, moved, accepted, refused, unknown, expired,
                   stopped, withdrawn, done)
VALUES {rows: $, $, $, $, $, $, $, $, $, $8, ?1, ?5, 0, 0, 1, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, x''}
"""

INSERT_ROSTER = """
INSERT INTO roster (shard, members) SELECT id, :members FROM shard WHERE push = :push AND no = :no
"""

INSERT_KEY = """
INSERT OR REPLACE INTO idempotency (organisation, app, environment, key, fingerprint, push, at) VALUES {rows}
"""

# `/* scope */` becomes the conditions of a Scope.
DISCARD = """
UPDATE push SET state = 'discarding' WHERE number IN (
    SELECT number FROM push WHERE state = 'open' AND accepted_at <= :before AND /* scope */ LIMIT 500)
RETURNING id
"""

DISCARD_SHARDS = """
UPDATE shard SET state = 'ready', due_at = min(due_at, :due)
 WHERE state IN ('ready', 'held') AND push IN (SELECT value FROM json_each(:ids))
"""

HOLD = """
UPDATE shard SET state = 'held' WHERE id IN (
    SELECT shard.id FROM shard INDEXED BY shard_lane CROSS JOIN push ON push.id = shard.push
     WHERE shard.state = 'ready' AND push.state = 'open' AND /* scope */ LIMIT 500)
"""

RELEASE = """
UPDATE shard SET state = 'ready' WHERE id IN (
    SELECT shard.id FROM shard INDEXED BY shard_held CROSS JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND push.accepted_at >= :since AND /* scope */ LIMIT 500)
"""

# What is over: it ends without being sent. `Push.deadline` says when that is.
_OVER = f"""
(push.state = 'discarding' OR (push.expires_at > 0 AND :now >= push.expires_at
 + iif(push.expires_at > max(push.accepted_at, push.not_before), 0, {LEAST_LIFE_MS})))
"""

EXPIRE = f"""
UPDATE shard SET state = 'ready' WHERE id IN (
    SELECT shard.id FROM shard INDEXED BY shard_held CROSS JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND {_OVER} AND /* scope */ LIMIT 500)
"""

WAITING = f"""
SELECT count(*), coalesce(sum(rest), 0), coalesce(sum(over), 0), coalesce(sum(iif(over, rest, 0)), 0) FROM (
    SELECT sum(iif(shard.frozen, shard.planned, shard.width) - shard.moved
               - ({" + ".join(f"shard.{fate}" for fate in FATES)})) AS rest, {_OVER} AS over
      FROM shard INDEXED BY shard_held CROSS JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND /* scope */ GROUP BY push.id)
"""

# A sender: seats, leases and claims.
ENLIST = """
INSERT INTO sender (seat, incarnation, renewed_at) VALUES (:seat, 1, :now)
ON CONFLICT (seat) DO UPDATE SET incarnation = incarnation + 1, renewed_at = :now
RETURNING incarnation
"""

RENEW = """
INSERT INTO sender (seat, incarnation, renewed_at) VALUES (:seat, 1, :now)
ON CONFLICT (seat) DO UPDATE SET renewed_at = max(renewed_at, :now)
"""

LAPSED = "SELECT seat FROM sender WHERE renewed_at > 0 AND renewed_at < :since"

LAPSE = "UPDATE sender SET renewed_at = 0 WHERE seat = :seat"

# The fence moves on here too: between a crash and the next claim nobody may mark the shard.
GIVE_BACK = f"""
UPDATE shard SET state = 'ready', holder = '', crashes = crashes + 1, fence = fence + 1,
                 lane = iif(crashes + 1 < {LONELY}, lane, {ALONE}),
                 rank = iif(crashes + 1 < {LONELY}, rank, {RANK[Class.ALONE]})
 WHERE state = 'claimed' AND holder = :seat
"""

# One seek a lane, however many shards it has; one row, because each row costs a wait for the GIL.
READY = """
WITH RECURSIVE next (lane) AS (
    SELECT min(lane) FROM shard WHERE state = 'ready' AND rank = :rank
     UNION ALL
    SELECT (SELECT min(lane) FROM shard WHERE state = 'ready' AND rank = :rank AND lane > next.lane)
      FROM next WHERE lane IS NOT NULL)
SELECT json_group_object(lane, (
           SELECT min(due_at) FROM shard WHERE state = 'ready' AND rank = :rank AND shard.lane = next.lane))
  FROM next WHERE lane IS NOT NULL
"""

DUE_SHARDS = """
SELECT id FROM shard WHERE state = 'ready' AND rank = :rank AND lane = :lane AND due_at <= :now
 ORDER BY due_at LIMIT :limit
"""

# Of what waits longest, what will end without being sent.
ENDED_SHARDS = f"""
SELECT oldest.id FROM (
    SELECT id, push FROM shard WHERE state = 'ready' AND rank = :rank AND lane = :lane AND due_at <= :now
     ORDER BY due_at LIMIT 2000) AS oldest CROSS JOIN push ON push.id = oldest.push
 WHERE {_OVER} LIMIT :limit
"""

# A small named shard that was never issued is issued by its claim. `/* which */` becomes one of the two above.
_CLAIM = f"""
UPDATE shard SET state = 'claimed', holder = :seat, fence = fence + 1,
                 issued = iif(kind <> 'range' AND width <= {INSTANT} AND crashes = 0 AND issued = 0, width, issued)
 WHERE id IN (/* which */)
RETURNING id, push, no, organisation, kind, audience, lane, due_at, lo, width, members, attempt, crashes, fence,
          frozen, planned, issued, done, accepted, refused, unknown, expired, stopped, withdrawn, moved
"""
CLAIM = _CLAIM.replace("/* which */", DUE_SHARDS)
CLAIM_ENDED = _CLAIM.replace("/* which */", ENDED_SHARDS)

# Devices are proven: their waiting shards change to another lane, at most 500 at once.
PROMOTE = """
UPDATE shard SET lane = :to, rank = :to_rank WHERE id IN (
    SELECT id FROM shard WHERE state = 'ready' AND rank = :rank AND lane = :lane
       AND audience = :audience AND kind = 'range' AND lo + width <= :upto LIMIT 500)
"""
PROMOTE_HELD = """
UPDATE shard SET lane = :to, rank = :to_rank WHERE id IN (
    SELECT id FROM shard INDEXED BY shard_held WHERE state = 'held' AND lane = :lane
       AND audience = :audience AND kind = 'range' AND lo + width <= :upto LIMIT 500)
"""

ROSTERS = "SELECT shard, members FROM roster WHERE shard IN (SELECT value FROM json_each(:ids))"

FREEZE = """
UPDATE shard SET members = :members, planned = :planned, frozen = 1
 WHERE push = :push AND no = :no AND fence = :fence AND state = 'claimed' AND (frozen = 0 OR members = :members)
"""

# Marks.
MARK = """
UPDATE shard SET issued = ?, moved = ?, accepted = ?, refused = ?, unknown = ?, expired = ?, stopped = ?,
                 withdrawn = ?, done = ?
 WHERE push = ? AND no = ? AND fence = ? AND state = 'claimed'
"""

# What a discarded push has left is held by nobody's wish any more.
MARK_AND_RELEASE = """
UPDATE shard SET issued = ?, moved = ?, accepted = ?, refused = ?, unknown = ?, expired = ?, stopped = ?,
                 withdrawn = ?, done = ?, due_at = ?, holder = '',
                 state = iif((SELECT state FROM push WHERE push.id = shard.push) = 'discarding', 'ready', ?)
 WHERE push = ? AND no = ? AND fence = ? AND state = 'claimed'
"""

# Of many marks at once: [push, no, fence] each.
FINISH = """
DELETE FROM shard WHERE id IN (
    SELECT shard.id FROM json_each(:marks) AS ended CROSS JOIN shard
     WHERE shard.push = ended.value ->> 0 AND shard.no = ended.value ->> 1 AND shard.fence = ended.value ->> 2
       AND shard.state = 'claimed')
RETURNING push, no, fence, id, frozen, planned, length(members)
"""

DROP_ROSTERS = "DELETE FROM roster WHERE shard IN (SELECT value FROM json_each(:ids))"


def _earlier(column: str, at: int) -> str:
    """The earlier of two times, of which 0 is none."""
    given = f"ended.value ->> {at}"
    return f"iif({column} = 0, {given}, coalesce(min({column}, nullif({given}, 0)), {column}))"


# [push, planned, the fates, the times] each; a push with no shard left is done.
FOLD = f"""
UPDATE push SET planned = planned + (ended.value ->> 1),
                {", ".join(f"{fate} = {fate} + (ended.value ->> {at})" for at, fate in enumerate(FATES, 2))},
                handed_at = {_earlier("handed_at", 8)}, first_at = {_earlier("first_at", 9)},
                last_at = max(last_at, ended.value ->> 10),
                state = iif(EXISTS (SELECT 1 FROM shard WHERE shard.push = push.id), state, 'done'),
                finished_at = iif(EXISTS (SELECT 1 FROM shard WHERE shard.push = push.id), finished_at, :now)
  FROM json_each(:folds) AS ended WHERE push.id = ended.value ->> 0
"""

ENDED_SO_FAR = f"""
SELECT moved + {ENDED} FROM shard WHERE push = ? AND no = ? AND fence = ? AND state = 'claimed'
"""

NUMBER_SHARDS = "UPDATE push SET next_no = next_no + :count WHERE id = :push RETURNING next_no"

INSERT_FAILURE = "INSERT INTO failure (push, audience, seq, fate, reason, status, at, token) VALUES {rows}"

COUNT_REFUSALS = """
INSERT INTO refusal (push, reason, recipients) VALUES {rows}
ON CONFLICT (push, reason) DO UPDATE SET recipients = recipients + excluded.recipients
"""

# Reading.
PUSHES = f"SELECT {', '.join(PUSH_COLUMNS)} FROM push WHERE id IN (SELECT value FROM json_each(:ids))"

KEPT = f"""
SELECT {", ".join(KEPT_COLUMNS)} FROM push
"""
PUSH = KEPT + "WHERE id = :id"
# A shard not yet frozen is estimated by its width. A moved recipient counts where it moved to.
LEFT = f"""
SELECT push, state, count(*), sum(frozen = 0), sum(iif(frozen, planned, width) - moved),
       sum(iif(frozen, planned - moved, 0)),
       {", ".join(f"sum({fate})" for fate in FATES)}
  FROM shard WHERE push IN (SELECT value FROM json_each(:ids)) GROUP BY push, state
"""

CLAIMED = """
SELECT push, kind, frozen, width, issued, members, done FROM shard
 WHERE push IN (SELECT value FROM json_each(:ids)) AND state = 'claimed' AND issued > 0
"""

REFUSALS = "SELECT push, reason, recipients FROM refusal WHERE push IN (SELECT value FROM json_each(:ids))"

FAILURES = """
SELECT number, audience, seq, fate, reason, status, at, token FROM failure
 WHERE push = :push AND number > :after ORDER BY number LIMIT :limit
"""

# Outcomes, for callbacks. `number` is given in the order of commits: one transaction writes at a time.
NUMBERS_BEFORE = """
SELECT coalesce((SELECT number FROM push WHERE accepted_at < :at ORDER BY number DESC LIMIT 1), 0),
       coalesce((SELECT number FROM failure WHERE at < :at ORDER BY number DESC LIMIT 1), 0)
"""
LAST_ACCEPTED = "SELECT max(number) FROM push WHERE number <= :until"
ACCEPTED = """
SELECT number, id, environment FROM push NOT INDEXED
 WHERE number > :after AND number <= :until AND organisation = :organisation AND app = :app
 ORDER BY number LIMIT :limit
"""
FINISHED = (
    KEPT
    + """
 INDEXED BY push_id
 WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'done' AND organisation = :organisation AND app = :app
 ORDER BY number
"""
)
LAST_FAILURE = "SELECT max(number) FROM failure WHERE number <= :until"
FAILED = """
SELECT failure.number, push.environment, push.id, audience, seq, fate, reason, status, at, token
  FROM failure CROSS JOIN push ON push.id = failure.push
 WHERE failure.number > :after AND failure.number <= :until AND organisation = :organisation AND app = :app
 ORDER BY failure.number LIMIT :limit
"""

BACKLOG = f"""
SELECT lane, state, count(*), sum(iif(frozen, planned, width) - moved - ({ENDED})), min(due_at)
  FROM shard GROUP BY lane, state ORDER BY lane, state
"""

# Chores. Failures are written in the order of their time, give or take a second. The newest stays: SQLite counts on
# from it, and cursors name numbers.
FORGET_FAILURES = """
DELETE FROM failure WHERE at < :before AND number IN (SELECT number FROM failure ORDER BY number LIMIT 500)
   AND number < (SELECT max(number) FROM failure)
"""
FORGET_KEYS = """
DELETE FROM idempotency WHERE (organisation, app, environment, key) IN (
    SELECT organisation, app, environment, key FROM idempotency WHERE at < :before LIMIT 500)
"""
FORGET_SIGNALS = """
DELETE FROM signal WHERE (push, kind, audience, seq) IN (
    SELECT push, kind, audience, seq FROM signal WHERE at < :before LIMIT 500)
"""
FORGET_BLOCKS = """
DELETE FROM signal_block WHERE rowid IN (SELECT rowid FROM signal_block WHERE last_at < :before LIMIT 500)
"""

# What people ask for.
FAILURES_OF = """
SELECT push.id, number_of, audience, seq, fate, reason, status, at, token
  FROM (SELECT number AS number_of, push, audience, seq, fate, reason, status, at, token
          FROM failure WHERE audience = :audience AND seq = :seq) AS own
 CROSS JOIN push ON push.id = own.push
 WHERE /* scope */ ORDER BY number_of DESC LIMIT :limit
"""
SIGNAL = "INSERT OR IGNORE INTO signal (push, kind, audience, seq, at) VALUES {rows}"
BLOCK = """
SELECT bits, devices, first_at, last_at FROM signal_block
 WHERE push = ? AND kind = ? AND audience = ? AND block = ?
"""
PUT_BLOCK = """
INSERT OR REPLACE INTO signal_block (push, kind, audience, block, bits, devices, first_at, last_at) VALUES {rows}
"""
COUNTS = """
SELECT kind, count(*), min(at), max(at) FROM signal WHERE push = :push GROUP BY kind
 UNION ALL
SELECT kind, sum(devices), min(first_at), max(last_at) FROM signal_block WHERE push = :push GROUP BY kind
"""
APART = "SELECT audience, seq, kind, at FROM signal WHERE push = :push"
REPORTED = "SELECT kind, at FROM signal WHERE push = :push AND audience = :audience AND seq = :seq"
REPORTED_IN_BLOCK = "SELECT kind, bits FROM signal_block WHERE push = :push AND audience = :audience AND block = :block"
