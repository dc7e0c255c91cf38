"""The journal's statements: pushes and shards on their way. Rows come in as JSON, in one parameter: psycopg takes
0.2 µs for each value of its own."""

# ruff: noqa: S608 (built of constants only)

from pushwarden.adapters.journal_rows import ALONE, ENDED, FATES, INLINE, PUSH_COLUMNS, RANK
from pushwarden.core.lane import Class
from pushwarden.core.push import LEAST_LIFE_MS
from pushwarden.core.shard import INSTANT, LONELY

_SHARD = (
    "organisation", "kind", "audience", "lane", "rank", "state", "due_at", "lo", "width", "attempt", "frozen",
    "planned", "crashes", "holder", "fence", "issued", "moved", *FATES, "done",
)  # fmt: skip
SHARD_COLUMNS = ("push", "no", *_SHARD, "members")
NEW_PUSH_COLUMNS = (
    *PUSH_COLUMNS, "audience_note", "actor", "next_no", "finished_at", "source", "addressed", "planned", *FATES,
)  # fmt: skip
KEY_COLUMNS = ("organisation", "app", "environment", "key", "fingerprint", "push", "at")


def named(columns: tuple[str, ...], of: str = "") -> str:
    return ", ".join(f"{of}{column}" for column in columns)


# Long members stand in `roster`; `new` has what SHARD_COLUMNS names, and the shards' places.
_ADD = f"""
added AS (
    INSERT INTO shard ({named(SHARD_COLUMNS)})
    SELECT push, no, {named(_SHARD)}, CASE WHEN length(members) <= {INLINE} THEN members ELSE '' END FROM new
     ORDER BY place
    RETURNING id, push, no),
long AS (
    INSERT INTO roster (shard, members)
    SELECT added.id, new.members FROM new JOIN added ON added.push = new.push AND added.no = new.no
     WHERE length(new.members) > {INLINE})
"""

# One statement for many pushes: who comes second with a key or an id waits here for the first one's commit, and then
# finds it taken. In the order of the keys, so that two of them do not wait for each other.
ACCEPT = f"""
WITH wish AS MATERIALIZED (
    SELECT * FROM ROWS FROM (json_populate_recordset(NULL::push, %(pushes)s)) WITH ORDINALITY),
key AS (
    INSERT INTO idempotency AS known ({named(KEY_COLUMNS)})
    SELECT {named(KEY_COLUMNS)} FROM json_populate_recordset(NULL::idempotency, %(keys)s) AS asked
     WHERE NOT EXISTS (SELECT FROM push WHERE push.id = asked.push)
     ORDER BY organisation, app, environment, key
    ON CONFLICT (organisation, app, environment, key) DO UPDATE
       SET fingerprint = excluded.fingerprint, push = excluded.push, at = excluded.at
     WHERE known.at <= excluded.at - %(life)s
    RETURNING push),
taken AS (
    INSERT INTO push ({named(NEW_PUSH_COLUMNS)})
    SELECT {named(NEW_PUSH_COLUMNS)} FROM wish
     WHERE id <> ALL (%(keyed)s) OR id IN (SELECT push FROM key) ORDER BY ordinality
    ON CONFLICT (id) DO NOTHING RETURNING id),
new AS MATERIALIZED (
    SELECT one.*, ordinality AS place
      FROM ROWS FROM (json_populate_recordset(NULL::shard, %(shards)s)) WITH ORDINALITY AS one
     WHERE push IN (SELECT id FROM taken)),
{_ADD}
SELECT id FROM taken
"""

SEEN_IDS = "SELECT id FROM push WHERE id = ANY (%(ids)s)"
SEEN_KEYS = """
SELECT asked.push, known.push, known.fingerprint
  FROM json_populate_recordset(NULL::idempotency, %(keys)s) AS asked
  JOIN idempotency AS known USING (organisation, app, environment, key)
 WHERE known.at > asked.at - %(life)s
"""

