-- Messages of others after a read mark. $1 group id, $2 user id, $3 mark.
select $1::text, count(*) from study_group_messages where study_group_id = $1 and seq > $3::bigint and sender_id <> $2
