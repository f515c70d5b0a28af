-- Is everything that a message names of this school? $1 tenant filter, $2 people, $3 whiteboard or null.
select (select count(distinct id) from unnest($2::text[]) id) = (select count(*) from person_cards($2::text[]))
   and ($3::text is null or exists (select from whiteboards w where w.id = $3 and w.establishment_id = coalesce($1, w.establishment_id)))
