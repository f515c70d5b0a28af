-- $1 e-mail, $2 account key, $3 address key, $4–$6 windows in ms (pair, account, address).
select user_id, establishment_id, password, coalesce(user_active, false), coalesce(establishment_active, false), demo, known,
       pair_failures, account_failures, address_failures, pair_wait, account_wait, address_wait
from signin_begin($1, $2, $3, $4::bigint * interval '1 ms', $5::bigint * interval '1 ms', $6::bigint * interval '1 ms')
