-- $1 an answer, $2 its status: what key_keep.sql after it stores.
select answer($1::json, $2::integer)
