-- $1 the one that stays. The sids of those that ended.
select session_end_others($1)
