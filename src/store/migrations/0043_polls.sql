-- Polls in study groups: a poll is a message of that type, a vote is one row a person, and what a poll stands at is read from both.
--
-- poll_json(message id, metadata, closed at) -> jsonb     {counts, voters, closed, closedAt, votes: only of polls that are not anonymous}
-- stacgate_time(text) -> timestamp                        the moment that a text names, in UTC; null: it names none

alter table study_group_messages add column poll_closed_at timestamp;

create table poll_votes (
    message_id varchar not null references study_group_messages on delete cascade,
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    options text[] not null,
    voted_at timestamp not null,
    primary key (message_id, user_id)
);
create index poll_votes_user on poll_votes (user_id);
select stacgate_tenant_table('poll_votes');

-- A deleted poll's results leave the log with it.
create index channel_events_poll on channel_events (channel, ref) where event = 'poll:updated';

create function stacgate_time(t text) returns timestamp language plpgsql stable as $$
begin
    return t::timestamptz at time zone 'utc';
exception when others then
    return null;
end $$;

create function poll_json(p_message text, p_metadata jsonb, p_closed timestamp) returns jsonb language sql stable as $$
    select jsonb_build_object(
        'counts', coalesce((select jsonb_object_agg(o, n) from (
                               select o, count(*) as n from poll_votes v, unnest(v.options) o where v.message_id = p_message group by o) c), '{}'),
        'voters', (select count(*) from poll_votes v where v.message_id = p_message and v.options <> '{}'),
        'closed', p_closed is not null or coalesce(stacgate_time(p_metadata ->> 'closesAt') <= now() at time zone 'utc', false),
        'closedAt', iso8601(p_closed))
        || case when p_metadata ->> 'anonymous' = 'true' then '{}'
                else jsonb_build_object('votes', coalesce((
                    select jsonb_agg(jsonb_build_object('userId', v.user_id, 'options', v.options) order by v.voted_at, v.user_id)
                    from poll_votes v where v.message_id = p_message and v.options <> '{}'), '[]')) end
$$;
