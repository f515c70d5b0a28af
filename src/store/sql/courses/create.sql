-- $1 tenant, $2 author, $3 the body, $4 staff: only their courses are active at once, and only they may name another instructor.
with who as (
    select case when $4::boolean then coalesce($3::jsonb ->> 'instructorId', $2) else $2 end as instructor
), refusal as (
    select case when not exists (select from users u where u.id = instructor
                                 and (u.establishment_id = current_setting('stacgate.establishment_id') or u.id = $2)) then 'not_found'
                when not exists (select from establishments where id = current_setting('stacgate.establishment_id')) then 'not_found' end as word
    from who where $1::text is null or $1::text <> ''
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
           $4::boolean and coalesce((b ->> 'isActive')::boolean, true), (b ->> 'maxParticipants')::integer, 0, 0
    from who, refusal, (select $3::jsonb as b) body where word is null
    returning courses as c
)
select (select word from refusal), 201, answer(course_json(c)), 1 from (select) one left join made on true
