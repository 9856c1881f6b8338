"""The statements of ingest's transaction, in the order in which they run. Arrays come in, one round trip each;
the large ones as text (see arrays)."""

_TIME = "'epoch'::timestamptz + {} * interval '1 microsecond'"
"""From microseconds since 1970; exact."""

USERS = f"""
INSERT INTO users (user_id, signup_date, last_seen_time, simulated)
SELECT u.id, {_TIME.format("u.first")}, {_TIME.format("u.last")}, u.simulated
FROM unnest($1::text::text[], $2::text::bigint[], $3::text::bigint[], $4::text::bool[])
     AS u(id, first, last, simulated)
ON CONFLICT (user_id) DO UPDATE
SET signup_date = least(users.signup_date, excluded.signup_date),
    last_seen_time = greatest(users.last_seen_time, excluded.last_seen_time)
WHERE excluded.last_seen_time > users.last_seen_time OR excluded.signup_date < users.signup_date
"""  # noqa: S608 - of this module's own parts
"""Sorted by user id. It also locks each user's row, changed or not, so that one user's events are stored by one
transaction at a time."""

EVENTS = f"""
WITH stored AS (
    INSERT INTO events (event_id, user_id, session_id, event_type, target_element, timestamp, url, properties,
                        received_at, verified, simulated)
    SELECT e.id, e.user_id, e.session_id, e.type, nullif(e.target, '')::jsonb, {_TIME.format("e.at")}, e.url,
           e.properties::jsonb, {_TIME.format("(e.origin >> 2)")}, (e.origin & 2) <> 0, (e.origin & 1) <> 0
    FROM (SELECT unnest($1::text::uuid[]) AS id, unnest($2::text::text[]) AS user_id,
                 unnest($3::text::text[]) AS session_id, unnest($4::text::text[]) AS type,
                 unnest($5::text::text[]) AS target, unnest($6::text::bigint[]) AS at, unnest($7::text::text[]) AS url,
                 unnest($8::text::text[]) AS properties, unnest($9::text::bigint[]) AS origin) AS e
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
)
SELECT CASE (SELECT count(*) FROM stored)
    WHEN $10::int THEN ''
    ELSE (SELECT string_agg(event_id::text, ' ') FROM stored) END
"""  # noqa: S608 - of this module's own parts
"""The ids of those that are new: null where none is, empty where all $10 are. The arrays stand in the select list, not
in FROM, where each would be copied once more. `origin`: when it was received, verified, simulated, in one number."""

SESSIONS = """
SELECT s.user_id, s.session_id, s.start_time, s.last_seen_time, s.event_count, s.state::text AS state
FROM unnest($1::text[], $2::text[]) AS w(user_id, session_id)
JOIN sessions s ON s.user_id = w.user_id AND s.session_id = w.session_id
ORDER BY s.user_id, s.session_id
FOR UPDATE OF s
"""

DONE_BEFORE = """
SELECT before.user_id, before.state
FROM unnest($1::text[]) AS u(id)
CROSS JOIN LATERAL (
    SELECT user_id, state::text AS state FROM sessions WHERE user_id = u.id ORDER BY start_time DESC LIMIT 3
) AS before
"""
"""The last sessions of each user who begins a new one; their `done` holds all that was done before, too. More than
one, for they may have gone on beside each other."""

WINDOWS = """
SELECT w.number, e.*
FROM unnest($1::int[], $2::text[], $3::text[], $4::timestamptz[]) AS w(number, user_id, session_id, since)
CROSS JOIN LATERAL (
    SELECT event_id, event_type, timestamp, url, target_element ->> 'selector' AS selector,
           target_element ->> 'tag' AS tag, properties::text AS properties, received_at
    FROM events
    WHERE session_id = w.session_id AND user_id = w.user_id AND timestamp >= w.since
      AND event_type = ANY($6::text[])
    ORDER BY timestamp DESC LIMIT $5
) AS e
"""

SAVE_SESSIONS = """
INSERT INTO sessions (user_id, session_id, start_time, last_seen_time, is_active, event_count, state)
SELECT s.user_id, s.session_id, s.start, s.seen, s.active, s.count, s.state::jsonb
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bool[], $6::bigint[], $7::text[])
     AS s(user_id, session_id, start, seen, active, count, state)
ON CONFLICT (session_id, user_id) DO UPDATE
SET start_time = excluded.start_time, last_seen_time = excluded.last_seen_time, is_active = excluded.is_active,
    event_count = excluded.event_count, state = excluded.state
"""

SIGNALS = """
INSERT INTO signals (signal_id, kind, user_id, session_id, stuck_point, occurred_at, payload)
SELECT s.id, s.kind, s.user_id, s.session_id, s.stuck_point, s.at, s.payload::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
     AS s(id, kind, user_id, session_id, stuck_point, at, payload)
ON CONFLICT (signal_id) DO NOTHING
RETURNING signal_id
"""

TRAITS = """
UPDATE users SET metadata = users.metadata || $2::text::jsonb
WHERE user_id = $1 AND length((users.metadata || $2::text::jsonb)::text) <= $3
"""

ALIASES = """
INSERT INTO user_aliases (anonymous_id, user_id, joined_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (anonymous_id) DO NOTHING
"""

_RANK = (
    "array_position(ARRAY['pending','expired','target_missing','acknowledged','shown','dismissed','clicked',"
    "'completed'], {})"
)


def nudge_update(column: str, status: str) -> str:
    """What one type of event says of nudges. A status never goes back; only the user's own nudges are touched, also
    those sent before the user was known by name."""
    return f"""
UPDATE nudges SET {column} = least(coalesce(nudges.{column}, e.at), e.at),
    status = CASE WHEN {_RANK.format(f"'{status}'")} > {_RANK.format("nudges.status")} THEN '{status}'
                  ELSE nudges.status END
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS e(nudge_id, user_id, at)
WHERE nudges.nudge_id = e.nudge_id
  AND (nudges.user_id = e.user_id OR EXISTS (
        SELECT FROM user_aliases a WHERE a.anonymous_id = nudges.user_id AND a.user_id = e.user_id))
"""  # noqa: S608 - both words come from feedback.NUDGE_EVENTS


NUDGE_COUNTS = """
SELECT user_id, stuck_point, count(*) AS sent FROM nudges WHERE user_id = ANY($1::text[]) GROUP BY 1, 2
"""
