-- Brings the roll-ups of all schools up to now.
select analytics_refresh()
