-- $1 tenant filter, $2 caller: everything is read.
with done as (
    update notifications n set is_read = true, read_at = now() at time zone 'utc', updated_at = now() at time zone 'utc'
    where n.user_id = $2 and n.establishment_id = coalesce($1, n.establishment_id) and n.is_read is not true returning n.id
), ids as (select coalesce(json_agg(id), '[]') as list, count(*) as n from done)
select null, 200, answer(json_build_object('read', n)), 0, case when n > 0 then json_build_array(json_build_object('userId', $2::text, 'event',
       'notification:read', 'payload', json_build_object('all', true))) end from ids
