-- Stores what became of it: $1 which cleaner, $2 table, $3 after which row, $4 up to which one, $5 the changes. (how many; -1: read it again)
select html_done($1::integer, $2, $3, $4, $5::jsonb)
