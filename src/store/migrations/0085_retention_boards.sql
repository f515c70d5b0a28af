-- A board's events are what it is made of until they are folded into its data: retention waits for that. A board whose server was killed
-- before a fold, and that nobody opened since, kept its newest events only, and would have come back with a hole.

grant select on whiteboards to stacgate_definer;

create or replace function channel_retention(p_after bigint, p_keep bigint, p_age interval, p_batch integer)
returns table (channel bigint, deleted integer)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    cutoff constant timestamp := now() at time zone 'utc' - p_age;
    c record;
    upto bigint;
    n integer;
begin
    -- A channel that commits just now is left for the next time: nobody waits for this.
    select ch.id, ch.first_seq, ch.last_seq, w.data_seq into c
    from channels ch left join whiteboards w on ch.topic like 'whiteboard:%' and w.id = substr(ch.topic, 12)
    where ch.id > p_after and ch.last_seq - ch.first_seq >= p_keep and coalesce(w.data_seq, ch.last_seq) >= ch.first_seq
      and exists (select from channel_events e where e.channel = ch.id and e.seq = ch.first_seq and e.at < cutoff)
    order by ch.id limit 1 for no key update of ch skip locked;
    if not found then
        return;
    end if;
    upto := least(c.last_seq - p_keep, c.first_seq + p_batch - 1, c.data_seq);
    select coalesce(min(e.seq) - 1, upto) into upto from channel_events e
    where e.channel = c.id and e.seq between c.first_seq and upto and e.at >= cutoff;
    delete from channel_events e where e.channel = c.id and e.seq <= upto;
    get diagnostics n = row_count;
    update channels set first_seq = upto + 1 where id = c.id;
    return query select c.id, n;
end $$;
select stacgate_publish('channel_retention(bigint, bigint, interval, integer)'::regprocedure);
