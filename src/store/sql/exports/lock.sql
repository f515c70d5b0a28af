-- One order of the caller's at a time, so that no more run than may.
select from users u where u.id = current_setting('stacgate.user_id') for no key update
