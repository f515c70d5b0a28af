-- $1 seconds, $2 how many: assessments of all schools that are due by then and of which somebody was not reminded.
select establishment_id, id from reminders_due($1::integer, $2::integer)