# `/* scope */` becomes the conditions of a Scope. Rows are locked in one order, and looked at again once they are.
DISCARD = """
UPDATE push SET state = 'discarding' WHERE number IN (
    SELECT number FROM push WHERE state = 'open' AND accepted_at <= %(before)s AND /* scope */
     ORDER BY id LIMIT 500 FOR NO KEY UPDATE)
RETURNING id
"""

DISCARD_SHARDS = """
UPDATE shard SET state = 'ready', due_at = least(due_at, %(due)s) WHERE id IN (
    SELECT id FROM shard WHERE push = ANY (%(ids)s) AND state IN ('ready', 'held') ORDER BY id FOR NO KEY UPDATE)
"""

HOLD = """
UPDATE shard SET state = 'held' WHERE id IN (
    SELECT shard.id FROM shard JOIN push ON push.id = shard.push
     WHERE shard.state = 'ready' AND push.state = 'open' AND /* scope */
     LIMIT 500 FOR NO KEY UPDATE OF shard)
"""

RELEASE = """
UPDATE shard SET state = 'ready' WHERE id IN (
    SELECT shard.id FROM shard JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND push.accepted_at >= %(since)s AND /* scope */
     LIMIT 500 FOR NO KEY UPDATE OF shard)
"""

# What is over: it ends without being sent. `Push.deadline` says when that is.
_OVER = f"""
(push.state = 'discarding' OR (push.expires_at > 0 AND %(now)s >= push.expires_at
 + CASE WHEN push.expires_at > greatest(push.accepted_at, push.not_before) THEN 0 ELSE {LEAST_LIFE_MS} END))
"""

EXPIRE = f"""
UPDATE shard SET state = 'ready' WHERE id IN (
    SELECT shard.id FROM shard JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND {_OVER} AND /* scope */
     LIMIT 500 FOR NO KEY UPDATE OF shard)
"""

WAITING = f"""
SELECT count(*), coalesce(sum(rest), 0)::bigint, count(*) FILTER (WHERE over),
       coalesce(sum(rest) FILTER (WHERE over), 0)::bigint FROM (
    SELECT sum(CASE WHEN shard.frozen = 1 THEN shard.planned ELSE shard.width END - shard.moved
               - ({" + ".join(f"shard.{fate}" for fate in FATES)})) AS rest, bool_or({_OVER}) AS over
      FROM shard JOIN push ON push.id = shard.push
     WHERE shard.state = 'held' AND /* scope */ GROUP BY push.id) AS held
"""

# A sender: seats, leases and claims. Who takes back and who claims for a seat both lock its row first.
ENLIST = """
INSERT INTO sender (seat, incarnation, renewed_at) VALUES (%(seat)s, 1, %(now)s)
ON CONFLICT (seat) DO UPDATE SET incarnation = sender.incarnation + 1, renewed_at = %(now)s
RETURNING incarnation
"""

# The fence moves on here too: between a crash and the next claim nobody may mark the shard.
GIVE_BACK = f"""
UPDATE shard SET state = 'ready', holder = '', crashes = crashes + 1, fence = fence + 1,
                 lane = CASE WHEN crashes + 1 < {LONELY} THEN lane ELSE {ALONE} END,
                 rank = CASE WHEN crashes + 1 < {LONELY} THEN rank ELSE {RANK[Class.ALONE]} END
 WHERE state = 'claimed' AND holder = ANY (%(seats)s)
"""

RENEW = """
INSERT INTO sender (seat, incarnation, renewed_at) VALUES (%(seat)s, 1, %(now)s)
ON CONFLICT (seat) DO UPDATE SET renewed_at = greatest(sender.renewed_at, %(now)s)
"""

LAPSE = """
UPDATE sender SET renewed_at = 0 WHERE renewed_at > 0 AND renewed_at < %(since)s AND seat <> %(seat)s RETURNING seat
"""

