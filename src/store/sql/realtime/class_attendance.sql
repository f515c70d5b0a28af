-- Who is in a class, from when until when: each interval is one row, its end moves on while its person stays; and how many are there now.
-- The same rows may come again. $1 session id, $2 establishment, one array each: $3 row ids, $4 people, $5 from (ms), $6 until (ms),
-- $7 not ended (1 or 0); $8 how many.
with n as (
    select n.*, s.id as session_id, s.establishment_id, to_timestamp(n.from_ms / 1000.0) at time zone 'utc' as since,
           to_timestamp(n.until_ms / 1000.0) at time zone 'utc' as until
    from study_sessions s, unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) n (id, user_id, from_ms, until_ms, still)
    where s.id = $1 and s.establishment_id = coalesce($2, s.establishment_id)
), kept as (
    insert into study_session_participants (id, session_id, establishment_id, user_id, joined_at, left_at, duration, status, is_open)
    select id, session_id, establishment_id, user_id, since, until, round((until_ms - from_ms) / 60000.0)::integer, 'attended', still = 1 from n
    on conflict (id) do update set left_at = excluded.left_at, duration = excluded.duration, is_open = excluded.is_open
)
update study_sessions s set current_participants = $8::integer
where s.id = $1 and s.establishment_id = coalesce($2, s.establishment_id) and s.current_participants is distinct from $8::integer
