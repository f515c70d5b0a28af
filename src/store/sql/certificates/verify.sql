-- $1 code: of any school, for anybody. No row: there is none.
select null, 200, v from certificate_verify($1) as v where v is not null
