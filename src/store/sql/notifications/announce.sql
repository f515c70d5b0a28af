-- $1 tenant filter, $2 author, $3 the body (title, message, role, courseId): one notification for everybody it concerns, but its author;
-- one for a whole course or the whole establishment is said in its channel too, one for a role told there.
with words as (
    select json_build_object('title', $3::jsonb ->> 'title', 'body', $3::jsonb ->> 'message') as words,
           current_setting('stacgate.establishment_id') as school
), course as (
    select c.id from courses c where c.id = $3::jsonb ->> 'courseId' and c.establishment_id = current_setting('stacgate.establishment_id')
), refusal as (
    select case when $3::jsonb ? 'courseId' and not exists (select from course) then 'not_found'
                when $1::text <> '' and not exists (select from establishments where id = $1) then 'not_found'
                when $1::text = '' then 'invalid establishmentId required' end as word
), readers as (
    select u.id from users u, refusal
    where word is null and u.establishment_id = current_setting('stacgate.establishment_id') and u.is_active is not false and u.id <> $2
      and ($3::jsonb ->> 'role' is null or u.role::text = $3::jsonb ->> 'role')
      and (not $3::jsonb ? 'courseId' or exists (select from user_courses e join course c on c.id = e.course_id
                                                 where e.user_id = u.id and e.status is distinct from 'dropped'))
), told as (
    select notify(id, 'new_announcement', jsonb_build_object('courseId', $3::jsonb ->> 'courseId', 'authorId', $2::text),
                  $3::jsonb ->> 'title', $3::jsonb ->> 'title', $3::jsonb ->> 'message', $3::jsonb ->> 'message') as n from readers
)
select (select word from refusal), 201, answer(json_build_object('title', $3::jsonb ->> 'title', 'message', $3::jsonb ->> 'message',
       'recipients', count(n))), 0,
       (select json_agg(n) from (
            select n from told where n is not null
            union all select channel_say('course:' || id, 'announcement', words, $2) from course, refusal, words
            where word is null and not $3::jsonb ? 'role'
            union all select case when $3::jsonb ? 'role' then channel_tell('establishment:' || school, 'announcement', words::jsonb
                || jsonb_build_object('audience', jsonb_build_array($3::jsonb -> 'role'), 'by', $2::text, 'at', iso8601(now() at time zone 'utc')), school)
                else channel_say('establishment:' || school, 'announcement', (words::jsonb || '{"audience":"all"}')::json, $2) end
            from refusal, words where word is null and not $3::jsonb ? 'courseId') t)
from told
