-- $1 hash of the code, $2 the code, $3 language, $4 link before the code or null, $5 most an hour. Seconds to wait; null: done.
select wait, case when wait is null then answer('{"done":true}') end from (select email_ask($1, $2, $3, $4, $5::integer) as wait) asked
