-- $1 account key, $2 address key, $3–$5 windows in ms (pair, account, address).
select signin_failed($1, $2, $3::bigint * interval '1 ms', $4::bigint * interval '1 ms', $5::bigint * interval '1 ms')