_CLAIMED = (
    "id", "push", "no", "organisation", "kind", "audience", "lane", "due_at", "lo", "width", "members", "attempt",
    "crashes", "fence", "frozen", "planned", "issued", "done", *FATES, "moved",
)  # fmt: skip

# One seek a lane, however many shards it has.
READY = """
WITH RECURSIVE next (rank, lane) AS (
    SELECT turn.rank, (SELECT min(lane) FROM shard WHERE state = 'ready' AND rank = turn.rank)
      FROM unnest(%(ranks)s::bigint[]) AS turn (rank)
     UNION ALL
    SELECT next.rank, (SELECT min(lane) FROM shard WHERE state = 'ready' AND rank = next.rank AND lane > next.lane)
      FROM next WHERE lane IS NOT NULL)
SELECT lane, (SELECT min(due_at) FROM shard WHERE state = 'ready' AND rank = next.rank AND shard.lane = next.lane)
  FROM next WHERE lane IS NOT NULL
"""

_TURNS = """
unnest(%(lanes)s::text[], %(ranks)s::bigint[], %(shares)s::bigint[]) WITH ORDINALITY AS turn (lane, rank, share, place)
"""
_DUE = "state = 'ready' AND rank = turn.rank AND lane = turn.lane AND due_at <= %(now)s"

# What another sender is just claiming is passed over.
_DUE_SHARDS = f"""
SELECT due.id, turn.place FROM {_TURNS} CROSS JOIN LATERAL (
    SELECT id FROM shard WHERE {_DUE} ORDER BY due_at LIMIT turn.share FOR NO KEY UPDATE SKIP LOCKED) AS due
"""

# Of what waits longest, what will end without being sent.
_ENDED_SHARDS = f"""
SELECT shard.id, ended.place FROM (
    SELECT due.id, turn.place FROM {_TURNS} CROSS JOIN LATERAL (
        SELECT oldest.id FROM (SELECT id, push FROM shard WHERE {_DUE} ORDER BY due_at LIMIT 2000) AS oldest
          JOIN push ON push.id = oldest.push
         WHERE {_OVER}
         LIMIT turn.share) AS due) AS ended
  JOIN shard ON shard.id = ended.id WHERE shard.state = 'ready' FOR NO KEY UPDATE OF shard SKIP LOCKED
"""

# A small named shard that was never issued is issued by its claim. `/* which */` becomes one of the two above.
_CLAIM = f"""
WITH chosen AS MATERIALIZED (/* which */),
renewed AS ({RENEW}),
claimed AS (
    UPDATE shard SET state = 'claimed', holder = %(seat)s, fence = fence + 1,
           issued = CASE WHEN kind <> 'range' AND width <= {INSTANT} AND crashes = 0 AND issued = 0
                         THEN width ELSE issued END
      FROM chosen WHERE shard.id = chosen.id
    RETURNING {named(_CLAIMED, "shard.")}, chosen.place)
SELECT {named(_CLAIMED, "claimed.")}, roster.members, {named(PUSH_COLUMNS, "push.")}
  FROM claimed JOIN push ON push.id = claimed.push
  LEFT JOIN roster ON roster.shard = claimed.id AND claimed.members = '' AND claimed.kind <> 'range'
 ORDER BY claimed.place, claimed.due_at, claimed.id
"""
CLAIM = _CLAIM.replace("/* which */", _DUE_SHARDS)
CLAIM_ENDED = _CLAIM.replace("/* which */", _ENDED_SHARDS)
CLAIMED_WIDTH = len(_CLAIMED)

