-- The log of a channel is kept for a number of events and an age, whichever is more; what is older goes in small batches. Messages,
-- boards and whatever else the events built have rows of their own, which stay.
--
-- channel_retention(after, keep, age, batch) -> table (channel, deleted)      of the first channel after `after` that has too much; no
--     row: none has. first_seq moves in the same transaction, so that a resume from before it is told a gap.

select stacgate_definer_reads('channel_events', 'select, delete');
select stacgate_definer_reads('channels', 'select, update (first_seq)');

create function channel_retention(p_after bigint, p_keep bigint, p_age interval, p_batch integer)
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
    select ch.id, ch.first_seq, ch.last_seq into c from channels ch
    where ch.id > p_after and ch.last_seq - ch.first_seq >= p_keep
      and exists (select from channel_events e where e.channel = ch.id and e.seq = ch.first_seq and e.at < cutoff)
    order by ch.id limit 1 for no key update skip locked;
    if not found then
        return;
    end if;
    upto := least(c.last_seq - p_keep, c.first_seq + p_batch - 1);
    select coalesce(min(e.seq) - 1, upto) into upto from channel_events e
    where e.channel = c.id and e.seq between c.first_seq and upto and e.at >= cutoff;
    delete from channel_events e where e.channel = c.id and e.seq <= upto;
    get diagnostics n = row_count;
    update channels set first_seq = upto + 1 where id = c.id;
    return query select c.id, n;
end $$;
select stacgate_publish('channel_retention(bigint, bigint, interval, integer)'::regprocedure);
