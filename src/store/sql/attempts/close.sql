-- $1 tenant filter, $2 attempt, $3 its taker ("": the clock), $4 answers that came with it, $5 the request's key, or null. The attempt is
-- over; what is to be graded: refusal, questions, answers. A submitted attempt that nobody graded is handed out again to the clock, and to who
-- submitted it by that key; once it is graded they hear `again`, and have the attempt (the fifth column).
with asked as (
    select t.*, t.deadline is null or t.deadline > now() at time zone 'utc' as in_time from assessment_attempts t
    where t.id = $2 and t.establishment_id = coalesce($1, t.establishment_id) and ($3 = '' or t.user_id = $3) for no key update
), refusal as (
    select case when status = 'in_progress' and in_time and octet_length((coalesce(answers, '{}') || $4::jsonb)::text) > 1048576 then 'too_large'
                when status = 'in_progress' and ($3 <> '' or not in_time) then null
                when ($3 = '' or submit_key = $5) and status = 'submitted' and results is null then null
                when $3 = '' and status = 'in_progress' then 'early' when submit_key = $5 then 'again' else 'attempt_over' end as word from asked
), closed as (
    update assessment_attempts t set status = 'submitted', submitted_at = coalesce(t.submitted_at, least(now() at time zone 'utc', t.deadline)),
        submit_key = coalesce(t.submit_key, $5),
        answers = case when $4::jsonb is not null and asked.in_time and asked.status = 'in_progress' then coalesce(t.answers, '{}') || $4::jsonb else t.answers end,
        time_spent = ceil(extract(epoch from least(now() at time zone 'utc', t.deadline) - t.started_at) / 60),
        updated_at = now() at time zone 'utc'
    from asked, refusal where t.id = asked.id and word is null returning t
)
select word, (select attempt_questions(t) from closed), (select coalesce((t).answers, '{}') from closed),
       (select (extract(epoch from deadline - now() at time zone 'utc') * 1000)::bigint from asked),
       (select attempt_json(t) from asked join assessment_attempts t using (id) where word = 'again') from refusal
