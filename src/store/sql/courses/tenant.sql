-- $1 course: the school it is looked for in by somebody without one.
select course_tenant($1)
