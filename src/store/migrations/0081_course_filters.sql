-- Which courses a list shows: one expression for every order, which PostgreSQL writes into the statements.
create function course_listed(c courses, caller text, staff boolean, q jsonb) returns boolean language sql stable as $$
    select case when caller = '' then c.is_public and c.is_active else c.is_active or c.instructor_id = caller or staff end
       and (q ->> 'category' is null or c.category = q ->> 'category')
       and (q ->> 'level' is null or c.level = stacgate_plain_word(q ->> 'level'))
       and (q ->> 'type' is null or c.type = stacgate_plain_word(q ->> 'type'))
       and (q ->> 'language' is null or c.language = stacgate_plain_word(q ->> 'language'))
       and (q ->> 'instructorId' is null or c.instructor_id = q ->> 'instructorId')
       and (q ->> 'tag' is null or q ->> 'tag' = any (c.tags))
       and (q ->> 'isActive' is null or coalesce(c.is_active, false) = (q ->> 'isActive')::boolean)
       and (q ->> 'q' is null or strpos(stacgate_fold(c.title || ' ' || coalesce(c.short_description, '') || ' ' || c.category || ' '
                                                      || c.description), stacgate_fold(q ->> 'q')) > 0)
$$;
