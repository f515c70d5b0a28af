-- $1 tenant filter, $2 caller, $3 notification: read. The caller's other windows hear it.
with asked as (
    select n.* from notifications n where n.id = $3 and n.user_id = $2 and n.establishment_id = coalesce($1, n.establishment_id)
), done as (
    update notifications n set is_read = true, read_at = coalesce(n.read_at, now() at time zone 'utc'), updated_at = now() at time zone 'utc'
    from asked where n.id = asked.id returning notification_json(n) as j
)
select null, 200, answer(j), 0, json_build_array(json_build_object('userId', $2::text, 'event', 'notification:read', 'payload',
       json_build_object('ids', json_build_array($3::text)))) from done
