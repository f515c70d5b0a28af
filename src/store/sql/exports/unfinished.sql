-- Jobs of all schools that a former process left.
select establishment_id, id from exports_unfinished()
