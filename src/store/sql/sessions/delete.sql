-- $1 sid. The user it was of; null when there was none.
select session_delete($1)
