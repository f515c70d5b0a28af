-- $1 tenant filter, $2 the query (from, to, bucket): a row a day, week or month, without gaps. Thirty days up to `to` where `from` is not said, and
-- until today where `to` is not. Distinct people of a longer bucket are counted anew, because days do not add up to them.
with said as (
    select (($2::jsonb ->> 'from')::timestamptz at time zone 'utc')::date as first, (($2::jsonb ->> 'to')::timestamptz at time zone 'utc')::date as last,
           (now() at time zone 'utc')::date as today
), asked as (
    select coalesce(first, coalesce(last, today) - 29) as first, coalesce(last, greatest(first, today)) as last,
           coalesce($2::jsonb ->> 'bucket', 'day') as bucket,
           coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) as school
    from said
), slots as (
    select date_trunc(bucket, d)::date as slot, min(d)::date as first, max(d)::date as last from asked, generate_series(first, last, interval '1 day') d
    where last - first < 3700 group by 1
), counted as (
    select slots.slot, coalesce(sum(d.active_users), 0) as people, coalesce(sum(d.minutes), 0) as minutes, coalesce(sum(d.messages), 0) as messages,
           coalesce(sum(d.board_ops), 0) as ops, coalesce(sum(d.enrollments), 0) as enrolled, coalesce(sum(d.completions), 0) as completed
    from asked cross join slots left join analytics_days d on d.establishment_id = school and d.day between slots.first and slots.last
    group by 1
), people as (
    select slots.slot, count(distinct a.user_id) as n from asked join slots on bucket <> 'day'
    join user_activity a on a.establishment_id = school and a.day between slots.first and slots.last group by 1
)
select case when last < first then 'invalid to order' when last - first >= 3700 then 'invalid from too_small' end, 200,
    json_build_object('from', first, 'to', last, 'bucket', bucket,
    'series', coalesce((select json_agg(json_build_object('date', c.slot, 'activeUsers', case bucket when 'day' then c.people else coalesce(p.n, 0) end,
        'sessionMinutes', c.minutes, 'messages', c.messages, 'boardOperations', c.ops, 'enrollments', c.enrolled, 'completions', c.completed)
        order by c.slot) from counted c left join people p using (slot)), '[]'),
    'totals', (select json_build_object('sessionMinutes', sum(minutes), 'messages', sum(messages), 'boardOperations', sum(ops),
        'enrollments', sum(enrolled), 'completions', sum(completed)) from counted))
from asked
