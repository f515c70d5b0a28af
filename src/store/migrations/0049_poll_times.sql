-- The clock of polls in study groups.
--
-- polls_due(within_s) -> table (establishment_id, group_id, id, closes_ms, author)
--     polls whose time comes by then; those whose time was over for a day are closed without saying so.

create index stacgate_polls_timed on study_group_messages (id)
    where type = 'poll' and poll_closed_at is null and is_deleted is not true and metadata ? 'closesAt';

create function polls_due(p_within integer) returns table (establishment_id text, group_id text, id text, closes_ms bigint, author text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select m.establishment_id::text, m.study_group_id::text, m.id::text, (extract(epoch from t.closes) * 1000)::bigint, m.sender_id::text
    from study_group_messages m join study_groups g on g.id = m.study_group_id and g.status <> 'archived',
         lateral (select stacgate_time(m.metadata ->> 'closesAt') as closes) t
    where m.type = 'poll' and m.poll_closed_at is null and m.is_deleted is not true and m.metadata ? 'closesAt'
      and t.closes between (now() at time zone 'utc') - interval '1 day' and (now() at time zone 'utc') + p_within * interval '1 second'
    order by t.closes limit 1000
$$;
select stacgate_publish('polls_due(integer)'::regprocedure);
