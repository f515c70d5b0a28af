-- $1 author, $2 the body, $3 staff: only their courses are active at once, and only they give it to another instructor, who
-- is of the school whoever names them.
-- Who approves hears of the others, and another instructor of an active one.
with who as (
    select case when $3::boolean then coalesce($2::jsonb ->> 'instructorId', $1) else $1 end as instructor
), refusal as (
    select case when nullif(current_setting('stacgate.establishment_id', true), '') is null then 'invalid establishmentId required'
                when not exists (select from users u where u.id = coalesce($2::jsonb ->> 'instructorId', instructor)
                                 and (u.establishment_id = current_setting('stacgate.establishment_id') or u.id = $1)) then 'not_found'
                when not exists (select from establishments where id = current_setting('stacgate.establishment_id')) then 'not_found' end as word
    from who
), made as (
    insert into courses (establishment_id, title, description, short_description, category, type, price, is_free, duration, level, language,
                         tags, image_url, thumbnail_url, video_trailer_url, instructor_id, is_public, is_active, max_participants,
                         enrollment_count, rating)
    select current_setting('stacgate.establishment_id'), b ->> 'title', b ->> 'description', b ->> 'shortDescription', b ->> 'category',
           coalesce(stacgate_plain_word(b ->> 'type'), 'asynchrone'), coalesce(replace(b ->> 'price', ',', '.')::numeric, 0),
           coalesce((b ->> 'isFree')::boolean, false), (b ->> 'duration')::integer,
           coalesce(stacgate_plain_word(b ->> 'level'), 'debutant'), coalesce(stacgate_plain_word(b ->> 'language'), 'fr'),
           array(select jsonb_array_elements_text(case jsonb_typeof(b -> 'tags') when 'array' then b -> 'tags' else '[]' end)),
           b ->> 'imageUrl', b ->> 'thumbnailUrl', b ->> 'videoTrailerUrl', instructor, coalesce((b ->> 'isPublic')::boolean, false),
           $3::boolean and coalesce((b ->> 'isActive')::boolean, true), (b ->> 'maxParticipants')::integer, 0, 0
    from who, refusal, (select $2::jsonb as b) body where word is null
    returning courses as c
)
select (select word from refusal), 201, answer(course_json(c)), 1,
       (select json_agg(n) from (
            select notify(approver.id, 'system_update', jsonb_build_object('courseId', (c).id), 'Cours à approuver', 'A course to approve',
                '« ' || (c).title || ' » attend une approbation.', '"' || (c).title || '" waits for approval.') as n
            from permission_holders('courses:approve') as approver (id) where not (c).is_active and not $3::boolean and approver.id <> $1
            union all select course_published(c, $1) where (c).is_active) t where n is not null)
from (select) one left join made on true