# Devices are proven: their waiting shards change to another lane, at most 500 at once.
PROMOTE = """
UPDATE shard SET lane = %(to)s, rank = %(to_rank)s WHERE id IN (
    SELECT id FROM shard WHERE state = 'ready' AND rank = %(rank)s AND lane = %(lane)s
       AND audience = %(audience)s AND kind = 'range' AND lo + width <= %(upto)s LIMIT 500)
"""
PROMOTE_HELD = """
UPDATE shard SET lane = %(to)s, rank = %(to_rank)s WHERE id IN (
    SELECT id FROM shard WHERE state = 'held' AND lane = %(lane)s
       AND audience = %(audience)s AND kind = 'range' AND lo + width <= %(upto)s LIMIT 500)
"""

FREEZE = """
UPDATE shard SET members = %(members)s, planned = %(planned)s, frozen = 1
 WHERE push = %(push)s AND no = %(no)s AND fence = %(fence)s AND state = 'claimed'
   AND (frozen = 0 OR members = %(members)s)
"""

# Marks that only count: no two of one shard.
MARK = f"""
UPDATE shard SET issued = mark.issued, moved = mark.moved, {", ".join(f"{fate} = mark.{fate}" for fate in FATES)},
                 done = mark.done
  FROM json_populate_recordset(NULL::shard, %(marks)s) AS mark
 WHERE shard.push = mark.push AND shard.no = mark.no AND shard.fence = mark.fence AND shard.state = 'claimed'
RETURNING shard.push, shard.no
"""

# Marks that change more than their shard lock their pushes first, in one order: what a push becomes is decided by one
# at a time, whichever process it is.
LOCK_PUSHES = "SELECT FROM push WHERE id = ANY (%(ids)s) ORDER BY id FOR NO KEY UPDATE"

TIMES = ("handed_at", "first_at", "last_at")
_COLUMNS_OF = {
    "mark": ("push", "no", "fence", "issued", "moved", *FATES, "done", "due_at", *TIMES),
    "failure": ("push", "audience", "seq", "fate", "reason", "status", "at", "token"),
}
_TYPES = {"push": "text", "done": "bytea", "fate": "text", "reason": "text", "token": "text"}


def _recordset(table: str, extra: str) -> str:
    typed = ", ".join(f"{column} {_TYPES.get(column, 'bigint')}" for column in _COLUMNS_OF[table])
    return f"json_to_recordset(%({table}s)s) AS ({typed}, {extra})"


_THROUGH = "finished OR release IS NOT NULL"

