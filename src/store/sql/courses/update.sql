-- $1 tenant filter, $2 caller, $3 course (its row is locked), $4 the body, $5 staff, $6 the versions of which one must still stand or null, $7 sees all. What a body does not name
-- stays. A capacity of null is none, and it is not below who is in it.
-- An instructor cannot make a course active or give it to somebody else, and hears when it is; whoever is named is of the school.
with old as (
    select c.* from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id)
      and course_seen(c, $2, $7) for no key update
), refusal as (
    select case when instructor_id is distinct from $2 and not $5::boolean then 'forbidden'
                when row_version <> all($6::bigint[]) then 'stale'
                when ($4::jsonb ->> 'maxParticipants')::integer < (select count(*) from user_courses e where e.course_id = $3
                     and e.status is distinct from 'dropped') then 'invalid maxParticipants too_small'
                when not exists (select from users u where u.id = $4::jsonb ->> 'instructorId'
                                                 and u.establishment_id = old.establishment_id)
                     and coalesce($4::jsonb ->> 'instructorId' <> instructor_id, $4::jsonb ? 'instructorId') then 'not_found' end as word from old
), new as (
    update courses c set
        title = coalesce(b ->> 'title', c.title), description = coalesce(b ->> 'description', c.description),
        short_description = coalesce(b ->> 'shortDescription', c.short_description), category = coalesce(b ->> 'category', c.category),
        type = coalesce(stacgate_plain_word(b ->> 'type'), c.type),
        price = coalesce(replace(b ->> 'price', ',', '.')::numeric, c.price), is_free = coalesce((b ->> 'isFree')::boolean, c.is_free),
        duration = coalesce((b ->> 'duration')::integer, c.duration), level = coalesce(stacgate_plain_word(b ->> 'level'), c.level),
        language = coalesce(stacgate_plain_word(b ->> 'language'), c.language),
        tags = case jsonb_typeof(b -> 'tags') when 'array' then array(select jsonb_array_elements_text(b -> 'tags')) else c.tags end,
        image_url = coalesce(b ->> 'imageUrl', c.image_url), thumbnail_url = coalesce(b ->> 'thumbnailUrl', c.thumbnail_url),
        video_trailer_url = coalesce(b ->> 'videoTrailerUrl', c.video_trailer_url),
        instructor_id = case when $5::boolean then coalesce(b ->> 'instructorId', c.instructor_id) else c.instructor_id end,
        is_public = coalesce((b ->> 'isPublic')::boolean, c.is_public),
        is_active = case when $5::boolean or not (b ->> 'isActive')::boolean then coalesce((b ->> 'isActive')::boolean, c.is_active)
                         else c.is_active end,
        max_participants = case when b ? 'maxParticipants' then (b ->> 'maxParticipants')::integer else c.max_participants end,
        row_version = c.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $4::jsonb as b) body, refusal, (select is_active as old_active from old) o where c.id = $3 and word is null
    returning c, coalesce(old_active, false) as was_open
)
select word, 200, (select course_json(c) from new), (select (c).row_version from new),
       (select json_agg(n) from (
            select channel_say('course:' || (c).id, 'course:updated', json_build_object('course', course_json(c)), $2) as n from new
            union all select course_published(c, $2) from new where (c).is_active and not was_open
            union all select channel_look('assessment:' || a.id) from new, assessments a
            where a.course_id = (c).id and ($4::jsonb ? 'instructorId' or (c).is_active is distinct from was_open)) t where n is not null)
from refusal
