-- $1 tenant filter, $2 assessment: whoever begins an attempt at it is waited for, so that one that is attempted is known to be.
select id from assessments where id = $2 and establishment_id = coalesce($1, establishment_id) for update