# news: more recipients have ended than before, so that a mark written twice counts its failures and retries once.
# What a discarded push has left is held by nobody's wish any more.
RECORD = f"""
WITH was AS MATERIALIZED (
    SELECT mark.*, shard.id, shard.frozen, shard.planned AS members_planned, length(shard.members) AS inline,
           mark.finished OR mark.moved + {" + ".join(f"mark.{fate}" for fate in FATES)} > shard.moved + {
    " + ".join(f"shard.{fate}" for fate in FATES)
} AS news
      FROM ROWS FROM ({_recordset("mark", "place bigint, finished boolean, release text, retries bigint")}) AS mark
      JOIN shard ON shard.push = mark.push AND shard.no = mark.no AND shard.fence = mark.fence
     WHERE shard.state = 'claimed' FOR NO KEY UPDATE OF shard),
marked AS (
    UPDATE shard SET issued = was.issued, moved = was.moved, {", ".join(f"{fate} = was.{fate}" for fate in FATES)},
           done = was.done, due_at = CASE WHEN was.release IS NULL THEN shard.due_at ELSE was.due_at END,
           holder = CASE WHEN was.release IS NULL THEN shard.holder ELSE '' END,
           state = CASE WHEN was.release IS NULL THEN shard.state
                        WHEN (SELECT push.state FROM push WHERE push.id = was.push) = 'discarding' THEN 'ready'
                        ELSE was.release END
      FROM was WHERE shard.id = was.id AND NOT was.finished),
gone AS (DELETE FROM shard USING was WHERE shard.id = was.id AND was.finished),
dropped AS (DELETE FROM roster USING was WHERE roster.shard = was.id AND was.finished AND was.inline = 0),
sums AS (
    SELECT push, sum(retries) FILTER (WHERE news) AS retries,
           coalesce(sum(CASE WHEN frozen = 1 THEN members_planned - moved ELSE {ENDED} END)
                    FILTER (WHERE finished), 0) AS planned,
           {", ".join(f"coalesce(sum({fate}) FILTER (WHERE finished), 0) AS {fate}" for fate in FATES)},
           min(nullif(handed_at, 0)) FILTER (WHERE {_THROUGH}) AS handed_at,
           min(nullif(first_at, 0)) FILTER (WHERE {_THROUGH}) AS first_at,
           max(last_at) FILTER (WHERE {_THROUGH}) AS last_at
      FROM was GROUP BY push),
folded AS (
    UPDATE push SET planned = push.planned + sums.planned, next_no = push.next_no + coalesce(sums.retries, 0),
           {", ".join(f"{fate} = push.{fate} + sums.{fate}" for fate in FATES)},
           handed_at = coalesce(least(nullif(push.handed_at, 0), sums.handed_at), 0),
           first_at = coalesce(least(nullif(push.first_at, 0), sums.first_at), 0),
           last_at = greatest(push.last_at, sums.last_at)
      FROM sums WHERE push.id = sums.push
    RETURNING push.id, push.next_no - coalesce(sums.retries, 0) AS first_no),
new AS MATERIALIZED (
    SELECT retry.push, folded.first_no - 1 + row_number() OVER (PARTITION BY retry.push ORDER BY ordinality) AS no,
           {named(_SHARD, "retry.")}, retry.members, retry.ordinality AS place
      FROM ROWS FROM (json_populate_recordset(NULL::shard, %(retries)s)) WITH ORDINALITY AS retry
      JOIN was ON was.place = retry.no JOIN folded ON folded.id = retry.push
     WHERE was.news),
{_ADD},
failed AS MATERIALIZED (
    SELECT failure.* FROM ROWS FROM ({_recordset("failure", "place bigint")}) WITH ORDINALITY AS failure
      JOIN was USING (place) WHERE was.news),
kept AS (
    INSERT INTO failure ({named(_COLUMNS_OF["failure"])})
    SELECT {named(_COLUMNS_OF["failure"])} FROM failed ORDER BY ordinality),
counted AS (
    INSERT INTO refusal (push, reason, recipients)
    SELECT push, reason, count(*) FROM failed WHERE fate = 'refused' GROUP BY push, reason
    ON CONFLICT (push, reason) DO UPDATE SET recipients = refusal.recipients + excluded.recipients)
SELECT place FROM was
"""

# A statement of its own: it must see the shards that another sender finished while this one waited for the push.
CLOSE = """
UPDATE push SET state = 'done', finished_at = %(now)s
 WHERE id = ANY (%(ids)s) AND state <> 'done' AND NOT EXISTS (SELECT FROM shard WHERE shard.push = push.id)
"""

# Chores. Failures are written in the order of their time, give or take a second.
FORGET_FAILURES = """
DELETE FROM failure WHERE at < %(before)s AND number IN (SELECT number FROM failure ORDER BY number LIMIT 500)
"""
FORGET_KEYS = """
DELETE FROM idempotency WHERE (organisation, app, environment, key) IN (
    SELECT organisation, app, environment, key FROM idempotency WHERE at < %(before)s LIMIT 500) AND at < %(before)s
"""
FORGET_SIGNALS = """
DELETE FROM signal WHERE (push, kind, audience, seq) IN (
    SELECT push, kind, audience, seq FROM signal WHERE at < %(before)s LIMIT 500)
"""
FORGET_BLOCKS = """
DELETE FROM signal_block WHERE (push, kind, audience, block) IN (
    SELECT push, kind, audience, block FROM signal_block WHERE last_at < %(before)s LIMIT 500)
"""
